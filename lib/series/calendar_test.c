/* The names that follow a table's last. Dates from `date -d`. */
#include "series/calendar.h"

#include <criterion/criterion.h>
#include <string.h>

/* The names are words; three that follow, as words. */
static void follows(const char *names, const char *want) {
    gru_calendar c = {0};
    gru_str out = {0};
    unsigned long long line = 2;
    for (const char *at = names; *at; at += strspn(at, "|")) {
        size_t len = strcspn(at, "|");
        gru_calendar_add(&c, at, len, line++);
        at += len;
    }
    gru_calendar_next(&c, 3, &out);
    for (char *at = out.data; *at; at++)
        if (*at == '\n')
            *at = '|';
    cr_expect_str_eq(gru_str_text(&out), want, "%s: %s", names, gru_str_text(&out));
    gru_str_free(&out);
}

Test(calendar, days_and_weeks) {
    follows("2024-01-31", "2024-02-01|2024-02-02|2024-02-05|");
    follows("2024-01-31|2024-02-01|2024-02-02", "2024-02-05|2024-02-06|2024-02-07|");
    follows("2024-02-02|2024-02-03", "2024-02-04|2024-02-05|2024-02-06|");
    follows("30.01.2024|31.01.2024|01.02.2024", "2024-02-02|2024-02-05|2024-02-06|");
    follows("2024-01-05|2024-01-12", "2024-01-19|2024-01-26|2024-02-02|");
    follows("2024-01-01|2024-01-29|2024-02-26", "2024-03-25|2024-04-22|2024-05-20|");
}

Test(calendar, hours) {
    follows("2024-01-31 22:00|2024-01-31 23:00",
            "2024-02-01|2024-02-01 01:00:00|2024-02-01 02:00:00|");
}

Test(calendar, months) {
    follows("2023-11-01|2023-12-01", "2024-01-01|2024-02-01|2024-03-01|");
    follows("2023-11-30|2023-12-31", "2024-01-31|2024-02-29|2024-03-31|");
    follows("2023-10-30|2023-11-30|2023-12-30", "2024-01-30|2024-02-29|2024-03-30|");
    follows("2023-08-01|2023-09-01|2023-12-01", "2024-01-01|2024-02-01|2024-03-01|");
    follows("2023-10-02|2023-11-01|2023-12-01", "2024-01-01|2024-02-01|2024-03-01|");
    follows("2023-10-02|2023-11-01|2024-01-02", "2024-02-02|2024-03-02|2024-04-02|");
}

Test(calendar, quarters_and_years) {
    follows("2023-04-01|2023-07-01|2023-10-01", "2024-01-01|2024-04-01|2024-07-01|");
    follows("2023-06-30|2023-09-30|2023-12-31", "2024-03-31|2024-06-30|2024-09-30|");
    follows("2023-03-31|2023-06-30|2023-09-29", "2023-12-29|2024-03-29|2024-06-29|");
    follows("1997-12-31|1998-12-31|1999-12-31", "2000-12-31|2001-12-31|2002-12-31|");
    follows("2020-02-29|2024-02-29", "2028-02-29|2032-02-29|2036-02-29|");
}

Test(calendar, numbers_and_words) {
    follows("1998|1999", "2000|2001|2002|");
    follows("0.5|1", "1.5|2|2.5|");
    follows("9|3", "4|5|6|");
    follows("Jan|Feb", "+1|+2|+3|");
}
