/* The architecture language and the losses as text: what is read, how it is printed, what mistakes
 * say. Expected texts are written out here. */
#include "nn/arch.h"
#include "nn/loss.h"

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static gru_arch *parsed(const char *text) {
    gru_arch *a;
    gru_error err;
    cr_assert_eq(gru_arch_parse(&a, text, "a.arch", &err), GRU_OK, "%s: %s", text, err.message);
    return a;
}

static void check_print(const char *text, const char *want) {
    gru_arch *a = parsed(text);
    gru_str s = {0}, again = {0};
    gru_arch_print(a, &s);
    cr_assert_str_eq(gru_str_text(&s), want);
    gru_arch *b = parsed(want);
    gru_arch_print(b, &again);
    cr_assert_str_eq(gru_str_text(&again), want);
    gru_str_free(&s);
    gru_str_free(&again);
    gru_arch_free(a);
    gru_arch_free(b);
}

Test(arch, reads_every_field) {
    gru_arch *a =
        parsed("embedding 10000 128 mask frozen weights=v.vec init=normal(0,1)\n"
               "\n"
               "gru 64 bidirectional reset=before update=new no-bias layer-norm residual sequences "
               "stateful learned-state dropout=.25 recurrent-dropout=0.125 kernel-l1=1 kernel-l2=2 "
               "recurrent-l1=3 recurrent-l2=4 bias-l1=5 bias-l2=6 init=ones recurrent-init=zeros "
               "bias-init=uniform(-1,1); rnn 3 relu last");
    const gru_layer *e = &a->layers[0], *g = &a->layers[1], *r = &a->layers[2];
    cr_assert_eq(a->count, 3);
    cr_assert(e->kind == GRU_LAYER_EMBEDDING && e->rows == 10000 && e->units == 128 && e->mask &&
              e->frozen && e->line == 1);
    cr_assert_str_eq(e->weights, "v.vec");
    cr_assert_str_eq(e->init, "normal(0,1)");
    cr_assert(g->kind == GRU_LAYER_GRU && g->units == 64 && g->line == 3);
    cr_assert(g->bidirectional == GRU_MERGE_CONCAT && g->reset_before && g->update_new &&
              g->no_bias && g->norm && g->residual && g->stateful && g->learned_state);
    cr_assert_eq(g->returns, GRU_RETURNS_SEQUENCES);
    const double want[] = {0.25, 0.125, 1, 2, 3, 4, 5, 6};
    const double got[] = {g->dropout,      g->recurrent_dropout, g->kernel_l1, g->kernel_l2,
                          g->recurrent_l1, g->recurrent_l2,      g->bias_l1,   g->bias_l2};
    cr_assert_eq(memcmp(want, got, sizeof want), 0);
    cr_assert_str_eq(g->init, "ones");
    cr_assert_str_eq(g->recurrent_init, "zeros");
    cr_assert_str_eq(g->bias_init, "uniform(-1,1)");
    cr_assert(r->kind == GRU_LAYER_RNN && r->activation == GRU_RELU &&
              r->returns == GRU_RETURNS_LAST && r->line == 3);
    gru_arch_free(a);
}

Test(arch, defaults) {
    gru_arch *a = parsed("gru 5;rnn 5;dense 1;pool average;dropout 0.5");
    const gru_layer zero = {.kind = GRU_LAYER_GRU, .line = 1, .units = 5};
    gru_str s = {0}, t = {0};
    gru_layer_print(&a->layers[0], &s);
    gru_layer_print(&zero, &t);
    cr_assert_str_eq(gru_str_text(&s), gru_str_text(&t));
    cr_assert(a->layers[0].returns == GRU_RETURNS_AUTO && !a->layers[0].weights &&
              !a->layers[0].init[0]);
    cr_assert_eq(a->layers[1].activation, GRU_TANH);
    cr_assert_eq(a->layers[2].activation, GRU_LINEAR);
    cr_assert_eq(a->layers[3].pool, GRU_POOL_AVERAGE);
    cr_assert(a->layers[4].rate >= 0.5 && a->layers[4].rate <= 0.5);
    gru_str_free(&s);
    gru_str_free(&t);
    gru_arch_free(a);
}

Test(arch, prints_canonically) {
    check_print("dense 1 linear", "dense 1\n");
    check_print("  dense\t7   softmax no-bias # the end\r\n\r\n", "dense 7 softmax no-bias\n");
    check_print("dense 7 kernel-l2=1e-2 sigmoid", "dense 7 sigmoid kernel-l2=0.01\n");
    check_print("gru 8 bidirectional=concat", "gru 8 bidirectional\n");
    check_print("lstm 8 bidirectional=multiply last", "lstm 8 bidirectional=multiply last\n");
    check_print("gru 8 bidirectional=none reset=after update=keep dropout=0", "gru 8\n");
    check_print("gru 8 dropout=0.1 reset=before", "gru 8 reset=before dropout=0.1\n");
    check_print("rnn 8 tanh;rnn 9 relu", "rnn 8\nrnn 9 relu\n");
    check_print("embedding 5 2 weights=\"my file;1.vec\" mask",
                "embedding 5 2 mask weights=\"my file;1.vec\"\n");
    check_print("gru 3 init=uniform( -0.5 , 0.5 )", "gru 3 init=uniform(-0.5,0.5)\n");
    check_print("\xef\xbb\xbf"
                "attention 3; batch-norm;; layer-norm ;pool max;",
                "attention 3\nbatch-norm\nlayer-norm\npool max\n");
    check_print("layer-norm epsilon=0.00001; batch-norm epsilon=1e-3",
                "layer-norm epsilon=0.00001\nbatch-norm epsilon=0.001\n");
    check_print("gru 8 residual epsilon=0.01 layer-norm",
                "gru 8 layer-norm epsilon=0.01 residual\n");
    check_print("dropout 0.30000000000000004", "dropout 0.30000000000000004\n");
}

static void check_mistake(const char *text, const char *want) {
    gru_arch *a = (gru_arch *)1;
    gru_error err;
    cr_assert_eq(gru_arch_parse(&a, text, "a.arch", &err), GRU_ERR_DATA, "%s is accepted", text);
    cr_assert_null(a);
    cr_assert_eq(err.code, GRU_ERR_DATA);
    cr_assert(!strncmp(err.message, want, strlen(want)), "%s\n says:  %s\n wanted: %s", text,
              err.message, want);
    cr_assert_null(strchr(err.message, '\n'));
}

#define LAYERS                                                                                     \
    "expected a layer (embedding, rnn, lstm, gru, attention, dense, dropout, layer-norm, "         \
    "batch-norm, pool)"

Test(arch, mistakes_name_line_word_and_what_was_expected) {
    check_mistake("gru 5\n# c\ngrue 5", "a.arch:3: 'grue': " LAYERS "; did you mean 'gru'?");
    check_mistake("x", "a.arch:1: 'x': " LAYERS);
    check_mistake("", "a.arch: no layer; expected at least one (embedding, ");
    check_mistake("\n;;#gru 5\n", "a.arch: no layer");
    check_mistake("gru", "a.arch:1: gru: expected units, a whole number from 1 to 65536");
    check_mistake("gru 0", "a.arch:1: '0': expected units, a whole number from 1 to 65536");
    check_mistake("gru -4", "a.arch:1: '-4': expected units");
    check_mistake("gru 1.5", "a.arch:1: '1.5': expected units");
    check_mistake("gru 65537", "a.arch:1: '65537': expected units");
    check_mistake("gru 99999999999999999999", "a.arch:1: '99999999999999999999': expected units");
    check_mistake("embedding 16777217 5", "a.arch:1: '16777217': expected the vocabulary's size, a "
                                          "whole number from 1 to 16777216");
    check_mistake("embedding 5", "a.arch:1: embedding: expected the vectors' width");
    check_mistake("gru 5 6", "a.arch:1: '6': expected an option of gru (bidirectional=");
    check_mistake("gru 5 mask", "a.arch:1: 'mask': expected an option of gru (");
    check_mistake("dense 5 sigmod", "a.arch:1: 'sigmod': expected an activation (linear, sigmoid, "
                                    "softmax, tanh, relu, softplus) or an option of dense (");
    check_mistake("dense 5 relu tanh", "a.arch:1: 'tanh': expected one activation only");
    check_mistake("dropout 1", "a.arch:1: '1': expected a share from 0 to below 1");
    check_mistake("dropout nan", "a.arch:1: 'nan': expected a share");
    check_mistake("dropout", "a.arch:1: dropout: expected the share to drop");
    check_mistake("gru 5 dropout=1e999", "a.arch:1: 'dropout=1e999': expected a share");
    check_mistake("gru 5 dropout", "a.arch:1: 'dropout': expected a value: dropout=");
    check_mistake("gru 5 kernel-l2=-1", "a.arch:1: 'kernel-l2=-1': expected 0 or a positive");
    check_mistake("gru 5 no-bias=1", "a.arch:1: 'no-bias=1': expected the word alone");
    check_mistake("gru 5 residual residual", "a.arch:1: 'residual': expected each option once");
    check_mistake("gru 5 last sequences", "a.arch:1: 'sequences': 'last' was given already");
    check_mistake("gru 5 reset=befor", "a.arch:1: 'befor': expected reset (after, before); did you "
                                       "mean 'before'?");
    check_mistake("gru 5 bidirectional=", "a.arch:1: 'bidirectional=': expected bidirectional (");
    check_mistake("pool",
                  "a.arch:1: pool: expected what to take of the steps (max, average, last)");
    check_mistake("pool min", "a.arch:1: 'min': expected what to take of the steps");
    check_mistake("layer-norm 5", "a.arch:1: '5': expected an option of layer-norm (epsilon=)");
    check_mistake("batch-norm epsilon=0", "a.arch:1: 'epsilon=0': expected a number from 1e-12");
    check_mistake("layer-norm epsilon=2",
                  "a.arch:1: 'epsilon=2': expected a number from 1e-12 to 1");
    check_mistake("layer-norm epsilon", "a.arch:1: 'epsilon': expected a value: epsilon=");
    check_mistake("gru 5 epsilon=1e-5", "a.arch:1: gru: expected layer-norm where an epsilon");
    check_mistake("pool max 5", "a.arch:1: '5': 'pool' takes nothing more");
    check_mistake("gru 5 init=glorot", "a.arch:1: 'init=glorot': expected an initialiser (glorot-");
    check_mistake("gru 5 init=uniform(1,0)", "a.arch:1: 'init=uniform(1,0)': expected an init");
    check_mistake("gru 5 init=normal(0,-1)", "a.arch:1: 'init=normal(0,-1)': expected an init");
    check_mistake("gru 5 init=uniform(1,2", "a.arch:1: 'init=uniform(1,2': expected a closing par");
    check_mistake("embedding 5 2 weights=", "a.arch:1: 'weights=': expected a file's name");
    check_mistake("embedding 5 2 weights=\"a", "a.arch:1: 'weights=\"a': expected a closing quote");
    check_mistake("gru\x01\x1b[2J 5", "a.arch:1: 'gru??[2J': " LAYERS);
}

/* Every prefix and many one-byte changes of a good text end in a result or a message. */
Test(arch, survives_damage) {
    static const char good[] = "embedding 9 2 mask weights=\"a b\" init=normal(0,1)\ngru 4 "
                               "bidirectional=sum dropout=0.5;dense 1 sigmoid # end\npool max";
    char text[sizeof good];
    for (size_t i = 0; i < sizeof good; i++)
        for (int c = 0; c < 256; c += 3) {
            gru_arch *a;
            gru_error err;
            memcpy(text, good, sizeof good);
            text[i] = (char)c;
            text[sizeof good - 1] = 0;
            if (gru_arch_parse(&a, text, "a", &err) == GRU_OK)
                gru_arch_free(a);
            else
                cr_assert(err.message[0] && !strchr(err.message, '\n'));
        }
}

Test(arch, limits) {
    gru_str s = {0};
    gru_arch *a;
    gru_error err;
    for (int i = 0; i < 256; i++)
        gru_str_add(&s, "gru 1;");
    a = parsed(gru_str_text(&s));
    cr_assert_eq(a->count, 256);
    gru_arch_free(a);
    gru_str_add(&s, "gru 1");
    check_mistake(gru_str_text(&s), "a.arch:1: gru: expected at most 256 layers");
    gru_str_clear(&s);
    while (s.len <= 65536)
        gru_str_add(&s, "# nothing\n");
    cr_assert_eq(gru_arch_parse(&a, gru_str_text(&s), "a", &err), GRU_ERR_DATA);
    cr_assert_str_eq(err.message, "a: an architecture has at most 65536 bytes");
    gru_str_free(&s);
}

static void write_file(const char *path, const char *bytes, size_t count) {
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(bytes, 1, count, f) == count);
    cr_assert_eq(fclose(f), 0);
}

Test(arch, load_takes_a_file_or_the_text) {
    char path[] = "/tmp/gru-arch-XXXXXX", want[64];
    gru_arch *a;
    gru_error err;
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    close(fd);
    write_file(path, "gru 3\n", 6);
    cr_assert_eq(gru_arch_load(&a, path, &err), GRU_OK);
    cr_assert_eq(a->layers[0].units, 3);
    gru_arch_free(a);
    write_file(path, "gru 3\ngr 4\n", 11);
    cr_assert_eq(gru_arch_load(&a, path, &err), GRU_ERR_DATA);
    snprintf(want, sizeof want, "%s:2: 'gr': expected a layer", path);
    cr_assert(!strncmp(err.message, want, strlen(want)), "%s", err.message);
    write_file(path, "gru 3\0gru 4", 11);
    cr_assert_eq(gru_arch_load(&a, path, &err), GRU_ERR_DATA);
    unlink(path);
    cr_assert_eq(gru_arch_load(&a, path, &err), GRU_ERR_IO);
    cr_assert_null(a);
    cr_assert_eq(gru_arch_load(&a, "gru 7; dense 1", &err), GRU_OK);
    cr_assert_eq(a->count, 2);
    gru_arch_free(a);
    cr_assert_eq(gru_arch_load(&a, "gru", &err), GRU_ERR_DATA);
    cr_assert_str_eq(err.message, "--arch:1: gru: expected units, a whole number from 1 to 65536");
    cr_assert_neq(gru_arch_load(&a, "/tmp", &err), GRU_OK);
    cr_assert_neq(gru_arch_load(&a, "", &err), GRU_OK);
}

/* ---- losses ---- */

static void check_loss(const char *text, const char *want) {
    gru_loss loss;
    gru_error err;
    gru_str s = {0};
    cr_assert_eq(gru_loss_parse(&loss, text, &err), GRU_OK, "%s: %s", text, err.message);
    gru_loss_print(&loss, &s);
    cr_assert_str_eq(gru_str_text(&s), want);
    gru_str_free(&s);
}

Test(loss, reads_and_prints) {
    check_loss("mse", "mse");
    check_loss("mean_absolute_error", "mae");
    check_loss("binary_crossentropy", "binary-crossentropy");
    check_loss("binary-crossentropy:smoothing=0.1", "binary-crossentropy:smoothing=0.1");
    check_loss("categorical-crossentropy:smoothing=0", "categorical-crossentropy");
    check_loss("huber", "huber");
    check_loss("huber:delta=1", "huber");
    check_loss("huber:delta=0.5", "huber:delta=0.5");
    check_loss("quantile:0.1/.5/0.9", "quantile:0.1/0.5/0.9");
    gru_loss loss;
    gru_error err;
    cr_assert_eq(gru_loss_parse(&loss, "quantile:0.1/0.9", &err), GRU_OK);
    cr_assert(loss.kind == GRU_LOSS_QUANTILE && loss.quantile_count == 2 &&
              loss.quantiles[1] >= 0.9 && loss.quantiles[1] <= 0.9);
    cr_assert_eq(gru_loss_parse(&loss, "huber", &err), GRU_OK);
    cr_assert(loss.delta >= 1 && loss.delta <= 1);
}

Test(loss, mistakes) {
    static const char *const bad[][2] = {
        {"", "loss '': expected one of binary-crossentropy[:smoothing=X], "},
        {"msee", "loss 'msee': expected one of "},
        {"mse:", "loss mse: '': expected no option"},
        {"mse:delta=1", "loss mse: 'delta=1': expected no option"},
        {"huber:", "loss huber: '': expected delta=NUMBER"},
        {"huber:delta=0", "loss huber: 'delta=0': expected delta=NUMBER above 0"},
        {"huber:delta=nan", "loss huber: 'delta=nan': expected"},
        {"binary-crossentropy:smoothing=1", "loss binary-crossentropy: 'smoothing=1': expected "},
        {"binary-crossentropy:delta=1", "loss binary-crossentropy: 'delta=1': expected smoothing="},
        {"quantile", "loss quantile: expected its shares, as in quantile:0.1/0.5/0.9"},
        {"quantile:", "loss quantile: expected its shares"},
        {"quantile:0.5/", "loss quantile: expected a share after the last '/'"},
        {"quantile:0.5/0.5", "loss quantile: '0.5': expected rising shares"},
        {"quantile:0", "loss quantile: '0': expected rising shares"},
        {"quantile:1", "loss quantile: '1': expected rising shares"},
        {"quantile:0.01/0.02/0.03/0.04/0.05/0.06/0.07/0.08/0.09/0.1/0.11/0.12/0.13/0.14/0.15/0.16/"
         "0.17",
         "loss quantile: expected at most 16 quantiles"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gru_loss loss;
        gru_error err;
        cr_assert_eq(gru_loss_parse(&loss, bad[i][0], &err), GRU_ERR_USAGE, "%s", bad[i][0]);
        cr_assert(!strncmp(err.message, bad[i][1], strlen(bad[i][1])), "%s", err.message);
    }
}
