/* pattern_class.c - what in a pattern matches one character: escapes, and
 * classes in brackets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "text/pattern_reader.h"

/* ---- Escapes ------------------------------------------------------------- */

static int digit_value(uint32_t c)
{
    if (c >= '0' && c <= '9') return (int)(c - '0');
    c = lower(c);
    return c >= 'a' && c <= 'f' ? (int)(c - 'a' + 10) : 99;
}

/* Up to max digits of a base; at least min. */
static anm_status take_number(anm_pattern_reader *r, int base, int min, int max,
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

anm_status anm_pattern_take_escaped(anm_pattern_reader *r, uint32_t *cp,
                                    bool *is_character)
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
static anm_status add_braced(anm_pattern_reader *r, anm_charset *s,
                             bool inverted, bool in_brackets)
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

anm_status anm_pattern_take_class_escape(anm_pattern_reader *r, anm_charset *s,
                                         bool in_brackets, bool *is_set)
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

static anm_status take_bracket(anm_pattern_reader *r, anm_charset *out,
                               unsigned depth);

/* "[:name:]" or "[:^name:]"; *is_posix says whether it was one. */
static anm_status take_posix(anm_pattern_reader *r, anm_charset *s,
                             bool *is_posix)
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
static anm_status take_member(anm_pattern_reader *r, anm_charset *s,
                              uint32_t *cp, bool *is_character)
{
    const size_t from = r->at;
    bool is_set = false;
    anm_status status;

    *is_character = true;
    *cp = take(r);
    if (*cp != '\\') return ANM_OK;
    if (at_end(r)) return fail_format(r, from, "a backslash at the end");
    status = anm_pattern_take_class_escape(r, s, true, &is_set);
    if (status || is_set) {
        *is_character = false;
        return status;
    }
    if (take_string(r, "b")) {
        *cp = '\b';
        return ANM_OK;
    }
    status = anm_pattern_take_escaped(r, cp, is_character);
    if (!status && !*is_character) return refuse(r, from, "this escape");
    return status;
}

/* A character, a range, or a set. */
static anm_status take_members(anm_pattern_reader *r, anm_charset *s)
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
static anm_status take_union(anm_pattern_reader *r, anm_charset *s,
                             unsigned depth)
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
static anm_status take_bracket(anm_pattern_reader *r, anm_charset *out,
                               unsigned depth)
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

anm_status anm_pattern_take_bracket(anm_pattern_reader *r, anm_charset *s)
{
    return take_bracket(r, s, 1);
}
