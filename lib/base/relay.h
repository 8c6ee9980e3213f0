/* Work in stages that overlap: while one item is in the last stage, the next is in the one before
 * it, and so on.
 *
 * The caller is the first stage; each other has a thread of its own. Items are numbered from 0 and
 * keep their order in every stage. Item i lies in slot i mod slots, memory that the caller owns; a
 * slot comes back to it once the last stage is through, so that a slow stage makes the others wait
 * and the memory is bounded. */
#ifndef GRU_BASE_RELAY_H
#define GRU_BASE_RELAY_H

#include "base/error.h"

#include <stddef.h>

typedef struct gru_relay gru_relay;

/* What a stage does with a slot. After a failure the item goes no further, those before it do. */
typedef gru_status gru_relay_stage(void *arg, size_t slot, gru_error *err);

/* stages[count], in order, are copied. GRU_ERR_IO where no thread can be started. */
gru_status gru_relay_new(gru_relay **out, gru_relay_stage *const stages[], size_t count,
                         size_t slots, void *arg, gru_error *err);
/* Hands on the slot that the caller has (0 at first), and waits for the next. After a failure the
 * status of the first item that failed, once those before it are through. */
gru_status gru_relay_pass(gru_relay *r, size_t *slot, gru_error *err);
/* Waits until all that was handed on is through; then as gru_relay_pass. */
gru_status gru_relay_end(gru_relay *r, gru_error *err);
/* Lets each stage finish the item it is at; NULL is fine. */
void gru_relay_free(gru_relay *r);

#endif
