/* What every tool does around its run: the only code that prints or exits. */
#include "tool.h"

#include "base/log.h"
#include "base/options.h"
#include "base/str.h"
#include "io/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

volatile int gru_tool_signal;

enum { PROGRESS_NANOSECONDS = 100000000, TEXT_MAX = 4096 };

static const char *tool_name = "gru";
static bool quiet, verbose;
static bool progress_drawn;

/* A message on one line: control characters, which may come from a hostile file, are escaped. */
static void print_line(const char *text, const char *more) {
    char line[TEXT_MAX];
    size_t n = (size_t)snprintf(line, 256, "%s: ", tool_name);
    const char *parts[] = {text, more};
    for (int part = 0; part < 2; part++)
        for (const unsigned char *p = (const unsigned char *)parts[part]; *p; p++) {
            if (n + 6 > sizeof line)
                break;
            if (*p < 0x20 || *p == 0x7f)
                n += (size_t)snprintf(line + n, sizeof line - n, "\\x%02x", *p);
            else
                line[n++] = (char)*p;
        }
    line[n++] = '\n';
    gru_tool_progress(NULL, NULL);
    fwrite(line, 1, n, stderr);
}

static void sink(void *arg, gru_log_level level, const char *message) {
    (void)arg;
    if (level == GRU_LOG_REPORT || (level == GRU_LOG_DETAIL ? verbose : !quiet))
        print_line(message, "");
}

static volatile sig_atomic_t saves;

/* A second signal ends a tool that saves, too. */
static void on_signal(int number) {
    if (saves && !gru_tool_signal) {
        gru_tool_signal = number;
        return;
    }
    gru_output_abandon();
    signal(number, SIG_DFL);
    raise(number);
}

static void catch_signal(int number, bool though_ignored) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
    sigemptyset(&action.sa_mask);
    if (though_ignored || (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN))
        sigaction(number, &action, NULL);
}

/* What is ignored stays so: nohup(1), and a shell's background jobs. */
static void catch_deadly_signals(void) {
    catch_signal(SIGHUP, false);
    catch_signal(SIGINT, false);
    catch_signal(SIGTERM, false);
}

void gru_tool_catch_signals(void) {
    saves = true;
    catch_signal(SIGINT, true);
    catch_signal(SIGTERM, true);
}

/* A line can be drawn again; what a dumb terminal gets would be codes and copies of it. */
static bool can_redraw(void) {
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && !(terminal && strcmp(terminal, "dumb") == 0);
}

bool gru_tool_shows_progress(const gru_common *common) {
    if (strcmp(common->progress, "auto") == 0)
        return !common->quiet && can_redraw();
    return strcmp(common->progress, "always") == 0;
}

/* Bytes of text that fit the terminal's width, a column left free. */
static size_t fitting(const char *text) {
    struct winsize size;
    size_t width = 80, columns = 0, at = 0;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        width = size.ws_col;
    for (; text[at]; at++)
        if (((unsigned char)text[at] & 0xC0) != 0x80 && ++columns >= width)
            break;
    return at;
}

void gru_tool_progress(const gru_common *common, const char *text) {
    static struct timespec last;
    if (!text) {
        if (progress_drawn)
            fputs("\r\033[K", stderr);
        progress_drawn = false;
        last = (struct timespec){0};
        return;
    }
    if (!gru_tool_shows_progress(common))
        return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long passed =
        (long long)(now.tv_sec - last.tv_sec) * 1000000000 + now.tv_nsec - last.tv_nsec;
    if (passed < PROGRESS_NANOSECONDS)
        return;
    last = now;
    if (can_redraw()) {
        fprintf(stderr, "\r%.*s\033[K", (int)fitting(text), text);
        progress_drawn = true;
        fflush(stderr);
    } else {
        fprintf(stderr, "%s\n", text);
    }
}

/* A tool started with a standard descriptor closed must not have its first file land there. */
static void guard_descriptors(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
                _exit(1);
}

static int report(gru_status status, const gru_error *err) {
    const char *name = tool_name;
    char hint[128] = "";
    switch (status) {
    case GRU_OK:
    case GRU_ERR_HANDLED:
        return 0;
    case GRU_ERR_PIPE:
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
        return 1;
    case GRU_ERR_USAGE:
        snprintf(hint, sizeof hint, "; try '%s --help'", name);
        break;
    default:
        break;
    }
    if (err->message[0])
        print_line(err->message, hint);
    else if (status != GRU_ERR_INTERRUPTED)
        print_line("failed without saying why", hint);
    switch (status) {
    case GRU_ERR_USAGE:
        return 2;
    case GRU_ERR_REQUIRE:
        return 3;
    case GRU_ERR_INTERRUPTED:
        return 128 + (gru_tool_signal ? gru_tool_signal : SIGINT);
    default:
        return 1;
    }
}

/* Prints the answer to --help and the like, and closes standard output, where a full disk may
 * show itself last. */
static gru_status finish_output(gru_status status, const gru_str *answer, gru_error *err) {
    if (status == GRU_ERR_HANDLED)
        fwrite(gru_str_text(answer), 1, answer->len, stdout);
    bool failed = ferror(stdout) != 0;
    if ((fclose(stdout) != 0 || failed) && (status == GRU_OK || status == GRU_ERR_HANDLED)) {
        if (errno == EPIPE)
            return GRU_ERR_PIPE;
        if (status == GRU_ERR_HANDLED || errno != EBADF)
            return gru_error_set(err, GRU_ERR_IO, "standard output: cannot write: %s",
                                 strerror(errno));
    }
    return status;
}

/* What tells one file from others: itself, or its folder and name where it is not there yet. */
typedef struct identity {
    struct stat of;
    const char *name; /* NULL: the file is there */
} identity;

static bool identify(const char *path, identity *id) {
    char folder[TEXT_MAX] = ".";
    const char *slash = strrchr(path, '/');
    *id = (identity){0};
    if (stat(path, &id->of) == 0)
        return S_ISREG(id->of.st_mode);
    id->name = slash ? slash + 1 : path;
    if (slash)
        snprintf(folder, sizeof folder, "%.*s", (int)(slash + 1 - path), path);
    return stat(folder, &id->of) == 0;
}

static bool same_file(const char *a, const char *b) {
    identity x, y;
    if (strcmp(a, "-") == 0 || strcmp(b, "-") == 0)
        return strcmp(a, b) == 0;
    return identify(a, &x) && identify(b, &y) && x.of.st_dev == y.of.st_dev &&
           x.of.st_ino == y.of.st_ino && !x.name == !y.name &&
           (!x.name || strcmp(x.name, y.name) == 0);
}

gru_status gru_tool_check_outputs(const gru_tool_file *files, size_t count, gru_error *err) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++) {
            const char *a = files[k].path, *b = files[i].path;
            if (!a || !b || !same_file(a, b))
                continue;
            bool standard = strcmp(b, "-") == 0;
            return gru_error_set(err, GRU_ERR_USAGE, "%s and %s would both write %s%s%s",
                                 files[k].name, files[i].name, standard ? "to " : "'",
                                 standard ? "standard output" : b, standard ? "" : "'");
        }
    return GRU_OK;
}

gru_status gru_tool_check_kept(const gru_tool_file *files, size_t count, const char *data,
                               gru_error *err) {
    for (size_t i = 0; data && strcmp(data, "-") != 0 && i < count; i++)
        if (files[i].path && same_file(files[i].path, data))
            return gru_error_set(err, GRU_ERR_USAGE, "%s would replace '%s', which is read",
                                 files[i].name, data);
    return GRU_OK;
}

gru_status gru_tool_check_fit(const char *fit, const char *input, const char *output,
                              gru_error *err) {
    const gru_tool_file files[] = {{"-o", output ? output : "-"}, {"--fit", fit}};
    struct stat out, in;
    bool standard = !input || strcmp(input, "-") == 0;
    if (gru_tool_check_outputs(files, 2, err))
        return err->code;
    if (!fit || stat(fit, &out) != 0 || !S_ISREG(out.st_mode))
        return GRU_OK;
    if ((standard ? fstat(STDIN_FILENO, &in) : stat(input, &in)) != 0)
        return GRU_OK;
    if (out.st_dev != in.st_dev || out.st_ino != in.st_ino)
        return GRU_OK;
    return gru_error_set(err, GRU_ERR_USAGE,
                         "--fit: '%s' is the input; --fit wants a new file for what is learned",
                         fit);
}

int gru_tool_main(const gru_tool *tool, int which, gru_run *run, int argc, char **argv) {
    gru_common common;
    gru_error err = {0};
    gru_str answer = {0};
    const char *const *operands;
    size_t count;
    tool_name = tool->name;
    guard_descriptors();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is told as a full disk is */
    catch_deadly_signals();
    gru_log_set_sink(sink, NULL);
    gru_status status =
        gru_options_parse(tool, which, &common, argc, argv, &operands, &count, &answer, &err);
    quiet = common.quiet;
    verbose = common.verbose;
    if (status == GRU_OK)
        status = run(&common, operands, count, &err);
    gru_tool_progress(&common, NULL);
    status = finish_output(status, &answer, &err);
    gru_str_free(&answer);
    return report(status, &err);
}
