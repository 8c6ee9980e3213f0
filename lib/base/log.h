/* Messages for people. The library hands them to one sink that cmd/ sets; without a sink they are
 * dropped. Not for errors, which are values (error.h). */
#ifndef GRU_BASE_LOG_H
#define GRU_BASE_LOG_H

typedef enum gru_log_level {
    GRU_LOG_WARNING, /* shown unless -q */
    GRU_LOG_NOTE,    /* shown unless -q: a line an epoch, what was made */
    GRU_LOG_DETAIL,  /* shown with -v: seed, instruction set, sizes */
    GRU_LOG_REPORT   /* always shown: what an option of its own asked for */
} gru_log_level;

typedef void gru_log_sink(void *arg, gru_log_level level, const char *message);

void gru_log_set_sink(gru_log_sink *sink, void *arg);
void gru_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void gru_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void gru_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void gru_report(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
