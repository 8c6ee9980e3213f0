/* What every tool does around its run: options in, messages to standard error, exit status out.
 * The only code that prints or exits. Used like this:
 *
 *     int main(int argc, char **argv) {
 *         static const gru_option options[] = {
 *             {"text", 0, GRU_OPTION_TEXT, &text, "COL", "column of the texts"}, {0}};
 *         static const gru_tool tool = {"gru-x", "do x", "[OPTION]... [INPUT]", "gru-x a.csv",
 *                                       options, 0, 1};
 *         return gru_tool_main(&tool, GRU_COMMON_OUTPUT | GRU_COMMON_CSV, run, argc, argv);
 *     } */
#ifndef GRU_CMD_TOOL_H
#define GRU_CMD_TOOL_H

#include "base/error.h"
#include "base/options.h"

#include <stdbool.h>
#include <stddef.h>

typedef gru_status gru_run(const gru_common *common, const char *const *operands, size_t count,
                           gru_error *err);

/* Parses, sets the log sink (prefix "gru-x: "), ignores SIGPIPE (writes give GRU_ERR_PIPE), runs,
 * reports "gru-x: message", checks standard output's close, and returns the exit status: 0 done, 1
 * data or run, 2 usage, 3 require, dies of SIGPIPE on GRU_ERR_PIPE, 128 and the signal's number
 * when interrupted. */
int gru_tool_main(const gru_tool *tool, int which, gru_run *run, int argc, char **argv);
/* A file that a tool is to write, and what its user calls it ("-o", "--history"); path NULL: none.
 */
typedef struct gru_tool_file {
    const char *name, *path;
} gru_tool_file;
/* GRU_ERR_USAGE when two of them are one file, or standard output ("-"): the last one written would
 * be all that is left. Devices are fine. */
gru_status gru_tool_check_outputs(const gru_tool_file *files, size_t count, gru_error *err);
/* GRU_ERR_USAGE when one of them is a file of data that is read (NULL or "-": none). For a tool
 * whose output is no better version of its input, as a filter's may be. */
gru_status gru_tool_check_kept(const gru_tool_file *files, size_t count, const char *data,
                               gru_error *err);
/* GRU_ERR_USAGE when --fit names the output, or the input itself, which would be replaced by what
 * was learned from it (input, output NULL or "-": the standard ones). fit NULL is fine. */
gru_status gru_tool_check_fit(const char *fit, const char *input, const char *output,
                              gru_error *err);
/* Set by SIGINT, SIGTERM or SIGHUP after gru_tool_catch_signals (used by gru-train); 0 before. */
void gru_tool_catch_signals(void);
extern volatile int gru_tool_signal;
/* A progress line on standard error, redrawn in place at most ten times a second; only when
 * --progress asks or standard error is a terminal. NULL text clears it. */
void gru_tool_progress(const gru_common *common, const char *text);
bool gru_tool_shows_progress(const gru_common *common);

#endif
