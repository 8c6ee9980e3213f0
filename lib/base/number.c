/* Numbers as text: fast exact paths, and the C library in the C locale for the rest.
 *
 * With x87 long doubles (64-bit significand, powers of ten exact to 10^27) a decimal of up to 19
 * digits becomes one multiplication or division; the result is the correctly rounded double unless
 * it lies at a rounding boundary, which shows in the significand's low bits. */
#include "base/number.h"

#include "base/bytes.h"
#include "base/str.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if LDBL_MANT_DIG == 64 && defined(__x86_64__)
#define FAST_LONG_DOUBLE 1
#else
#define FAST_LONG_DOUBLE 0
#endif

enum { MAX_POWER = 27, MAX_DIGITS = 17 };

static const long double powers[MAX_POWER + 1] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,
                                                  1e7L,  1e8L,  1e9L,  1e10L, 1e11L, 1e12L, 1e13L,
                                                  1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L,
                                                  1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};

/* digits × 10^power, correctly rounded to double (or to float); false: can't tell. */
static bool scale_exactly(uint64_t digits, int power, bool to_float, double *out) {
    if (digits == 0) {
        *out = 0;
        return true;
    }
    if (!FAST_LONG_DOUBLE || power > MAX_POWER || power < -MAX_POWER)
        return false;
    long double value = (long double)digits;
    value = power < 0 ? value / powers[-power] : value * powers[power];
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t dropped = to_float ? 40 : 11, half = (uint64_t)1 << (dropped - 1);
    uint64_t low = bits & (2 * half - 1);
    if (low - (half - 1) <= 2)
        return false;
    *out = to_float ? (double)(float)value : (double)value;
    return true;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

static void trim(const char **text, size_t *len) {
    while (*len && is_blank((*text)[0])) {
        (*text)++;
        (*len)--;
    }
    while (*len && is_blank((*text)[*len - 1]))
        (*len)--;
}

/* The C library's answer, whatever locale the program has set. */
static double library_parse(const char *text, bool to_float) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = c ? uselocale(c) : (locale_t)0;
    double value = to_float ? (double)strtof(text, NULL) : strtod(text, NULL);
    if (c) {
        uselocale(before);
        freelocale(c);
    }
    return value;
}

static bool parse_slowly(const char *text, size_t len, double *out) {
    char small[128], *copy = small;
    if (len >= sizeof small) {
        copy = gru_str_copy(text, len);
        if (!copy)
            return false;
    } else {
        memcpy(small, text, len);
        small[len] = '\0';
    }
    *out = library_parse(copy, false);
    if (copy != small)
        free(copy);
    return isfinite(*out);
}

typedef struct decimal {
    uint64_t digits;
    int power;
    bool negative, exact; /* exact: all digits are in `digits` */
} decimal;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* [+-] digits [. digits] [e [+-] digits], nothing else. */
static bool scan_decimal(const char *p, const char *end, decimal *d) {
    *d = (decimal){.exact = true};
    if (p < end && (*p == '-' || *p == '+'))
        d->negative = *p++ == '-';
    bool any = false, dot = false;
    for (; p < end; p++) {
        if (*p == '.' && !dot) {
            dot = true;
            continue;
        }
        if (!is_digit(*p))
            break;
        any = true;
        if (d->digits < UINT64_MAX / 10 - 1) {
            d->digits = d->digits * 10 + (uint64_t)(*p - '0');
            d->power -= dot;
        } else {
            d->exact = d->exact && *p == '0';
            d->power += !dot;
        }
        if (d->power > 1 << 20 || d->power < -(1 << 20))
            d->exact = false, d->power /= 2;
    }
    if (!any)
        return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        bool minus = p < end && *p == '-';
        p += p < end && (*p == '-' || *p == '+');
        if (p == end)
            return false;
        int exponent = 0;
        for (; p < end && is_digit(*p); p++)
            if (exponent < 100000)
                exponent = exponent * 10 + (*p - '0');
        d->power += minus ? -exponent : exponent;
    }
    return p == end;
}

/* What most numbers are: a few digits, perhaps with a point. Where they and the power of ten are
 * doubles, one division is rounded once, so rightly (Clinger 1990). false: not such a number. */
static bool parse_plain(const char *text, size_t len, double *out) {
    static const double power[] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                                   1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};
    const char *p = text, *end = text + len, *decimals = NULL;
    uint64_t digits = 0;
    bool negative = *p == '-';
    if (FLT_EVAL_METHOD != 0 || len > sizeof power / sizeof *power)
        return false;
    for (p += negative; p < end; p++) {
        unsigned digit = (unsigned)(unsigned char)*p - '0';
        if (digit < 10)
            digits = digits * 10 + digit;
        else if (*p == '.' && !decimals)
            decimals = p + 1;
        else
            return false;
    }
    if (len == (size_t)negative + (decimals != NULL) || digits > (uint64_t)1 << DBL_MANT_DIG)
        return false;
    double value = decimals ? (double)digits / power[end - decimals] : (double)digits;
    *out = negative ? -value : value;
    return true;
}

/* The same of 4 to 8 bytes without a sign, all at once: a loop ends where the processor doesn't
 * expect it. */
static bool parse_short(const char *text, size_t len, double *out) {
    static const double power[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
    const uint64_t ones = 0x0101010101010101;
    size_t decimals = 0;
    uint64_t word = gru_bytes_load_half(text) | gru_bytes_load_half(text + len - 4)
                                                    << 8 * (len - 4);
    uint64_t points = gru_bytes_equal(word, '.');
    if (points) { /* what is behind it takes its place */
        unsigned at = (unsigned)__builtin_ctzll(points) & ~7U;
        uint64_t before = ((uint64_t)1 << at) - 1;
        word = (word & before) | (word >> 8 & ~before);
        decimals = --len - at / 8;
    }
    word = word << 8 * (8 - len) ^ '0' * ones << 8 * (8 - len);
    if (((word + 0x76 * ones) | word) & 0x80 * ones)
        return false;
    word = word * 10 + (word >> 8); /* pairs of digits in every other byte, then of pairs */
    word = (word & 0xff000000ff) * 0xf424000000064 + (word >> 16 & 0xff000000ff) * 0x271000000001;
    *out = (double)(word >> 32) / power[decimals];
    return FLT_EVAL_METHOD == 0;
}

/* Not inlined: the usual numbers need none of its registers. */
__attribute__((noinline)) static bool parse_any(const char *text, size_t len, double *out) {
    decimal d;
    trim(&text, &len);
    if (len == 0 || !scan_decimal(text, text + len, &d))
        return false;
    if (!d.exact || !scale_exactly(d.digits, d.power, false, out))
        return parse_slowly(text, len, out);
    if (d.negative)
        *out = -*out;
    return true;
}

bool gru_number_parse(const char *text, size_t len, double *out) {
    if (len >= 4 && len <= 8 && parse_short(text, len, out))
        return true;
    if (len && parse_plain(text, len, out))
        return true;
    return parse_any(text, len, out);
}

/* Digits that cannot overflow, as nearly all are; false: it takes a closer look. */
static bool parse_plain_int(const char *text, size_t len, long long *out) {
    long long value = 0;
    size_t i = 0;
    for (; i < len && is_digit(text[i]); i++)
        value = value * 10 + (text[i] - '0');
    *out = value;
    return i == len;
}

bool gru_number_parse_int(const char *text, size_t len, long long *out) {
    if (len && len <= 18 && parse_plain_int(text, len, out))
        return true;
    trim(&text, &len);
    bool negative = len && text[0] == '-';
    if (len && (text[0] == '-' || text[0] == '+')) {
        text++;
        len--;
    }
    if (len == 0)
        return false;
    const unsigned long long limit = negative ? 1ULL << 63 : (1ULL << 63) - 1;
    unsigned long long value = 0;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return false;
        unsigned digit = (unsigned)(text[i] - '0');
        if (value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = negative ? (long long)(0 - value) : (long long)value;
    return true;
}

static bool same_word(const char *text, size_t len, const char *word) {
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != word[i])
            return false;
    }
    return word[len] == '\0';
}

const char *gru_number_hint(const char *text, size_t len) {
    bool digit = false, comma = false;
    for (size_t i = 0; i < len; i++) {
        digit = digit || (text[i] >= '0' && text[i] <= '9');
        comma = comma || text[i] == ',';
        if (!text[i] || !strchr("0123456789+-., ", text[i]))
            return "";
    }
    return digit && comma ? "; decimals need a point, and thousands no mark (1234.56)" : "";
}

bool gru_number_missing(const char *text, size_t len) {
    trim(&text, &len);
    switch (len) {
    case 0:
        return true;
    case 2:
        return same_word(text, len, "na");
    case 3:
        return same_word(text, len, "nan");
    case 4:
        return same_word(text, len, "null");
    default:
        return false;
    }
}

/* ---- the fewest digits ---- */

/* value = 0.digits... : `digits` has `count` decimal digits, the first of weight 10^exponent. */
typedef struct shortest {
    uint64_t digits;
    int count, exponent;
} shortest;

static void strip_zeros(shortest *s) {
    while (s->count > 1 && s->digits % 10 == 0) {
        s->digits /= 10;
        s->count--;
    }
}

static uint64_t power_of_ten(int n) {
    uint64_t p = 1;
    while (n-- > 0)
        p *= 10;
    return p;
}

#if FAST_LONG_DOUBLE
/* One precision: nearest decimal of `count` digits. 1: it reads back; 0: it doesn't; -1: unsure. */
static int try_digits(double value, int exponent, int count, bool is_float, shortest *s) {
    int power = count - 1 - exponent;
    if (power > MAX_POWER || power < -MAX_POWER)
        return -1;
    long double scaled = power < 0 ? (long double)value / powers[-power] : value * powers[power];
    uint64_t whole = (uint64_t)scaled, top = power_of_ten(count);
    double rest = (double)(scaled - (long double)whole);
    if (rest > 0.49 && rest < 0.51)
        return -1;
    whole += rest > 0.5;
    if (whole < top / 10)
        return -1;
    if (whole >= top) {
        whole /= 10;
        exponent++;
        power--;
    }
    double back;
    if (!scale_exactly(whole, -power, is_float, &back))
        return -1;
    *s = (shortest){whole, count, exponent};
    return back == value;
}

static bool shortest_fast(double value, bool is_float, shortest *s) {
    int binary;
    double fraction = frexp(value, &binary);
    /* the spacing is uneven at a power of two, and coarser below the normal numbers */
    if (fraction == 0.5 || value < (is_float ? (double)FLT_MIN : DBL_MIN))
        return false;
    int exponent = (int)floor((binary - 1) * 0.30102999566398120);
    if (exponent < -MAX_POWER || exponent >= MAX_POWER)
        return false;
    if (exponent + 1 <= MAX_POWER && exponent + 1 >= 0 &&
        (long double)value >= powers[exponent + 1])
        exponent++;
    else if (exponent + 1 < 0 && value * powers[-(exponent + 1)] >= 1.0L)
        exponent++;
    const int first = is_float ? FLT_DIG : DBL_DIG, last = is_float ? 9 : 16;
    for (int count = first; count <= last; count++) {
        int answer = try_digits(value, exponent, count, is_float, s);
        if (answer < 0)
            return false;
        if (answer)
            return true;
    }
    return false;
}
#else
static bool shortest_fast(double value, bool is_float, shortest *s) {
    (void)value;
    (void)is_float;
    (void)s;
    return false;
}
#endif

static shortest read_scientific(const char *text, int count) {
    shortest s = {.count = count};
    const char *p = text;
    for (; *p && *p != 'e'; p++)
        if (is_digit(*p))
            s.digits = s.digits * 10 + (uint64_t)(*p - '0');
    s.exponent = *p ? atoi(p + 1) : 0;
    return s;
}

static shortest shortest_slowly(double value, bool is_float) {
    shortest s = {0};
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = c ? uselocale(c) : (locale_t)0;
    for (int count = 1; count <= MAX_DIGITS; count++) {
        char text[48];
        snprintf(text, sizeof text, "%.*e", count - 1, value);
        s = read_scientific(text, count);
        if ((is_float ? (double)strtof(text, NULL) : strtod(text, NULL)) == value)
            break;
    }
    if (c) {
        uselocale(before);
        freelocale(c);
    }
    return s;
}

static size_t put_digits(char *out, uint64_t digits, int count) {
    for (int i = count; i-- > 0; digits /= 10)
        out[i] = (char)('0' + digits % 10);
    return (size_t)count;
}

/* Plain decimals for exponents from -5 to 15, else d.ddde±xx. */
static size_t lay_out(const shortest *s, char *out) {
    char digits[MAX_DIGITS + 3];
    int count = s->count, e = s->exponent;
    put_digits(digits, s->digits, count);
    char *p = out;
    if (e < -5 || e > 15) {
        *p++ = digits[0];
        if (count > 1) {
            *p++ = '.';
            memcpy(p, digits + 1, (size_t)count - 1);
            p += count - 1;
        }
        *p++ = 'e';
        *p++ = e < 0 ? '-' : '+';
        int size = e < 0 ? -e : e;
        p += put_digits(p, (uint64_t)size, size > 99 ? 3 : 2);
    } else if (e < 0) {
        *p++ = '0';
        *p++ = '.';
        memset(p, '0', (size_t)(-e - 1));
        p += -e - 1;
        memcpy(p, digits, (size_t)count);
        p += count;
    } else {
        int whole = count < e + 1 ? count : e + 1;
        memcpy(p, digits, (size_t)whole);
        p += whole;
        memset(p, '0', (size_t)(e + 1 - whole));
        p += e + 1 - whole;
        if (count > whole) {
            *p++ = '.';
            memcpy(p, digits + whole, (size_t)(count - whole));
            p += count - whole;
        }
    }
    *p = '\0';
    return (size_t)(p - out);
}

static size_t format_any(double value, bool is_float, char *out) {
    if (isnan(value) || isinf(value)) {
        const char *word = isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
        memcpy(out, word, strlen(word) + 1);
        return strlen(word);
    }
    size_t sign = signbit(value) ? 1 : 0;
    if (sign) {
        *out++ = '-';
        value = -value;
    }
    shortest s = {0, 1, 0};
    if (value >= 1 && value < 1e15 && value == (double)(uint64_t)value && !is_float) {
        for (uint64_t rest = s.digits = (uint64_t)value; rest >= 10; rest /= 10)
            s.count++;
        s.exponent = s.count - 1;
    } else if (value != 0 && !shortest_fast(value, is_float, &s))
        s = shortest_slowly(value, is_float);
    strip_zeros(&s);
    return sign + lay_out(&s, out);
}

size_t gru_number_format(float value, char out[GRU_NUMBER_MAX]) {
    return format_any((double)value, true, out);
}

size_t gru_number_format_double(double value, char out[GRU_NUMBER_MAX]) {
    return format_any(value, false, out);
}

void gru_number_group(size_t value, char out[GRU_NUMBER_MAX]) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%zu", value), n = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[n++] = ',';
        out[n++] = digits[i];
    }
    out[n] = '\0';
}

float gru_number_half(uint16_t bits) {
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    float value = exponent == 31  ? mantissa ? NAN : INFINITY
                  : exponent == 0 ? ldexpf((float)mantissa, -24)
                                  : ldexpf((float)(mantissa + 1024), exponent - 25);
    return bits & 0x8000 ? -value : value;
}

float gru_number_bfloat(uint16_t bits) {
    uint32_t word = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}
