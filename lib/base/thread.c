/* The thread pool.
 *
 * A job's 64-bit ticket says which job it is (high half) and which task is next (low half);
 * a task is claimed by compare-and-swap, so a worker that wakes late can't take a task of a job
 * whose description it hasn't read. The ticket is closed (next = CLOSED) while the description
 * changes. A job is over when all its tasks are done; sleeping workers needn't have woken.
 *
 * There is one job of the caller's at a time, and one that each task at work may share out, for
 * those to take part who would wait otherwise.
 *
 * Worker i takes part in jobs of more than i tasks only, so that on a large machine a job of two
 * tasks wakes one thread and not all; and the caller's first such job starts its thread, so that a
 * small program has none. Who waits spins a little, because most waits are shorter
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

typedef struct job {
    _Atomic uint64_t ticket;
    _Atomic(gru_task *) task;
    _Atomic(void *) arg;
    _Atomic size_t first; /* number of its task 0 */
    _Atomic uint32_t count;
    _Atomic uint32_t done;
    _Atomic size_t place; /* where the watch of who gave it was then */
} job;

typedef struct worker { /* number 0: the thread that calls gru_pool_run */
    gru_pool *pool;
    size_t number;
    pthread_t thread;
    atomic_bool sleeping; /* waits on wake */
    pthread_cond_t wake;
    job shared; /* by the task that it is at */
} worker;

struct gru_pool {
    job main;
    atomic_size_t sharing;    /* tasks that share something out */
    _Atomic(gru_task *) lent; /* what worker 1 does apart from jobs; NULL: nothing */
    void *lent_arg;
    atomic_bool stop;
    pthread_mutex_t lock;
    size_t threads;        /* wanted */
    atomic_size_t started; /* of them, the caller's included */
    bool refused;          /* the system lets no more start */
    worker *workers;       /* [threads] */
    gru_profile *profile;
};

static void wake(worker *w) {
    if (!atomic_load(&w->sleeping))
        return;
    pthread_mutex_lock(&w->pool->lock);
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->pool->lock);
}

/* Describes and opens a job. */
static void open_job(job *j, size_t first, uint32_t count, gru_task *task, void *arg,
                     size_t place) {
    uint64_t number = (atomic_load(&j->ticket) >> 32) + 1;
    atomic_store(&j->ticket, number << 32 | CLOSED);
    atomic_store(&j->task, task);
    atomic_store(&j->arg, arg);
    atomic_store(&j->first, first);
    atomic_store(&j->place, place);
    atomic_store(&j->done, 0);
    atomic_store(&j->count, count);
    atomic_store(&j->ticket, (number + 1) << 32);
}

/* Claims and runs tasks until the job, which `owner` waits for, has none left. */
static void work(gru_pool *pool, job *j, size_t owner, size_t number) {
    uint64_t ticket = atomic_load(&j->ticket);
    for (;;) {
        gru_task *task = atomic_load_explicit(&j->task, memory_order_acquire);
        void *arg = atomic_load_explicit(&j->arg, memory_order_acquire);
        size_t first = atomic_load_explicit(&j->first, memory_order_acquire);
        size_t place = atomic_load_explicit(&j->place, memory_order_acquire);
        uint32_t count = atomic_load_explicit(&j->count, memory_order_acquire);
        uint32_t next = (uint32_t)ticket;
        if (next >= count)
            return;
        if (!atomic_compare_exchange_weak(&j->ticket, &ticket, ticket + 1))
            continue;
        gru_watch *watch = gru_pool_watch(pool, number);
        gru_watch_enter(watch, place);
        task(arg, first + next, number);
        gru_watch_enter(watch, GRU_PLACE_WAIT);
        if (atomic_fetch_add(&j->done, 1) + 1 == count)
            wake(&pool->workers[owner]);
        ticket = atomic_load(&j->ticket);
    }
}

static bool is_open(job *j, size_t number) {
    uint32_t next = (uint32_t)atomic_load(&j->ticket), count = atomic_load(&j->count);
    return next < count && number < count;
}

/* What another's task shares out and this worker can take part in; NULL: nothing. */
static worker *sharer_for(worker *w) {
    gru_pool *pool = w->pool;
    for (size_t i = 0; atomic_load(&pool->sharing) && i < pool->threads; i++)
        if (i != w->number && is_open(&pool->workers[i].shared, w->number))
            return &pool->workers[i];
    return NULL;
}

/* Wakes one worker for a shared job, who wakes the next: the sharer has better to do. */
static void wake_next(gru_pool *pool, const job *j) {
    size_t count = atomic_load(&j->count), started = atomic_load(&pool->started);
    for (size_t i = 0; i < count && i < started; i++)
        if (atomic_load(&pool->workers[i].sleeping)) {
            wake(&pool->workers[i]);
            return;
        }
}

static void work_on_shared(worker *w) {
    for (worker *sharer; (sharer = sharer_for(w));) {
        wake_next(w->pool, &sharer->shared);
        work(w->pool, &sharer->shared, sharer->number, w->number);
    }
}

static bool is_lent(const worker *w) {
    return w->number == 1 && atomic_load(&w->pool->lent);
}

static bool has_work(worker *w) {
    return atomic_load(&w->pool->stop) || is_open(&w->pool->main, w->number) || is_lent(w) ||
           sharer_for(w);
}

static bool is_done(const job *j) {
    return atomic_load(&j->done) == atomic_load(&j->count);
}
static bool can_go_on(worker *caller) {
    return is_done(&caller->pool->main) || sharer_for(caller);
}
static bool has_back(worker *w) {
    return is_done(&w->shared);
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
        if (is_open(&self->pool->main, self->number))
            work(self->pool, &self->pool->main, 0, self->number);
        work_on_shared(self);
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
    atomic_store(&pool->main.ticket, CLOSED);
    pthread_mutex_init(&pool->lock, NULL);
    for (size_t i = 0; i < threads; i++) {
        worker *w = &pool->workers[i];
        w->pool = pool;
        w->number = i;
        atomic_store(&w->shared.ticket, CLOSED);
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
static void run_job(gru_pool *pool, size_t first, uint32_t count, gru_task *task, void *arg,
                    size_t place) {
    worker *caller = &pool->workers[0];
    open_job(&pool->main, first, count, task, arg, place);
    for (size_t i = 1; i < count && i < pool->started; i++)
        wake(&pool->workers[i]);
    start_workers(pool, count);
    work(pool, &pool->main, 0, 0);
    while (!is_done(&pool->main)) {
        await(caller, can_go_on);
        work_on_shared(caller);
    }
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
    gru_watch_enter(watch, GRU_PLACE_WAIT);
    for (size_t first = 0; first < count;) {
        size_t left = count - first;
        uint32_t part = left > INT32_MAX ? INT32_MAX : (uint32_t)left;
        run_job(pool, first, part, task, arg, place);
        first += part;
    }
    gru_watch_enter(watch, place);
}

void gru_pool_share(gru_pool *pool, size_t number, size_t count, gru_task *task, void *arg) {
    if (!pool || atomic_load(&pool->started) == 1 || count <= 1 || count >= CLOSED) {
        for (size_t i = 0; i < count; i++)
            task(arg, i, number);
        return;
    }
    gru_watch *watch = gru_pool_watch(pool, number);
    size_t place = gru_watch_place(watch);
    worker *self = &pool->workers[number];
    atomic_fetch_add(&pool->sharing, 1);
    open_job(&self->shared, 0, (uint32_t)count, task, arg, place);
    wake_next(pool, &self->shared);
    work(pool, &self->shared, number, number);
    await(self, has_back);
    atomic_fetch_sub(&pool->sharing, 1);
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
