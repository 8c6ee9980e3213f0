/* gnuplot as a function: commands in, a picture's bytes out. */
#ifndef GRU_PLOT_GNUPLOT_H
#define GRU_PLOT_GNUPLOT_H

#include "base/str.h"

/* Runs gnuplot on script and appends what it wrote to *picture. GRU_ERR_DATA with gnuplot's first
 * complaint when it fails, GRU_ERR_IO when it isn't installed (with the package to install). */
gru_status gru_gnuplot_run(const gru_str *script, gru_str *picture, gru_error *err);
/* Appends text as a quoted gnuplot string in which nothing is special; control characters become
 * blanks. */
void gru_gnuplot_quote(gru_str *script, const char *text);
/* The same for the label of a tick, which gnuplot takes for a format. */
void gru_gnuplot_quote_tick(gru_str *script, const char *text);
/* true when text holds a Chinese, Japanese or Korean character. */
bool gru_text_has_cjk(const char *text);
/* The family of an installed font with Chinese characters; false when there is none, or when
 * fontconfig's fc-list isn't there (*known false). */
bool gru_font_for_cjk(char *family, size_t size, bool *known);

#endif
