/* A table cut into whole sequences (sequences.h). */
#include "series/sequences.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "series/cell.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct gru_sequences {
    const gru_windows *w;
    const gru_scaler *scaler;
    gru_table *table;
    char *source;
    size_t *column, features, targets, group; /* columns of the table: features, then targets */
    ptrdiff_t *scaled;                        /* [features + targets]: the scaler's, or −1 */
    size_t ahead;                             /* rows from a step to its target */
    gru_map *groups;                          /* name → its number */
    float *value;                             /* [rows][features + targets], in the table's order */
    uint32_t *member;                         /* [rows]: the row's group */
    size_t rows, value_cap, member_cap;
    size_t *start, *order; /* rows by group: order[start[g]] … order[start[g + 1] − 1] */
    size_t steps;          /* of a sample */
    size_t samples, at;    /* groups that have a step; the group to look at next */
    gru_record_spec spec;
    unsigned char *record;
};

static gru_status find_columns(gru_sequences *s, bool targets, gru_error *err) {
    const gru_windows *w = s->w;
    size_t *target = NULL;
    if (targets && gru_table_find_list(s->table, w->target, &target, &s->targets, err))
        return err->code;
    s->features = w->features;
    size_t width = s->features + s->targets;
    const gru_cells cells = {s->table, s->source, s->scaler};
    gru_status status = gru_mem_new(&s->column, width, sizeof *s->column, err);
    if (!status)
        status = gru_mem_new(&s->scaled, width, sizeof *s->scaled, err);
    for (size_t i = 0; !status && i < width; i++) {
        if (i < s->features)
            status = gru_table_find(s->table, w->feature[i], &s->column[i], err);
        else
            s->column[i] = target[i - s->features];
        if (!status)
            s->scaled[i] = gru_cells_scaled(&cells, s->column[i]);
    }
    free(target);
    return !status && w->group ? gru_table_find(s->table, w->group, &s->group, err) : status;
}

/* ---- reading ---- */

static gru_status take_number(gru_sequences *s, const gru_field *row, size_t i, float *value,
                              gru_error *err) {
    double number;
    const gru_cells cells = {s->table, s->source, s->scaler};
    if (gru_cells_number(&cells, row, s->column[i], s->scaled[i], &number, err))
        return err->code;
    *value = (float)number;
    return GRU_OK;
}

static gru_status take_row(gru_sequences *s, const gru_field *row, gru_error *err) {
    static const gru_field whole = {.text = "", .len = 0};
    const gru_field *name = s->w->group ? &row[s->group] : &whole;
    const size_t width = s->features + s->targets;
    size_t number, need;
    if (!gru_size_mul(s->rows + 1, width, &need) || s->rows == UINT32_MAX)
        return gru_error_set(err, GRU_ERR_DATA, "%s: too many rows for whole sequences", s->source);
    if (gru_mem_grow(&s->value, &s->value_cap, need, sizeof *s->value, err) ||
        gru_mem_grow(&s->member, &s->member_cap, s->rows + 1, sizeof *s->member, err))
        return err->code;
    for (size_t i = 0; i < width; i++)
        if (take_number(s, row, i, &s->value[s->rows * width + i], err))
            return err->code;
    if (gru_map_number(s->groups, name->text, name->len, &number, err))
        return err->code;
    s->member[s->rows++] = (uint32_t)number;
    return GRU_OK;
}

static gru_status read_rows(gru_sequences *s, gru_error *err) {
    const gru_field *row;
    if (gru_map_new(&s->groups, err))
        return err->code;
    for (;;) {
        if (gru_table_next(s->table, &row, err))
            return err->code;
        if (!row)
            break;
        if (take_row(s, row, err))
            return err->code;
    }
    if (!s->rows)
        return gru_error_set(err, GRU_ERR_DATA, "%s: no rows after the header", s->source);
    return GRU_OK;
}

/* ---- grouping ---- */

/* A counting sort, which keeps the rows of a group in their order. */
static gru_status sort_rows(gru_sequences *s, gru_error *err) {
    size_t groups = gru_map_count(s->groups);
    if (gru_mem_new(&s->start, groups + 2, sizeof *s->start, err) ||
        gru_mem_new(&s->order, s->rows, sizeof *s->order, err))
        return err->code;
    for (size_t r = 0; r < s->rows; r++)
        s->start[s->member[r] + 2]++;
    for (size_t g = 2; g < groups + 2; g++)
        s->start[g] += s->start[g - 1];
    for (size_t r = 0; r < s->rows; r++)
        s->order[s->start[s->member[r] + 1]++] = r;
    return GRU_OK;
}

static size_t steps_of(const gru_sequences *s, size_t group) {
    size_t rows = s->start[group + 1] - s->start[group];
    return rows > s->ahead ? rows - s->ahead : 0;
}

/* Finds the number of steps of all samples, and how many samples there are. */
static gru_status measure(gru_sequences *s, gru_error *err) {
    size_t groups = gru_map_count(s->groups), longest = 0, length = s->w->length;
    for (size_t g = 0; g < groups; g++) {
        size_t steps = steps_of(s, g);
        if (length && steps > length)
            return gru_error_set(err, GRU_ERR_DATA,
                                 "%s: the sequence '%.60s' has %zu steps, more than --length %zu",
                                 s->source, gru_map_at(s->groups, g)->key, steps, length);
        longest = steps > longest ? steps : longest;
        s->samples += steps > 0;
    }
    if (!s->samples)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: no sequence has a step: each needs %zu rows, its targets stand "
                             "%zu below",
                             s->source, s->ahead + 1, s->ahead);
    if (s->samples < groups)
        gru_warn("%s: %zu of %zu sequences are left out: fewer than %zu rows", s->source,
                 groups - s->samples, groups, s->ahead + 1);
    s->steps = length ? length : longest;
    return GRU_OK;
}

static gru_status lay_out(gru_sequences *s, gru_error *err) {
    size_t name = 1;
    for (size_t g = 0; g < gru_map_count(s->groups); g++) {
        size_t len = gru_map_at(s->groups, g)->len;
        name = len > name ? len : name;
    }
    gru_record_set(&s->spec, GRU_X, 'f', 2, s->steps, s->features, 0);
    if (s->targets)
        gru_record_set(&s->spec, GRU_Y, 'f', 2, s->steps, s->targets, 0);
    gru_record_set(&s->spec, GRU_LEN, 'i', 0, 0, 0, 0);
    if (s->w->group)
        gru_record_set(&s->spec, GRU_ID, 'S', 0, 0, 0, name);
    if (gru_record_layout(&s->spec, err))
        return gru_error_at(err, "%s", s->source);
    return gru_mem_new(&s->record, 1, s->spec.bytes, err);
}

/* ---- life ---- */

gru_status gru_sequences_new(gru_sequences **out, const gru_windows *w, const gru_scaler *scaler,
                             bool targets, gru_table *table, const char *source, gru_error *err) {
    gru_sequences *s;
    *out = NULL;
    if (gru_mem_new(&s, 1, sizeof *s, err))
        return err->code;
    *s = (gru_sequences){.w = w,
                         .scaler = scaler,
                         .table = table,
                         .source = gru_str_copy(source, strlen(source)),
                         .ahead = targets ? w->horizon : 0};
    gru_status status = s->source ? GRU_OK : gru_error_memory(err, strlen(source));
    if (!status)
        status = find_columns(s, targets, err);
    if (!status)
        status = read_rows(s, err);
    if (!status)
        status = sort_rows(s, err);
    if (!status)
        status = measure(s, err);
    if (!status)
        status = lay_out(s, err);
    if (status)
        gru_sequences_free(s);
    else
        *out = s;
    return status;
}

void gru_sequences_free(gru_sequences *s) {
    if (!s)
        return;
    gru_map_free(s->groups);
    void *blocks[] = {s->source, s->column, s->scaled, s->value,
                      s->member, s->start,  s->order,  s->record};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    free(s);
}

const gru_record_spec *gru_sequences_spec(const gru_sequences *s) {
    return &s->spec;
}

/* ---- samples ---- */

static void fill(gru_sequences *s, size_t group) {
    const gru_slot_spec *slot = s->spec.slot;
    const size_t width = s->features + s->targets, steps = steps_of(s, group);
    const size_t *row = s->order + s->start[group];
    const int32_t valid = (int32_t)steps;
    const gru_map_entry *name = gru_map_at(s->groups, group);
    const size_t x = s->features * sizeof(float), y = s->targets * sizeof(float);
    memset(s->record, 0, s->spec.bytes);
    for (size_t t = 0; t < steps; t++) {
        const float *from = s->value + row[t] * width;
        const float *to = s->value + row[t + s->ahead] * width + s->features;
        memcpy(s->record + slot[GRU_X].offset + t * x, from, x);
        if (y)
            memcpy(s->record + slot[GRU_Y].offset + t * y, to, y);
    }
    memcpy(s->record + slot[GRU_LEN].offset, &valid, sizeof valid);
    if (s->w->group)
        memcpy(s->record + slot[GRU_ID].offset, name->key, name->len);
}

const void *gru_sequences_next(gru_sequences *s) {
    size_t groups = gru_map_count(s->groups);
    while (s->at < groups && !steps_of(s, s->at))
        s->at++;
    if (s->at == groups)
        return NULL;
    fill(s, s->at++);
    return s->record;
}

static gru_status write_samples(gru_sequences *s, gru_output *out, gru_error *err) {
    gru_npy_writer *to;
    const void *record;
    gru_status status = gru_npy_write_open(&to, out, &s->spec, s->samples, err);
    if (status)
        return status;
    while (!status && (record = gru_sequences_next(s)))
        status = gru_npy_write(to, record, 1, err);
    if (status)
        gru_npy_write_abort(to);
    else
        status = gru_npy_write_close(to, err);
    return status;
}

gru_status gru_sequences_cut(gru_windows *w, gru_table *table, const char *source, gru_output *out,
                             const char *fit, gru_error *err) {
    gru_sequences *s;
    gru_status status = gru_sequences_new(&s, w, NULL, true, table, source, err);
    if (status)
        return status;
    w->rows = s->rows;
    w->windows = s->samples;
    if (fit)
        status = gru_windows_save(w, fit, err);
    if (!status)
        status = write_samples(s, out, err);
    if (!status)
        gru_detail("%zu sequences of at most %zu steps from %zu rows", s->samples, s->steps,
                   s->rows);
    gru_sequences_free(s);
    return status;
}
