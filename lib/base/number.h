/* Numbers as text, independent of the locale, and those of two bytes. */
#ifndef GRU_BASE_NUMBER_H
#define GRU_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GRU_NUMBER_MAX = 32 }; /* bytes that any formatted number and its NUL fit in */

/* The whole of text[len] as a number (surrounding blanks allowed; nan and inf are not numbers);
 * correctly rounded. false if it is anything else. */
bool gru_number_parse(const char *text, size_t len, double *out);
/* A whole number, optionally signed. */
bool gru_number_parse_int(const char *text, size_t len, long long *out);
/* true for an empty field, NA, NaN, null (any case). */
bool gru_number_missing(const char *text, size_t len);
/* Why a text that is no number may have been meant as one: "; decimals …" for digits with commas
 * (1.234,56), else "". */
const char *gru_number_hint(const char *text, size_t len);
/* The fewest digits that read back to the same float / double; returns the length. Not-a-number
 * prints as nan, infinity as inf or -inf. */
size_t gru_number_format(float value, char out[GRU_NUMBER_MAX]);
size_t gru_number_format_double(double value, char out[GRU_NUMBER_MAX]);
/* The value of IEEE 754's binary16 (NumPy's float16) and of bfloat16; both fit a float. */
float gru_number_half(uint16_t bits);
float gru_number_bfloat(uint16_t bits);
/* A count for people: 1234567 → "1,234,567". */
void gru_number_group(size_t value, char out[GRU_NUMBER_MAX]);

#endif
