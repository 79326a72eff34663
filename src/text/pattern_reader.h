/* pattern_reader.h - where the reading of a pattern stands: what
 * pattern_syntax.c and pattern_class.c share, and nobody else.
 *
 * Functions that take something are called behind what announced it (a
 * backslash, a bracket), go on to its end, and fail with the place named.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_PATTERN_READER_H
#define ANM_PATTERN_READER_H

#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "text/pattern.h"

typedef struct anm_pattern_group {
    size_t extra; /* groups that "(?i)" opened inside, closed with it */
    bool folds;   /* ignores case */
} anm_pattern_group;

typedef struct anm_pattern_reader {
    anm_text source; /* valid UTF-8 */
    size_t at;
    anm_draft *draft;
    anm_buf *out; /* the draft's text */
    const char *place;
    anm_pattern_group groups[ANM_PATTERN_MAX_DEPTH + 1]; /* [0]: the whole */
    size_t depth;
    bool has_atom;     /* a quantifier may follow */
    uint32_t previous; /* literal before this one, or 0 */
    anm_error *err;
} anm_pattern_reader;

static inline bool at_end(const anm_pattern_reader *r)
{
    return r->at == r->source.len;
}

static inline uint32_t peek(const anm_pattern_reader *r, size_t *size)
{
    return anm_utf8_decode(r->source.data + r->at, r->source.len - r->at, size);
}

static inline uint32_t take(anm_pattern_reader *r)
{
    size_t size = 0;
    const uint32_t cp = peek(r, &size);
    r->at += size;
    return cp;
}

static inline bool starts(const anm_pattern_reader *r, const char *s)
{
    const size_t len = strlen(s);
    return r->source.len - r->at >= len &&
           memcmp(r->source.data + r->at, s, len) == 0;
}

static inline bool take_string(anm_pattern_reader *r, const char *s)
{
    if (!starts(r, s)) return false;
    r->at += strlen(s);
    return true;
}

static inline anm_status refuse(anm_pattern_reader *r, size_t from,
                                const char *what)
{
    const size_t left = r->source.len - from;

    return anm_fail(r->err, ANM_E_UNSUPPORTED,
                    "%s: pattern: %s at byte %zu (\"%.*s\") is not built in",
                    r->place, what, from, (int)(left < 16 ? left : 16),
                    r->source.data + from);
}

static inline anm_status fail_format(anm_pattern_reader *r, size_t from,
                                     const char *what)
{
    return anm_fail(r->err, ANM_E_FORMAT, "%s: pattern: %s at byte %zu of %zu",
                    r->place, what, from, r->source.len);
}

static inline anm_status fail_memory(anm_pattern_reader *r)
{
    return anm_fail(r->err, ANM_E_NOMEM, "%s: out of memory", r->place);
}

static inline bool is_letter(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
}

static inline uint32_t lower(uint32_t cp)
{
    return cp >= 'A' && cp <= 'Z' ? cp - 'A' + 'a' : cp;
}

/* ---- What matches one character (pattern_class.c) ------------------------ */

/* A character that is written with a backslash. *is_character stays false when
 * it is something else, and r where it was. */
anm_status anm_pattern_take_escaped(anm_pattern_reader *r, uint32_t *cp,
                                    bool *is_character);

/* \w \W \d \D \s \S \h \H \p{…} \P{…}, added to s. *is_set stays false when
 * it is something else, and r where it was. */
anm_status anm_pattern_take_class_escape(anm_pattern_reader *r, anm_charset *s,
                                         bool in_brackets, bool *is_set);

/* A class in brackets, behind its '['; s is empty before. */
anm_status anm_pattern_take_bracket(anm_pattern_reader *r, anm_charset *s);

#endif
