/* charset.h - sets of code points as the original's regular expressions know
 * them.
 *
 * Categories, scripts and the three Unicode-aware classes are frozen
 * (charset_data.c), so that what a pattern matches depends on no installed
 * library. Unassigned code points have no category: they are in \P{…} and in
 * \p{Cn} only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CHARSET_H
#define ANM_CHARSET_H

#include "anemone.h"
#include "base/alloc.h"

/* ---- The frozen data, charset_data.c ------------------------------------- */

enum { ANM_N_CATEGORIES = 28, ANM_N_SCRIPTS = 29 };

/* Bits of anm_kind_range.kind beside the category. */
enum {
    ANM_KIND_CATEGORY = 31, /* mask: index into anm_category_names */
    ANM_KIND_WORD = 32,     /* \w */
    ANM_KIND_ALPHA = 64,    /* [:alpha:] */
};

/* Sorted and disjoint. kind: category and bits, or index of the script. */
typedef struct anm_kind_range {
    uint32_t first, last;
    uint8_t kind;
} anm_kind_range;

extern const char *const anm_category_names[ANM_N_CATEGORIES];
extern const char *const anm_script_names[ANM_N_SCRIPTS];
extern const anm_kind_range anm_category_ranges[];
extern const size_t anm_category_n_ranges;
extern const anm_kind_range anm_script_ranges[];
extern const size_t anm_script_n_ranges;

/* ---- Sets ---------------------------------------------------------------- */

typedef struct anm_char_span {
    uint32_t first, last;
} anm_char_span;

/* Sorted, disjoint and not adjacent between two calls. Zero-initialised is the
 * empty set. Functions return false when memory is out; the set is then still
 * valid to deinit. */
typedef struct anm_charset {
    anm_char_span *spans; /* [n] */
    size_t n, cap;
} anm_charset;

void anm_charset_deinit(anm_charset *s);

bool anm_charset_add(anm_charset *s, uint32_t first, uint32_t last);
bool anm_charset_add_set(anm_charset *s, const anm_charset *other);
bool anm_charset_invert(anm_charset *s);
bool anm_charset_intersect(anm_charset *s, const anm_charset *other);
bool anm_charset_has(const anm_charset *s, uint32_t cp);

/* Add what the name in \p{name} stands for. Spelling follows the original: case,
 * blanks, '-' and '_' do not count. *known: there is such a name here. */
bool anm_charset_add_property(anm_charset *s, anm_text name, bool in_brackets,
                              bool *known);

/* The same for [:name:], where some names mean something else. */
bool anm_charset_add_posix(anm_charset *s, anm_text name, bool *known);

/* \w, \d, \s, \h as the letter says (lower case). */
bool anm_charset_add_class(anm_charset *s, char letter, bool in_brackets);

#endif
