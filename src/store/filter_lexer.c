/* filter_lexer.c - words of a filter, and where in the expression they stand.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "store/filter.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool starts_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool is_in_name(char c)
{
    return starts_name(c) || is_digit(c) || c == '-';
}

anm_status anm_filter_fail(const anm_lexer *x, const char *at, anm_error *err,
                           const char *format, ...)
{
    size_t column = 1;
    char what[256];
    va_list args;

    // A character is counted at its first byte.
    for (const char *p = x->start; p < at; p++)
        column += ((unsigned char)*p & 0xc0) != 0x80;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    return anm_fail(err, ANM_E_ARG, "filter, column %zu: %s", column, what);
}

bool anm_token_is(const anm_token *t, const char *keyword)
{
    size_t i = 0;

    if (t->kind != ANM_TOKEN_NAME) return false;
    while (i < t->len && keyword[i] && (t->at[i] | 0x20) == keyword[i])
        i++;
    return i == t->len && !keyword[i];
}

/* The end of the number at p as JSON writes one; NULL when it is none. */
static const char *end_of_number(const char *p)
{
    p += *p == '-';
    if (!is_digit(*p) || (*p == '0' && is_digit(p[1]))) return NULL;
    while (is_digit(*p))
        p++;
    if (*p == '.' && !is_digit(p[1])) return NULL;
    if (*p == '.') p++;
    while (is_digit(*p))
        p++;
    if (*p != 'e' && *p != 'E') return p;
    p++;
    p += *p == '+' || *p == '-';
    if (!is_digit(*p)) return NULL;
    while (is_digit(*p))
        p++;
    return p;
}

/* The end of the text at p, which starts with its quote; NULL without end. */
static const char *end_of_text(const char *p)
{
    for (p++; *p; p++) {
        if (*p != '\'') continue;
        if (p[1] != '\'') return p + 1;
        p++;
    }
    return NULL;
}

static anm_status take(anm_lexer *x, anm_token *t, anm_token_kind kind,
                       size_t len)
{
    *t = (anm_token){ kind, x->at, len };
    x->at += len;
    x->in_path = kind == ANM_TOKEN_DOT;
    return ANM_OK;
}

static anm_status take_sign(anm_lexer *x, anm_token *t, anm_error *err)
{
    const char c = *x->at;
    const bool with_equal = x->at[1] == '=';

    switch (c) {
    case '(':
        return take(x, t, ANM_TOKEN_OPEN, 1);
    case ')':
        return take(x, t, ANM_TOKEN_CLOSE, 1);
    case ',':
        return take(x, t, ANM_TOKEN_COMMA, 1);
    case '.':
        return take(x, t, ANM_TOKEN_DOT, 1);
    case '=':
        return take(x, t, ANM_TOKEN_OP, 1);
    case '<':
    case '>':
        return take(x, t, ANM_TOKEN_OP, with_equal ? 2 : 1);
    case '!':
        if (with_equal) return take(x, t, ANM_TOKEN_OP, 2);
        break;
    default:
        break;
    }
    return anm_filter_fail(x, x->at, err, "unexpected character %c", c);
}

anm_status anm_lexer_next(anm_lexer *x, anm_token *t, anm_error *err)
{
    const char *end = NULL;

    while (*x->at == ' ' || *x->at == '\t' || *x->at == '\n' || *x->at == '\r')
        x->at++;
    const char c = *x->at;
    if (c == '\0') return take(x, t, ANM_TOKEN_END, 0);
    if (starts_name(c) || (x->in_path && is_in_name(c))) {
        size_t len = 1;
        while (is_in_name(x->at[len]))
            len++;
        return take(x, t, ANM_TOKEN_NAME, len);
    }
    if (c == '\'') {
        end = end_of_text(x->at);
        if (!end) return anm_filter_fail(x, x->at, err, "text without end");
        return take(x, t, ANM_TOKEN_TEXT, (size_t)(end - x->at));
    }
    if (!is_digit(c) && c != '-') return take_sign(x, t, err);
    end = end_of_number(x->at);
    if (!end || is_in_name(*end) || *end == '.')
        return anm_filter_fail(x, x->at, err, "not a number as JSON writes it");
    return take(x, t, ANM_TOKEN_NUMBER, (size_t)(end - x->at));
}
