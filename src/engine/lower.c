/* lower.c - lower-casing a whole text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/lower.h"

#include <stdbool.h>
#include <utf8proc.h>

#include "base/utf8.h"

enum {
    CAPITAL_SIGMA = 0x3a3,
    SMALL_SIGMA = 0x3c3,
    FINAL_SIGMA = 0x3c2,
    CAPITAL_I_DOT = 0x130,
    DOT_ABOVE = 0x307,
};

size_t anm_lower_growth(size_t len)
{
    // Only characters of two bytes and more grow, and by one byte each.
    return len / 2;
}

/* The properties Cased and Case_Ignorable, from the general category. */
static bool is_cased(uint32_t cp)
{
    const utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);

    return c == UTF8PROC_CATEGORY_LU || c == UTF8PROC_CATEGORY_LL ||
           c == UTF8PROC_CATEGORY_LT;
}

static bool is_case_ignorable(uint32_t cp)
{
    const utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);

    return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_ME ||
           c == UTF8PROC_CATEGORY_CF || c == UTF8PROC_CATEGORY_LM ||
           c == UTF8PROC_CATEGORY_SK || cp == '\'' || cp == '.' || cp == ':' ||
           cp == 0xb7 || cp == 0x2018 || cp == 0x2019 || cp == 0x2024 ||
           cp == 0x2027;
}

static bool cased_follows(const char *text, size_t len)
{
    size_t size;

    for (; len; text += size, len -= size) {
        const uint32_t cp = anm_utf8_decode(text, len, &size);
        if (!is_case_ignorable(cp)) return is_cased(cp);
    }
    return false;
}

size_t anm_lower(char *out, const char *text, size_t len)
{
    // Whether a cased letter stands before, with only ignorable ones between.
    bool after_cased = false;
    size_t n = 0, size;

    for (size_t i = 0; i < len; i += size) {
        const uint32_t cp = anm_utf8_decode(text + i, len - i, &size);
        uint32_t low = (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);

        if (cp == CAPITAL_SIGMA)
            low = after_cased && !cased_follows(text + i + size, len - i - size)
                      ? FINAL_SIGMA
                      : SMALL_SIGMA;
        if (!is_case_ignorable(cp)) after_cased = is_cased(cp);
        n += anm_utf8_encode(cp == CAPITAL_I_DOT ? 'i' : low, out + n);
        if (cp == CAPITAL_I_DOT) n += anm_utf8_encode(DOT_ABOVE, out + n);
    }
    return n;
}
