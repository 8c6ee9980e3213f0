/* Dates in the forms people write, the calendar, and columns that run backwards. */
#include "series/date.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *iso(const char *text, gru_date_order order) {
    static char out[GRU_DATE_TEXT];
    gru_moment moment;
    if (!gru_date_parse(text, strlen(text), order, &moment))
        return "none";
    gru_date_format(moment, NULL, out);
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
    cr_assert_str_eq(iso("2024-01-05T03:00+01:00", GRU_DATE_YMD), "2024-01-05 03:00:00");
    cr_assert_str_eq(iso("2024-01-05 03:00 UTC", GRU_DATE_YMD), "2024-01-05 03:00:00");
    cr_assert_str_eq(iso("2024-01-05 03:00 CET", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("2024-01-05T", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("2024-01-05T24:00", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("2024-01-05T03:00:00.00000000000000000000000000000000", GRU_DATE_YMD),
                     "none");
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

Test(date, years_of_taiwan) {
    cr_assert_str_eq(iso("113/02/29", GRU_DATE_YMD), "2024-02-29");
    cr_assert_str_eq(iso("100-1-3", GRU_DATE_YMD), "2011-01-03");
    cr_assert_str_eq(iso("112年12月29日", GRU_DATE_YMD), "2023-12-29");
    cr_assert_str_eq(iso("112/02/29", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("099/01/04", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("99/01/04", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("113/02/28", GRU_DATE_DMY), "none");
}

Test(date, months_and_quarters) {
    cr_assert_str_eq(iso("2008-04", GRU_DATE_YMD), "2008-04-01");
    cr_assert_str_eq(iso("2008/04", GRU_DATE_YMD), "2008-04-01");
    cr_assert_str_eq(iso("2024-Q4", GRU_DATE_YMD), "2024-10-01");
    cr_assert_str_eq(iso("2024Q1", GRU_DATE_YMD), "2024-01-01");
    cr_assert_str_eq(iso("2024年12月", GRU_DATE_YMD), "2024-12-01");
    cr_assert_str_eq(iso("Jan 2024", GRU_DATE_MDY), "2024-01-01");
    cr_assert_str_eq(iso("2024-Q5", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("2024-Q0", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("2024-13", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("2024-04 09:30", GRU_DATE_YMD), "none");
    cr_assert_str_eq(iso("2008.04", GRU_DATE_YMD), "none"); /* a number */
    cr_assert_str_eq(iso("200804", GRU_DATE_YMD), "none");
}

/* What a moment some seconds later is called by one who has seen the words of `texts`. */
static const char *later(const char *texts, gru_date_order order, long long seconds) {
    static char out[GRU_DATE_TEXT];
    gru_date_form form = {0};
    gru_moment moment = 0;
    for (const char *at = texts; *at; at += strspn(at, "|")) {
        size_t len = strcspn(at, "|");
        cr_assert(gru_date_learn(at, len, order, &form, &moment), "%s", at);
        at += len;
    }
    size_t len = gru_date_format(moment + seconds * GRU_SECOND, &form, out);
    cr_assert_eq(len, strlen(out));
    return out;
}

Test(date, every_form_comes_back) {
    static const struct {
        gru_date_order order;
        const char *text;
    } forms[] = {
        {GRU_DATE_YMD, "2024-02-09"},
        {GRU_DATE_YMD, "2024/2/9"},
        {GRU_DATE_YMD, "20240209"},
        {GRU_DATE_YMD, "2024.02.09"},
        {GRU_DATE_YMD, "2024年1月31日"},
        {GRU_DATE_YMD, "2024-Feb-09"},
        {GRU_DATE_YMD, "113/02/09"},
        {GRU_DATE_YMD, "100.1.3"},
        {GRU_DATE_YMD, "112年12月29日"},
        {GRU_DATE_YMD, "2024-04"},
        {GRU_DATE_YMD, "2008/04"},
        {GRU_DATE_YMD, "2024-Q4"},
        {GRU_DATE_YMD, "2024Q4"},
        {GRU_DATE_YMD, "2024 Q4"},
        {GRU_DATE_YMD, "2024q4"},
        {GRU_DATE_YMD, "2024年1月"},
        {GRU_DATE_YMD, "2024-01-05T03:00:00"},
        {GRU_DATE_YMD, "2024-01-05T03:00Z"},
        {GRU_DATE_YMD, "2024-01-05T03:00:00+01:00"},
        {GRU_DATE_YMD, "2024-01-05 03:00:00 +0100"},
        {GRU_DATE_YMD, "2024-01-05 03:00:00 UTC"},
        {GRU_DATE_YMD, "2024-01-05 03:00"},
        {GRU_DATE_YMD, "2024-01-05 3:00"},
        {GRU_DATE_YMD, "2024-01-05 00:00:00"},
        {GRU_DATE_YMD, "2024-01-05 03:00:00.000"},
        {GRU_DATE_YMD, "2024-01-05 03:00:00.05Z"},
        {GRU_DATE_YMD, "2024-01-05T03:00:00.000000001Z"},
        {GRU_DATE_YMD, "0001-01-01 00:00:00.000001"},
        {GRU_DATE_YMD, "9999-12-31T23:59:59.9"},
        {GRU_DATE_DMY, "25-04-2022"},
        {GRU_DATE_DMY, "09.02.2023"},
        {GRU_DATE_DMY, "9.2.2023"},
        {GRU_DATE_DMY, "02/09/2023"},
        {GRU_DATE_DMY, "7/03/2024"},
        {GRU_DATE_DMY, "09-Apr-2024"},
        {GRU_DATE_DMY, "09-APR-24"},
        {GRU_DATE_DMY, "9 april 1969"},
        {GRU_DATE_DMY, "30 Sept 2024"},
        {GRU_DATE_MDY, "Jul 27, 2020"},
        {GRU_DATE_MDY, "September 01, 2020"},
        {GRU_DATE_MDY, "1/2/2024 9:30"},
        {GRU_DATE_MDY, "Jan 2024"},
        {GRU_DATE_MDY, "JAN-2024"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        cr_expect_str_eq(later(forms[i].text, forms[i].order, 0), forms[i].text);
}

Test(date, forms_go_on) {
    const long long hour = 3600, day = 24 * hour;
    cr_expect_str_eq(later("28-02-2024", GRU_DATE_DMY, day), "29-02-2024");
    cr_expect_str_eq(later("28-02-2023", GRU_DATE_DMY, day), "01-03-2023");
    cr_expect_str_eq(later("20231231", GRU_DATE_YMD, day), "20240101");
    cr_expect_str_eq(later("Jul 31, 2020", GRU_DATE_MDY, 10 * day), "Aug 10, 2020");
    cr_expect_str_eq(later("112/12/31", GRU_DATE_YMD, day), "113/01/01");
    cr_expect_str_eq(later("31-DEC-99", GRU_DATE_DMY, day), "01-JAN-00");
    cr_expect_str_eq(later("2018-06-26 23:00:00", GRU_DATE_YMD, hour), "2018-06-27 00:00:00");
    cr_expect_str_eq(later("2024-03-31T01:30Z", GRU_DATE_YMD, hour), "2024-03-31T02:30Z");
    cr_expect_str_eq(later("1969-12-31 23:59:59.25", GRU_DATE_YMD, 2), "1970-01-01 00:00:01.25");
}

/* Padding, the length of names and times, where the last value can't tell. */
Test(date, what_a_value_hides_others_show) {
    const long long day = 86400, twenty_days = 20 * day;
    cr_expect_str_eq(later("12/11/2024", GRU_DATE_DMY, twenty_days), "02/12/2024");
    cr_expect_str_eq(later("9/11/2024|12/11/2024", GRU_DATE_DMY, twenty_days), "2/12/2024");
    cr_expect_str_eq(later("09/11/2024|12/11/2024", GRU_DATE_DMY, twenty_days), "02/12/2024");
    cr_expect_str_eq(later("12/9/2024|12/11/2024", GRU_DATE_DMY, twenty_days), "2/12/2024");
    cr_expect_str_eq(later("9/11/2024|09/12/2024", GRU_DATE_DMY, day), "10/12/2024");
    cr_expect_str_eq(later("9/11/2024|30/12/2024", GRU_DATE_DMY, 2 * day), "1/1/2025");
    cr_expect_str_eq(later("5/11/2024 10:00", GRU_DATE_DMY, 14 * 3600), "6/11/2024 0:00");
    cr_expect_str_eq(later("15/11/2024 10:00", GRU_DATE_DMY, 14 * 3600), "16/11/2024 00:00");
    cr_expect_str_eq(later("31 May 2024", GRU_DATE_DMY, day), "01 Jun 2024");
    cr_expect_str_eq(later("30 April 2024|31 May 2024", GRU_DATE_DMY, day), "01 June 2024");
    cr_expect_str_eq(later("Sept 30, 2024", GRU_DATE_MDY, day), "Oct 01, 2024");
    cr_expect_str_eq(later("Sept 3, 2024|Aug 31, 2025", GRU_DATE_MDY, day), "Sept 1, 2025");
    cr_expect_str_eq(later("2018-06-26 23:00:00|2018-06-27", GRU_DATE_YMD, 3600),
                     "2018-06-27 01:00:00");
}

Test(date, no_date_teaches_nothing) {
    gru_date_form form = {0};
    gru_moment moment;
    cr_assert(gru_date_learn("9/11/2024", 9, GRU_DATE_DMY, &form, &moment));
    cr_assert_not(gru_date_learn("09/12/2024x", 11, GRU_DATE_DMY, &form, &moment));
    cr_assert_eq(form.hint[GRU_DATE_DAY_PADDED], GRU_DATE_NO);
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

static bool ends_early(const char *first, const char *second, const char *last) {
    gru_date_watch w = {0};
    gru_date_watch_add(&w, first, strlen(first), 2);
    gru_date_watch_add(&w, second, strlen(second), 3);
    gru_date_watch_add(&w, last, strlen(last), 4);
    return gru_date_watch_ends_early(&w);
}

Test(date, the_newest_row_is_last) {
    cr_assert(ends_early("2024-02-03", "2024-02-02", "2024-02-01"));
    cr_assert(ends_early("2024-02-01", "2024-02-03", "2024-02-02"));
    cr_assert(ends_early("-1", "-1", "-2"));
    cr_assert_not(ends_early("22", "23", "0"));
    cr_assert_not(ends_early("2024-10-27 02:45", "2024-10-27 02:00", "2024-10-27 03:00"));
    cr_assert_not(ends_early("2024-02", "2024-02", "2024-02"));
    cr_assert_not(ends_early("c", "b", "a"));
}
