/* Dates and row numbers of ids (when.h). */
#include "eval/when.h"

#include "base/number.h"

#include <math.h>

gru_when gru_when_id(const char *text, size_t len) {
    gru_when when = {.kind = GRU_WHEN_UNKNOWN};
    long long row;
    for (int i = 0; i < GRU_DATE_ORDERS; i++) {
        gru_moment moment;
        when.at[i] = (double)NAN;
        if (gru_date_parse(text, len, (gru_date_order)i, &moment)) {
            when.at[i] = (double)moment / (double)GRU_SECOND;
            when.kind = GRU_WHEN_DATE;
        }
    }
    if (when.kind == GRU_WHEN_UNKNOWN && gru_number_parse_int(text, len, &row)) {
        when.kind = GRU_WHEN_ROW;
        for (int i = 0; i < GRU_DATE_ORDERS; i++)
            when.at[i] = (double)row;
    }
    return when;
}

bool gru_when_follows(const gru_when *a, const gru_when *b) {
    if (a->kind != b->kind || b->kind == GRU_WHEN_UNKNOWN)
        return false;
    if (b->kind == GRU_WHEN_ROW)
        return fabs(b->at[0] - a->at[0] - 1) < 0.5;
    for (int i = 0; i < GRU_DATE_ORDERS; i++)
        if (b->at[i] > a->at[i])
            return true;
    return false;
}
