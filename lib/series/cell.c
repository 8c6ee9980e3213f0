/* Cells that networks read (cell.h). */
#include "series/cell.h"

#include <math.h>

ptrdiff_t gru_cells_scaled(const gru_cells *c, size_t column) {
    return c->scaler ? gru_scaler_find(c->scaler, gru_table_name(c->table, column)) : -1;
}

gru_status gru_cells_number(const gru_cells *c, const gru_field *row, size_t column,
                            ptrdiff_t scaled, double *value, gru_error *err) {
    bool missing;
    const char *wrong = NULL;
    if (gru_table_number(c->table, row, column, value, &missing, err))
        return err->code;
    if (scaled >= 0)
        *value = gru_scaler_apply(c->scaler, (size_t)scaled, *value);
    if (missing)
        wrong = "the value is missing; gru-clean fills gaps";
    else if (!isfinite((float)*value))
        wrong = scaled < 0 ? "the value is too large for a float"
                           : "the value is not finite once it is scaled";
    return wrong ? gru_error_set(err, GRU_ERR_DATA, "%s:%llu: column '%s': %s", c->source,
                                 gru_table_line(c->table), gru_table_name(c->table, column), wrong)
                 : GRU_OK;
}
