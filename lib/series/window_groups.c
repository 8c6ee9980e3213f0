/* The groups of a table's rows (window_groups.h). */
#include "series/window_groups.h"

#include "base/mem.h"

#include <stdlib.h>

/* Records are laid out at the first row, when other groups' names are not known yet: most names fit
 * into NAME_WIDTH bytes, and where the first is long, others will be. */
enum { NAME_WIDTH = 64, GROUPS_MAX = 1 << 20 };

static gru_status add(gru_window_groups *g, const gru_field *name, gru_error *err) {
    gru_window_labels labels = {.id_width = g->id_width};
    if (g->count == GROUPS_MAX)
        return gru_error_set(err, GRU_ERR_DATA, "%s: column '%s' has more than %d groups",
                             g->source, g->w->group, GROUPS_MAX);
    if (name && g->id_width) {
        if (!g->group_width)
            g->group_width = 2 * name->len > NAME_WIDTH ? 2 * name->len : NAME_WIDTH;
        if (name->len > g->group_width)
            return gru_error_set(err, GRU_ERR_DATA,
                                 "%s: column '%s': the name '%.40s...' is longer than the %zu "
                                 "bytes kept for it; shorten it, or put its rows first",
                                 g->source, g->w->group, name->text, g->group_width);
        labels.group = name->text;
        labels.group_len = name->len;
        labels.group_width = g->group_width;
    }
    if (gru_mem_grow(&g->at, &g->cap, g->count + 1, sizeof *g->at, err))
        return err->code;
    g->at[g->count] = (gru_window_group){0};
    if (gru_window_maker_new(&g->at[g->count].maker, g->w, &labels, err))
        return err->code;
    g->count++;
    return GRU_OK;
}

gru_status gru_window_groups_find(gru_window_groups *g, const gru_field *name, size_t *number,
                                  gru_error *err) {
    *number = 0;
    if (name && ((!g->names && gru_map_new(&g->names, err)) ||
                 gru_map_number(g->names, name->text, name->len, number, err)))
        return err->code;
    return *number < g->count ? GRU_OK : add(g, name, err);
}

const char *gru_window_groups_name(const gru_window_groups *g, size_t number, size_t *len) {
    const gru_map_entry *entry = g->names ? gru_map_at(g->names, number) : NULL;
    *len = entry ? entry->len : 0;
    return entry ? entry->key : "";
}

bool gru_window_groups_warn(const gru_window_groups *g) {
    for (size_t i = 0; g->w->index && i < g->count; i++)
        if (gru_date_watch_warn(&g->at[i].watch, g->source, g->w->index))
            return true;
    return false;
}

void gru_window_groups_free(gru_window_groups *g) {
    for (size_t i = 0; i < g->count; i++)
        gru_window_maker_free(g->at[i].maker);
    free(g->at);
    gru_map_free(g->names);
}
