/* Running gnuplot, and fontconfig for a font with Chinese characters (gnuplot.h).
 *
 * The commands go through an unnamed file, not a pipe: gnuplot may write before it has read all,
 * and two full pipes would wait for each other. */
#include "plot/gnuplot.h"

#include "io/temporary.h"
#include "io/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Starts argv with the given standard input and error; *out is its standard output. */
static int start(char *const argv[], int in, int error, int *out, pid_t *pid) {
    int ends[2];
    if (pipe(ends) != 0)
        return errno;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE); /* ignored here, and that would be inherited */
    sigaddset(&defaults, SIGXFSZ);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, error, 2);
    const int failed = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(ends[1]);
    if (failed)
        close(ends[0]);
    else
        *out = ends[0];
    return failed;
}

static void read_rest(int fd, gru_str *bytes) {
    char buffer[65536];
    for (;;) {
        const ssize_t got = read(fd, buffer, sizeof buffer);
        if (got > 0)
            gru_str_add_bytes(bytes, buffer, (size_t)got);
        else if (got == 0 || errno != EINTR)
            return;
    }
}

/* Runs argv to its end; returns 0 or an errno, and its wait status. */
static int run(char *const argv[], int in, int error, gru_str *output, int *wait_status) {
    int out = -1;
    pid_t pid = 0;
    const int failed = start(argv, in, error, &out, &pid);
    if (failed)
        return failed;
    read_rest(out, output);
    close(out);
    while (waitpid(pid, wait_status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

/* The line of gnuplot's complaint that says what is wrong. */
static void first_complaint(int error, char *text, size_t size) {
    char line[512];
    snprintf(text, size, "it gave no reason");
    lseek(error, 0, SEEK_SET);
    FILE *lines = fdopen(dup(error), "r");
    while (lines && fgets(line, sizeof line, lines)) {
        line[strcspn(line, "\n")] = '\0';
        const char *start_of = line + strspn(line, " \t^");
        const char *number = strstr(start_of, ": ");
        if (!*start_of || !strncmp(start_of, "gnuplot>", 8))
            continue;
        snprintf(text, size, "%s",
                 !strncmp(start_of, "line ", 5) && number ? number + 2 : start_of);
        if (strstr(line, "line ") == line || strstr(line, "rror"))
            break;
    }
    if (lines)
        fclose(lines);
}

static gru_status run_script(int in, int error, gru_str *picture, gru_error *err) {
    char *argv[] = {"gnuplot", "-d", NULL};
    int wait_status = 0;
    const int failed = run(argv, in, error, picture, &wait_status);
    if (failed == ENOENT || (!failed && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 127))
        return gru_error_set(err, GRU_ERR_IO,
                             "gnuplot is not installed (Debian: apt-get install gnuplot-nox)");
    if (failed)
        return gru_error_set(err, GRU_ERR_IO, "gnuplot: %s", strerror(failed));
    if (WIFSIGNALED(wait_status))
        return gru_error_set(err, GRU_ERR_DATA, "gnuplot was ended by signal %d",
                             WTERMSIG(wait_status));
    if (wait_status != 0 || picture->len == 0) {
        char why[512];
        first_complaint(error, why, sizeof why);
        return gru_error_set(err, GRU_ERR_DATA, "gnuplot failed: %s", why);
    }
    return gru_str_check(picture, err);
}

gru_status gru_gnuplot_run(const gru_str *script, gru_str *picture, gru_error *err) {
    gru_status status = gru_str_check(script, err);
    if (status != GRU_OK)
        return status;
    int in = -1, error = -1;
    status = gru_temporary_open(&in, err);
    if (status == GRU_OK)
        status = gru_temporary_open(&error, err);
    if (status == GRU_OK)
        status = gru_temporary_write(in, script->data, script->len, err);
    if (status == GRU_OK && lseek(in, 0, SEEK_SET) != 0)
        status = gru_temporary_failed("read", err);
    if (status == GRU_OK)
        status = run_script(in, error, picture, err);
    if (in >= 0)
        close(in);
    if (error >= 0)
        close(error);
    return status;
}

/* Double quotes with octal escapes, not single ones: gnuplot misreads a doubled quote that comes
 * first in a string. */
void gru_gnuplot_quote(gru_str *script, const char *text) {
    gru_str_add_char(script, '"');
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\' || c == '`')
            gru_str_addf(script, "\\%03o", c);
        else
            gru_str_add_char(script, c < 0x20 || c == 0x7F ? ' ' : *text);
    }
    gru_str_add_char(script, '"');
}

void gru_gnuplot_quote_tick(gru_str *script, const char *text) {
    gru_str escaped = {0};
    for (; *text; text++)
        gru_str_add(&escaped, *text == '%' ? "%%" : (char[2]){*text, 0});
    gru_gnuplot_quote(script, gru_str_text(&escaped));
    gru_str_free(&escaped);
}

bool gru_text_has_cjk(const char *text) {
    for (const char *end = text + strlen(text); text < end;) {
        uint32_t c;
        text += gru_utf8_next(text, (size_t)(end - text), &c);
        /* radicals to Hangul; compatibility ideographs; full-width forms; the planes of ideographs
         */
        if ((c >= 0x2E80 && c <= 0xD7FF) || (c >= 0xF900 && c <= 0xFAFF) ||
            (c >= 0xFE30 && c <= 0xFFEF) || (c >= 0x20000 && c != GRU_UTF8_BAD))
            return true;
    }
    return false;
}

/* The first line that a command prints, or false. */
static bool first_line(char *const argv[], char *line, size_t size, bool *started) {
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    gru_str output = {0};
    int wait_status = 0;
    *started = nothing >= 0 && run(argv, nothing, nothing, &output, &wait_status) == 0 &&
               !(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 127);
    if (nothing >= 0)
        close(nothing);
    const size_t len = strcspn(gru_str_text(&output), ",\n");
    const bool found = *started && len > 0 && len < size;
    if (found) {
        memcpy(line, output.data, len);
        line[len] = '\0';
    }
    gru_str_free(&output);
    return found;
}

bool gru_font_for_cjk(char *family, size_t size, bool *known) {
    char *list[] = {"fc-list", ":lang=zh-tw", "family", NULL};
    char *list_cn[] = {"fc-list", ":lang=zh-cn", "family", NULL};
    char *match[] = {"fc-match", "-f", "%{family}\n", "sans:lang=zh-tw", NULL};
    char best[128];
    bool started;
    if (!first_line(list, family, size, known) && !first_line(list_cn, family, size, known))
        return false;
    /* fc-list's order is arbitrary; fc-match knows the preferred one without serifs. */
    if (first_line(match, best, sizeof best, &started) && strlen(best) < size)
        memcpy(family, best, strlen(best) + 1);
    return true;
}
