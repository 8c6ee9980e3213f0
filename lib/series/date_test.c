/* Dates in the forms people write, the calendar, and columns that run backwards. */
#include "series/date.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *iso(const char *text, gru_date_order order) {
    static char out[GRU_DATE_TEXT];
    gru_moment moment;
    if (!gru_date_parse(text, strlen(text), order, &moment))
        return "none";
    gru_date_format(moment, out);
    return out;
}

Test(date, forms) {
    cr_assert_str_eq(iso("2024-02-29", GRU_DATE_YMD), "2024-02-29");
    cr_assert_str_eq(iso("20240131", GRU_DATE_YMD), "2024-01-31");
    cr_assert_str_eq(iso("2016-07-01 05:00:00", GRU_DATE_YMD), "2016-07-01 05:00:00");
    cr_assert_str_eq(iso("2016-07-01T05:30Z", GRU_DATE_YMD), "2016-07-01 05:30:00");
    cr_assert_str_eq(iso("12-11-1980", GRU_DATE_DMY), "1980-11-12");
    cr_assert_str_eq(iso("12/1/1969", GRU_DATE_MDY), "1969-12-01");
    cr_assert_str_eq(iso("2023-02-29", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("13/13/2020", GRU_DATE_DMY), "none");
    cr_assert_str_eq(iso("2024-01-31x", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("12-11/1980", GRU_DATE_DMY), "none");
    cr_assert_str_eq(iso("", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("2024-1", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("2024131", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("1/31/24", GRU_DATE_MDY), "none");
    cr_assert_str_eq(iso("31 1 2024", GRU_DATE_DMY), "none");
}

Test(date, named_months) {
    cr_assert_str_eq(iso("27-Jul-2020", GRU_DATE_DMY), "2020-07-27");
    cr_assert_str_eq(iso("27-Jul-2020", GRU_DATE_MDY), "none");
    cr_assert_str_eq(iso("27/JUL/2020 16:00", GRU_DATE_DMY), "2020-07-27 16:00:00");
    cr_assert_str_eq(iso("1 September 2020", GRU_DATE_DMY), "2020-09-01");
    cr_assert_str_eq(iso("Sept 1, 2020", GRU_DATE_MDY), "2020-09-01");
    cr_assert_str_eq(iso("May 03, 2020", GRU_DATE_MDY), "2020-05-03");
    cr_assert_str_eq(iso("27-Jul-20", GRU_DATE_DMY), "2020-07-27");
    cr_assert_str_eq(iso("27-Jul-80", GRU_DATE_DMY), "1980-07-27");
    cr_assert_str_eq(iso("27-Jul-202", GRU_DATE_DMY), "none");
    cr_assert_str_eq(iso("2020-Jul-27", GRU_DATE_YMD), "2020-07-27");
    cr_assert_str_eq(iso("27-Ju-2020", GRU_DATE_DMY), "none");
    cr_assert_str_eq(iso("27-Julyy-2020", GRU_DATE_DMY), "none");
    cr_assert_str_eq(iso("31-Jun-2020", GRU_DATE_DMY), "none");
    cr_assert_str_eq(iso("Jul", GRU_DATE_MDY), "none");
    cr_assert_str_eq(iso("2020年7月27日", GRU_DATE_YMD), "2020-07-27");
    cr_assert_str_eq(iso("2020年7月27", GRU_DATE_YMD), "none");
}

Test(date, calendar) {
    cr_assert_eq(gru_date_days(1970, 1, 1), 0);
    cr_assert_eq(gru_date_days(2000, 3, 1), 11017);
    cr_assert_eq(gru_date_weekday(gru_date_days(2024, 1, 31)), 2);
    for (int64_t d = -800000; d < 800000; d += 997) {
        int y, m, day;
        gru_date_civil(d, &y, &m, &day);
        cr_assert_eq(gru_date_days(y, m, day), d);
    }
}

static unsigned long long fall(const char *const *values, size_t count) {
    gru_date_watch w = {0};
    unsigned long long line = 0;
    for (size_t i = 0; i < count; i++)
        gru_date_watch_add(&w, values[i], strlen(values[i]), i + 2);
    return gru_date_watch_falls(&w, &line) ? line : 0;
}

Test(date, a_column_tells_its_order) {
    const char *const day_first[] = {"30-01-2024", "01-02-2024"}, *const either[] = {"1/2/2024",
                                                                                     "2/1/2024"};
    const char *const backwards[] = {"2024-02-01", "2024-02-03", "2024-02-02"};
    const char *const newest_first[] = {"Aug 1, 2020", "Jul 31, 2020"};
    const char *const numbers[] = {"1", "2", "1.5"}, *const names[] = {"b", "a"};
    cr_assert_eq(fall(day_first, 2), 0);
    cr_assert_eq(fall(either, 2), 0); /* month-first it runs forward */
    cr_assert_eq(fall(backwards, 3), 4);
    cr_assert_eq(fall(newest_first, 2), 3);
    cr_assert_eq(fall(numbers, 3), 4);
    cr_assert_eq(fall(names, 2), 0);
}
