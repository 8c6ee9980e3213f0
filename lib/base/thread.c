/* The thread pool.
 *
 * One 64-bit ticket says which job is current (high half) and which task is next (low half);
 * a task is claimed by compare-and-swap, so a worker that wakes late can't take a task of a job
 * whose description it hasn't read. The ticket is closed (next = CLOSED) while the description
 * changes. A job is over when all its tasks are done; sleeping workers needn't have woken.
 *
 * Worker i takes part in jobs of more than i tasks only, so that on a large machine a job of two
 * tasks wakes one thread and not all; and the first such job starts its thread, so that a small
 * program has none. Who waits spins a little, because most waits are shorter
 * than falling asleep; then sleeps, so that the processor is free for whoever it waits for. */
#include "base/thread.h"

#include "base/log.h"
#include "base/spin.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CLOSED UINT32_MAX
enum { SPIN_NANOSECONDS = 20000, SPIN_CHECK = 16, MAX_THREADS = 4096 };

typedef struct worker { /* number 0: the thread that calls gru_pool_run */
    gru_pool *pool;
    size_t number;
    pthread_t thread;
    atomic_bool sleeping; /* waits on wake */
    pthread_cond_t wake;
} worker;

struct gru_pool {
    _Atomic uint64_t ticket;
    _Atomic(gru_task *) task;
    _Atomic(void *) arg;
    _Atomic size_t first; /* number of the job's task 0 */
    _Atomic uint32_t count;
    _Atomic uint32_t done;
    _Atomic(gru_task *) lent; /* what worker 1 does apart from jobs; NULL: nothing */
    void *lent_arg;
    atomic_bool stop;
    pthread_mutex_t lock;
    size_t threads;  /* wanted */
    size_t started;  /* of them, the caller's included */
    bool refused;    /* the system lets no more start */
    worker *workers; /* [threads] */
    gru_profile *profile;
    size_t place; /* the caller's, when the job began */
};

static void wake(worker *w) {
    if (!atomic_load(&w->sleeping))
        return;
    pthread_mutex_lock(&w->pool->lock);
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->pool->lock);
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
        if (atomic_fetch_add(&pool->done, 1) + 1 == count)
            wake(&pool->workers[0]);
        ticket = atomic_load(&pool->ticket);
    }
}

static bool is_lent(const worker *w) {
    return w->number == 1 && atomic_load(&w->pool->lent);
}

static bool has_work(worker *w) {
    uint32_t next = (uint32_t)atomic_load(&w->pool->ticket), count = atomic_load(&w->pool->count);
    return atomic_load(&w->pool->stop) || (next < count && w->number < count) || is_lent(w);
}

static bool is_done(worker *w) {
    return atomic_load(&w->pool->done) == atomic_load(&w->pool->count);
}

/* true as soon as ready(w); false after the spinning time. */
static bool spin(worker *w, bool (*ready)(worker *)) {
    int64_t until = 0;
    for (unsigned i = 1;; i++) {
        if (ready(w))
            return true;
        gru_relax();
        if (i % SPIN_CHECK == 0) {
            int64_t now = gru_nanoseconds();
            if (!until)
                until = now + SPIN_NANOSECONDS;
            else if (now >= until)
                return false;
        }
    }
}

static void await(worker *w, bool (*ready)(worker *)) {
    if (spin(w, ready))
        return;
    pthread_mutex_lock(&w->pool->lock);
    atomic_store(&w->sleeping, true);
    while (!ready(w))
        pthread_cond_wait(&w->wake, &w->pool->lock);
    atomic_store(&w->sleeping, false);
    pthread_mutex_unlock(&w->pool->lock);
}

static void *worker_main(void *arg) {
    worker *self = arg;
    while (!atomic_load(&self->pool->stop)) {
        await(self, has_work);
        if (is_lent(self)) {
            atomic_load (&self->pool->lent)(self->pool->lent_arg, 0, self->number);
            atomic_store(&self->pool->lent, NULL);
        }
        work(self->pool, self->number);
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
    for (size_t i = 0; i < threads; i++) {
        worker *w = &pool->workers[i];
        w->pool = pool;
        w->number = i;
        pthread_cond_init(&w->wake, NULL);
    }
    pool->started = 1;
    *out = pool;
    return GRU_OK;
}

void gru_pool_free(gru_pool *pool) {
    if (!pool)
        return;
    atomic_store(&pool->stop, true);
    for (size_t i = 1; i < pool->started; i++)
        wake(&pool->workers[i]);
    for (size_t i = 1; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    for (size_t i = 0; i < pool->threads; i++)
        pthread_cond_destroy(&pool->workers[i].wake);
    pthread_mutex_destroy(&pool->lock);
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

/* Starts the threads that a job of count tasks can use. Any number of them gives the same results.
 */
static void start_workers(gru_pool *pool, size_t count) {
    size_t wanted = count < pool->threads ? count : pool->threads;
    while (pool->started < wanted && !pool->refused) {
        worker *w = &pool->workers[pool->started];
        int failure = pthread_create(&w->thread, NULL, worker_main, w);
        if (failure)
            gru_warn("cannot start thread %zu of %zu, going on without: %s", pool->started + 1,
                     pool->threads, strerror(failure));
        pool->refused = failure != 0;
        pool->started += !failure;
    }
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
    for (size_t i = 1; i < count && i < pool->started; i++)
        wake(&pool->workers[i]);
    start_workers(pool, count);
    work(pool, 0);
    await(&pool->workers[0], is_done);
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

bool gru_pool_lend(gru_pool *pool, gru_task *task, void *arg) {
    if (!pool || pool->threads == 1 || atomic_load(&pool->lent))
        return false;
    pool->lent_arg = arg;
    atomic_store(&pool->lent, task);
    if (pool->started > 1)
        wake(&pool->workers[1]);
    start_workers(pool, 2);
    if (pool->started == 1)
        atomic_store(&pool->lent, NULL);
    return pool->started > 1;
}
