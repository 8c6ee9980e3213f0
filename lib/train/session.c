/* A training run from the words of a command line to a model file. */
#include "train/session.h"

#include "base/cpu.h"
#include "base/log.h"
#include "base/mem.h"
#include "nn/profile.h"
#include "train/package.h"
#include "train/pairs.h"
#include "train/pretrained.h"
#include "train/record.h"
#include "train/weigh.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct gru_session {
    gru_session_words words;
    gru_train_options options;
    gru_train_hooks hooks; /* the caller's */
    gru_pool *pool;
    gru_profile *profile; /* or NULL */
    double peak;          /* operations a second that it is measured against */
    gru_arch *arch;
    gru_bundle *resume;
    gru_dataset *data, *validation_data;
    gru_samples train, validation;
    gru_attachments attachments;
    gru_model *model;
    gru_loss loss;
    size_t classes; /* 0: numbers */
    double *class_weight;
    gru_trainer *trainer;
};

/* ---- words ---- */

static gru_status take_schedule(gru_session *s, gru_error *err) {
    const gru_session_words *w = &s->words;
    const char *given[] = {w->lr_step, w->lr_exponential, w->lr_cosine};
    const gru_schedule_kind kinds[] = {GRU_SCHEDULE_STEP, GRU_SCHEDULE_EXPONENTIAL,
                                       GRU_SCHEDULE_COSINE};
    int count = 0;
    for (int i = 0; i < 3; i++) {
        count += given[i] != NULL;
        if (given[i] && gru_schedule_parse(&s->options.schedule, kinds[i], given[i], err))
            return err->code;
    }
    if (count > 1) {
        return gru_error_set(
            err, GRU_ERR_USAGE,
            "only one of --lr-step, --lr-exponential and --lr-cosine can be given");
    }
    s->options.schedule.warmup = (size_t)w->warmup;
    return GRU_OK;
}

static gru_status take_clipping(gru_session *s, gru_error *err) {
    const gru_session_words *w = &s->words;
    gru_optimizer_options *o = &s->options.optimizer;
    if ((w->clip_norm > 0) + (w->clip_global_norm > 0) + (w->clip_value > 0) > 1) {
        return gru_error_set(
            err, GRU_ERR_USAGE,
            "only one of --clip-norm, --clip-global-norm and --clip-value can be given");
    }
    o->clip_norm = w->clip_norm;
    o->clip_global_norm = w->clip_global_norm;
    o->clip_value = w->clip_value;
    return GRU_OK;
}

static gru_status check_words(const gru_session_words *w, gru_error *err) {
    if (!w->arch && !w->resume)
        return gru_error_set(err, GRU_ERR_USAGE, "--arch is missing: which network to train");
    if (w->bucket && !w->shuffle) {
        return gru_error_set(err, GRU_ERR_USAGE,
                             "only one of --bucket and --no-shuffle can be given");
    }
    if (w->validation && w->validation_split.given) {
        return gru_error_set(err, GRU_ERR_USAGE,
                             "only one of --validation and --validation-split can be given");
    }
    if (w->init && w->resume)
        return gru_error_set(err, GRU_ERR_USAGE, "only one of --init and --resume can be given");
    if (w->checkpoint_best && !w->checkpoint)
        return gru_error_set(err, GRU_ERR_USAGE, "--checkpoint-best needs --checkpoint FILE");
    return GRU_OK;
}

static gru_status take_words(gru_session *s, gru_error *err) {
    const gru_session_words *w = &s->words;
    gru_train_options *o = &s->options;
    if (check_words(w, err) || gru_optimizer_parse(&o->optimizer, w->optimizer, err) ||
        take_schedule(s, err) || take_clipping(s, err) ||
        (w->reduce_lr && gru_plateau_parse(&o->plateau, w->reduce_lr, err)) ||
        (w->early_stopping && gru_stopping_parse(&o->stopping, w->early_stopping, err)) ||
        (w->max_time && gru_seconds_parse("--max-time", w->max_time, &o->max_seconds, err)) ||
        (w->loss && gru_loss_parse(&s->loss, w->loss, err)))
        return err->code;
    if (w->lr >= 0)
        o->optimizer.lr = w->lr;
    o->epochs = (size_t)w->epochs;
    o->batch = (size_t)w->batch;
    o->accumulate = (size_t)w->accumulate;
    o->shuffle = w->shuffle;
    o->bucket = w->bucket;
    o->seed = w->seed;
    o->monitor = w->monitor;
    o->gradients = w->gradients != NULL;
    o->checkpoint = w->checkpoint;
    o->checkpoint_best = w->checkpoint_best;
    return GRU_OK;
}

/* An output that cannot be written should be known before hours of training, not after. */
static gru_status probe(const char *path, gru_output_kind kind, gru_error *err) {
    struct stat info;
    gru_output *out;
    bool standard = !path || strcmp(path, "-") == 0;
    if (!standard && stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
        return GRU_OK; /* opening a fifo would be noticed at its other end */
    if (gru_output_open(&out, path, kind, err))
        return err->code;
    gru_output_discard(out);
    return GRU_OK;
}

static gru_status probe_outputs(const gru_session_words *w, gru_error *err) {
    if (probe(w->output, GRU_OUTPUT_BINARY, err) ||
        (w->checkpoint && probe(w->checkpoint, GRU_OUTPUT_BINARY, err)) ||
        (w->gradients && probe(w->gradients, GRU_OUTPUT_TEXT, err)))
        return err->code;
    return w->history ? probe(w->history, GRU_OUTPUT_TEXT, err) : GRU_OK;
}

/* ---- data and network ---- */

static gru_status load_arch(gru_session *s, gru_error *err) {
    const gru_session_words *w = &s->words;
    if (w->resume && gru_bundle_read(&s->resume, w->resume, err))
        return err->code;
    if (w->arch)
        return gru_arch_load(&s->arch, w->arch, err);
    const char *text = gru_bundle_get(s->resume, "arch");
    if (!text)
        return gru_error_set(err, GRU_ERR_DATA, "%s: not a checkpoint", w->resume);
    return gru_arch_parse(&s->arch, text, w->resume, err);
}

static gru_status split_validation(gru_session *s, gru_error *err) {
    const gru_share *v = &s->words.validation_split;
    size_t n = gru_dataset_count(s->data), first = n;
    if (v->given && v->is_count)
        first = v->count < n ? n - v->count : 0;
    else if (v->given)
        first = (size_t)floor((double)n * (1 - v->share)); /* Keras: the last rows */
    s->train = (gru_samples){s->data, 0, first};
    s->validation = (gru_samples){s->data, first, n - first};
    if (first == 0) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: --validation-split leaves nothing of %zu samples to train on",
                             gru_dataset_name(s->data), n);
    }
    if (s->validation_data)
        s->validation = (gru_samples){s->validation_data, 0, gru_dataset_count(s->validation_data)};
    return GRU_OK;
}

static gru_status open_data(gru_session *s, gru_error *err) {
    const gru_session_words *w = &s->words;
    if (gru_dataset_open(&s->data, w->input, err) ||
        (w->validation && gru_dataset_open(&s->validation_data, w->validation, err)) ||
        split_validation(s, err))
        return err->code;
    /* only now: the pipeline that feeds us may have been making them */
    gru_status status =
        gru_attachments_read(&s->attachments, w->attach.items, w->attach.count, err);
    return !status && s->resume ? gru_attachments_inherit(&s->attachments, s->resume, err) : status;
}

static gru_status check_data(gru_session *s, const gru_dataset *d, gru_error *err) {
    const gru_layer *first = &gru_model_arch(s->model)->layers[0];
    if (gru_model_check_data(s->model, gru_dataset_spec(d), &s->loss, err))
        return gru_error_at(err, "%s", gru_dataset_name(d));
    if (s->classes > 0 && gru_dataset_check_classes(d, s->classes, err))
        return err->code;
    if (s->loss.kind <= GRU_LOSS_CATEGORICAL && gru_dataset_check_shares(d, err))
        return err->code;
    return gru_dataset_check_input(d, first->rows, err);
}

static gru_status find_loss(gru_session *s, gru_error *err) {
    const gru_record_spec *spec = gru_dataset_spec(s->data);
    if (gru_target_kind_of(spec) == GRU_TARGET_NONE) {
        return gru_error_set(err, GRU_ERR_DATA, "%s: no target y to train on",
                             gru_dataset_name(s->data));
    }
    if (!s->words.loss && gru_model_default_loss(s->model, spec, &s->loss, err))
        return gru_error_at(err, "%s", gru_dataset_name(s->data));
    gru_activation last = gru_model_activation(s->model);
    size_t outputs = gru_model_outputs(s->model);
    if (s->loss.kind == GRU_LOSS_BINARY && outputs == 1)
        s->classes = 2;
    else if (s->loss.kind == GRU_LOSS_CATEGORICAL && last == GRU_SOFTMAX)
        s->classes = outputs;
    return GRU_OK;
}

static gru_status take_init(gru_session *s, gru_error *err) {
    gru_bundle *from;
    gru_str report = {0};
    if (gru_bundle_read(&from, s->words.init, err))
        return err->code;
    gru_status status = gru_model_take(s->model, from, &report, err);
    if (status != GRU_OK)
        gru_error_at(err, "%s", s->words.init);
    for (const char *line = gru_str_text(&report); *line;) {
        size_t len = strcspn(line, "\n");
        gru_note("%s: %.*s", s->words.init, (int)len, line);
        line += len + (line[len] == '\n');
    }
    gru_str_free(&report);
    gru_bundle_free(from);
    return status;
}

static gru_status make_model(gru_session *s, gru_error *err) {
    const gru_record_spec *spec = gru_dataset_spec(s->data);
    gru_target_kind target = gru_target_kind_of(spec);
    gru_input_shape shape;
    gru_arch *arch = s->arch;
    bool per_step = target == GRU_TARGET_CLASS_PER_STEP || target == GRU_TARGET_NUMBERS_PER_STEP;
    if (gru_input_shape_of(spec, &shape, err))
        return gru_error_at(err, "%s", gru_dataset_name(s->data));
    s->arch = NULL; /* the model's now */
    if (gru_model_new(&s->model, arch, &shape, per_step, err) ||
        gru_model_initialise(s->model, s->words.seed, err) || find_loss(s, err) ||
        check_data(s, s->data, err) ||
        (s->validation_data && check_data(s, s->validation_data, err)) ||
        gru_attachments_check(&s->attachments, s->model, s->classes, err))
        return err->code;
    if (s->words.class_weight &&
        gru_class_weights(s->words.class_weight, s->train, s->classes, gru_model_outputs(s->model),
                          &s->class_weight, err))
        return err->code;
    /* a checkpoint has its own rows, and the file of vectors may be gone by now */
    if (!s->resume && gru_pretrained_load(s->model, s->attachments.text[GRU_ROLE_VOCAB], err))
        return err->code;
    return s->words.init ? take_init(s, err) : GRU_OK;
}

/* ---- the run ---- */

static gru_status finish(void *arg, gru_bundle *b, const gru_train_state *state, gru_error *err) {
    gru_session *s = arg;
    gru_str record = {0};
    gru_status status = gru_attachments_add(&s->attachments, &s->loss, s->classes, b, err);
    if (status == GRU_OK)
        status = gru_train_record(&s->options, &s->train, &s->validation, state, &record, err);
    if (status == GRU_OK)
        status = gru_bundle_set(b, "train", gru_str_text(&record), err);
    gru_str_free(&record);
    return status;
}

static bool stop_hook(void *arg) {
    const gru_session *s = arg;
    return s->hooks.stop && s->hooks.stop(s->hooks.arg);
}

static void progress_hook(void *arg, const gru_train_progress *p) {
    const gru_session *s = arg;
    if (s->hooks.progress)
        s->hooks.progress(s->hooks.arg, p);
}

/* An average over epochs: its momentum forgets as much in so many epochs as a mean over them would,
 * and it is of the steps so far, as few as they may be. A momentum is Keras's and PyTorch's. */
static double average_momentum(const gru_session *s) {
    size_t batches = (s->train.count + s->options.batch - 1) / s->options.batch;
    double steps = ceil((double)batches / (double)s->options.accumulate), m = s->words.average;
    return m < 1 ? m : 1 - 1 / (m * steps);
}

static gru_status make_trainer(gru_session *s, gru_error *err) {
    const gru_train_hooks hooks = {s, stop_hook, progress_hook, finish};
    s->options.loss = &s->loss;
    s->options.class_weight = s->class_weight;
    s->options.classes = s->classes;
    s->options.optimizer.average = average_momentum(s);
    s->options.optimizer.unbiased = s->words.average >= 1;
    if (gru_trainer_new(&s->trainer, s->model, s->train, s->validation, s->pool, &s->options,
                        &hooks, err))
        return err->code;
    if (!s->resume)
        return GRU_OK;
    gru_status status = gru_trainer_resume(s->trainer, s->resume, s->words.resume, err);
    if (status == GRU_OK)
        gru_train_record_compare(&s->options, s->resume, s->words.resume);
    gru_bundle_free(s->resume);
    s->resume = NULL;
    const gru_train_state *state = gru_trainer_state(s->trainer);
    if (status == GRU_OK)
        gru_note("going on after epoch %zu, batch %zu", state->epoch, state->batch);
    return status;
}

static gru_status make_pool(gru_session *s, gru_error *err) {
    size_t threads = s->words.threads ? s->words.threads : gru_cpu_count();
    if (gru_pool_new(&s->pool, threads, err))
        return err->code;
    if (s->words.profile) {
        if (gru_profile_new(&s->profile, threads, gru_profile_places(s->model), err) ||
            gru_profile_peak(s->pool, &s->peak, err))
            return err->code;
        gru_pool_set_profile(s->pool, s->profile);
    }
    return GRU_OK;
}

gru_status gru_session_new(gru_session **out, const gru_session_words *words, gru_error *err) {
    gru_session *s;
    *out = NULL;
    if (gru_mem_new(&s, 1, sizeof *s, err))
        return err->code;
    s->words = *words;
    if (take_words(s, err) || load_arch(s, err) || probe_outputs(words, err) || open_data(s, err) ||
        make_model(s, err) || make_pool(s, err) || make_trainer(s, err)) {
        gru_session_free(s);
        return err->code;
    }
    gru_detail("seed %llu, %zu threads, %zu samples, %zu for validation, %zu parameters",
               (unsigned long long)words->seed, gru_pool_threads(s->pool), s->train.count,
               s->validation.count, gru_model_weight_count(s->model));
    *out = s;
    return GRU_OK;
}

void gru_session_free(gru_session *s) {
    if (!s)
        return;
    gru_trainer_free(s->trainer);
    gru_pool_free(s->pool);
    gru_profile_free(s->profile);
    gru_arch_free(s->arch);
    gru_bundle_free(s->resume);
    gru_dataset_close(s->data);
    gru_dataset_close(s->validation_data);
    gru_attachments_free(&s->attachments);
    gru_model_free(s->model);
    free(s->class_weight);
    free(s);
}

gru_model *gru_session_model(gru_session *s) {
    return s->model;
}

void gru_session_report(const gru_session *s, gru_str *out) {
    if (s->profile)
        gru_profile_report(s->profile, s->model, s->peak, out);
}

static gru_status save_tables(const gru_session *s, gru_error *err) {
    const gru_session_words *w = &s->words;
    gru_status status = GRU_OK;
    if (w->history)
        status =
            gru_history_write(&gru_trainer_state(s->trainer)->history, w->history, w->csv, err);
    if (status == GRU_OK && w->gradients)
        status = gru_gradients_write(gru_trainer_gradients(s->trainer), w->gradients, w->csv, err);
    return status;
}

gru_status gru_session_run(gru_session *s, const gru_train_hooks *hooks, gru_error *err) {
    s->hooks = *hooks;
    gru_status status = gru_trainer_run(s->trainer, err), saved = GRU_OK;
    gru_error second = {0}, third = {0};
    const gru_train_state *state = gru_trainer_state(s->trainer);
    bool good = status == GRU_OK || (status == GRU_ERR_DATA && state->epoch > 0) ||
                (status == GRU_ERR_INTERRUPTED && !s->words.checkpoint);
    if (good || status == GRU_ERR_INTERRUPTED)
        saved = save_tables(s, &second);
    /* a table that cannot be written does not cost the model */
    if (good && gru_trainer_save_model(s->trainer, s->words.output, &third) && saved == GRU_OK) {
        saved = third.code;
        second = third;
    }
    if (saved != GRU_OK) {
        *err = second;
        return saved;
    }
    if (status == GRU_ERR_INTERRUPTED) {
        gru_note("%s: %s", s->words.checkpoint ? s->words.checkpoint : "the model so far is kept",
                 s->words.checkpoint ? "--resume goes on from it" : "--init goes on from it");
    }
    return status;
}
