/* Filling in error values. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

gru_status gru_error_set(gru_error *err, gru_status code, const char *format, ...) {
    if (!err)
        return code;
    err->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return code;
}

gru_status gru_error_at(gru_error *err, const char *format, ...) {
    if (!err)
        return GRU_ERR_DATA;
    char where[sizeof err->message];
    va_list args;
    va_start(args, format);
    vsnprintf(where, sizeof where, format, args);
    va_end(args);
    size_t used = strlen(where), room = sizeof where - used;
    if (room > 1)
        snprintf(where + used, room, ": %.*s", (int)(room - 1), err->message);
    memcpy(err->message, where, sizeof where);
    return err->code;
}

gru_status gru_error_memory(gru_error *err, unsigned long long bytes) {
    return gru_error_set(err, GRU_ERR_MEMORY, "not enough memory (%llu bytes asked for)", bytes);
}
