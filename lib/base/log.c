/* The one sink for messages. It is set once, before any thread starts. */
#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static gru_log_sink *current_sink;
static void *current_arg;

void gru_log_set_sink(gru_log_sink *sink, void *arg) {
    current_sink = sink;
    current_arg = arg;
}

static void emit(gru_log_level level, const char *format, va_list args) {
    char message[2048];
    vsnprintf(message, sizeof message, format, args);
    current_sink(current_arg, level, message);
}

void gru_warn(const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (current_sink)
        emit(GRU_LOG_WARNING, format, args);
    va_end(args);
}

void gru_note(const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (current_sink)
        emit(GRU_LOG_NOTE, format, args);
    va_end(args);
}

void gru_detail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (current_sink)
        emit(GRU_LOG_DETAIL, format, args);
    va_end(args);
}

void gru_report(const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (current_sink)
        emit(GRU_LOG_REPORT, format, args);
    va_end(args);
}
