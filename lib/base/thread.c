/* The thread pool.
 *
 * One 64-bit ticket says which job is current (high half) and which task is next (low half);
 * a task is claimed by compare-and-swap, so a worker that wakes late can't take a task of a job
 * whose description it hasn't read. The ticket is closed (next = CLOSED) while the description
 * changes. A job is over when all its tasks are done; sleeping workers needn't have woken. */
#include "base/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLOSED UINT32_MAX
enum { SPIN_NANOSECONDS = 20000, SPIN_CHECK = 16, MAX_THREADS = 4096 };

typedef struct worker {
    gru_pool *pool;
    size_t number;
    pthread_t thread;
} worker;

struct gru_pool {
    _Atomic uint64_t ticket;
    _Atomic(gru_task *) task;
    _Atomic(void *) arg;
    _Atomic size_t first; /* number of the job's task 0 */
    _Atomic uint32_t count;
    _Atomic uint32_t done;
    atomic_bool stop;
    atomic_int sleeping;       /* workers waiting on wake */
    atomic_bool caller_sleeps; /* the caller waits on finished */
    pthread_mutex_t lock;
    pthread_cond_t wake, finished;
    size_t threads, started;
    worker *workers; /* threads − 1 of them */
    gru_profile *profile;
    size_t place; /* the caller's, when the job began */
};

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Claims and runs tasks until the current job has none left. */
static void work(gru_pool *pool, size_t number) {
    uint64_t ticket = atomic_load(&pool->ticket);
    for (;;) {
        gru_task *task = atomic_load_explicit(&pool->task, memory_order_acquire);
        void *arg = atomic_load_explicit(&pool->arg, memory_order_acquire);
        size_t first = atomic_load_explicit(&pool->first, memory_order_acquire);
        uint32_t count = atomic_load_explicit(&pool->count, memory_order_acquire);
        uint32_t next = (uint32_t)ticket;
        if (next >= count)
            return;
        if (!atomic_compare_exchange_weak(&pool->ticket, &ticket, ticket + 1))
            continue;
        gru_watch *watch = gru_pool_watch(pool, number);
        gru_watch_enter(watch, pool->place);
        task(arg, first + next, number);
        gru_watch_enter(watch, GRU_PLACE_WAIT);
        if (atomic_fetch_add(&pool->done, 1) + 1 == count && atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->finished);
            pthread_mutex_unlock(&pool->lock);
        }
        ticket = atomic_load(&pool->ticket);
    }
}

static bool has_work(gru_pool *pool) {
    uint64_t ticket = atomic_load(&pool->ticket);
    return atomic_load(&pool->stop) || (uint32_t)ticket < atomic_load(&pool->count);
}

static bool is_done(gru_pool *pool) {
    return atomic_load(&pool->done) == atomic_load(&pool->count);
}

/* true as soon as ready(pool); false after the spinning time. */
static bool spin(gru_pool *pool, bool (*ready)(gru_pool *)) {
    int64_t until = 0;
    for (unsigned i = 1;; i++) {
        if (ready(pool))
            return true;
        relax();
        if (i % SPIN_CHECK == 0) {
            int64_t now = nanoseconds();
            if (!until)
                until = now + SPIN_NANOSECONDS;
            else if (now >= until)
                return false;
        }
    }
}

static void *worker_main(void *arg) {
    worker *self = arg;
    gru_pool *pool = self->pool;
    while (!atomic_load(&pool->stop)) {
        if (!spin(pool, has_work)) {
            pthread_mutex_lock(&pool->lock);
            atomic_fetch_add(&pool->sleeping, 1);
            while (!has_work(pool))
                pthread_cond_wait(&pool->wake, &pool->lock);
            atomic_fetch_sub(&pool->sleeping, 1);
            pthread_mutex_unlock(&pool->lock);
        }
        work(pool, self->number);
    }
    return NULL;
}

gru_status gru_pool_new(gru_pool **out, size_t threads, gru_error *err) {
    *out = NULL;
    if (threads == 0)
        threads = 1;
    if (threads > MAX_THREADS)
        return gru_error_set(err, GRU_ERR_USAGE, "%zu threads are more than the %d possible",
                             threads, MAX_THREADS);
    gru_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return gru_error_memory(err, sizeof *pool);
    pool->workers = calloc(threads, sizeof *pool->workers);
    if (!pool->workers) {
        free(pool);
        return gru_error_memory(err, threads * sizeof *pool->workers);
    }
    pool->threads = threads;
    atomic_store(&pool->ticket, CLOSED);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->finished, NULL);
    for (size_t i = 1; i < threads; i++) {
        worker *w = &pool->workers[i - 1];
        *w = (worker){.pool = pool, .number = i};
        int failure = pthread_create(&w->thread, NULL, worker_main, w);
        if (failure) {
            gru_pool_free(pool);
            return gru_error_set(err, GRU_ERR_IO, "cannot start thread %zu of %zu: %s", i + 1,
                                 threads, strerror(failure));
        }
        pool->started++;
    }
    *out = pool;
    return GRU_OK;
}

static void wake_all(gru_pool *pool) {
    if (atomic_load(&pool->sleeping) == 0)
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

void gru_pool_free(gru_pool *pool) {
    if (!pool)
        return;
    atomic_store(&pool->stop, true);
    wake_all(pool);
    for (size_t i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->finished);
    free(pool->workers);
    free(pool);
}

size_t gru_pool_threads(const gru_pool *pool) {
    return pool ? pool->threads : 1;
}

void gru_pool_set_profile(gru_pool *pool, gru_profile *profile) {
    pool->profile = profile;
}

gru_profile *gru_pool_profile(const gru_pool *pool) {
    return pool ? pool->profile : NULL;
}

gru_watch *gru_pool_watch(const gru_pool *pool, size_t number) {
    return pool ? gru_profile_watch(pool->profile, number) : NULL;
}

/* One job of fewer than CLOSED tasks. */
static void run_job(gru_pool *pool, size_t first, uint32_t count, gru_task *task, void *arg) {
    uint64_t job = (atomic_load(&pool->ticket) >> 32) + 1;
    atomic_store(&pool->ticket, job << 32 | CLOSED);
    atomic_store(&pool->task, task);
    atomic_store(&pool->arg, arg);
    atomic_store(&pool->first, first);
    atomic_store(&pool->done, 0);
    atomic_store(&pool->count, count);
    atomic_store(&pool->ticket, (job + 1) << 32);
    wake_all(pool);
    work(pool, 0);
    if (spin(pool, is_done))
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->caller_sleeps, true);
    while (!is_done(pool))
        pthread_cond_wait(&pool->finished, &pool->lock);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->lock);
}

void gru_pool_run(gru_pool *pool, size_t count, gru_task *task, void *arg) {
    gru_watch *watch = gru_pool_watch(pool, 0);
    size_t place = gru_watch_place(watch);
    if (!pool || pool->threads == 1 || count <= 1) {
        for (size_t i = 0; i < count; i++)
            task(arg, i, 0);
        gru_watch_enter(watch, place);
        return;
    }
    pool->place = place;
    gru_watch_enter(watch, GRU_PLACE_WAIT);
    for (size_t first = 0; first < count;) {
        size_t left = count - first;
        uint32_t part = left > INT32_MAX ? INT32_MAX : (uint32_t)left;
        run_job(pool, first, part, task, arg);
        first += part;
    }
    gru_watch_enter(watch, place);
}
