/* Stages that overlap: order, overlap, failures. */
#include "base/relay.h"

#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

enum { SLOTS = 3, NEVER = 1000000 };

typedef struct trace {
    size_t item[SLOTS];      /* what the caller put into the slots */
    size_t first, last;      /* items that the two stages saw */
    size_t fail[2];          /* item at which each of them fails */
    bool disorder, together; /* together: the stages wait for each other */
    sem_t begun;
} trace;

static gru_status begin(void *arg, size_t slot, gru_error *err) {
    trace *t = arg;
    t->disorder |= t->item[slot] != t->first;
    if (t->together && t->first == 1)
        sem_post(&t->begun);
    if (t->first == t->fail[0])
        return gru_error_set(err, GRU_ERR_DATA, "begin %zu", t->first);
    t->first++;
    return GRU_OK;
}

static gru_status finish(void *arg, size_t slot, gru_error *err) {
    trace *t = arg;
    const struct timespec nap = {.tv_nsec = 100000};
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    nanosleep(&nap, NULL); /* so that the others come as far as they may */
    t->disorder |= t->item[slot] != t->last;
    if (t->together && t->last == 0 && sem_timedwait(&t->begun, &until))
        return gru_error_set(err, GRU_ERR_IO, "the first stage waited for the second");
    if (t->last == t->fail[1])
        return gru_error_set(err, GRU_ERR_IO, "finish %zu", t->last);
    t->last++;
    return GRU_OK;
}

/* Hands on items until one fails. */
static gru_status hand_on(trace *t, size_t items, gru_error *err) {
    gru_relay_stage *const stages[] = {begin, finish};
    gru_relay *r;
    gru_error error = {0};
    gru_status status = GRU_OK;
    cr_assert_eq(gru_relay_new(&r, stages, 2, SLOTS, t, &error), GRU_OK, "%s", error.message);
    for (size_t i = 0, slot = 0; i < items && status == GRU_OK; i++) {
        t->item[slot] = i;
        status = gru_relay_pass(r, &slot, err);
    }
    cr_assert_eq(gru_relay_end(r, &error), status ? status : error.code);
    if (!status)
        *err = error;
    gru_relay_free(r);
    return err->code;
}

Test(relay, hands_every_item_through_every_stage_in_order) {
    for (size_t items = 0; items < 40; items += 3) {
        trace t = {.fail = {NEVER, NEVER}};
        gru_error err = {0};
        cr_assert_eq(hand_on(&t, items, &err), GRU_OK, "%s", err.message);
        cr_assert(t.first == items && t.last == items && !t.disorder);
    }
}

Test(relay, stages_overlap) {
    trace t = {.fail = {NEVER, NEVER}, .together = true};
    gru_error err = {0};
    sem_init(&t.begun, 0, 0);
    cr_assert_eq(hand_on(&t, 5, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(t.last, 5);
    sem_destroy(&t.begun);
}

Test(relay, the_first_item_that_fails_is_told_and_those_before_it_are_through) {
    for (size_t before = 0; before < 6; before++) {
        trace t = {.fail = {before, NEVER}};
        gru_error err = {0};
        char want[32];
        snprintf(want, sizeof want, "begin %zu", before);
        cr_assert_eq(hand_on(&t, 10, &err), GRU_ERR_DATA);
        cr_assert_str_eq(err.message, want);
        cr_assert_eq(t.last, before);
        /* the second stage fails later, at an item before it */
        t = (trace){.fail = {before + 1, before}};
        snprintf(want, sizeof want, "finish %zu", before);
        cr_assert_eq(hand_on(&t, 10, &err), GRU_ERR_IO);
        cr_assert_str_eq(err.message, want);
        cr_assert_eq(t.last, before);
    }
}

Test(relay, may_be_left_in_the_middle) {
    gru_relay_stage *const stages[] = {begin, finish};
    trace t = {.fail = {NEVER, NEVER}};
    gru_error err = {0};
    gru_relay *r;
    size_t slot = 0;
    cr_assert_eq(gru_relay_new(&r, stages, 2, SLOTS, &t, &err), GRU_OK);
    cr_assert_eq(gru_relay_pass(r, &slot, &err), GRU_OK);
    gru_relay_free(r);
    gru_relay_free(NULL);
}
