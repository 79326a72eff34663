/* chars.h - what a code point is, as the original tokenizer sees it.
 *
 * The original takes categories, case and decompositions from libraries of
 * different Unicode versions (some know nothing newer than version 8), so the
 * properties are frozen here (chars_data.c) and depend on no installed library.
 * Only decompositions and combining classes of code points that carry a flag
 * come from utf8proc: Unicode never changes those.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CHARS_H
#define ANM_CHARS_H

#include "anemone.h"
#include "base/alloc.h"

/* Properties of a code point; the order is that of tools/make-chars. */
enum {
    ANM_CHAR_DROP = 1 << 0,        /* removed by BertNormalizer's cleaning */
    ANM_CHAR_SPACE = 1 << 1,       /* white space */
    ANM_CHAR_CJK = 1 << 2,         /* an ideograph that stands alone */
    ANM_CHAR_NONSPACING = 1 << 3,  /* an accent to BertNormalizer */
    ANM_CHAR_MARK = 1 << 4,        /* an accent to StripAccents */
    ANM_CHAR_PUNCTUATION = 1 << 5, /* ASCII symbols are */
    ANM_CHAR_WORD = 1 << 6,        /* \w */
    ANM_CHAR_NUMERIC = 1 << 7,
    ANM_CHAR_CANONICAL = 1 << 8,  /* has a canonical decomposition */
    ANM_CHAR_COMPATIBLE = 1 << 9, /* has a compatibility decomposition only */
    ANM_CHAR_ORDERED = 1 << 10,   /* has a combining class other than 0 */
    ANM_CHAR_COMPOSES = 1 << 11,  /* may become one with a neighbour */
    ANM_CHAR_UPPER = 1 << 12,     /* lower case differs */
};

/* ---- The frozen data, chars_data.c --------------------------------------- */

/* Sorted and disjoint; code points in no range have no property. */
typedef struct anm_char_range {
    uint32_t first, last;
    uint16_t flags; /* UPPER is not among them: see anm_char_lower */
} anm_char_range;

/* The lower case of first, first + step … last is the code point + delta. */
typedef struct anm_char_lower {
    uint32_t first, last;
    uint8_t step;
    int32_t delta;
} anm_char_lower;

extern const anm_char_range anm_char_ranges[];
extern const size_t anm_char_n_ranges;
extern const anm_char_lower anm_char_lowers[];
extern const size_t anm_char_n_lowers;

/* ---- The table that the stages read -------------------------------------- */

enum { ANM_CHAR_PAGE = 256, ANM_CHAR_PAGES = 0x110000 / ANM_CHAR_PAGE };

/* Immutable after anm_chars_init(). Pages that agree share a block. */
typedef struct anm_chars {
    uint16_t block_of[ANM_CHAR_PAGES];
    uint16_t (*blocks)[ANM_CHAR_PAGE];
    const uint16_t *ascii; /* the block that ASCII lies in */
} anm_chars;

/* Spread the ranges out, about 100 KB from the arena. False: no memory. */
bool anm_chars_init(anm_chars *c, anm_arena *arena);

static inline unsigned anm_char_flags(const anm_chars *c, uint32_t cp)
{
    return c->blocks[c->block_of[cp / ANM_CHAR_PAGE]][cp % ANM_CHAR_PAGE];
}

/* The lower case of a code point with ANM_CHAR_UPPER, 1 or 2 code points into
 * out; returns how many. */
size_t anm_char_lower_of(uint32_t cp, uint32_t out[2]);

#endif
