/* The table of a profile, and the speed it is measured against. */
#include "nn/profile.h"

#include "base/mem.h"
#include "kern/kern.h"

#include <stdlib.h>

enum { TRIES = 20, BURST = 100000000, NAME_LEAST = 20, NAME_MOST = 36 };

size_t gru_profile_places(const gru_model *m) {
    return gru_place_of_layer(gru_model_arch(m)->count, 0);
}

typedef struct bursts {
    const gru_kern *kern;
    double *rates; /* [threads] */
} bursts;

static void burst(void *arg, size_t task, size_t worker) {
    const bursts *b = arg;
    gru_real out[GRU_LANES] __attribute__((aligned(64)));
    for (size_t l = 0; l < GRU_LANES; l++)
        out[l] = 1;
    double start = gru_seconds();
    (void)worker;
    b->kern->peak(out, BURST);
    double seconds = gru_seconds() - start;
    b->rates[task] = seconds > 0 ? BURST / seconds : 0;
}

gru_status gru_profile_peak(gru_pool *pool, double *peak, gru_error *err) {
    gru_isa isa;
    bursts b;
    size_t threads = gru_pool_threads(pool);
    if (gru_cpu_isa(&isa, err) || gru_mem_new(&b.rates, threads, sizeof *b.rates, err))
        return err->code;
    b.kern = gru_kern_get(isa);
    *peak = 0;
    for (int i = 0; i < TRIES; i++) { /* the best: other programs may disturb one or the other */
        double sum = 0;
        gru_pool_run(pool, threads, burst, &b);
        for (size_t t = 0; t < threads; t++)
            sum += b.rates[t];
        *peak = sum > *peak ? sum : *peak;
    }
    free(b.rates);
    return GRU_OK;
}

typedef struct table {
    const gru_profile *profile;
    gru_str *out;
    double batches, peak;
    int width; /* of the names */
} table;

/* One number of a row; what is nothing shows as a dot. */
static void put_ms(const table *t, double seconds) {
    if (seconds > 0)
        gru_str_addf(t->out, " %9.3f", 1e3 * seconds / t->batches);
    else
        gru_str_addf(t->out, " %9s", ".");
}

/* The row's sum, its share of the batch, and how near the products came to the peak. */
static void end_row(const table *t, double seconds, double work) {
    double total = gru_profile_total(t->profile);
    put_ms(t, seconds);
    gru_str_addf(t->out, " %6.1f%%", total > 0 ? 100 * seconds / total : 0);
    if (work > 0 && seconds > 0 && t->peak > 0)
        gru_str_addf(t->out, " %7.1f%%", 100 * work / seconds / t->peak);
    else
        gru_str_addf(t->out, " %8s", ".");
    gru_str_add(t->out, "\n");
}

static int name_width(const gru_arch *arch) {
    size_t width = NAME_LEAST;
    for (size_t i = 0; i < arch->count; i++) {
        gru_str name = {0};
        gru_layer_print(&arch->layers[i], &name);
        width = name.len > width ? name.len : width;
        gru_str_free(&name);
    }
    return width < NAME_MOST ? (int)width : NAME_MOST;
}

static double layer_row(const table *t, const gru_layer *layer, size_t index) {
    gru_str name = {0};
    double seconds = 0, work = 0;
    gru_layer_print(layer, &name);
    gru_str_addf(t->out, "%-*.*s", t->width, t->width, gru_str_text(&name));
    gru_str_free(&name);
    for (gru_part part = 0; part < GRU_PARTS; part++) {
        size_t place = gru_place_of_layer(index, part);
        double s = gru_profile_seconds(t->profile, place);
        put_ms(t, s);
        seconds += s;
        work += gru_profile_work(t->profile, place);
    }
    end_row(t, seconds, work);
    return work;
}

void gru_profile_report(const gru_profile *p, const gru_model *m, double peak, gru_str *out) {
    static const struct {
        const char *name;
        size_t place;
    } others[] = {{"loss", GRU_PLACE_LOSS},           {"sum of gradients", GRU_PLACE_SUM},
                  {"optimizer", GRU_PLACE_OPTIMIZER}, {"packing of weights", GRU_PLACE_PACK},
                  {"data", GRU_PLACE_DATA},           {"waiting", GRU_PLACE_WAIT},
                  {"other", GRU_PLACE_OTHER}};
    const gru_arch *arch = gru_model_arch(m);
    double batches = gru_profile_work(p, GRU_PLACE_DATA);
    table t = {p, out, batches > 0 ? batches : 1, peak, name_width(arch)};
    double work = 0, total = gru_profile_total(p);
    gru_str_addf(out, "%-*s %9s %9s %9s %9s %7s %8s\n", t.width, "Milliseconds a batch", "forward",
                 "backward", "weights", "all", "share", "of peak");
    for (size_t i = 0; i < arch->count; i++)
        work += layer_row(&t, &arch->layers[i], i);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        gru_str_addf(out, "%-*s", t.width + 30, others[i].name);
        end_row(&t, gru_profile_seconds(p, others[i].place), 0);
    }
    gru_str_addf(out, "%-*s", t.width + 30, "all");
    end_row(&t, total, work);
    size_t threads = gru_profile_threads(p);
    gru_str_addf(out, "%.0f batches at %.3g GFLOP/s; %zu thread%s can do %.3g\n", batches,
                 total > 0 ? 1e-9 * work / total : 0, threads, threads == 1 ? "" : "s",
                 1e-9 * peak);
}
