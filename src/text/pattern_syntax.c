/* pattern_syntax.c - a pattern in Ruby's syntax becomes a draft.
 *
 * One pass from left to right. Whatever matches one character is written as
 * the number of a set, the rest as PCRE2 spells it. Open groups are a stack,
 * because "(?i)" in the middle of a group reaches to that group's end with all
 * its alternatives, and here becomes a group of its own.
 *
 * Under (?i) the original also folds one character to several ("ß" and "ss"):
 * letters that could take part are refused there, and so is what lies outside
 * ASCII.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "text/pattern.h"

typedef struct group {
    size_t extra; /* groups that "(?i)" opened inside, closed with it */
    bool folds;   /* ignores case */
} group;

typedef struct reader {
    anm_text source;
    size_t at;
    anm_draft *draft;
    anm_buf *out; /* the draft's text */
    const char *place;
    group groups[ANM_PATTERN_MAX_DEPTH + 1]; /* [0]: the whole */
    size_t depth;
    bool has_atom;     /* a quantifier may follow */
    uint32_t previous; /* literal before this one, or 0 */
    anm_error *err;
} reader;

static bool at_end(const reader *r)
{
    return r->at == r->source.len;
}

static uint32_t peek(const reader *r, size_t *size)
{
    return anm_utf8_decode(r->source.data + r->at, r->source.len - r->at, size);
}

static uint32_t take(reader *r)
{
    size_t size = 0;
    const uint32_t cp = peek(r, &size);
    r->at += size;
    return cp;
}

static bool starts(const reader *r, const char *s)
{
    const size_t len = strlen(s);
    return r->source.len - r->at >= len &&
           memcmp(r->source.data + r->at, s, len) == 0;
}

static bool take_string(reader *r, const char *s)
{
    if (!starts(r, s)) return false;
    r->at += strlen(s);
    return true;
}

static anm_status refuse(reader *r, size_t from, const char *what)
{
    const size_t left = r->source.len - from;

    return anm_fail(r->err, ANM_E_UNSUPPORTED,
                    "%s: pattern: %s at byte %zu (\"%.*s\") is not built in",
                    r->place, what, from, (int)(left < 16 ? left : 16),
                    r->source.data + from);
}

static anm_status fail_format(reader *r, size_t from, const char *what)
{
    return anm_fail(r->err, ANM_E_FORMAT, "%s: pattern: %s at byte %zu of %zu",
                    r->place, what, from, r->source.len);
}

static anm_status fail_memory(reader *r)
{
    return anm_fail(r->err, ANM_E_NOMEM, "%s: out of memory", r->place);
}

/* ---- Literals and sets --------------------------------------------------- */

static bool is_letter(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
}

static uint32_t lower(uint32_t cp)
{
    return cp >= 'A' && cp <= 'Z' ? cp - 'A' + 'a' : cp;
}

/* Pairs that start what one other character folds to: ß ff fi fl st. */
static bool may_fold_to_one(uint32_t a, uint32_t b)
{
    a = lower(a);
    b = lower(b);
    return (a == 's' && (b == 's' || b == 't')) ||
           (a == 'f' && (b == 'f' || b == 'i' || b == 'l'));
}

static bool is_same(const anm_charset *a, const anm_charset *b)
{
    return a->n == b->n &&
           memcmp(a->spans, b->spans, a->n * sizeof(*a->spans)) == 0;
}

/* Write the number of a set; takes its spans. */
static anm_status write_set(reader *r, anm_charset *s)
{
    anm_draft *d = r->draft;
    size_t i = 0;

    while (i < d->n_sets && !is_same(&d->sets[i], s))
        i++;
    if (i == ANM_PATTERN_MAX_SETS)
        return anm_fail(r->err, ANM_E_LIMIT,
                        "%s: pattern: over %d different classes", r->place,
                        ANM_PATTERN_MAX_SETS);
    if (i == d->n_sets) {
        d->sets[d->n_sets++] = *s;
        *s = (anm_charset){ 0 };
    }
    const char mark[2] = { ANM_DRAFT_SET, (char)(unsigned char)i };
    anm_buf_append(r->out, mark, sizeof(mark));
    r->has_atom = true;
    return ANM_OK;
}

/* The other characters of ASCII letters; the two beyond ASCII are long s and
 * the Kelvin sign. */
static bool add_folded(anm_charset *s, uint32_t cp)
{
    const uint32_t small = lower(cp);

    if (!is_letter(cp)) return true;
    return anm_charset_add(s, small, small) &&
           anm_charset_add(s, small - 'a' + 'A', small - 'a' + 'A') &&
           (small != 's' || anm_charset_add(s, 0x17f, 0x17f)) &&
           (small != 'k' || anm_charset_add(s, 0x212a, 0x212a));
}

static anm_status write_literal(reader *r, uint32_t cp, size_t from)
{
    const bool folds = r->groups[r->depth].folds;
    anm_charset s = { 0 };

    if (folds && cp >= 0x80)
        return refuse(r, from, "\"(?i)\" with this character");
    if (folds && may_fold_to_one(r->previous, cp))
        return refuse(r, from, "\"(?i)\" with these letters");
    r->previous = cp;
    const bool ok =
        anm_charset_add(&s, cp, cp) && (!folds || add_folded(&s, cp));
    const anm_status status = ok ? write_set(r, &s) : fail_memory(r);
    anm_charset_deinit(&s);
    return status;
}

/* A class in brackets; under (?i) one of ASCII. */
static anm_status write_class(reader *r, anm_charset *s, size_t from)
{
    r->previous = 0;
    if (!r->groups[r->depth].folds) return write_set(r, s);
    if (s->n && s->spans[s->n - 1].last >= 0x80)
        return refuse(r, from, "\"(?i)\" with this class");
    anm_charset folded = { 0 };
    bool ok = anm_charset_add_set(&folded, s);
    for (uint32_t cp = 'A'; cp <= 'z' && ok; cp++)
        if (anm_charset_has(s, cp)) ok = add_folded(&folded, cp);
    const anm_status status = ok ? write_set(r, &folded) : fail_memory(r);
    anm_charset_deinit(&folded);
    return status;
}

static int digit_value(uint32_t c)
{
    if (c >= '0' && c <= '9') return (int)(c - '0');
    c = lower(c);
    return c >= 'a' && c <= 'f' ? (int)(c - 'a' + 10) : 99;
}

/* Up to max digits of a base; at least min. */
static anm_status take_number(reader *r, int base, int min, int max,
                              uint32_t *out)
{
    const size_t from = r->at;
    int n = 0;

    *out = 0;
    while (n < max && !at_end(r) &&
           digit_value((unsigned char)r->source.data[r->at]) < base) {
        *out = *out * (uint32_t)base +
               (uint32_t)digit_value((unsigned char)r->source.data[r->at]);
        r->at++;
        n++;
    }
    if (n < min) return fail_format(r, from, "a code point without digits");
    if (*out > 0x10ffff || (*out >= 0xd800 && *out <= 0xdfff))
        return fail_format(r, from, "no code point");
    return ANM_OK;
}

/* A character that is written with a backslash; r is behind the backslash.
 * *is_character stays false when it is something else, and r where it was. */
static anm_status take_escaped(reader *r, uint32_t *cp, bool *is_character)
{
    static const char controls[][2] = { { 't', '\t' }, { 'n', '\n' },
                                        { 'r', '\r' }, { 'f', '\f' },
                                        { 'v', '\v' }, { 'a', '\a' },
                                        { 'e', 0x1b } };
    const size_t from = r->at;
    const uint32_t c = take(r);
    anm_status status = ANM_OK;

    *is_character = true;
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
        if (c == (unsigned char)controls[i][0]) {
            *cp = (unsigned char)controls[i][1];
            return ANM_OK;
        }
    if (c == 'x' && take_string(r, "{")) {
        status = take_number(r, 16, 1, 8, cp);
        if (status) return status;
        return take_string(r, "}") ? ANM_OK : fail_format(r, from, "\\x{…");
    }
    // Two digits give a byte, which from 0x80 on is half a character.
    if (c == 'x') status = take_number(r, 16, 1, 2, cp);
    if (c == 'x' && !status && *cp >= 0x80)
        return refuse(r, from, "\\x of a byte");
    if (c == 'x') return status;
    if (c == 'u') return take_number(r, 16, 4, 4, cp);
    if (c == '0') return take_number(r, 8, 0, 2, cp);
    *cp = c;
    if (!is_letter(c) && digit_value(c) > 9) return ANM_OK;
    r->at = from;
    *is_character = false;
    return ANM_OK;
}

/* "{name}" or "{^name}" behind \p or \P. */
static anm_status add_braced(reader *r, anm_charset *s, bool inverted,
                             bool in_brackets)
{
    const size_t from = r->at;
    bool known = false;

    if (!take_string(r, "{")) return refuse(r, from, "\\p without a brace");
    if (take_string(r, "^")) inverted = !inverted;
    const char *name = r->source.data + r->at;
    const char *brace = memchr(name, '}', r->source.len - r->at);
    if (!brace) return fail_format(r, from, "\\p{… without its end");
    const anm_text text = { name, (size_t)(brace - name) };
    anm_charset found = { 0 };
    bool ok = anm_charset_add_property(&found, text, in_brackets, &known);
    if (ok && known && inverted) ok = anm_charset_invert(&found);
    if (ok && known) ok = anm_charset_add_set(s, &found);
    anm_charset_deinit(&found);
    if (!ok) return fail_memory(r);
    if (!known) return refuse(r, from, "this property");
    r->at += text.len + 1;
    return ANM_OK;
}

/* \w \W \d \D \s \S \h \H \p{…} \P{…}; r is behind the backslash. *is_set stays
 * false when it is something else, and r where it was. */
static anm_status take_class_escape(reader *r, anm_charset *s, bool in_brackets,
                                    bool *is_set)
{
    const char c = r->source.data[r->at];
    anm_charset found = { 0 };

    *is_set = true;
    if (c == 'p' || c == 'P') {
        r->at++;
        return add_braced(r, s, c == 'P', in_brackets);
    }
    const char small = (char)lower((unsigned char)c);
    *is_set = small == 'w' || small == 'd' || small == 's' || small == 'h';
    if (!*is_set) return ANM_OK;
    r->at++;
    const bool ok = anm_charset_add_class(&found, small, in_brackets) &&
                    (small == c || anm_charset_invert(&found)) &&
                    anm_charset_add_set(s, &found);
    anm_charset_deinit(&found);
    return ok ? ANM_OK : fail_memory(r);
}

/* ---- Classes in brackets ------------------------------------------------- */

static anm_status take_bracket(reader *r, anm_charset *out, unsigned depth);

/* "[:name:]" or "[:^name:]"; *is_posix says whether it was one. */
static anm_status take_posix(reader *r, anm_charset *s, bool *is_posix)
{
    const size_t from = r->at;
    bool known = false;

    *is_posix = false;
    if (!take_string(r, "[:")) return ANM_OK;
    const bool inverted = take_string(r, "^");
    size_t len = 0;
    while (r->at + len < r->source.len &&
           is_letter((unsigned char)r->source.data[r->at + len]))
        len++;
    const anm_text name = { r->source.data + r->at, len };
    r->at += len;
    if (!take_string(r, ":]")) {
        r->at = from;
        return ANM_OK;
    }
    *is_posix = true;
    anm_charset found = { 0 };
    bool ok = anm_charset_add_posix(&found, name, &known);
    if (ok && known && inverted) ok = anm_charset_invert(&found);
    if (ok && known) ok = anm_charset_add_set(s, &found);
    anm_charset_deinit(&found);
    if (!ok) return fail_memory(r);
    return known ? ANM_OK : refuse(r, from, "this class");
}

/* One character of a class, escaped or not; *is_character stays false for a
 * set, which is then added. */
static anm_status take_member(reader *r, anm_charset *s, uint32_t *cp,
                              bool *is_character)
{
    const size_t from = r->at;
    bool is_set = false;
    anm_status status;

    *is_character = true;
    *cp = take(r);
    if (*cp != '\\') return ANM_OK;
    if (at_end(r)) return fail_format(r, from, "a backslash at the end");
    status = take_class_escape(r, s, true, &is_set);
    if (status || is_set) {
        *is_character = false;
        return status;
    }
    if (take_string(r, "b")) {
        *cp = '\b';
        return ANM_OK;
    }
    status = take_escaped(r, cp, is_character);
    if (!status && !*is_character) return refuse(r, from, "this escape");
    return status;
}

/* A character, a range, or a set. */
static anm_status take_members(reader *r, anm_charset *s)
{
    const size_t from = r->at;
    uint32_t first = 0, last = 0;
    bool is_character = false;
    anm_status status = take_member(r, s, &first, &is_character);

    if (status || !is_character) return status;
    last = first;
    // A '-' before the end or before a class in brackets stands for itself.
    const bool ranges = starts(r, "-") && !starts(r, "-]") &&
                        !starts(r, "-[") && !starts(r, "-&&");
    if (ranges) {
        r->at++;
        if (at_end(r)) return fail_format(r, from, "a class without its end");
        status = take_member(r, s, &last, &is_character);
        if (status) return status;
        if (!is_character)
            return refuse(r, from, "a range that ends in a class");
        if (last < first) return fail_format(r, from, "an empty range");
    }
    return anm_charset_add(s, first, last) ? ANM_OK : fail_memory(r);
}

/* Members up to "&&" or the end. */
static anm_status take_union(reader *r, anm_charset *s, unsigned depth)
{
    const size_t from = r->at;
    bool is_first = true;
    anm_status status = ANM_OK;

    for (; !status; is_first = false) {
        bool is_posix = false;
        if (at_end(r)) return fail_format(r, from, "a class without its end");
        if (starts(r, "&&") || (starts(r, "]") && !is_first)) return ANM_OK;
        if (starts(r, "]"))
            return refuse(r, r->at, "\"]\" in front of a class");
        status = take_posix(r, s, &is_posix);
        if (status || is_posix) continue;
        if (!take_string(r, "[")) {
            status = take_members(r, s);
            continue;
        }
        anm_charset inner = { 0 };
        status = take_bracket(r, &inner, depth + 1);
        if (!status && !anm_charset_add_set(s, &inner)) status = fail_memory(r);
        anm_charset_deinit(&inner);
    }
    return status;
}

/* A class; r is behind its '['. */
static anm_status take_bracket(reader *r, anm_charset *out, unsigned depth)
{
    const size_t from = r->at;
    const bool inverted = take_string(r, "^");
    anm_status status;

    if (depth > ANM_PATTERN_MAX_DEPTH)
        return anm_fail(r->err, ANM_E_LIMIT,
                        "%s: pattern: classes in classes, over %d deep",
                        r->place, ANM_PATTERN_MAX_DEPTH);
    status = take_union(r, out, depth);
    while (!status && take_string(r, "&&")) {
        anm_charset other = { 0 };
        if (starts(r, "]")) status = refuse(r, from, "\"&&]\"");
        if (!status) status = take_union(r, &other, depth);
        if (!status && !anm_charset_intersect(out, &other))
            status = fail_memory(r);
        anm_charset_deinit(&other);
    }
    if (status) return status;
    r->at++; // the ']' that take_union() stopped at
    return !inverted || anm_charset_invert(out) ? ANM_OK : fail_memory(r);
}

static void write_plain(reader *r, const char *text, bool is_atom)
{
    anm_buf_puts(r->out, text);
    r->has_atom = is_atom;
    r->previous = 0;
}

/* ---- Groups -------------------------------------------------------------- */

static anm_status open_group(reader *r, const char *opening, bool folds)
{
    if (r->depth == ANM_PATTERN_MAX_DEPTH)
        return anm_fail(r->err, ANM_E_LIMIT, "%s: pattern: groups over %d deep",
                        r->place, ANM_PATTERN_MAX_DEPTH);
    r->groups[++r->depth] = (group){ 0, folds };
    write_plain(r, opening, false);
    return ANM_OK;
}

static void close_extra(reader *r)
{
    for (; r->groups[r->depth].extra; r->groups[r->depth].extra--)
        anm_buf_puts(r->out, ")");
}

static anm_status close_group(reader *r, size_t from)
{
    if (!r->depth) return fail_format(r, from, "\")\" without \"(\"");
    close_extra(r);
    write_plain(r, ")", true);
    r->depth--;
    return ANM_OK;
}

/* "(?i)", "(?-i)", "(?i:…)", "(?-i:…)"; r is behind "(?". Case is folded here,
 * so that the groups that they become need no option. */
static anm_status take_options(reader *r, size_t from)
{
    bool folds = r->groups[r->depth].folds, on = true;

    for (;; r->at++) {
        const char c = r->at < r->source.len ? r->source.data[r->at] : '\0';
        if (c == ')' || c == ':') break;
        if (c == '-' && on)
            on = false;
        else if (c == 'i')
            folds = on;
        else
            return refuse(r, from, "this group");
    }
    if (take_string(r, ":")) return open_group(r, "(?:", folds);
    r->at++;
    r->groups[r->depth].folds = folds;
    r->groups[r->depth].extra++;
    write_plain(r, "(?:", false);
    return ANM_OK;
}

/* r is behind "(". */
static anm_status take_group(reader *r, size_t from)
{
    static const char *const openings[] = {
        "?:", "?=", "?!", "?>", "?<=", "?<!"
    };
    const bool folds = r->groups[r->depth].folds;

    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++)
        if (take_string(r, openings[i])) {
            char opening[8] = "(";
            strcat(opening, openings[i]);
            return open_group(r, opening, folds);
        }
    // Nothing refers to what a group captured, so that none need capture.
    if (!starts(r, "?")) return open_group(r, "(?:", folds);
    if (starts(r, "?<") || starts(r, "?#") || starts(r, "?~") ||
        starts(r, "?("))
        return refuse(r, from, "this group");
    r->at++;
    return take_options(r, from);
}

/* ---- Quantifiers --------------------------------------------------------- */

static size_t count_digits(const reader *r, size_t at)
{
    size_t n = 0;

    while (at + n < r->source.len && r->source.data[at + n] >= '0' &&
           r->source.data[at + n] <= '9')
        n++;
    return n;
}

/* "{n}", "{n,}", "{,n}", "{n,m}": *len bytes; 0 when the brace is none of
 * them and stands for itself. */
static void measure_interval(const reader *r, size_t *len, bool *has_comma)
{
    const size_t first = count_digits(r, r->at + 1);
    size_t end = r->at + 1 + first, second = 0;

    *len = 0;
    *has_comma = end < r->source.len && r->source.data[end] == ',';
    if (*has_comma) second = count_digits(r, ++end);
    end += second;
    if (!(first + second) || end >= r->source.len || r->source.data[end] != '}')
        return;
    *len = end + 1 - r->at;
}

static anm_status take_interval(reader *r, bool *is_interval)
{
    const size_t from = r->at;
    size_t len = 0;
    bool has_comma = false;

    measure_interval(r, &len, &has_comma);
    *is_interval = len > 0;
    if (!len) return ANM_OK;
    if (!r->has_atom) return fail_format(r, from, "nothing to repeat");
    const bool lower_missing = r->source.data[from + 1] == ',';
    anm_buf_puts(r->out, lower_missing ? "{0" : "{");
    anm_buf_append(r->out, r->source.data + from + 1, len - 1);
    r->at += len;
    // Ruby reads a '+' here as a second quantifier, and "{n}?" too.
    if (starts(r, "+") || (starts(r, "?") && !has_comma))
        return refuse(r, from, "this quantifier");
    if (take_string(r, "?")) anm_buf_puts(r->out, "?");
    r->has_atom = false;
    return ANM_OK;
}

/* '*', '+' or '?', with '?' (lazy) or '+' (possessive) behind it. */
static anm_status take_quantifier(reader *r, char c, size_t from)
{
    const char text[2] = { c, '\0' };

    if (!r->has_atom)
        return from ? refuse(r, from, "this quantifier")
                    : fail_format(r, from, "nothing to repeat");
    anm_buf_puts(r->out, text);
    if (take_string(r, "?"))
        anm_buf_puts(r->out, "?");
    else if (take_string(r, "+"))
        anm_buf_puts(r->out, "+");
    r->has_atom = false;
    r->previous = 0;
    return ANM_OK;
}

/* ---- The whole ----------------------------------------------------------- */

/* One set as an atom, by what adds to it. */
static anm_status write_named(reader *r, char letter)
{
    anm_charset s = { 0 };
    bool ok = true;

    if (letter == '\n' || letter == '.')
        ok = anm_charset_add(&s, '\n', '\n');
    else
        ok = anm_charset_add_class(&s, letter, false);
    if (ok && letter == '.') ok = anm_charset_invert(&s);
    const anm_status status = ok ? write_set(r, &s) : fail_memory(r);
    anm_charset_deinit(&s);
    r->previous = 0;
    return status;
}

/* Text with '#' where a set goes. */
static anm_status write_around(reader *r, const char *text, char letter,
                               bool is_atom)
{
    anm_status status = ANM_OK;

    for (; *text && !status; text++) {
        const char c[2] = { *text, '\0' };
        if (*text == '#')
            status = write_named(r, letter);
        else
            write_plain(r, c, false);
    }
    r->has_atom = is_atom;
    return status;
}

/* r is behind the backslash. */
static anm_status take_backslash(reader *r, size_t from)
{
    bool is_set = false, is_character = false;
    uint32_t cp = 0;
    anm_charset s = { 0 };

    if (at_end(r)) return fail_format(r, from, "a backslash at the end");
    anm_status status = take_class_escape(r, &s, false, &is_set);
    r->previous = 0;
    // The original folds the case of classes in brackets alone.
    if (!status && is_set) status = write_set(r, &s);
    anm_charset_deinit(&s);
    if (status || is_set) return status;
    if (take_string(r, "b"))
        return write_around(r, "(?:(?<=#)(?!#)|(?<!#)(?=#))", 'w', false);
    if (take_string(r, "B"))
        return write_around(r, "(?:(?<=#)(?=#)|(?<!#)(?!#))", 'w', false);
    if (take_string(r, "Z")) return write_around(r, "(?=#?\\z)", '\n', false);
    for (const char *anchor = "Az"; *anchor; anchor++)
        if (r->source.data[r->at] == *anchor) {
            const char text[3] = { '\\', *anchor, '\0' };
            write_plain(r, text, false);
            r->at++;
            return ANM_OK;
        }
    status = take_escaped(r, &cp, &is_character);
    if (status) return status;
    if (!is_character) return refuse(r, from, "this escape");
    return write_literal(r, cp, from);
}

static anm_status take_class(reader *r, size_t from)
{
    anm_charset s = { 0 };
    anm_status status = take_bracket(r, &s, 1);

    if (!status) status = write_class(r, &s, from);
    anm_charset_deinit(&s);
    return status;
}

static anm_status take_atom(reader *r)
{
    const size_t from = r->at;
    bool is_interval = false;
    anm_status status = ANM_OK;

    if (starts(r, "{")) {
        status = take_interval(r, &is_interval);
        if (status || is_interval) return status;
    }
    const uint32_t c = take(r);
    switch (c) {
    case '\\':
        return take_backslash(r, from);
    case '[':
        return take_class(r, from);
    case '(':
        return take_group(r, from);
    case ')':
        return close_group(r, from);
    case '*':
    case '+':
    case '?':
        return take_quantifier(r, (char)c, from);
    case '|':
        write_plain(r, "|", false);
        return ANM_OK;
    case '.':
        return write_named(r, '.');
    case '^': // of every line but the empty one at the end
        return write_around(r, "(?:\\A|(?<=#)(?!\\z))", '\n', false);
    case '$':
        return write_around(r, "(?=#|\\z)", '\n', false);
    default:
        return write_literal(r, c, from);
    }
}

static anm_status read_all(reader *r)
{
    anm_status status = ANM_OK;

    while (!at_end(r) && !status)
        status = take_atom(r);
    if (status) return status;
    if (r->depth) return fail_format(r, r->source.len, "\"(\" without \")\"");
    close_extra(r);
    return r->out->failed ? fail_memory(r) : ANM_OK;
}

anm_status anm_draft_read(anm_draft *d, anm_text source, const char *at,
                          anm_error *err)
{
    reader r = {
        .source = source, .draft = d, .out = &d->text, .place = at, .err = err
    };

    return read_all(&r);
}

anm_status anm_draft_read_literal(anm_draft *d, anm_text source, const char *at,
                                  anm_error *err)
{
    reader r = {
        .source = source, .draft = d, .out = &d->text, .place = at, .err = err
    };
    anm_status status = ANM_OK;

    while (!at_end(&r) && !status)
        status = write_literal(&r, take(&r), r.at);
    return status || !d->text.failed ? status : fail_memory(&r);
}

void anm_draft_deinit(anm_draft *d)
{
    for (size_t i = 0; i < d->n_sets; i++)
        anm_charset_deinit(&d->sets[i]);
    anm_buf_deinit(&d->text);
}
