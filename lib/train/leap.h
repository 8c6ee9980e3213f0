/* The steps of Adam that a row of a lazy table missed, all at once.
 *
 * A step without gradient only lets the moments decay. So j steps after one with gradient, m is
 * m₀ β₁ʲ and v is v₀ β₂ʲ, and with the step's coefficients aⱼ, rⱼ and ε (Kingma, Ba 2015,
 * algorithm 1; update.h) the weight moves by aⱼ m₀ β₁ʲ / (rⱼ √(v₀ β₂ʲ) + ε). With q = r₀ √v₀ / d,
 * where d = r₀ √v₀ + ε, and oⱼ = 1 − rⱼ √β₂ʲ / r₀, the divisor is d (1 − oⱼ q): the same for all
 * weights but for q, which is at most 1, while oⱼ is small. As a series, all moves together are
 * m₀ / d times a polynomial in q, Σ aⱼ β₁ʲ (1 + oⱼ q + oⱼ² q² + oⱼ³ q³), whose coefficients serve
 * every weight: one root and one division for any number of steps. A decay of the weights and their
 * moving average are linear, and go into the coefficients too.
 *
 * A leap ends where the term left out, β₁ʲ oⱼ⁴, could be seen in float32, and after a fixed number
 * of steps; then another begins. What is rounded depends on where leaps begin and end: that must
 * follow from the training alone, if runs are to have the same bits. */
#ifndef GRU_TRAIN_LEAP_H
#define GRU_TRAIN_LEAP_H

#include "base/error.h"
#include "kern/update.h"

typedef struct gru_leaps gru_leaps;

/* Remembers the last `steps` steps, a power of two. */
gru_status gru_leaps_new(gru_leaps **out, size_t steps, gru_error *err);
void gru_leaps_free(gru_leaps *l);
/* Step t, one after the last, has coefficients u; couple must be 0. */
void gru_leaps_step(gru_leaps *l, uint64_t t, const gru_update *u);
/* The leap that begins with step `from`; *end: the step after it, at most the last one + 1. */
const gru_leap *gru_leaps_from(const gru_leaps *l, uint64_t from, uint64_t *end);

#endif
