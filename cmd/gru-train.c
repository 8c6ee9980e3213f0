/* gru-train: reads a tensor stream, writes a model. */
#include "tool.h"

#include "base/log.h"
#include "nn/summary.h"
#include "train/session.h"

#include <stdio.h>
#include <string.h>

static gru_session_words w = {
    .optimizer = "adam", .lr = -1, .epochs = 10, .batch = 32, .accumulate = 1, .shuffle = true};
static bool summary;

/* clang-format off */
static const gru_option options[] = {
    {"Network", 0, GRU_OPTION_HEADING, NULL, NULL, NULL, 0, 0, NULL},
    {"arch", 0, GRU_OPTION_TEXT, &w.arch, "FILE|TEXT", "the network, a layer a line or ';' between", 0, 0, NULL},
    {"init", 0, GRU_OPTION_TEXT, &w.init, "MODEL", "start from the weights of another model", 0, 0, NULL},
    {"attach", 0, GRU_OPTION_LIST, &w.attach, "FILE", "put vocab.tsv, scaler.tsv or window.tsv into the model; may be given several times", 0, 0, NULL},
    {"summary", 0, GRU_OPTION_FLAG, &summary, NULL, "show layers, shapes and parameters first", 0, 0, NULL},
    {"Training", 0, GRU_OPTION_HEADING, NULL, NULL, NULL, 0, 0, NULL},
    {"loss", 0, GRU_OPTION_TEXT, &w.loss, "NAME", "binary-crossentropy, categorical-crossentropy, mse, mae, huber or quantile [from the last layer and the target]", 0, 0, NULL},
    {"optimizer", 0, GRU_OPTION_TEXT, &w.optimizer, "NAME[:k=v,...]", "sgd, rmsprop, adam, adamw, nadam or adagrad with its settings", 0, 0, NULL},
    {"lr", 0, GRU_OPTION_NUMBER, &w.lr, "X", "learning rate [0.001, sgd: 0.01]", 0, 1e6, NULL},
    {"epochs", 0, GRU_OPTION_INT, &w.epochs, "N", "most passes over the data", 1, 1e9, NULL},
    {"batch-size", 0, GRU_OPTION_INT, &w.batch, "N", "samples a step", 1, 1e6, NULL},
    {"accumulate", 0, GRU_OPTION_INT, &w.accumulate, "N", "batches whose gradients make one step", 1, 1e6, NULL},
    {"no-shuffle", 0, GRU_OPTION_OFF, &w.shuffle, NULL, "take the samples in the order they come in", 0, 0, NULL},
    {"bucket", 0, GRU_OPTION_FLAG, &w.bucket, NULL, "make batches of samples of similar length, so that padding costs little", 0, 0, NULL},
    {"class-weight", 0, GRU_OPTION_TEXT, &w.class_weight, "auto|A,B,...", "weight of each class in the loss; auto: balanced", 0, 0, NULL},
    {"clip-norm", 0, GRU_OPTION_NUMBER, &w.clip_norm, "X", "most norm of each tensor's gradient; 0: off", 0, 1e30, NULL},
    {"clip-global-norm", 0, GRU_OPTION_NUMBER, &w.clip_global_norm, "X", "most norm of the whole gradient; 0: off", 0, 1e30, NULL},
    {"clip-value", 0, GRU_OPTION_NUMBER, &w.clip_value, "X", "most size of each number of the gradient; 0: off", 0, 1e30, NULL},
    {"average", 0, GRU_OPTION_NUMBER, &w.average, "M", "validate and keep the weights' moving average over M epochs, or below 1 of momentum M; 0: off", 0, 1e6, NULL},
    {"Learning rate over time", 0, GRU_OPTION_HEADING, NULL, NULL, NULL, 0, 0, NULL},
    {"lr-step", 0, GRU_OPTION_TEXT, &w.lr_step, "drop=X,every=N", "multiply the rate by X every N epochs", 0, 0, NULL},
    {"lr-exponential", 0, GRU_OPTION_TEXT, &w.lr_exponential, "rate=X", "multiply the rate by X each epoch", 0, 0, NULL},
    {"lr-cosine", 0, GRU_OPTION_TEXT, &w.lr_cosine, "end=X[,epochs=N]", "half a cosine from the rate down to X times the rate", 0, 0, NULL},
    {"warm-up", 0, GRU_OPTION_INT, &w.warmup, "N", "let the rate rise evenly over the first N steps", 0, 1e9, NULL},
    {"reduce-lr", 0, GRU_OPTION_TEXT, &w.reduce_lr, "factor=X,patience=N[,...]", "multiply the rate by X after N epochs without improvement; also cooldown=N, min-delta=X, min-lr=X", 0, 0, NULL},
    {"Validation and stopping", 0, GRU_OPTION_HEADING, NULL, NULL, NULL, 0, 0, NULL},
    {"validation", 0, GRU_OPTION_TEXT, &w.validation, "FILE", "tensor stream to validate on after each epoch", 0, 0, NULL},
    {"validation-split", 0, GRU_OPTION_SHARE, &w.validation_split, "P", "keep the last share or number of samples for validation", 0, 0, NULL},
    {"monitor", 0, GRU_OPTION_TEXT, &w.monitor, "NAME", "figure that decides: val_loss, loss, val_accuracy, ... [val_loss, else loss]", 0, 0, NULL},
    {"early-stopping", 0, GRU_OPTION_TEXT, &w.early_stopping, "patience=N[,...]", "stop after N epochs without improvement; also min-delta=X, start=N, min, max, restore-best", 0, 0, NULL},
    {"max-time", 0, GRU_OPTION_TEXT, &w.max_time, "TIME", "stop after the epoch in which 90s, 30m or 2h are over", 0, 0, NULL},
    {"profile", 0, GRU_OPTION_FLAG, &w.profile, NULL, "tell at the end where the time of a batch went", 0, 0, NULL},
    {"Files", 0, GRU_OPTION_HEADING, NULL, NULL, NULL, 0, 0, NULL},
    {"history", 0, GRU_OPTION_TEXT, &w.history, "FILE", "write a table with the figures of each epoch", 0, 0, NULL},
    {"gradients", 0, GRU_OPTION_TEXT, &w.gradients, "FILE", "write a table with the norm of the gradient at each step back in time, an epoch at a time", 0, 0, NULL},
    {"checkpoint", 0, GRU_OPTION_TEXT, &w.checkpoint, "FILE", "write all that is needed to go on, after each epoch and when interrupted", 0, 0, NULL},
    {"checkpoint-best", 0, GRU_OPTION_FLAG, &w.checkpoint_best, NULL, "write the checkpoint only after the best epoch so far", 0, 0, NULL},
    {"resume", 0, GRU_OPTION_TEXT, &w.resume, "FILE", "go on from a checkpoint, with the same options and data", 0, 0, NULL},
    {0}};
/* clang-format on */

static const gru_tool tool = {
    "gru-train",
    "train a recurrent network",
    "--arch FILE|TEXT [OPTION]... [INPUT]",
    "gru-train --arch 'gru 50; dense 1' --epochs 20 -o stock.gru train.npy",
    options,
    0,
    1};

static bool stop(void *arg) {
    (void)arg;
    return gru_tool_signal != 0;
}

static void format_epoch(const gru_train_progress *p, char *text, size_t size) {
    int n = snprintf(text, size, "epoch %zu/%zu  loss %.6g  %s %.4g", p->epoch, p->epochs, p->loss,
                     p->score_name, p->score);
    if (p->validated && n > 0 && (size_t)n < size) {
        n += snprintf(text + n, size - (size_t)n, "  val_loss %.6g  val_%s %.4g", p->val_loss,
                      p->score_name, p->val_score);
    }
    if (n > 0 && (size_t)n < size)
        snprintf(text + n, size - (size_t)n, "  lr %.3g  %.2f s", p->lr, p->seconds);
}

static void format_bar(const gru_train_progress *p, char *text, size_t size) {
    char bar[21];
    size_t full = p->batch * 20 / p->batches, left = (size_t)p->seconds_left;
    for (size_t i = 0; i < 20; i++)
        bar[i] = i < full ? '=' : i == full ? '>' : '.';
    bar[20] = '\0';
    snprintf(text, size,
             "epoch %zu/%zu [%s] %zu/%zu  loss %.4g  %s %.4g  %.0f seq/s  %zu:%02zu left", p->epoch,
             p->epochs, bar, p->batch, p->batches, p->loss, p->score_name, p->score,
             p->rows_per_second, left / 60, left % 60);
}

static void progress(void *arg, const gru_train_progress *p) {
    const gru_common *common = arg;
    char text[320];
    if (p->epoch_done) {
        format_epoch(p, text, sizeof text);
        gru_note("%s", text);
    } else if (gru_tool_shows_progress(common)) {
        format_bar(p, text, sizeof text);
        gru_tool_progress(common, text);
    }
}

static void show(gru_str *text) {
    for (const char *line = gru_str_text(text); *line;) {
        size_t len = strcspn(line, "\n");
        gru_report("%.*s", (int)len, line);
        line += len + (line[len] == '\n');
    }
    gru_str_free(text);
}

static gru_status run(const gru_common *common, const char *const *operands, size_t count,
                      gru_error *err) {
    gru_session *session;
    const gru_train_hooks hooks = {(void *)common, stop, progress, NULL};
    w.input = count ? operands[0] : NULL;
    w.output = common->output;
    w.csv = common->csv;
    w.seed = (uint64_t)common->seed;
    w.threads = (size_t)common->threads;
    const gru_tool_file files[] = {{"-o", w.output ? w.output : "-"},
                                   {"--history", w.history},
                                   {"--gradients", w.gradients},
                                   {"--checkpoint", w.checkpoint}};
    const size_t outputs = sizeof files / sizeof *files;
    if (gru_tool_check_outputs(files, outputs, err) ||
        gru_tool_check_kept(files, outputs, w.input, err) ||
        gru_tool_check_kept(files, outputs, w.validation, err))
        return err->code;
    if (gru_session_new(&session, &w, err))
        return err->code;
    gru_tool_catch_signals(); /* until now there is nothing to save */
    gru_str text = {0};
    if (summary) {
        gru_model_summary(gru_session_model(session), &text);
        show(&text);
    }
    gru_status status = gru_session_run(session, &hooks, err);
    gru_tool_progress(common, NULL);
    gru_session_report(session, &text);
    show(&text);
    gru_session_free(session);
    return status;
}

int main(int argc, char **argv) {
    return gru_tool_main(&tool, GRU_COMMON_OUTPUT | GRU_COMMON_CSV, run, argc, argv);
}
