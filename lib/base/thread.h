/* A pool of threads, each started when first needed; work is a number of independent tasks.
 *
 * Which thread runs which task is not fixed, so a task's result must depend on its number alone.
 * The caller's thread works too. Waiting spins briefly, then sleeps. */
#ifndef GRU_BASE_THREAD_H
#define GRU_BASE_THREAD_H

#include "base/error.h"
#include "base/profile.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct gru_pool gru_pool;

/* task runs 0 … count − 1 once each; worker is 0 … threads − 1, for per-thread scratch memory. */
typedef void gru_task(void *arg, size_t task, size_t worker);

/* threads: at most so many, the caller's included. Where the system lets fewer start, there is a
 * warning, and work goes on with those. */
gru_status gru_pool_new(gru_pool **out, size_t threads, gru_error *err);
void gru_pool_free(gru_pool *pool);
size_t gru_pool_threads(const gru_pool *pool);
void gru_pool_run(gru_pool *pool, size_t count, gru_task *task, void *arg);
/* Called by a task, whose worker's number it gets: has tasks run, as gru_pool_run, but by its own
 * thread and by those alone that have nothing to do meanwhile. Tasks must not share in turn. */
void gru_pool_share(gru_pool *pool, size_t worker, size_t count, gru_task *task, void *arg);
/* Lends worker 1 out: it runs task(arg, 0, 1) as soon as it can, nobody waits for it, and jobs do
 * without it until it is back. false: there is none, or it is lent already. The task must end
 * before gru_pool_free. */
bool gru_pool_lend(gru_pool *pool, gru_task *task, void *arg);
/* Has the pool's threads watched; profile is borrowed, has as many threads, and may be NULL. While
 * a task runs its thread is in the place that the caller of gru_pool_run was in, unless the task
 * enters others; between tasks it waits. */
void gru_pool_set_profile(gru_pool *pool, gru_profile *profile);
gru_profile *gru_pool_profile(const gru_pool *pool);
/* The watch of worker `worker` (0: the caller of gru_pool_run), NULL when nobody looks. */
gru_watch *gru_pool_watch(const gru_pool *pool, size_t worker);

#endif
