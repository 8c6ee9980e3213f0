/* Quantiles by selection (quantile.h). */
#include "series/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEW = 16, ROUNDS = 40 }; /* of place */

static int compare(const void *a, const void *b) {
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static double middle_of(double a, double b, double c) {
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

/* Brings to x[k] what sorting x[n] would: nothing before it is larger, nothing after it smaller.
 * Hoare's Find (1961), in time proportional to n; what it can't shorten soon is sorted. */
static void place(double *x, size_t n, size_t k) {
    size_t from = 0, to = n;
    for (int rounds = 0; to - from > FEW && rounds < ROUNDS; rounds++) {
        double pivot = middle_of(x[from], x[from + (to - from) / 2], x[to - 1]);
        size_t low = from, high = to; /* what is left between them; both find one to stop at */
        while (low < high) {
            while (x[low] < pivot)
                low++;
            while (x[high - 1] > pivot)
                high--;
            if (low < high) {
                double swap = x[low];
                x[low++] = x[--high];
                x[high] = swap;
            }
        }
        if (k >= high && k < low)
            return;
        if (k < high)
            to = high;
        else
            from = low;
    }
    qsort(x + from, to - from, sizeof *x, compare);
}

/* Places x[k] and returns what sorting would bring to x[k + 1], or x[k] where that is the last. */
static double place_two(double *x, size_t n, size_t k) {
    place(x, n, k);
    size_t next = k + 1 < n ? k + 1 : k;
    for (size_t i = k + 2; i < n; i++)
        next = x[i] < x[next] ? i : next;
    return x[next];
}

double gru_quantile(double *values, size_t count, double q) {
    if (!count)
        return NAN;
    double at = q * (double)(count - 1);
    size_t below = (size_t)at;
    double above = place_two(values, count, below), step = above - values[below];
    double t = at - (double)below;
    return t < 0.5 ? values[below] + step * t : above - step * (1 - t);
}

double gru_median(double *values, size_t count) {
    if (!count)
        return NAN;
    double above = place_two(values, count, (count - 1) / 2);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + above) / 2;
}
