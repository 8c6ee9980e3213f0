/* The groups of a table's rows, each with windows of its own (window.h), found by their names. */
#ifndef GRU_SERIES_WINDOW_GROUPS_H
#define GRU_SERIES_WINDOW_GROUPS_H

#include "base/map.h"
#include "io/table.h"
#include "series/date.h"
#include "series/window.h"

typedef struct gru_window_group {
    gru_window_maker *maker;
    gru_date_watch watch; /* of its index */
} gru_window_group;

/* The first three are set by the caller, the rest is zeros. */
typedef struct gru_window_groups {
    const gru_windows *w; /* borrowed */
    const char *source;   /* names the table in messages; borrowed */
    size_t id_width;      /* of records; 0: they have neither id nor group */
    size_t group_width;   /* set by the first group found */
    gru_map *names;
    gru_window_group *at; /* [count], in the order of their first rows */
    size_t count, cap;
} gru_window_groups;

/* The group called *name, made when it is new; NULL, with w->group NULL: the only one. *number is
 * its place. GRU_ERR_DATA for too many groups and too long a name. */
gru_status gru_window_groups_find(gru_window_groups *g, const gru_field *name, size_t *number,
                                  gru_error *err);
/* Its name, "" of the only one. */
const char *gru_window_groups_name(const gru_window_groups *g, size_t number, size_t *len);
/* Warns when a group's index runs backwards, of the first such; true when it did. */
bool gru_window_groups_warn(const gru_window_groups *g);
void gru_window_groups_free(gru_window_groups *g);

#endif
