/* Streams and tables divided into files (split_stream.h). */
#include "train/split_stream.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/number.h"
#include "io/npy.h"
#include "io/table.h"
#include "kern/kern.h"
#include "train/spool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    IN_MEMORY = 32 << 20,
    CHUNK_BYTES = 1 << 20,
    FIELD_MAX = 1 << 30,
    AHEAD = 16,
    FETCHED = 4096
};

/* ---- outputs ---- */

static void discard_all(gru_output **out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        gru_output_discard(out[i]);
        out[i] = NULL;
    }
}

static gru_status open_all(const gru_split_job *job, gru_output_kind kind, gru_output **out,
                           gru_error *err) {
    gru_status status = GRU_OK;
    for (size_t i = 0; !status && i < job->files; i++)
        status = gru_output_open(&out[i], job->path[i], kind, err);
    if (status)
        discard_all(out, job->files);
    return status;
}

/* All or none: everything is flushed before the first file appears, and should one still fail,
 * those that have appeared are taken back. */
static gru_status commit_all(const gru_split_job *job, gru_output **out, gru_error *err) {
    gru_status status = GRU_OK;
    size_t done = 0;
    for (size_t i = 0; !status && i < job->files; i++)
        status = gru_output_flush(out[i], err);
    while (!status && done < job->files) {
        status = gru_output_commit(out[done], err);
        out[done] = NULL;
        done += status == GRU_OK;
    }
    for (size_t i = 0; status && i < done; i++) {
        struct stat s;
        if (strcmp(job->path[i], "-") != 0 && lstat(job->path[i], &s) == 0 && S_ISREG(s.st_mode))
            unlink(job->path[i]);
    }
    discard_all(out, job->files);
    return status;
}

/* The rows of part i of the job's files. */
static const size_t *part(const gru_split *split, size_t files, size_t i, size_t *count) {
    if (i == 0) {
        *count = split->train_count;
        return split->train;
    }
    if (i + 1 < files) {
        *count = split->validation_count;
        return split->validation;
    }
    *count = split->test_count;
    return split->test;
}

/* Ends what was written with this status; frees the split. */
static gru_status finish(const gru_split_job *job, gru_output **out, gru_split *split,
                         gru_status status, gru_error *err) {
    if (status)
        discard_all(out, job->files);
    else
        status = commit_all(job, out, err);
    if (!status)
        gru_detail("%zu training, %zu validation, %zu test rows", split->train_count,
                   split->validation_count, split->test_count);
    gru_split_free(split);
    return status;
}

/* ---- tensor streams ---- */

/* All records: in one piece, or in a file of which a window is in memory. */
typedef struct records {
    const gru_record_spec *spec;
    const char *source;
    size_t count;
    const unsigned char *base; /* NULL: the window */
    gru_spool spool;
    void *map;
    size_t map_size;
    int fd; /* not owned */
    uint64_t offset;
    unsigned char *window; /* some of the file, or all */
    size_t window_first, window_count, window_cap;
} records;

static void free_records(records *r) {
    if (r->map)
        munmap(r->map, r->map_size);
    gru_spool_free(&r->spool);
    free(r->window);
}

static gru_status read_all(records *r, size_t bytes, gru_error *err) {
    gru_status status = gru_mem_new(&r->window, r->count, r->spec->bytes, err);
    if (!status)
        status = gru_file_read(r->fd, r->source, r->offset, r->window, bytes, err);
    r->base = r->window;
    return status;
}

static bool map_all(records *r, size_t bytes) {
    if (!gru_size_add(bytes, (size_t)r->offset, &r->map_size))
        return false;
    void *map = mmap(NULL, r->map_size, PROT_READ, MAP_PRIVATE, r->fd, 0);
    if (map == MAP_FAILED)
        return false;
    r->map = map;
    r->base = (const unsigned char *)map + r->offset;
    return true;
}

/* In time order one window after another will do, and few records are read whole: a file that is
 * cut meanwhile then ends in a message. Many shuffled ones are mapped, since a call for each would
 * take longer than all the rest. */
static gru_status open_records(records *r, const gru_npy_reader *reader, gru_split_order order,
                               bool *opened, gru_error *err) {
    uint64_t count;
    size_t bytes;
    *opened = gru_npy_mappable(reader, &r->fd, &r->offset, &count) && count <= SIZE_MAX &&
              gru_size_mul((size_t)count, r->spec->bytes, &bytes) && bytes;
    if (!*opened)
        return GRU_OK;
    r->count = (size_t)count;
    if (order == GRU_SPLIT_TIME) {
        r->window_cap = CHUNK_BYTES / r->spec->bytes + 1;
        return gru_mem_new(&r->window, r->window_cap, r->spec->bytes, err);
    }
    if (bytes <= IN_MEMORY)
        return read_all(r, bytes, err);
    *opened = map_all(r, bytes);
    return GRU_OK;
}

/* The record of rows[0], and how many of those that follow it in rows[most] follow it in memory. */
static gru_status look(records *r, const size_t *rows, size_t most, const unsigned char **record,
                       size_t *run, gru_error *err) {
    size_t bytes = r->spec->bytes, row = rows[0], here = row - r->window_first;
    if (!r->base && (row < r->window_first || here >= r->window_count)) {
        size_t left = r->count - row, count = left < r->window_cap ? left : r->window_cap;
        r->window_count = 0;
        gru_status status = gru_file_read(r->fd, r->source, r->offset + (uint64_t)row * bytes,
                                          r->window, count * bytes, err);
        if (status)
            return status;
        r->window_first = row;
        r->window_count = count;
        here = 0;
    }
    if (!r->base && most > r->window_count - here)
        most = r->window_count - here;
    *record = r->base ? r->base + row * bytes : r->window + here * bytes;
    for (*run = 1; *run < most && rows[*run] == row + *run;)
        ++*run;
    return GRU_OK;
}

static gru_status spool_records(records *r, gru_npy_reader *reader, gru_error *err) {
    size_t most = CHUNK_BYTES / r->spec->bytes + 1, got = 0;
    void *buffer = NULL;
    gru_status status = gru_mem_new(&buffer, most, r->spec->bytes, err);
    while (!status) {
        status = gru_npy_next(reader, buffer, most, &got, err);
        if (status || !got)
            break;
        status = gru_spool_add(&r->spool, buffer, got * r->spec->bytes, err);
        r->count += got;
    }
    free(buffer);
    return status ? status : gru_spool_finish(&r->spool, &r->base, err);
}

static int by_class(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double class_value(const records *r, size_t row) {
    const gru_slot_spec *y = &r->spec->slot[GRU_Y];
    const unsigned char *at = r->base + row * r->spec->bytes + y->offset;
    float number;
    int32_t whole;
    if (y->type == 'f') {
        memcpy(&number, at, sizeof number);
        return (double)number;
    }
    memcpy(&whole, at, sizeof whole);
    return whole;
}

/* classes[count]: the rank of each record's y among the values there are. */
static gru_status rank_records(const records *r, uint32_t **classes, gru_error *err) {
    const gru_slot_spec *y = &r->spec->slot[GRU_Y];
    double *sorted = NULL;
    size_t distinct = 0;
    if (!y->type || y->bytes != 4) {
        char text[256];
        gru_record_describe(r->spec, text, sizeof text);
        return gru_error_set(err, GRU_ERR_DATA,
                             "--order stratified needs one class a sample as y, and here is %s",
                             text);
    }
    gru_status status = /* a NaN has no place in a sorted order */
        gru_record_check_finite(r->spec, r->base, r->count, 0, r->source, err);
    if (!status)
        status = gru_mem_new(&sorted, r->count, sizeof *sorted, err);
    if (!status)
        status = gru_mem_new(classes, r->count, sizeof **classes, err);
    if (!status) {
        for (size_t i = 0; i < r->count; i++)
            sorted[i] = class_value(r, i);
        qsort(sorted, r->count, sizeof *sorted, by_class);
        for (size_t i = 0; i < r->count; i++)
            if (!i || sorted[i] != sorted[distinct - 1])
                sorted[distinct++] = sorted[i];
        for (size_t i = 0; i < r->count; i++) {
            double v = class_value(r, i);
            const double *at = bsearch(&v, sorted, distinct, sizeof *sorted, by_class);
            (*classes)[i] = (uint32_t)(at - sorted);
        }
    }
    free(sorted);
    return status;
}

static gru_status write_records(records *r, const size_t *rows, size_t count, gru_output *out,
                                gru_error *err) {
    gru_npy_writer *w = NULL;
    gru_status status = gru_npy_write_open(&w, out, r->spec, count, err);
    if (status)
        return status;
    const size_t bytes = r->spec->bytes,
                 fetched = (bytes < FETCHED ? bytes : FETCHED) / sizeof(float);
    for (size_t i = 0, run; !status && i < count; i += run) {
        const unsigned char *record;
        if (r->base && i + AHEAD < count) /* shuffled, it lies anywhere in memory */
            gru_kern_fetch((const void *)(r->base + rows[i + AHEAD] * bytes), fetched);
        status = look(r, rows + i, count - i, &record, &run, err);
        if (!status)
            status = gru_record_check_finite(r->spec, record, run, rows[i], r->source, err);
        if (!status)
            status = gru_npy_write(w, record, run, err);
    }
    if (!status)
        return gru_npy_write_close(w, err);
    gru_npy_write_abort(w);
    return status;
}

static gru_status split_records(const gru_split_job *job, records *r, gru_error *err) {
    gru_output *out[GRU_SPLIT_FILES] = {0};
    gru_split split = {0};
    uint32_t *classes = NULL;
    gru_status status = GRU_OK;
    if (job->plan.order == GRU_SPLIT_STRATIFIED)
        status = rank_records(r, &classes, err);
    if (!status)
        status = gru_split_make(&split, &job->plan, r->count, classes, err);
    free(classes);
    if (!status)
        status = open_all(job, GRU_OUTPUT_BINARY, out, err);
    for (size_t i = 0; !status && i < job->files; i++) {
        size_t count;
        const size_t *rows = part(&split, job->files, i, &count);
        status = write_records(r, rows, count, out[i], err);
    }
    return finish(job, out, &split, status, err);
}

static gru_status split_npy(const gru_split_job *job, gru_input *in, gru_error *err) {
    gru_npy_reader *reader = NULL;
    gru_status status = gru_npy_open(&reader, in, err);
    if (status)
        return status;
    bool opened = false;
    records r = {.spec = gru_npy_spec(reader), .source = gru_input_name(in)};
    gru_spool_init(&r.spool, IN_MEMORY);
    if (job->label)
        status = gru_error_set(err, GRU_ERR_USAGE,
                               "--label is for tables; a tensor stream's class is its y");
    if (!status)
        status = open_records(&r, reader, job->plan.order, &opened, err);
    if (!status && !opened)
        status = spool_records(&r, reader, err);
    if (!status)
        status = split_records(job, &r, err);
    free_records(&r);
    gru_npy_close(reader);
    return status;
}

/* ---- tables ---- */

/* Rows packed into the spool: per field its length (4 bytes) and its text. */
typedef struct lines {
    gru_table *table;
    const char *source;
    gru_spool spool;
    const unsigned char *base;
    uint64_t *start; /* of each row in the spool */
    size_t start_cap, rows, columns;
    gru_map *labels;
    uint32_t *classes;
    size_t classes_cap;
} lines;

static gru_status pack_row(lines *l, const gru_field *row, gru_error *err) {
    gru_status status = gru_mem_grow(&l->start, &l->start_cap, l->rows + 1, sizeof *l->start, err);
    if (status)
        return status;
    l->start[l->rows++] = l->spool.total;
    for (size_t c = 0; !status && c < l->columns; c++) {
        uint32_t len = (uint32_t)row[c].len;
        if (row[c].len > FIELD_MAX)
            return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: a field of %zu bytes is too long",
                                 l->source, gru_table_line(l->table), row[c].len);
        status = gru_spool_add(&l->spool, &len, sizeof len, err);
        if (!status)
            status = gru_spool_add(&l->spool, row[c].text, len, err);
    }
    return status;
}

static gru_status note_label(lines *l, const gru_field *label, size_t column, gru_error *err) {
    if (gru_number_missing(label->text, label->len))
        return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: column '%s': the label is missing",
                             l->source, gru_table_line(l->table), gru_table_name(l->table, column));
    gru_status status =
        gru_mem_grow(&l->classes, &l->classes_cap, l->rows + 1, sizeof *l->classes, err);
    if (status)
        return status;
    size_t number;
    if (gru_map_number(l->labels, label->text, label->len, &number, err))
        return err->code;
    l->classes[l->rows] = (uint32_t)number;
    return GRU_OK;
}

static int by_text(const void *a, const void *b) {
    return strcmp((*(gru_map_entry *const *)a)->key, (*(gru_map_entry *const *)b)->key);
}

static int by_number(const void *a, const void *b) {
    const gru_map_entry *x = *(gru_map_entry *const *)a, *y = *(gru_map_entry *const *)b;
    double m = 0, n = 0;
    gru_number_parse(x->key, x->len, &m);
    gru_number_parse(y->key, y->len, &n);
    return (m > n) - (m < n);
}

/* Class numbers follow the labels' sorted order: as numbers if all are numbers, else as text. */
static gru_status rank_labels(lines *l, gru_error *err) {
    size_t count = gru_map_count(l->labels);
    gru_map_entry **sorted = NULL;
    uint32_t *rank = NULL;
    bool numbers = true;
    gru_status status = gru_mem_new(&sorted, count, sizeof *sorted, err);
    if (!status)
        status = gru_mem_new(&rank, count, sizeof *rank, err);
    for (size_t i = 0; !status && i < count; i++) {
        double ignored;
        sorted[i] = gru_map_at(l->labels, i);
        numbers = numbers && gru_number_parse(sorted[i]->key, sorted[i]->len, &ignored);
    }
    if (!status) {
        qsort(sorted, count, sizeof *sorted, numbers ? by_number : by_text);
        for (size_t i = 0; i < count; i++)
            rank[sorted[i]->value] = (uint32_t)i;
        for (size_t r = 0; r < l->rows; r++)
            l->classes[r] = rank[l->classes[r]];
    }
    free(sorted);
    free(rank);
    return status;
}

static gru_status read_lines(lines *l, const gru_split_job *job, gru_error *err) {
    size_t label = 0;
    gru_status status = GRU_OK;
    if (job->label) {
        status = gru_table_find(l->table, job->label, &label, err);
        if (!status)
            status = gru_map_new(&l->labels, err);
    }
    while (!status) {
        const gru_field *row;
        status = gru_table_next(l->table, &row, err);
        if (status || !row)
            break;
        if (job->label)
            status = note_label(l, &row[label], label, err);
        if (!status)
            status = pack_row(l, row, err);
    }
    if (!status)
        status = gru_spool_finish(&l->spool, &l->base, err);
    if (!status && !l->rows)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: no rows after the header", l->source);
    return status || !job->label ? status : rank_labels(l, err);
}

static gru_status write_lines(const lines *l, const size_t *rows, size_t count, gru_output *out,
                              bool csv, gru_error *err) {
    gru_table_writer w;
    gru_status status = GRU_OK;
    gru_table_writer_init(&w, out, csv);
    for (size_t c = 0; !status && c < l->columns; c++)
        status = gru_table_put_text(&w, gru_table_name(l->table, c), err);
    if (!status)
        status = gru_table_end_row(&w, err);
    for (size_t i = 0; !status && i < count; i++) {
        const unsigned char *at = l->base + l->start[rows[i]];
        for (size_t c = 0; !status && c < l->columns; c++) {
            uint32_t len;
            memcpy(&len, at, sizeof len);
            status = gru_table_put(&w, (const char *)at + sizeof len, len, err);
            at += sizeof len + len;
        }
        if (!status)
            status = gru_table_end_row(&w, err);
    }
    return status;
}

static gru_status split_lines(const gru_split_job *job, const lines *l, gru_error *err) {
    gru_output *out[GRU_SPLIT_FILES] = {0};
    gru_split split = {0};
    gru_status status = gru_split_make(&split, &job->plan, l->rows, l->classes, err);
    if (!status)
        status = open_all(job, GRU_OUTPUT_TEXT, out, err);
    for (size_t i = 0; !status && i < job->files; i++) {
        size_t count;
        const size_t *rows = part(&split, job->files, i, &count);
        bool csv =
            job->csv || gru_str_ends(job->path[i], ".csv") || gru_str_ends(job->path[i], ".csv.gz");
        status = write_lines(l, rows, count, out[i], csv, err);
    }
    return finish(job, out, &split, status, err);
}

static gru_status check_label(const gru_split_job *job, gru_error *err) {
    if (job->plan.order == GRU_SPLIT_STRATIFIED && !job->label)
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--order stratified needs --label COL for a table");
    if (job->plan.order != GRU_SPLIT_STRATIFIED && job->label)
        return gru_error_set(err, GRU_ERR_USAGE, "--label needs --order stratified");
    return GRU_OK;
}

static gru_status split_table(const gru_split_job *job, gru_input *in, gru_error *err) {
    lines l = {.source = gru_input_name(in)};
    gru_spool_init(&l.spool, IN_MEMORY);
    gru_status status = gru_table_open(&l.table, in, job->lossy, err);
    if (status)
        return status;
    l.columns = gru_table_columns(l.table);
    status = check_label(job, err); /* now, for where nothing came it isn't known to be a table */
    if (!status)
        status = read_lines(&l, job, err);
    if (!status)
        status = split_lines(job, &l, err);
    gru_spool_free(&l.spool);
    free(l.start);
    free(l.classes);
    gru_map_free(l.labels);
    gru_table_close(l.table);
    return status;
}

gru_status gru_split_stream(const gru_split_job *job, gru_input *in, gru_error *err) {
    const unsigned char *bytes;
    size_t count;
    gru_status status = gru_input_peek(in, 6, &bytes, &count, err);
    if (status)
        return status;
    return gru_npy_magic(bytes, count) ? split_npy(job, in, err) : split_table(job, in, err);
}
