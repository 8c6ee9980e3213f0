/* How a model was trained, as JSON. */
#include "train/record.h"

#include "base/log.h"
#include "base/version.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

static json_t *number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *whole(size_t value) {
    return json_integer((json_int_t)value);
}

static json_t *schedule(const gru_train_options *o) {
    static const char *const names[] = {"constant", "step", "exponential", "cosine"};
    const gru_schedule *s = &o->schedule;
    json_t *j = json_object();
    json_object_set_new(j, "kind", json_string(names[s->kind]));
    if (s->kind != GRU_SCHEDULE_CONSTANT)
        json_object_set_new(j, "factor", number(s->factor));
    if (s->kind == GRU_SCHEDULE_STEP)
        json_object_set_new(j, "every", whole(s->every));
    if (s->epochs > 0)
        json_object_set_new(j, "epochs", whole(s->epochs));
    if (s->warmup > 0)
        json_object_set_new(j, "warmup", whole(s->warmup));
    return j;
}

static json_t *plateau(const gru_plateau *p) {
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "factor", number(p->factor), "patience",
                     whole(p->patience), "cooldown", whole(p->cooldown), "min-delta",
                     number(p->min_delta), "min-lr", number(p->min_lr));
}

static json_t *stopping(const gru_stopping *s) {
    return json_pack("{s:o,s:o,s:o,s:b}", "patience", whole(s->patience), "min-delta",
                     number(s->min_delta), "start", whole(s->start), "restore-best",
                     (int)s->restore_best);
}

static json_t *class_weights(const gru_train_options *o) {
    json_t *j = json_array();
    for (size_t i = 0; i < o->classes; i++)
        json_array_append_new(j, number(o->class_weight[i]));
    return j;
}

static json_t *options(const gru_train_options *o, const char *optimizer) {
    json_t *j = json_object();
    json_object_set_new(j, "optimizer", json_string(optimizer));
    json_object_set_new(j, "epochs", whole(o->epochs));
    json_object_set_new(j, "batch-size", whole(o->batch));
    json_object_set_new(j, "accumulate", whole(o->accumulate));
    json_object_set_new(j, "shuffle", json_boolean(o->shuffle));
    if (o->bucket)
        json_object_set_new(j, "bucket", json_true());
    if (o->class_weight)
        json_object_set_new(j, "class-weight", class_weights(o));
    json_object_set_new(j, "schedule", schedule(o));
    if (o->monitor)
        json_object_set_new(j, "monitor", json_string(o->monitor));
    if (o->plateau.on)
        json_object_set_new(j, "reduce-lr", plateau(&o->plateau));
    if (o->stopping.on)
        json_object_set_new(j, "early-stopping", stopping(&o->stopping));
    return j;
}

gru_status gru_train_record(const gru_train_options *o, const gru_samples *train,
                            const gru_samples *validation, const gru_train_state *state,
                            gru_str *out, gru_error *err) {
    gru_str optimizer = {0};
    json_t *j = json_object();
    gru_optimizer_print(&o->optimizer, &optimizer);
    json_object_set_new(j, "version", json_string(GRU_VERSION));
    json_object_set_new(j, "seed", json_integer((json_int_t)o->seed));
    json_object_set_new(j, "options", options(o, gru_str_text(&optimizer)));
    json_object_set_new(j, "samples", whole(train->count));
    json_object_set_new(j, "validation_samples", whole(validation->count));
    json_object_set_new(j, "epochs", whole(state->epoch));
    json_object_set_new(j, "best_epoch", whole(state->stopping.best_epoch));
    if (state->stopping.has_best)
        json_object_set_new(j, "best", number(state->stopping.best));
    gru_str_free(&optimizer);
    char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(j);
    if (!text)
        return gru_error_memory(err, 1024);
    gru_str_add(out, text);
    free(text);
    return gru_str_check(out, err);
}

void gru_train_record_compare(const gru_train_options *o, const gru_bundle *from,
                              const char *name) {
    static const char *const keys[] = {"schedule", "monitor", "reduce-lr", "early-stopping"};
    const char *text = gru_bundle_get(from, "train");
    json_t *record = text ? json_loads(text, 0, NULL) : NULL;
    json_t *theirs = json_object_get(record, "options"), *ours = options(o, "");
    for (size_t i = 0; theirs && i < sizeof keys / sizeof *keys; i++) {
        const json_t *a = json_object_get(theirs, keys[i]), *b = json_object_get(ours, keys[i]);
        if ((a || b) && !(a && b && json_equal(a, b)))
            gru_warn("%s: the run until now had another %s than this one", name, keys[i]);
    }
    json_decref(record);
    json_decref(ours);
}
