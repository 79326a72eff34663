/* pattern.h - regular expressions, matched as the original matches them.
 *
 * The original runs Oniguruma with Ruby's syntax and its own version of
 * Unicode; here PCRE2 runs. Neither syntax nor properties are left to it: a
 * pattern is read here (pattern_syntax.c), everything in it that matches one
 * character becomes a set of code points (charset.h), and the sets of a pattern
 * divide all code points into a few classes (alphabet.c). A text is matched as
 * its classes, a byte for each code point. Hence matching is exact whatever
 * library is installed, and fast in every script: PCRE2 sees bytes. What cannot
 * be carried over is refused by name when the pattern is compiled.
 *
 * A compiled pattern is immutable and any number of threads share it; what
 * matching needs lies in the caller's anm_encoding.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_PATTERN_H
#define ANM_PATTERN_H

#include "anemone.h"
#include "base/buf.h"
#include "text/charset.h"
#include "text/encoding.h"

enum {
    ANM_PATTERN_MAX_BYTES = 16384, /* of a source */
    ANM_PATTERN_MAX_DEPTH = 64,    /* groups, and classes in classes */
    ANM_PATTERN_MAX_SETS = 256,
};

/* ---- A pattern while it is compiled -------------------------------------- */

/* In a draft's text the byte ANM_DRAFT_SET and the index of a set (one byte)
 * stand for an atom. */
enum { ANM_DRAFT_SET = 1 };

/* Zero-initialised is empty. */
typedef struct anm_draft {
    anm_buf text;
    anm_charset sets[ANM_PATTERN_MAX_SETS]; /* [n_sets] different */
    size_t n_sets;
} anm_draft;

/* Read a pattern, or a text that stands for itself; `at` names its place in
 * messages. */
anm_status anm_draft_read(anm_draft *d, anm_text source, const char *at,
                          anm_error *err);
anm_status anm_draft_read_literal(anm_draft *d, anm_text source, const char *at,
                                  anm_error *err);
void anm_draft_deinit(anm_draft *d);

/* The classes that some sets divide all code points into: two code points are
 * in one class when they are in the same sets. */
enum { ANM_ALPHABET_PAGES = 0x110000 / 256 };

typedef struct anm_alphabet {
    uint16_t block_of[ANM_ALPHABET_PAGES];
    uint8_t (*blocks)[256]; /* classes of a page; pages that agree share */
    size_t n_blocks, cap;
    size_t n_classes;
} anm_alphabet;

/* Which classes a set is made of, a bit each. */
typedef struct anm_class_set {
    uint8_t bits[32];
} anm_class_set;

/* @param members  [n_sets], filled in
 * @return ANM_OK, ANM_E_LIMIT (over 256 classes), ANM_E_NOMEM */
anm_status anm_alphabet_init(anm_alphabet *a, const anm_charset *sets,
                             size_t n_sets, anm_class_set *members,
                             anm_error *err);
void anm_alphabet_deinit(anm_alphabet *a);

static inline uint8_t anm_alphabet_class(const anm_alphabet *a, uint32_t cp)
{
    return a->blocks[a->block_of[cp >> 8]][cp & 255];
}

/* ---- A compiled pattern -------------------------------------------------- */

/* Zero-initialised: no pattern, valid to deinit. */
typedef struct anm_pattern {
    struct pcre2_real_code_8 *code;
    anm_alphabet alphabet;
} anm_pattern;

/* literal: the source stands for itself.
 *
 * @return ANM_OK
 *         ANM_E_UNSUPPORTED  syntax that is not carried over; names it
 *         ANM_E_FORMAT       no regular expression
 *         ANM_E_LIMIT, ANM_E_NOMEM */
anm_status anm_pattern_compile(anm_pattern *p, anm_text source, bool literal,
                               const char *at, anm_error *err);
void anm_pattern_deinit(anm_pattern *p);

/* ---- Matching ------------------------------------------------------------ */

typedef enum anm_found {
    ANM_FOUND,
    ANM_FOUND_NOTHING,
    ANM_FOUND_TROUBLE, /* e->trouble says which */
} anm_found;

typedef struct anm_match_span {
    size_t start, end; /* bytes */
} anm_match_span;

/* The matches of one text, from left to right. Finders of one encoding nest:
 * the last begun ends first. */
typedef struct anm_finder {
    const anm_pattern *pattern;
    anm_text text;
    size_t base, n;          /* its classes: e->classes.data[base, base + n) */
    size_t next;             /* class where the search goes on */
    size_t last_end;         /* of the last match; SIZE_MAX: none yet */
    size_t code_at, byte_at; /* one place, counted both ways */
} anm_finder;

/* text is valid UTF-8. False: no memory. */
bool anm_finder_begin(anm_finder *f, const anm_pattern *p, anm_text text,
                      anm_encoding *e);
void anm_finder_end(anm_finder *f, anm_encoding *e);

/* The next match. An empty one is found too, but not right behind another. */
anm_found anm_finder_next(anm_finder *f, anm_match_span *out, anm_encoding *e);

/* What matching leaves in an encoding. */
void anm_pattern_room_free(anm_encoding *e);

#endif
