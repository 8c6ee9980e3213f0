/* A bounded heap of the worst rows (mistakes.h). */
#include "eval/mistakes.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

static int worst_first(const void *a, const void *b) {
    const gru_mistake *x = a, *y = b;
    if (x->size < y->size || x->size > y->size)
        return x->size < y->size ? 1 : -1;
    return (x->line > y->line) - (x->line < y->line);
}

static void swap(gru_mistake *a, gru_mistake *b) {
    const gru_mistake kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(gru_mistakes *m, size_t i) {
    while (i > 0 && worst_first(&m->at[i], &m->at[(i - 1) / 2]) > 0) {
        swap(&m->at[i], &m->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static void sift_down(gru_mistakes *m) {
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < m->count; child++)
            if (worst_first(&m->at[child], &m->at[least]) > 0)
                least = child;
        if (least == i)
            return;
        swap(&m->at[i], &m->at[least]);
        i = least;
    }
}

static void drop(gru_mistake *at) {
    free(at->id);
    free(at->group);
    free(at->step);
    free(at->truth);
    free(at->predicted);
    *at = (gru_mistake){0};
}

/* false: there is no memory. */
static bool copy(const gru_predictions *p, size_t column, char **text) {
    if (column == GRU_NO_COLUMN)
        return true;
    *text = gru_str_copy(p->row[column].text, p->row[column].len);
    return *text != NULL;
}

gru_status gru_mistakes_offer(gru_mistakes *m, const gru_predictions *p, double size, size_t truth,
                              size_t predicted, gru_error *err) {
    gru_mistake new = {.size = size, .line = gru_table_line(p->table)};
    if (m->limit == 0 || (m->count == m->limit && worst_first(&new, &m->at[0]) >= 0))
        return GRU_OK;
    gru_status status = gru_mem_grow(&m->at, &m->cap, m->count + 1, sizeof *m->at, err);
    if (status != GRU_OK)
        return status;
    if (!copy(p, p->id, &new.id) || !copy(p, p->group, &new.group) ||
        !copy(p, p->step, &new.step) || !copy(p, truth, &new.truth) ||
        !copy(p, predicted, &new.predicted)) {
        drop(&new);
        return gru_error_memory(err, p->row[truth].len);
    }
    if (m->count < m->limit) {
        m->at[m->count++] = new;
        sift_up(m, m->count - 1);
    } else {
        drop(&m->at[0]);
        m->at[0] = new;
        sift_down(m);
    }
    return GRU_OK;
}

void gru_mistakes_sort(gru_mistakes *m) {
    if (m->count)
        qsort(m->at, m->count, sizeof *m->at, worst_first);
}

void gru_mistakes_free(gru_mistakes *m) {
    for (size_t i = 0; i < m->count; i++)
        drop(&m->at[i]);
    free(m->at);
    *m = (gru_mistakes){0};
}
