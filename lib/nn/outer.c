/* Weight gradients of a slice, alone or shared. */
#include "nn/outer.h"

#include "base/mem.h"

/* What is shared out: about so many portions at a time, none of fewer multiplications of 16 lanes.
 * Columns go in whole blocks of registers. PANELS: more than a share has. */
enum { PORTIONS = 16, PORTION_LEAST = 100000, BLOCK = 8, PANELS = 1 << 20 };

/* Written by its own thread alone. */
struct gru_outer_room {
    gru_real *memory; /* [steps][GRU_OUTER_ROOM] */
    uint64_t holds;   /* number of the panel that is turned in it, of all shares' ones; or 0 */
    size_t shares;    /* so far */
};

gru_status gru_outer_plan(gru_plan *plan, gru_error *err) {
    return gru_mem_new(&plan->rooms, plan->threads, sizeof *plan->rooms, err);
}

void gru_outer_reserve(gru_plan *plan, size_t steps, gru_arena *a) {
    size_t longest = steps < GRU_OUTER_STEPS ? steps : GRU_OUTER_STEPS;
    for (size_t i = 0; i < plan->threads; i++)
        plan->rooms[i].memory = gru_arena_take(a, longest * GRU_OUTER_ROOM);
}

typedef struct portions { /* of one gradient; they are numbered panel by panel */
    size_t panels, blocks;
} portions;

typedef struct share {
    const gru_plan *plan;
    const gru_outer *all;
    portions of[GRU_OUTERS];
    uint64_t number; /* of the first panel */
} share;

static size_t column_of(const gru_outer *o, size_t blocks, size_t block) {
    size_t column = gru_panel_start((o->columns + BLOCK - 1) / BLOCK, blocks, block) * BLOCK;
    return column < o->columns ? column : o->columns;
}

static void add_portion(void *arg, size_t portion, size_t worker) {
    const share *h = arg;
    struct gru_outer_room *room = &h->plan->rooms[worker];
    uint64_t number = h->number;
    size_t i = 0;
    for (; portion >= h->of[i].panels * h->of[i].blocks; i++) {
        portion -= h->of[i].panels * h->of[i].blocks;
        number += h->of[i].panels;
    }
    gru_outer o = h->all[i];
    size_t blocks = h->of[i].blocks, panel = portion / blocks, block = portion % blocks;
    bool ready = room->holds == number + panel;
    room->holds = number + panel;
    o.room = room->memory;
    h->plan->kern->outer_panel(&o, panel, column_of(&o, blocks, block),
                               column_of(&o, blocks, block + 1), ready);
}

/* Shares out one piece of each. */
static void share_piece(const gru_plan *plan, size_t worker, const gru_outer *all, size_t count) {
    share h = {.plan = plan, .all = all};
    size_t work = 0, portion = 0;
    for (size_t i = 0; i < count; i++)
        work += all[i].rows * all[i].columns * all[i].steps;
    work = work / PORTIONS > PORTION_LEAST ? work / PORTIONS : PORTION_LEAST;
    for (size_t i = 0; i < count; i++) {
        const gru_outer *o = &all[i];
        portions *of = &h.of[i];
        of->panels = plan->kern->outer_panels(o);
        of->blocks = o->rows * o->columns * o->steps / of->panels / work;
        of->blocks = of->blocks ? of->blocks : 1;
        portion += of->panels * of->blocks;
    }
    struct gru_outer_room *room = &plan->rooms[worker];
    h.number = (uint64_t)(++room->shares * plan->threads + worker) * PANELS;
    gru_pool_share(plan->pool, worker, portion, add_portion, &h);
}

void gru_outer_add(const gru_plan *plan, const gru_slice *s, const gru_outer *all, size_t count) {
    size_t pieces = gru_outer_pieces(all->steps);
    for (size_t p = 0; p < pieces; p++) {
        gru_outer piece[GRU_OUTERS];
        for (size_t i = 0; i < count; i++) {
            gru_outer *o = &piece[i];
            *o = all[i];
            size_t from = o->steps * p / pieces, end = o->steps * (p + 1) / pieces;
            o->steps = end - from;
            if (o->ids)
                o->ids += (ptrdiff_t)from * o->a_step;
            else
                o->a += (ptrdiff_t)from * o->a_step;
            o->b += (ptrdiff_t)from * o->b_step;
        }
        share_piece(plan, s->worker, piece, count);
    }
}
