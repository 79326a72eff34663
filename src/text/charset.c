/* charset.c - sets of code points.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "text/charset.h"

#include "base/utf8.h"

enum { LAST = 0x10ffff };

void anm_charset_deinit(anm_charset *s)
{
    anm_free(s->spans);
    *s = (anm_charset){ 0 };
}

/* ---- Union, complement, intersection ------------------------------------- */

static bool append(anm_charset *s, uint32_t first, uint32_t last)
{
    if (!anm_grow(&s->spans, &s->cap, s->n + 1, sizeof(*s->spans)))
        return false;
    s->spans[s->n++] = (anm_char_span){ first, last };
    return true;
}

static int compare_first(const void *a, const void *b)
{
    const anm_char_span *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Sort and join what overlaps or touches. */
static void settle(anm_charset *s)
{
    size_t n = 0;

    if (s->n < 2) return;
    qsort(s->spans, s->n, sizeof(*s->spans), compare_first);
    for (size_t i = 1; i < s->n; i++) {
        anm_char_span *last = &s->spans[n];
        const anm_char_span next = s->spans[i];
        if (next.first > last->last + 1)
            s->spans[++n] = next;
        else if (next.last > last->last)
            last->last = next.last;
    }
    s->n = n + 1;
}

bool anm_charset_add(anm_charset *s, uint32_t first, uint32_t last)
{
    if (!append(s, first, last)) return false;
    settle(s);
    return true;
}

bool anm_charset_add_set(anm_charset *s, const anm_charset *other)
{
    for (size_t i = 0; i < other->n; i++)
        if (!append(s, other->spans[i].first, other->spans[i].last))
            return false;
    settle(s);
    return true;
}

bool anm_charset_invert(anm_charset *s)
{
    anm_charset out = { 0 };
    uint32_t next = 0; // first code point that no span so far covers

    for (size_t i = 0; i < s->n; i++) {
        const anm_char_span span = s->spans[i];
        if (span.first > next && !append(&out, next, span.first - 1)) goto fail;
        next = span.last + 1;
    }
    if (next <= LAST && !append(&out, next, LAST)) goto fail;
    anm_charset_deinit(s);
    *s = out;
    return true;

fail:
    anm_charset_deinit(&out);
    return false;
}

bool anm_charset_intersect(anm_charset *s, const anm_charset *other)
{
    anm_charset out = { 0 };
    size_t i = 0, k = 0;

    while (i < s->n && k < other->n) {
        const anm_char_span a = s->spans[i], b = other->spans[k];
        const uint32_t first = a.first > b.first ? a.first : b.first;
        const uint32_t last = a.last < b.last ? a.last : b.last;
        if (first <= last && !append(&out, first, last)) {
            anm_charset_deinit(&out);
            return false;
        }
        if (a.last < b.last)
            i++;
        else
            k++;
    }
    anm_charset_deinit(s);
    *s = out;
    return true;
}

bool anm_charset_has(const anm_charset *s, uint32_t cp)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->spans[i].first <= cp && cp <= s->spans[i].last) return true;
    return false;
}

/* ---- Properties by name -------------------------------------------------- */

/* Which kinds a name stands for: categories as bits, one of ANM_KIND_*, or
 * both. */
typedef struct property {
    const char *name; /* lower case */
    uint32_t categories;
    uint8_t bit;
} property;

enum {
    LETTER = 0x1f,
    CASED = 0x7,
    MARK = 0x7 << 5,
    NUMBER = 0x7 << 8,
    DECIMAL = 1 << 8,
    PUNCTUATION = 0x7f << 11,
    SYMBOL = 0xf << 18,
    SEPARATOR = 0x7 << 22,
    CONTROL = 1 << 25,
    ASSIGNED_OTHER = 0x7 << 25,
};

/* Of \p{…}, beside categories and scripts by their own names. */
static const property properties[] = {
    { "l", LETTER, 0 },
    { "letter", LETTER, 0 },
    { "lc", CASED, 0 },
    { "uppercaseletter", 1 << 0, 0 },
    { "lowercaseletter", 1 << 1, 0 },
    { "titlecaseletter", 1 << 2, 0 },
    { "modifierletter", 1 << 3, 0 },
    { "otherletter", 1 << 4, 0 },
    { "m", MARK, 0 },
    { "mark", MARK, 0 },
    { "n", NUMBER, 0 },
    { "number", NUMBER, 0 },
    { "decimalnumber", DECIMAL, 0 },
    { "digit", DECIMAL, 0 },
    { "p", PUNCTUATION, 0 },
    { "punctuation", PUNCTUATION, 0 },
    { "punct", PUNCTUATION, 0 },
    { "s", SYMBOL, 0 },
    { "symbol", SYMBOL, 0 },
    { "z", SEPARATOR, 0 },
    { "separator", SEPARATOR, 0 },
    { "cntrl", CONTROL, 0 },
    { "alpha", 0, ANM_KIND_ALPHA },
    { "alphabetic", 0, ANM_KIND_ALPHA },
    { "alnum", DECIMAL, ANM_KIND_ALPHA },
};

/* Of [:…:]. */
static const property posix_properties[] = {
    { "alnum", DECIMAL, ANM_KIND_ALPHA },
    { "alpha", 0, ANM_KIND_ALPHA },
    { "cntrl", CONTROL, 0 },
    { "digit", DECIMAL, 0 },
    { "punct", PUNCTUATION | SYMBOL, 0 },
};

static bool add_kinds(anm_charset *s, uint32_t categories, unsigned bit)
{
    for (size_t i = 0; i < anm_category_n_ranges; i++) {
        const anm_kind_range *r = &anm_category_ranges[i];
        if (!(categories >> (r->kind & ANM_KIND_CATEGORY) & 1) &&
            !(r->kind & bit))
            continue;
        if (!append(s, r->first, r->last)) return false;
    }
    settle(s);
    return true;
}

static bool add_unassigned(anm_charset *s)
{
    anm_charset assigned = { 0 };
    const bool ok = add_kinds(&assigned, UINT32_MAX, 0) &&
                    anm_charset_invert(&assigned) &&
                    anm_charset_add_set(s, &assigned);

    anm_charset_deinit(&assigned);
    return ok;
}

static bool add_script(anm_charset *s, uint8_t script)
{
    for (size_t i = 0; i < anm_script_n_ranges; i++) {
        const anm_kind_range *r = &anm_script_ranges[i];
        if (r->kind == script && !append(s, r->first, r->last)) return false;
    }
    settle(s);
    return true;
}

/* The name without what does not count, in lower case; "" when it is too
 * long. */
static void fold_name(anm_text name, char out[32])
{
    size_t n = 0;

    for (size_t i = 0; i < name.len; i++) {
        const char c = name.data[i];
        if (c == ' ' || c == '-' || c == '_') continue;
        if (n == 31) {
            n = 0;
            break;
        }
        out[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out[n] = '\0';
}

static bool is_name(const char *folded, const char *name)
{
    char other[32];

    fold_name((anm_text){ name, strlen(name) }, other);
    return strcmp(folded, other) == 0;
}

/* \w matches superscripts and fractions of Latin-1, [\w] does not. */
static bool add_word(anm_charset *s, bool in_brackets)
{
    static const anm_char_span left_out[] = { { 0xb2, 0xb3 },
                                              { 0xb9, 0xb9 },
                                              { 0xbc, 0xbe } };
    anm_charset word = { 0 }, other = { 0 };
    bool ok = add_kinds(&word, 0, ANM_KIND_WORD);

    for (size_t i = 0; i < 3 && in_brackets && ok; i++)
        ok = append(&other, left_out[i].first, left_out[i].last);
    ok = ok && anm_charset_invert(&other) &&
         anm_charset_intersect(&word, &other) && anm_charset_add_set(s, &word);
    anm_charset_deinit(&word);
    anm_charset_deinit(&other);
    return ok;
}

bool anm_charset_add_property(anm_charset *s, anm_text name, bool in_brackets,
                              bool *known)
{
    char folded[32];

    fold_name(name, folded);
    *known = true;
    for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++)
        if (strcmp(folded, properties[i].name) == 0)
            return add_kinds(s, properties[i].categories, properties[i].bit);
    for (uint8_t i = 0; i < ANM_N_CATEGORIES; i++)
        if (is_name(folded, anm_category_names[i]))
            return add_kinds(s, (uint32_t)1 << i, 0);
    for (uint8_t i = 0; i < ANM_N_SCRIPTS; i++)
        if (is_name(folded, anm_script_names[i])) return add_script(s, i);
    if (strcmp(folded, "space") == 0)
        return anm_charset_add_class(s, 's', false);
    if (strcmp(folded, "word") == 0) return add_word(s, in_brackets);
    if (strcmp(folded, "xdigit") == 0)
        return anm_charset_add_class(s, 'h', false);
    if (strcmp(folded, "any") == 0) return anm_charset_add(s, 0, LAST);
    if (strcmp(folded, "cn") == 0) return add_unassigned(s);
    if (strcmp(folded, "c") == 0)
        return add_kinds(s, ASSIGNED_OTHER, 0) && add_unassigned(s);
    *known = false;
    return true;
}

bool anm_charset_add_posix(anm_charset *s, anm_text name, bool *known)
{
    static const struct {
        const char *name;
        char letter;
    } classes[] = { { "space", 's' }, { "word", 'w' }, { "xdigit", 'h' } };

    *known = true;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (anm_text_is(name, classes[i].name))
            return anm_charset_add_class(s, classes[i].letter, true);
    for (size_t i = 0;
         i < sizeof(posix_properties) / sizeof(posix_properties[0]); i++) {
        const property *p = &posix_properties[i];
        if (anm_text_is(name, p->name))
            return add_kinds(s, p->categories, p->bit);
    }
    *known = false;
    return true;
}

bool anm_charset_add_class(anm_charset *s, char letter, bool in_brackets)
{
    switch (letter) {
    case 'w':
        return add_word(s, in_brackets);
    case 'd':
        return add_kinds(s, DECIMAL, 0);
    case 'h':
        return anm_charset_add(s, '0', '9') && anm_charset_add(s, 'A', 'F') &&
               anm_charset_add(s, 'a', 'f');
    default:
        return add_kinds(s, SEPARATOR, 0) && anm_charset_add(s, '\t', '\r') &&
               anm_charset_add(s, 0x85, 0x85);
    }
}
