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
#include "text/pattern_reader.h"

/* ---- Literals and sets --------------------------------------------------- */

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
static anm_status write_set(anm_pattern_reader *r, anm_charset *s)
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

static anm_status write_literal(anm_pattern_reader *r, uint32_t cp, size_t from)
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
static anm_status write_class(anm_pattern_reader *r, anm_charset *s,
                              size_t from)
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

static void write_plain(anm_pattern_reader *r, const char *text, bool is_atom)
{
    anm_buf_puts(r->out, text);
    r->has_atom = is_atom;
    r->previous = 0;
}

/* ---- Groups -------------------------------------------------------------- */

static anm_status open_group(anm_pattern_reader *r, const char *opening,
                             bool folds)
{
    if (r->depth == ANM_PATTERN_MAX_DEPTH)
        return anm_fail(r->err, ANM_E_LIMIT, "%s: pattern: groups over %d deep",
                        r->place, ANM_PATTERN_MAX_DEPTH);
    r->groups[++r->depth] = (anm_pattern_group){ 0, folds };
    write_plain(r, opening, false);
    return ANM_OK;
}

static void close_extra(anm_pattern_reader *r)
{
    for (; r->groups[r->depth].extra; r->groups[r->depth].extra--)
        anm_buf_puts(r->out, ")");
}

static anm_status close_group(anm_pattern_reader *r, size_t from)
{
    if (!r->depth) return fail_format(r, from, "\")\" without \"(\"");
    close_extra(r);
    write_plain(r, ")", true);
    r->depth--;
    return ANM_OK;
}

/* "(?i)", "(?-i)", "(?i:…)", "(?-i:…)"; r is behind "(?". Case is folded here,
 * so that the groups that they become need no option. */
static anm_status take_options(anm_pattern_reader *r, size_t from)
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
static anm_status take_group(anm_pattern_reader *r, size_t from)
{
    static const char *const openings[] = { "(?:", "(?=",  "(?!",
                                            "(?>", "(?<=", "(?<!" };
    const bool folds = r->groups[r->depth].folds;

    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++)
        if (take_string(r, openings[i] + 1))
            return open_group(r, openings[i], folds);
    // Nothing refers to what a group captured, so that none need capture.
    if (!starts(r, "?")) return open_group(r, "(?:", folds);
    if (starts(r, "?<") || starts(r, "?#") || starts(r, "?~") ||
        starts(r, "?("))
        return refuse(r, from, "this group");
    r->at++;
    return take_options(r, from);
}

/* ---- Quantifiers --------------------------------------------------------- */

static size_t count_digits(const anm_pattern_reader *r, size_t at)
{
    size_t n = 0;

    while (at + n < r->source.len && r->source.data[at + n] >= '0' &&
           r->source.data[at + n] <= '9')
        n++;
    return n;
}

/* "{n}", "{n,}", "{,n}", "{n,m}": *len bytes; 0 when the brace is none of
 * them and stands for itself. */
static void measure_interval(const anm_pattern_reader *r, size_t *len,
                             bool *has_comma)
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

static anm_status take_interval(anm_pattern_reader *r, bool *is_interval)
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
static anm_status take_quantifier(anm_pattern_reader *r, char c, size_t from)
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
static anm_status write_named(anm_pattern_reader *r, char letter)
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
static anm_status write_around(anm_pattern_reader *r, const char *text,
                               char letter, bool is_atom)
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
static anm_status take_backslash(anm_pattern_reader *r, size_t from)
{
    bool is_set = false, is_character = false;
    uint32_t cp = 0;
    anm_charset s = { 0 };

    if (at_end(r)) return fail_format(r, from, "a backslash at the end");
    anm_status status = anm_pattern_take_class_escape(r, &s, false, &is_set);
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
    status = anm_pattern_take_escaped(r, &cp, &is_character);
    if (status) return status;
    if (!is_character) return refuse(r, from, "this escape");
    return write_literal(r, cp, from);
}

static anm_status take_class(anm_pattern_reader *r, size_t from)
{
    anm_charset s = { 0 };
    anm_status status = anm_pattern_take_bracket(r, &s);

    if (!status) status = write_class(r, &s, from);
    anm_charset_deinit(&s);
    return status;
}

static anm_status take_atom(anm_pattern_reader *r)
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

static anm_status read_all(anm_pattern_reader *r)
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
    anm_pattern_reader r = {
        .source = source, .draft = d, .out = &d->text, .place = at, .err = err
    };

    return read_all(&r);
}

anm_status anm_draft_read_literal(anm_draft *d, anm_text source, const char *at,
                                  anm_error *err)
{
    anm_pattern_reader r = {
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
