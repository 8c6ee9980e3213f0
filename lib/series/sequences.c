/* A table cut into whole sequences (sequences.h). */
#include "series/sequences.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "series/window_table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct cutter {
    const gru_sequences *s;
    gru_table *table;
    const char *source;
    size_t *feature, features, *target, targets, group; /* columns of the table */
    gru_map *groups;                                    /* name → its number */
    float *value;     /* [rows][features + targets], in the table's order */
    uint32_t *member; /* [rows]: the row's group */
    size_t rows, value_cap, member_cap;
    size_t *start, *order; /* rows by group: order[start[g]] … order[start[g + 1] − 1] */
    size_t steps;          /* of a sample */
    gru_record_spec spec;
    unsigned char *record;
} cutter;

static gru_status find_columns(cutter *c, gru_error *err) {
    const char *features = c->s->features ? c->s->features : c->s->targets;
    if (gru_table_find_list(c->table, features, &c->feature, &c->features, err) ||
        gru_table_find_list(c->table, c->s->targets, &c->target, &c->targets, err))
        return err->code;
    return c->s->group ? gru_table_find(c->table, c->s->group, &c->group, err) : GRU_OK;
}

/* ---- reading ---- */

static gru_status take_row(cutter *c, const gru_field *row, gru_error *err) {
    static const gru_field whole = {.text = "", .len = 0};
    const gru_field *name = c->s->group ? &row[c->group] : &whole;
    const size_t width = c->features + c->targets;
    size_t before = gru_map_count(c->groups), need;
    if (!gru_size_mul(c->rows + 1, width, &need) || c->rows == UINT32_MAX)
        return gru_error_set(err, GRU_ERR_DATA, "%s: too many rows for --sequences", c->source);
    if (gru_mem_grow(&c->value, &c->value_cap, need, sizeof *c->value, err) ||
        gru_mem_grow(&c->member, &c->member_cap, c->rows + 1, sizeof *c->member, err))
        return err->code;
    float *value = c->value + c->rows * width;
    for (size_t i = 0; i < width; i++) {
        size_t column = i < c->features ? c->feature[i] : c->target[i - c->features];
        double number;
        if (gru_window_number(c->table, c->source, row, column, &number, err))
            return err->code;
        value[i] = (float)number;
    }
    gru_map_entry *entry = gru_map_put(c->groups, name->text, name->len);
    if (!entry)
        return gru_error_memory(err, name->len);
    if (gru_map_count(c->groups) > before)
        entry->value = (int64_t)before;
    c->member[c->rows++] = (uint32_t)entry->value;
    return GRU_OK;
}

static gru_status read_rows(cutter *c, gru_error *err) {
    const gru_field *row;
    if (gru_map_new(&c->groups, err))
        return err->code;
    for (;;) {
        if (gru_table_next(c->table, &row, err))
            return err->code;
        if (!row)
            break;
        if (take_row(c, row, err))
            return err->code;
    }
    if (!c->rows)
        return gru_error_set(err, GRU_ERR_DATA, "%s: no rows after the header", c->source);
    return GRU_OK;
}

/* ---- grouping ---- */

/* A counting sort, which keeps the rows of a group in their order. */
static gru_status sort_rows(cutter *c, gru_error *err) {
    size_t groups = gru_map_count(c->groups);
    if (gru_mem_new(&c->start, groups + 2, sizeof *c->start, err) ||
        gru_mem_new(&c->order, c->rows, sizeof *c->order, err))
        return err->code;
    for (size_t r = 0; r < c->rows; r++)
        c->start[c->member[r] + 2]++;
    for (size_t g = 2; g < groups + 2; g++)
        c->start[g] += c->start[g - 1];
    for (size_t r = 0; r < c->rows; r++)
        c->order[c->start[c->member[r] + 1]++] = r;
    return GRU_OK;
}

static size_t steps_of(const cutter *c, size_t group) {
    size_t rows = c->start[group + 1] - c->start[group];
    return rows > c->s->ahead ? rows - c->s->ahead : 0;
}

/* Finds the number of steps of all samples, and how many samples there are. */
static gru_status measure(cutter *c, size_t *samples, gru_error *err) {
    size_t groups = gru_map_count(c->groups), longest = 0;
    *samples = 0;
    for (size_t g = 0; g < groups; g++) {
        size_t steps = steps_of(c, g);
        if (c->s->steps && steps > c->s->steps)
            return gru_error_set(err, GRU_ERR_DATA,
                                 "%s: the sequence '%.60s' has %zu steps, more than --length %zu",
                                 c->source, gru_map_at(c->groups, g)->key, steps, c->s->steps);
        longest = steps > longest ? steps : longest;
        *samples += steps > 0;
    }
    if (!*samples)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: no sequence has a step: each needs %zu rows, its targets stand "
                             "%zu below",
                             c->source, c->s->ahead + 1, c->s->ahead);
    if (*samples < groups)
        gru_warn("%s: %zu of %zu sequences are left out: fewer than %zu rows", c->source,
                 groups - *samples, groups, c->s->ahead + 1);
    c->steps = c->s->steps ? c->s->steps : longest;
    return GRU_OK;
}

/* ---- writing ---- */

static gru_status lay_out(cutter *c, gru_error *err) {
    size_t name = 1;
    for (size_t g = 0; g < gru_map_count(c->groups); g++) {
        size_t len = gru_map_at(c->groups, g)->len;
        name = len > name ? len : name;
    }
    gru_record_set(&c->spec, GRU_X, 'f', 2, c->steps, c->features, 0);
    gru_record_set(&c->spec, GRU_Y, 'f', 2, c->steps, c->targets, 0);
    gru_record_set(&c->spec, GRU_LEN, 'i', 0, 0, 0, 0);
    if (c->s->group)
        gru_record_set(&c->spec, GRU_ID, 'S', 0, 0, 0, name);
    if (gru_record_layout(&c->spec, err))
        return gru_error_at(err, "%s", c->source);
    return gru_mem_new(&c->record, 1, c->spec.bytes, err);
}

static void fill(cutter *c, size_t group) {
    const gru_slot_spec *slot = c->spec.slot;
    const size_t width = c->features + c->targets, steps = steps_of(c, group);
    const size_t *row = c->order + c->start[group];
    const int32_t valid = (int32_t)steps;
    const gru_map_entry *name = gru_map_at(c->groups, group);
    memset(c->record, 0, c->spec.bytes);
    for (size_t t = 0; t < steps; t++) {
        const float *from = c->value + row[t] * width;
        const float *to = c->value + row[t + c->s->ahead] * width + c->features;
        size_t x = c->features * sizeof(float), y = c->targets * sizeof(float);
        memcpy(c->record + slot[GRU_X].offset + t * x, from, x);
        memcpy(c->record + slot[GRU_Y].offset + t * y, to, y);
    }
    memcpy(c->record + slot[GRU_LEN].offset, &valid, sizeof valid);
    if (c->s->group)
        memcpy(c->record + slot[GRU_ID].offset, name->key, name->len);
}

static gru_status write_samples(cutter *c, size_t samples, gru_output *out, gru_error *err) {
    gru_npy_writer *to;
    gru_status status = gru_npy_write_open(&to, out, &c->spec, samples, err);
    if (status)
        return status;
    for (size_t g = 0; !status && g < gru_map_count(c->groups); g++) {
        if (!steps_of(c, g))
            continue;
        fill(c, g);
        status = gru_npy_write(to, c->record, 1, err);
    }
    if (status)
        gru_npy_write_abort(to);
    else
        status = gru_npy_write_close(to, err);
    return status;
}

static void free_cutter(cutter *c) {
    if (c->groups)
        gru_map_free(c->groups);
    free(c->feature);
    free(c->target);
    free(c->value);
    free(c->member);
    free(c->start);
    free(c->order);
    free(c->record);
}

gru_status gru_sequences_cut(const gru_sequences *s, gru_table *table, const char *source,
                             gru_output *out, gru_error *err) {
    cutter c = {.s = s, .table = table, .source = source};
    size_t samples = 0;
    gru_status status = find_columns(&c, err);
    if (!status)
        status = read_rows(&c, err);
    if (!status)
        status = sort_rows(&c, err);
    if (!status)
        status = measure(&c, &samples, err);
    if (!status)
        status = lay_out(&c, err);
    if (!status)
        status = write_samples(&c, samples, out, err);
    if (!status)
        gru_detail("%zu sequences of at most %zu steps from %zu rows", samples, c.steps, c.rows);
    free_cutter(&c);
    return status;
}
