/* What characters are, where ICU and Python differ. */
#ifndef GRU_TEXT_UNICODE_H
#define GRU_TEXT_UNICODE_H

#include <stdbool.h>
#include <stdint.h>

/* What Python's str.isspace says: Unicode's white space and the separators U+001C … U+001F. */
bool gru_unicode_space(uint32_t code);

#endif
