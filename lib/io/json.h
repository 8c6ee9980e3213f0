/* Reading JSON (RFC 8259): the text is checked as a whole, then walked by a cursor.
 *
 * Made for the headers of model files, which hold a vocabulary as one long string: nothing is
 * built but what is asked for.
 *
 *     gru_json j = {text};
 *     if (gru_json_into(&j, '{'))
 *         while (gru_json_more(&j)) {
 *             gru_json_text(&j, &name, &len);      // the key, then its value:
 *             gru_json_skip(&j);
 *         }
 */
#ifndef GRU_IO_JSON_H
#define GRU_IO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL when text[len] is one JSON object or array in UTF-8, nested at most 32 deep, without NUL in
 * strings; else what is wrong, with *at the byte where. Duplicate keys are the caller's to notice.
 */
const char *gru_json_check(const char *text, size_t len, size_t *at);

/* A place in a text that gru_json_check has passed. */
typedef struct gru_json {
    const char *at;
} gru_json;

/* What comes next: '{', '[', '"', 't', 'f', 'n', or '0' for a number. */
char gru_json_kind(gru_json *j);
/* Into an object ('{') or array ('['); false, with the value skipped, when it is none. */
bool gru_json_into(gru_json *j, char open);
/* true: another element, or key, comes; false: the object or array is left. */
bool gru_json_more(gru_json *j);
/* A string or a key, malloc'd, NUL-terminated; false, with the value skipped and *text NULL, when
 * it is no string; *text NULL with true: no memory. */
bool gru_json_text(gru_json *j, char **text, size_t *len);
/* A whole number from 0 to 2⁶⁴ − 1; false, with the value skipped, when it is none. */
bool gru_json_whole(gru_json *j, uint64_t *out);
void gru_json_skip(gru_json *j);

#endif
