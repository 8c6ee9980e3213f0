/* Memory, strings, the map, random numbers, threads, processors. */
#include "base/cpu.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/quota.h"
#include "base/random.h"
#include "base/str.h"
#include "base/thread.h"

#include <criterion/criterion.h>
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* Large blocks are zeroed by the system, also where they were used before. */
Test(mem, large_blocks_are_zero_each_time) {
    gru_error err = {0};
    for (size_t bytes = 1000000; bytes < 9000000; bytes += 1048576) {
        unsigned char *block, any = 0;
        cr_assert_eq(gru_mem_new(&block, bytes, 1, &err), GRU_OK);
        cr_assert_eq((uintptr_t)block % 64, 0);
        for (size_t i = 0; i < bytes; i++)
            any |= block[i];
        cr_assert_eq(any, 0, "%zu", bytes);
        memset(block, 255, bytes);
        free(block);
    }
}

Test(mem, refuses_sizes_that_overflow) {
    gru_error err = {0};
    size_t product, cap = 0;
    void *block = &err;
    int *grown = NULL;
    cr_assert_not(gru_size_mul(SIZE_MAX / 2 + 1, 2, &product));
    cr_assert(gru_size_mul(SIZE_MAX, 1, &product) && product == SIZE_MAX);
    cr_assert_not(gru_size_add(SIZE_MAX, 1, &product));
    cr_assert_eq(gru_mem_new(&block, SIZE_MAX, 2, &err), GRU_ERR_MEMORY);
    cr_assert_null(block);
    cr_assert_eq(gru_mem_room(&block, SIZE_MAX / 5, 6, &err), GRU_ERR_MEMORY);
    cr_assert_eq(gru_mem_room(&block, 3, 5, &err), GRU_OK);
    cr_assert_eq((uintptr_t)block % 64, 0);
    free(block);
    cr_assert_eq(gru_mem_new(&block, 3, 5, &err), GRU_OK);
    cr_assert_eq((uintptr_t)block % 64, 0);
    cr_assert_arr_eq(block, (char[15]){0}, 15);
    free(block);
    for (size_t i = 0; i < 1000; i++) {
        cr_assert_eq(gru_mem_grow(&grown, &cap, i + 1, sizeof *grown, &err), GRU_OK);
        grown[i] = (int)i;
    }
    cr_assert_eq(grown[999], 999);
    cr_assert_eq(gru_mem_grow(&grown, &cap, SIZE_MAX / 2, sizeof *grown, &err), GRU_ERR_MEMORY);
    cr_assert_eq(grown[0] + grown[500], 500);
    free(grown);
}

Test(str, grows_and_formats) {
    gru_str s = {0};
    cr_assert_str_eq(gru_str_text(&s), "");
    for (int i = 0; i < 300; i++)
        gru_str_addf(&s, "%d,", i);
    cr_assert_eq(s.len, 10 * 2 + 90 * 3 + 200 * 4);
    cr_assert_str_eq(s.data + s.len - 4, "299,");
    gru_str_clear(&s);
    gru_str_add_bytes(&s, "a\0b", 3);
    cr_assert_eq(s.len, 3);
    gru_str_free(&s);
}

Test(map, numbers_its_keys_in_the_order_they_come) {
    const char *const keys[] = {"b", "", "a", "b", "a", "c", ""};
    const size_t want[] = {0, 1, 2, 0, 2, 3, 1};
    gru_error err = {0};
    gru_map *map;
    cr_assert_eq(gru_map_new(&map, &err), GRU_OK);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t number = 99;
        cr_assert_eq(gru_map_number(map, keys[i], strlen(keys[i]), &number, &err), GRU_OK);
        cr_assert_eq(number, want[i]);
        cr_assert_str_eq(gru_map_at(map, number)->key, keys[i]);
    }
    gru_map_free(map);
}

Test(map, takes_many_keys_at_a_time_as_it_takes_one) {
    enum { MOST = 40 };
    const char *const tails[] = {"", "xyzzy, and nine more", "other bytes than before"};
    gru_map *map;
    gru_error err = {0};
    cr_assert_eq(gru_map_new(&map, &err), GRU_OK);
    for (int tail = 0; tail < 3; tail++)
        for (size_t len = 0; len <= MOST; len++) {
            char text[128] = {0}, *key = malloc(len + strlen(tails[tail]) + 1);
            memset(text, 'a' + (int)len % 26, len);
            memcpy(key, text, len);
            memcpy(key + len, tails[tail], strlen(tails[tail]));
            size_t room = len + strlen(tails[tail]);
            uint32_t hash = gru_map_hash(map, key, len, room);
            cr_assert_eq(hash, gru_map_hash(map, text, len, len));
            gru_map_prefetch_slot(map, hash);
            cr_assert_eq(gru_map_prefetch_entry(map, hash), tail ? len : SIZE_MAX);
            gru_map_entry *entry = gru_map_put_hashed(map, key, len, room, hash);
            cr_assert_str_eq(entry->key, text);
            cr_assert_eq(entry, gru_map_put(map, text, len));
            /* The same hash, but other bytes: not the same key. */
            for (size_t i = 0; i < len && tail == 2; i++) {
                key[i] ^= 1;
                cr_assert_neq(gru_map_put_hashed(map, key, len, room, hash),
                              gru_map_get(map, text, len));
                key[i] ^= 1;
            }
            free(key);
        }
    gru_map_free(map);
}

Test(map, keeps_its_entries_in_place_where_it_has_room) {
    gru_map *map;
    gru_error err = {0};
    char key[24];
    cr_assert_eq(gru_map_new(&map, &err), GRU_OK);
    gru_map_put(map, "first", 5)->value = 7;
    cr_assert_eq(gru_map_reserve(map, 1000, &err), GRU_OK);
    const gru_map_entry *first = gru_map_get(map, "first", 5);
    cr_assert(first && first->value == 7);
    for (int i = 1; i < 1000; i++)
        gru_map_put(map, key, (size_t)snprintf(key, sizeof key, "key %d", i))->value = i;
    cr_assert_eq(gru_map_get(map, "first", 5), first);
    cr_assert_eq(gru_map_get(map, "key 999", 7)->value, 999);
    cr_assert_eq(gru_map_reserve(map, 10, &err), GRU_OK);
    cr_assert_eq(gru_map_count(map), 1000);
    gru_map_free(map);
}

Test(map, counts_in_order_of_insertion) {
    gru_map *map;
    gru_error err = {0};
    char key[24];
    cr_assert_eq(gru_map_new(&map, &err), GRU_OK);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 5000; i++) {
            int n = snprintf(key, sizeof key, "key %d", i * 7);
            gru_map_put(map, key, (size_t)n)->value += i;
        }
    cr_assert_eq(gru_map_count(map), 5000);
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "key %d", i * 7);
        cr_assert_str_eq(gru_map_at(map, (size_t)i)->key, key);
        cr_assert_eq(gru_map_at(map, (size_t)i)->value, 2 * i);
        cr_assert_eq(gru_map_get(map, key, strlen(key)), gru_map_at(map, (size_t)i));
    }
    cr_assert_null(gru_map_get(map, "key 1", 5));
    cr_assert_null(gru_map_get(map, "", 0));
    gru_map_put(map, "", 0)->value = 9;
    gru_map_put(map, "a\0b", 3)->value = 1;
    cr_assert_null(gru_map_get(map, "a\0c", 3));
    cr_assert_eq(gru_map_get(map, "", 0)->value, 9);
    gru_map_free(map);
}

/* Random123's published answers. */
Test(random, philox_gives_the_known_answers) {
    static const uint32_t cases[][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
         0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0xa4093822, 0x299f31d0, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (size_t i = 0; i < 3; i++) {
        uint32_t out[4];
        gru_philox(cases[i], cases[i] + 2, out);
        cr_assert_arr_eq(out, cases[i] + 6, sizeof out);
    }
}

Test(random, streams_are_spread_as_they_should) {
    enum { N = 100000, BINS = 7 };
    gru_random r, other;
    double sum = 0, squares = 0;
    size_t bins[BINS] = {0};
    gru_random_init(&r, 42, GRU_PURPOSE_TEST, 1);
    gru_random_init(&other, 42, GRU_PURPOSE_TEST, 2);
    cr_assert_neq(gru_random_word(&r), gru_random_word(&other));
    for (int i = 0; i < N; i++) {
        double normal = gru_random_normal(&r), uniform = gru_random_uniform(&r);
        cr_assert(uniform >= 0 && uniform < 1);
        sum += normal;
        squares += normal * normal;
        bins[gru_random_below(&r, BINS)]++;
    }
    cr_assert(fabs(sum / N) <= 0.02);
    cr_assert(fabs(squares / N - 1) <= 0.03);
    for (int i = 0; i < BINS; i++)
        cr_assert(fabs((double)bins[i] / N - 1.0 / BINS) <= 0.006);
}

/* numpy.random.RandomState, NumPy 2.4. */
Test(random, permutations_are_numpys) {
    static const size_t ten[] = {8, 1, 5, 0, 7, 2, 9, 4, 3, 6};
    static const size_t first[] = {33909, 92307, 89107, 9538, 31008};
    static size_t order[100000];
    gru_mt mt;
    gru_mt_init(&mt, 42);
    gru_mt_permutation(&mt, order, 10);
    cr_assert_arr_eq(order, ten, sizeof ten);
    gru_mt_init(&mt, 7);
    gru_mt_permutation(&mt, order, 100000);
    cr_assert_arr_eq(order, first, sizeof first);
    gru_mt_init(&mt, 5);
    cr_assert_eq(gru_mt_word(&mt), 953453411u);
    cr_assert_eq(gru_mt_word(&mt), 236996814u);
}

typedef struct tally {
    atomic_size_t sum;
    atomic_int seen[64];
    size_t threads;
    atomic_bool bad;
} tally;

static void add_task(void *arg, size_t task, size_t worker) {
    tally *t = arg;
    atomic_fetch_add(&t->sum, task);
    if (worker >= t->threads)
        atomic_store(&t->bad, true);
    if (task < 64)
        atomic_fetch_add(&t->seen[task], 1);
}

Test(pool, runs_each_task_once) {
    for (size_t threads = 1; threads <= 5; threads += 2) {
        gru_pool *pool;
        gru_error err = {0};
        cr_assert_eq(gru_pool_new(&pool, threads, &err), GRU_OK, "%s", err.message);
        cr_assert_eq(gru_pool_threads(pool), threads);
        for (size_t round = 0; round < 2000; round++) {
            tally t = {.threads = threads};
            size_t count = round % 65;
            gru_pool_run(pool, count, add_task, &t);
            cr_assert_eq(t.sum, count ? count * (count - 1) / 2 : 0);
            for (size_t i = 0; i < 64; i++)
                cr_assert_eq(t.seen[i], i < count);
            cr_assert_not(t.bad);
            if (round % 500 == 0) { /* let the workers fall asleep */
                struct timespec nap = {.tv_nsec = 2000000};
                nanosleep(&nap, NULL);
            }
        }
        gru_pool_free(pool);
    }
}

typedef struct sharing {
    gru_pool *pool;
    tally shared[3]; /* by each of the three tasks of a job */
} sharing;

static void share_task(void *arg, size_t task, size_t worker) {
    sharing *s = arg;
    gru_pool_share(s->pool, worker, 10 * (task + 1), add_task, &s->shared[task]);
}

Test(pool, runs_each_shared_task_once) {
    for (size_t threads = 1; threads <= 4; threads++) {
        sharing s = {0};
        gru_error err = {0};
        cr_assert_eq(gru_pool_new(&s.pool, threads, &err), GRU_OK, "%s", err.message);
        for (size_t round = 0; round < 2000; round++) {
            for (size_t i = 0; i < 3; i++)
                s.shared[i] = (tally){.threads = threads};
            gru_pool_run(s.pool, 3, share_task, &s);
            for (size_t i = 0; i < 3; i++) {
                for (size_t k = 0; k < 64; k++)
                    cr_assert_eq(s.shared[i].seen[k], k < 10 * (i + 1));
                cr_assert_not(s.shared[i].bad);
            }
        }
        gru_pool_free(s.pool);
    }
}

typedef struct meeting {
    gru_pool *pool;
    size_t sharer; /* the worker that shares */
    atomic_int arrived, at_once;
} meeting;

/* Both who take part must be there for one to go on. */
static void meet(void *arg, size_t task, size_t worker) {
    meeting *m = arg;
    (void)task, (void)worker;
    atomic_fetch_add(&m->at_once, 1);
    while (atomic_load(&m->at_once) < 2)
        sched_yield();
}

static void share_or_end(void *arg, size_t task, size_t worker) {
    meeting *m = arg;
    const struct timespec nap = {.tv_nsec = 2000000};
    (void)task;
    atomic_fetch_add(&m->arrived, 1);
    while (atomic_load(&m->arrived) < 2)
        sched_yield();
    if (worker != m->sharer)
        return;
    nanosleep(&nap, NULL); /* the other one falls asleep */
    gru_pool_share(m->pool, worker, 2, meet, m);
}

Test(pool, who_waits_takes_part_in_what_is_shared, .timeout = 20) {
    meeting m = {0};
    gru_error err = {0};
    cr_assert_eq(gru_pool_new(&m.pool, 2, &err), GRU_OK, "%s", err.message);
    for (int round = 0; round < 20; round++) {
        m.sharer = (size_t)round % 2;
        m.arrived = m.at_once = 0;
        gru_pool_run(m.pool, 2, share_or_end, &m);
        cr_assert_eq(m.at_once, 2);
    }
    gru_pool_free(m.pool);
}

typedef struct loan {
    atomic_bool hold;
    atomic_int runs;
} loan;

static void hold_worker(void *arg, size_t task, size_t worker) {
    loan *l = arg;
    cr_assert(task == 0 && worker == 1);
    while (atomic_load(&l->hold)) {
    }
    atomic_fetch_add(&l->runs, 1);
}

Test(pool, jobs_do_without_a_lent_thread) {
    gru_pool *pool;
    gru_error err = {0};
    loan l = {.hold = true};
    cr_assert_eq(gru_pool_new(&pool, 2, &err), GRU_OK, "%s", err.message);
    cr_assert(gru_pool_lend(pool, hold_worker, &l));
    cr_assert_not(gru_pool_lend(pool, hold_worker, &l), "it is lent");
    for (size_t round = 0; round < 100; round++) {
        tally t = {.threads = 1};
        gru_pool_run(pool, 64, add_task, &t);
        cr_assert_eq(t.sum, 64 * 63 / 2);
        cr_assert_not(t.bad, "the lent thread took part");
    }
    atomic_store(&l.hold, false);
    while (!gru_pool_lend(pool, hold_worker, &l)) {
    }
    while (atomic_load(&l.runs) < 2) {
    }
    gru_pool_free(pool);
    cr_assert_eq(gru_pool_new(&pool, 1, &err), GRU_OK, "%s", err.message);
    cr_assert_not(gru_pool_lend(pool, hold_worker, &l), "there is one thread");
    gru_pool_free(pool);
}

typedef struct crowd {
    atomic_size_t most;
} crowd;

static void note_worker(void *arg, size_t task, size_t worker) {
    crowd *c = arg;
    const struct timespec nap = {.tv_nsec = 20000};
    (void)task;
    nanosleep(&nap, NULL); /* time for others to come */
    size_t most = atomic_load(&c->most);
    while (worker > most && !atomic_compare_exchange_weak(&c->most, &most, worker)) {
    }
}

Test(pool, a_small_job_leaves_the_other_threads_alone) {
    gru_pool *pool;
    gru_error err = {0};
    crowd c = {0};
    cr_assert_eq(gru_pool_new(&pool, 8, &err), GRU_OK, "%s", err.message);
    for (size_t round = 0; round < 300; round++)
        gru_pool_run(pool, 2, note_worker, &c);
    cr_assert(c.most < 2, "worker %zu took part in jobs of two tasks", c.most);
    gru_pool_free(pool);
}

/* Threads of this process, or 0 where the system does not tell. */
static size_t thread_count(void) {
    size_t count = 0;
    char line[128];
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "Threads:", 8) == 0)
            count = (size_t)strtoul(line + 8, NULL, 10);
    if (file)
        fclose(file);
    return count;
}

Test(pool, starts_a_thread_when_a_job_needs_it) {
    gru_pool *pool;
    gru_error err = {0};
    crowd c = {0};
    size_t before = thread_count();
    cr_assert_eq(gru_pool_new(&pool, 8, &err), GRU_OK, "%s", err.message);
    gru_pool_run(pool, 1, note_worker, &c);
    cr_assert_eq(thread_count(), before);
    gru_pool_run(pool, 3, note_worker, &c);
    cr_assert(!before || thread_count() == before + 2, "%zu", thread_count());
    gru_pool_free(pool);
}

/* Sanitizers reserve more memory than the limit allows. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void count_message(void *arg, gru_log_level level, const char *message) {
    size_t *count = arg;
    *count += level == GRU_LOG_WARNING && strstr(message, "cannot start thread");
}

Test(pool, goes_on_with_the_threads_that_start) {
    gru_pool *pool;
    gru_error err = {0};
    tally t = {.threads = 500};
    size_t warnings = 0;
    const struct rlimit little = {1 << 30, 1 << 30}; /* not room for 500 stacks */
    gru_log_set_sink(count_message, &warnings);
    cr_assert_eq(gru_pool_new(&pool, t.threads, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(setrlimit(RLIMIT_AS, &little), 0);
    gru_pool_run(pool, 500, add_task, &t);
    gru_pool_run(pool, 500, add_task, &t);
    cr_assert_eq(t.sum, 2 * 500 * 499 / 2);
    cr_assert_eq(warnings, 1);
    gru_pool_free(pool);
    gru_log_set_sink(NULL, NULL);
}
#endif

typedef struct quota_case {
    const char *groups, *folder, *file, *text, *second, *second_text;
    size_t processors;
} quota_case;

static void put_file(const char *folder, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
}

Test(cpu, control_groups_limit_the_processors) {
    static const quota_case cases[] = {
        {"0::/\n", "", "cpu.max", "150000 100000\n", NULL, NULL, 2},
        {"0::/\n", "", "cpu.max", "max 100000\n", NULL, NULL, SIZE_MAX},
        {"0::/a/b\n", "/a", "cpu.max", "300000 100000\n", NULL, NULL, 3},
        {"0::/a/b\n", "/a/b", "cpu.max", "1000 100000\n", NULL, NULL, 1},
        {"0::/a/b\n", "/c", "cpu.max", "1000 100000\n", NULL, NULL, SIZE_MAX},
        {"4:cpu,cpuacct:/a\n1:memory:/\n", "/cpu,cpuacct/a", "cpu.cfs_quota_us", "250000\n",
         "cpu.cfs_period_us", "100000\n", 3},
        {"2:cpu:/hidden\n0::/\n", "/cpu", "cpu.cfs_quota_us", "50000\n", "cpu.cfs_period_us",
         "100000\n", 1},
        {"2:cpu:/\n", "/cpu", "cpu.cfs_quota_us", "-1\n", "cpu.cfs_period_us", "100000\n",
         SIZE_MAX},
        {"2:cpuset:/\n", "/cpu", "cpu.cfs_quota_us", "50000\n", "cpu.cfs_period_us", "100000\n",
         SIZE_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const quota_case *c = &cases[i];
        char root[] = "/tmp/gru-quota-XXXXXX", path[256], command[600];
        cr_assert(mkdtemp(root));
        snprintf(path, sizeof path, "%s%s", root, c->folder);
        snprintf(command, sizeof command, "mkdir -p '%s'", path);
        cr_assert_eq(system(command), 0);
        put_file(path, c->file, c->text);
        if (c->second)
            put_file(path, c->second, c->second_text);
        put_file(root, "groups", c->groups);
        snprintf(path, sizeof path, "%s/groups", root);
        cr_expect_eq(gru_quota_processors(path, root), c->processors, "case %zu", i);
        cr_expect_eq(gru_quota_processors("/nowhere", root), SIZE_MAX);
        snprintf(command, sizeof command, "rm -r '%s'", root);
        cr_assert_eq(system(command), 0);
    }
}

Test(cpu, obeys_the_environment) {
    gru_error err = {0};
    gru_isa isa;
    cr_assert_geq(gru_cpu_count(), 1);
    setenv("GRU_ISA", "generic", 1);
    cr_assert_eq(gru_cpu_isa(&isa, &err), GRU_OK);
    cr_assert_eq(isa, GRU_ISA_GENERIC);
    setenv("GRU_ISA", "mmx", 1);
    cr_assert_eq(gru_cpu_isa(&isa, &err), GRU_ERR_USAGE);
    cr_assert(strstr(err.message, "mmx"));
    unsetenv("GRU_ISA");
    cr_assert_eq(gru_cpu_isa(&isa, &err), GRU_OK);
}

Test(str, distance_counts_edits) {
    char longer[41] = "";
    memset(longer, 'a', sizeof longer);
    cr_assert_eq(gru_str_distance("kitten", 6, "sitting", 7), 3); /* Levenshtein's usual example */
    cr_assert_eq(gru_str_distance("", 0, "abc", 3), 3);
    cr_assert_eq(gru_str_distance("Batch_Size", 10, "batch-size", 10), 0);
    cr_assert_eq(gru_str_distance(longer, sizeof longer, "a", 1), SIZE_MAX);
}
