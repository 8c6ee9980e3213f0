/* Quoting for gnuplot, telling Chinese text, choosing a canvas. */
#include "plot/figure.h"
#include "plot/gnuplot.h"

#include <criterion/criterion.h>

Test(gnuplot, quotes_what_would_be_run) {
    gru_str s = {0};
    gru_gnuplot_quote(&s, "it's `ls`\n\"x\"\\");
    cr_assert_str_eq(gru_str_text(&s), "\"it's \\140ls\\140 \\042x\\042\\134\"");
    gru_str_free(&s);
}

Test(gnuplot, tells_chinese_from_other_text) {
    cr_assert(gru_text_has_cjk("label 正"));
    cr_assert(gru_text_has_cjk("かな"));
    cr_assert(gru_text_has_cjk("한글"));
    cr_assert_not(gru_text_has_cjk("plain"));
    cr_assert_not(gru_text_has_cjk("é … − R² ’"));
}

Test(figure, canvas_follows_the_name) {
    gru_canvas canvas;
    gru_error err = {0};
    cr_assert_eq(gru_canvas_for("a.b.PNG", &canvas, &err), GRU_OK);
    cr_assert_eq(canvas, GRU_CANVAS_PNG);
    cr_assert_eq(gru_canvas_for(NULL, &canvas, &err), GRU_OK);
    cr_assert_eq(canvas, GRU_CANVAS_TERMINAL);
    cr_assert_eq(gru_canvas_for("a.jpg", &canvas, &err), GRU_ERR_USAGE);
}
