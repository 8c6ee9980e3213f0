/* The names of the rows after the last: dates or numbers that go on as those before. */
#include "series/calendar.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

#define WEEK (7 * GRU_DAY)

/* month counts from January of year 0, which is 0. */
static int month_length(int64_t month) {
    int year = (int)(month / 12), of_year = (int)(month % 12) + 1;
    int64_t next = gru_date_days(year + (of_year == 12), of_year % 12 + 1, 1);
    return (int)(next - gru_date_days(year, of_year, 1));
}

static void add_step(gru_calendar_reading *r, gru_moment step, int64_t months) {
    if (step <= 0)
        return;
    bool first = !r->least_step;
    if (first || step < r->least_step)
        r->least_step = step;
    if (first || months < r->least_months)
        r->least_months = months;
    if (step > r->most_step)
        r->most_step = step;
    if (months > r->most_months)
        r->most_months = months;
    r->not_weeks |= step % WEEK != 0;
}

static void add_date(gru_calendar_reading *r, gru_moment now) {
    int year, month, day;
    gru_date_civil(gru_date_days_of(now), &year, &month, &day);
    int64_t months = (int64_t)year * 12 + month - 1;
    if (r->seen++ > 0) {
        add_step(r, now - r->last, months - r->month);
        r->other_day |= day != r->day;
    }
    r->weekend |= gru_date_weekday(gru_date_days_of(now)) >= 5;
    r->not_month_end |= day != month_length(months);
    r->last = now;
    r->month = months;
    r->day = day;
}

void gru_calendar_add(gru_calendar *c, const char *text, size_t len, unsigned long long line) {
    gru_date_watch_add(&c->watch, text, len, line);
    memcpy(c->before, c->last, sizeof c->before);
    size_t kept = len < sizeof c->last ? len : sizeof c->last - 1;
    memcpy(c->last, text, kept);
    c->last[kept] = '\0';
    for (int o = 0; o < GRU_DATE_ORDERS; o++) {
        gru_moment now;
        gru_calendar_reading *r = &c->reading[o];
        if (gru_date_learn(text, len, (gru_date_order)o, &r->form, &now))
            add_date(r, now);
    }
}

/* Months from row to row; 0 where the rows don't go by months. Every four weeks is no month: the
 * difference is a month in most rows and none in some. */
static int64_t whole_months(const gru_calendar_reading *r) {
    if (!r->least_step)
        return gru_date_form_months(&r->form);
    if (r->least_step < 28 * GRU_DAY)
        return 0;
    if (!r->other_day || !r->not_month_end || r->least_months == r->most_months)
        return r->least_months;
    return r->least_step <= 31 * GRU_DAY && r->most_step > r->least_step && r->not_weeks;
}

static gru_moment months_later(const gru_calendar_reading *r, int64_t months) {
    int64_t month = r->month + months;
    int length = month_length(month);
    int day = !r->not_month_end || r->day > length ? length : r->day;
    return gru_date_days((int)(month / 12), (int)(month % 12) + 1, day) * GRU_DAY +
           (r->last - gru_date_days_of(r->last) * GRU_DAY);
}

static gru_moment next_date(const gru_calendar_reading *r, gru_moment now, size_t k) {
    int64_t months = whole_months(r);
    /* whole weeks may well fall on weekends */
    bool weekends = r->weekend || (r->least_step && r->least_step % WEEK == 0);
    if (months)
        return months_later(r, (int64_t)k * months);
    do
        now += r->least_step ? r->least_step : GRU_DAY;
    while (!weekends && gru_date_weekday(gru_date_days_of(now)) >= 5);
    return now;
}

static void next_dates(const gru_calendar_reading *r, size_t rows, gru_str *out) {
    const gru_moment end = gru_date_days(10000, 1, 1) * GRU_DAY;
    gru_moment now = r->last;
    for (size_t k = 1; k <= rows; k++) {
        char text[GRU_DATE_TEXT];
        if (now < end)
            now = next_date(r, now, k);
        if (now < end) {
            gru_date_format(now, &r->form, text);
            gru_str_addf(out, "%s\n", text);
        } else {
            gru_str_addf(out, "+%zu\n", k);
        }
    }
}

static void next_numbers(const gru_calendar *c, double last, size_t rows, gru_str *out) {
    double before;
    bool rises = gru_number_parse(c->before, strlen(c->before), &before) && last > before;
    for (size_t k = 1; k <= rows; k++) {
        char text[GRU_NUMBER_MAX];
        gru_number_format_double(last + (double)k * (rises ? last - before : 1), text);
        gru_str_addf(out, "%s\n", text);
    }
}

void gru_calendar_next(const gru_calendar *c, size_t rows, gru_str *out) {
    gru_date_order order = gru_date_watch_order(&c->watch);
    double last;
    if (order < GRU_DATE_ORDERS)
        next_dates(&c->reading[order], rows, out);
    else if (gru_number_parse(c->last, strlen(c->last), &last))
        next_numbers(c, last, rows, out);
    else
        for (size_t k = 1; k <= rows; k++)
            gru_str_addf(out, "+%zu\n", k);
}
