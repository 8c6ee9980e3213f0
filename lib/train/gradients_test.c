/* Means over the batches of an epoch, and what an unfinished epoch leaves. */
#include "train/gradients.h"

#include <criterion/criterion.h>

static void add(gru_gradients *g, double a, double b) {
    const double norms[] = {a, b};
    gru_error err = {0};
    cr_assert_eq(gru_gradients_add(g, norms, &err), GRU_OK, "%s", err.message);
}

Test(gradients, epochs_are_means_of_their_batches) {
    gru_gradients g = {.steps = 2};
    add(&g, 1, 10);
    add(&g, 3, 30);
    gru_gradients_end_epoch(&g, 4);
    gru_gradients_end_epoch(&g, 5); /* no batch: nothing to keep */
    add(&g, 7, 0.5);
    gru_gradients_end_epoch(&g, 5);
    add(&g, 100, 100); /* of an epoch that doesn't end */
    const double want[] = {2, 20, 7, 0.5};
    cr_assert_eq(g.count, 2);
    cr_assert_eq(g.first, 4);
    for (size_t i = 0; i < 4; i++)
        cr_assert(g.norm[i] == want[i], "%zu: %g", i, g.norm[i]);
    gru_gradients_free(&g);
}
