/* Errors as values: what failed, where, and the offending word.
 *
 * Functions that can fail return a gru_status and fill the gru_error their caller hands them, or
 * leave it as it was: after a failure err->code is the status, otherwise nothing can be told from
 * it. Nothing below cmd/ prints or exits; cmd/ turns a status into an exit status. A message is one
 * line without the tool's name and without a full stop: "prices.csv:17: column 'Close': 'abc'
 * is not a number". */
#ifndef GRU_BASE_ERROR_H
#define GRU_BASE_ERROR_H

typedef enum gru_status {
    GRU_OK = 0,
    GRU_ERR_DATA,        /* the input is not what it should be (exit 1) */
    GRU_ERR_IO,          /* the system refused a read, a write, an open (exit 1) */
    GRU_ERR_MEMORY,      /* no memory (exit 1) */
    GRU_ERR_USAGE,       /* the command line was wrong (exit 2) */
    GRU_ERR_REQUIRE,     /* a threshold was not met (exit 3) */
    GRU_ERR_PIPE,        /* the reader of our output went away: end quietly (SIGPIPE) */
    GRU_ERR_INTERRUPTED, /* SIGINT or SIGTERM after the work was saved (exit 130, 143) */
    GRU_ERR_HANDLED      /* --help or --version was answered (exit 0) */
} gru_status;

typedef struct gru_error {
    gru_status code;
    char message[1024]; /* empty while code is GRU_OK */
} gru_error;

/* Sets code and message and returns code, so that `return gru_error_set(err, …)` reads well. */
gru_status gru_error_set(gru_error *err, gru_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Prefixes the message that is there with "where: " and returns its code. */
gru_status gru_error_at(gru_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The usual message for no memory; bytes is what was asked for. */
gru_status gru_error_memory(gru_error *err, unsigned long long bytes);

#endif
