/* filter.c - from the words of a filter to SQL, and running it.
 *
 * Types are guarded by json_type() with IS, which is never NULL, so that "not"
 * keeps two values. The compared expression stands bare beside the guard:
 * that is what lets an index on the path be used. A path is made of names
 * without quotes and stands in the SQL as it is; values are bound.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/filter.h"

#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/numbers.h"
#include "base/utf8.h"

typedef struct parser {
    anm_lexer lexer;
    anm_token token; /* the next one */
    anm_filter *filter;
    size_t terms;
    size_t open; /* slots that SQLite's parser holds for what waits for its end:
                    one a parenthesis or "not", two a left side and its "and" or
                    "or" */
    anm_error *err;
} parser;

static anm_status advance(parser *p)
{
    return anm_lexer_next(&p->lexer, &p->token, p->err);
}

/* A text in quotes may be a user's, and is not repeated. */
static anm_status expected(parser *p, const char *what)
{
    const anm_token *t = &p->token;

    if (t->kind == ANM_TOKEN_END)
        return anm_filter_fail(&p->lexer, t->at, p->err,
                               "the filter ends, expected is %s", what);
    if (t->kind == ANM_TOKEN_TEXT)
        return anm_filter_fail(&p->lexer, t->at, p->err,
                               "found a text, expected is %s", what);
    return anm_filter_fail(&p->lexer, t->at, p->err,
                           "found %.*s, expected is %s",
                           t->len < 64 ? (int)t->len : 64, t->at, what);
}

/* ---- Values ------------------------------------------------------------------ */

static anm_status read_text(parser *p, anm_filter_value *v)
{
    anm_buf *texts = &p->filter->texts;
    const char *at = p->token.at + 1, *end = p->token.at + p->token.len - 1;

    v->kind = ANM_FILTER_TEXT;
    v->text.at = texts->len;
    for (; at < end; at++) {
        anm_buf_append(texts, at, 1);
        at += *at == '\'';
    }
    v->text.len = texts->len - v->text.at;
    return ANM_OK;
}

/* An integer that fits is one; everything else is a real. */
static anm_status read_number(parser *p, anm_filter_value *v)
{
    const anm_token *t = &p->token;
    bool whole = true;

    for (size_t i = 0; i < t->len; i++)
        whole = whole && t->at[i] != '.' && (t->at[i] | 0x20) != 'e';
    errno = 0;
    v->kind = ANM_FILTER_INTEGER;
    v->integer = whole ? strtoll(t->at, NULL, 10) : 0;
    if (whole && !errno) return ANM_OK;
    v->kind = ANM_FILTER_REAL;
    const anm_numbers numbers = anm_numbers_enter();
    v->real = strtod(t->at, NULL);
    anm_numbers_leave(numbers);
    if (isfinite(v->real)) return ANM_OK;
    return anm_filter_fail(&p->lexer, t->at, p->err,
                           "number beyond the range of a double");
}

static anm_status read_value(parser *p, anm_filter_value *v)
{
    anm_status status = ANM_OK;

    *v = (anm_filter_value){ .kind = ANM_FILTER_NULL };
    if (p->token.kind == ANM_TOKEN_TEXT) {
        status = read_text(p, v);
    } else if (p->token.kind == ANM_TOKEN_NUMBER) {
        status = read_number(p, v);
    } else if (anm_token_is(&p->token, "true") ||
               anm_token_is(&p->token, "false")) {
        v->kind = ANM_FILTER_BOOL;
        v->truth = anm_token_is(&p->token, "true");
    } else if (!anm_token_is(&p->token, "null")) {
        return expected(p, "a value: 'text', number, true, false or null");
    }
    return status ? status : advance(p);
}

/* Keep a value as a parameter. */
static anm_status bind_value(parser *p, const anm_filter_value *v)
{
    anm_filter *f = p->filter;

    if (f->n_values == ANM_FILTER_VALUES)
        return anm_fail(p->err, ANM_E_LIMIT, "filter: more than %d values",
                        ANM_FILTER_VALUES);
    if (!anm_grow(&f->values, &f->cap_values, f->n_values + 1, sizeof(*v)))
        return anm_fail(p->err, ANM_E_NOMEM, "filter: out of memory");
    anm_buf_printf(&f->sql, "?%zu", f->n_values + ANM_FILTER_FIRST);
    f->values[f->n_values++] = *v;
    return ANM_OK;
}

/* ---- Paths ------------------------------------------------------------------- */

void anm_filter_path_sql(anm_buf *out, const char *function,
                         const anm_token *names, size_t n)
{
    anm_buf_printf(out, "%s(meta,'$", function);
    for (size_t i = 0; i < n; i++) {
        anm_buf_puts(out, ".\"");
        anm_buf_append(out, names[i].at, names[i].len);
        anm_buf_puts(out, "\"");
    }
    anm_buf_puts(out, "')");
}

static bool is_keyword(const anm_token *t)
{
    static const char *const words[] = { "and",  "or",    "not", "in",
                                         "true", "false", "null" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (anm_token_is(t, words[i])) return true;
    }
    return false;
}

static anm_status read_path(parser *p, anm_token *names, size_t *n)
{
    anm_status status = ANM_OK;

    *n = 0;
    if (p->token.kind != ANM_TOKEN_NAME || is_keyword(&p->token))
        return expected(p, "the name of a field");
    for (;;) {
        if (*n == ANM_FILTER_PATH)
            return anm_filter_fail(&p->lexer, p->token.at, p->err,
                                   "more than %d names in a path",
                                   ANM_FILTER_PATH);
        names[(*n)++] = p->token;
        status = advance(p);
        if (status || p->token.kind != ANM_TOKEN_DOT) return status;
        status = advance(p);
        if (status) return status;
        if (p->token.kind != ANM_TOKEN_NAME)
            return expected(p, "a name behind the dot");
    }
}

/* ---- Comparisons --------------------------------------------------------------- */

typedef struct path {
    anm_token names[ANM_FILTER_PATH];
    size_t n;
} path;

/* " AND type guard" for values of a kind. */
static void put_guard(parser *p, const path *at, anm_filter_kind kind)
{
    anm_buf *sql = &p->filter->sql;

    anm_buf_puts(sql, " AND ");
    if (kind == ANM_FILTER_TEXT) {
        anm_filter_path_sql(sql, "json_type", at->names, at->n);
        anm_buf_puts(sql, " IS 'text'");
        return;
    }
    anm_buf_puts(sql, "(");
    anm_filter_path_sql(sql, "json_type", at->names, at->n);
    anm_buf_puts(sql, " IS 'integer' OR ");
    anm_filter_path_sql(sql, "json_type", at->names, at->n);
    anm_buf_puts(sql, " IS 'real')");
}

/* Comparison with true, false or null: types alone decide. */
static anm_status put_constant(parser *p, const path *at, const anm_token *op,
                               const anm_filter_value *v)
{
    anm_buf *sql = &p->filter->sql;
    const bool equal = op->at[0] == '=';

    if (op->at[0] == '<' || op->at[0] == '>')
        return anm_filter_fail(&p->lexer, op->at, p->err,
                               "%.*s has no meaning for true, false and null; "
                               "= and != have",
                               (int)op->len, op->at);
    if (v->kind == ANM_FILTER_NULL && !equal) {
        anm_buf_puts(sql, "0");
        return ANM_OK;
    }
    anm_filter_path_sql(sql, "json_type", at->names, at->n);
    anm_buf_printf(sql, " IS '%s'",
                   v->kind == ANM_FILTER_NULL ? "null"
                   : v->truth == equal        ? "true"
                                              : "false");
    return ANM_OK;
}

static anm_status put_comparison(parser *p, const path *at, const anm_token *op,
                                 const anm_filter_value *v)
{
    anm_buf *sql = &p->filter->sql;

    if (v->kind == ANM_FILTER_BOOL || v->kind == ANM_FILTER_NULL)
        return put_constant(p, at, op, v);
    anm_filter_path_sql(sql, "json_extract", at->names, at->n);
    anm_buf_append(sql, op->at, op->len);
    const anm_status status = bind_value(p, v);
    if (!status) put_guard(p, at, v->kind);
    return status;
}

/* The members of a list that are of one type, as one IN; *first says whether
 * an OR is due. */
static anm_status put_members(parser *p, const path *at, anm_filter_kind kind,
                              const anm_filter_value *values, size_t n,
                              bool *first)
{
    anm_buf *sql = &p->filter->sql;
    const bool numbers = kind != ANM_FILTER_TEXT;
    anm_status status = ANM_OK;
    size_t done = 0;

    for (size_t i = 0; !status && i < n; i++) {
        const anm_filter_kind k = values[i].kind;
        const bool is_number = k == ANM_FILTER_INTEGER || k == ANM_FILTER_REAL;
        if (numbers ? !is_number : k != ANM_FILTER_TEXT) continue;
        if (done == 0) {
            anm_buf_puts(sql, *first ? "" : " OR ");
            anm_filter_path_sql(sql, "json_extract", at->names, at->n);
        }
        anm_buf_puts(sql, done++ == 0 ? " IN (" : ",");
        status = bind_value(p, &values[i]);
    }
    if (status || done == 0) return status;
    anm_buf_puts(sql, ")");
    put_guard(p, at, kind);
    *first = false;
    return ANM_OK;
}

static void put_constants(parser *p, const path *at,
                          const anm_filter_value *values, size_t n, bool *first)
{
    static const char *const types[] = { "true", "false", "null" };
    bool wanted[3] = { 0 };
    anm_buf *sql = &p->filter->sql;

    for (size_t i = 0; i < n; i++) {
        if (values[i].kind == ANM_FILTER_BOOL)
            wanted[values[i].truth ? 0 : 1] = true;
        if (values[i].kind == ANM_FILTER_NULL) wanted[2] = true;
    }
    for (size_t i = 0; i < 3; i++) {
        if (!wanted[i]) continue;
        anm_buf_puts(sql, *first ? "" : " OR ");
        anm_filter_path_sql(sql, "json_type", at->names, at->n);
        anm_buf_printf(sql, " IS '%s'", types[i]);
        *first = false;
    }
}

static anm_status read_list(parser *p, anm_filter_value **values, size_t *n)
{
    size_t cap = 0;
    anm_status status;

    if (p->token.kind != ANM_TOKEN_OPEN)
        return expected(p, "( and a list of values");
    do {
        status = advance(p);
        if (status) return status;
        if (*n == ANM_FILTER_VALUES)
            return anm_fail(p->err, ANM_E_LIMIT, "filter: more than %d values",
                            ANM_FILTER_VALUES);
        if (!anm_grow(values, &cap, *n + 1, sizeof(**values)))
            return anm_fail(p->err, ANM_E_NOMEM, "filter: out of memory");
        status = read_value(p, &(*values)[*n]);
        if (status) return status;
        (*n)++;
    } while (p->token.kind == ANM_TOKEN_COMMA);
    if (p->token.kind != ANM_TOKEN_CLOSE) return expected(p, ", or )");
    return advance(p);
}

static anm_status parse_in(parser *p, const path *at)
{
    anm_filter_value *values = NULL;
    size_t n = 0;
    bool first = true;
    anm_status status = read_list(p, &values, &n);

    if (!status)
        status = put_members(p, at, ANM_FILTER_TEXT, values, n, &first);
    if (!status)
        status = put_members(p, at, ANM_FILTER_REAL, values, n, &first);
    if (!status) put_constants(p, at, values, n, &first);
    anm_free(values);
    return status;
}

static anm_status parse_comparison(parser *p)
{
    path at;
    anm_filter_value value;
    anm_status status = ANM_OK;

    if (p->terms++ == ANM_FILTER_TERMS)
        return anm_fail(p->err, ANM_E_LIMIT, "filter: more than %d comparisons",
                        ANM_FILTER_TERMS);
    status = read_path(p, at.names, &at.n);
    if (status) return status;
    anm_buf_puts(&p->filter->sql, "(");
    const anm_token op = p->token;
    const bool in = anm_token_is(&op, "in");
    if (!in && op.kind != ANM_TOKEN_OP)
        return expected(p, "=, !=, <, <=, >, >= or in");
    status = advance(p);
    if (!status && in) status = parse_in(p, &at);
    if (!status && !in) status = read_value(p, &value);
    if (!status && !in) status = put_comparison(p, &at, &op, &value);
    anm_buf_puts(&p->filter->sql, ")");
    return status;
}

/* ---- Expressions ------------------------------------------------------------------ */

static anm_status parse_or(parser *p, unsigned depth);

static anm_status parse_prim(parser *p, unsigned depth)
{
    if (p->token.kind != ANM_TOKEN_OPEN) return parse_comparison(p);
    if (depth == ANM_FILTER_DEPTH)
        return anm_filter_fail(&p->lexer, p->token.at, p->err,
                               "more than %d parentheses in each other",
                               ANM_FILTER_DEPTH);
    if (p->open >= ANM_FILTER_OPEN)
        return anm_filter_fail(&p->lexer, p->token.at, p->err,
                               "too much is open here: parentheses and nots, "
                               "and twice the ands and ors between, are %zu, "
                               "at most %d",
                               p->open + 1, ANM_FILTER_OPEN);
    anm_status status = advance(p);
    if (status) return status;
    anm_buf_puts(&p->filter->sql, "(");
    p->open++;
    status = parse_or(p, depth + 1);
    if (status) return status;
    p->open--;
    if (p->token.kind != ANM_TOKEN_CLOSE) return expected(p, "and, or, or )");
    anm_buf_puts(&p->filter->sql, ")");
    return advance(p);
}

static anm_status parse_not(parser *p, unsigned depth)
{
    if (!anm_token_is(&p->token, "not")) return parse_prim(p, depth);
    anm_buf_puts(&p->filter->sql, "NOT ");
    p->open++;
    anm_status status = advance(p);
    if (!status) status = parse_prim(p, depth);
    p->open--;
    return status;
}

static anm_status parse_and(parser *p, unsigned depth)
{
    anm_status status = parse_not(p, depth);

    while (!status && anm_token_is(&p->token, "and")) {
        anm_buf_puts(&p->filter->sql, " AND ");
        p->open += 2;
        status = advance(p);
        if (!status) status = parse_not(p, depth);
        p->open -= 2;
    }
    return status;
}

static anm_status parse_or(parser *p, unsigned depth)
{
    anm_status status = parse_and(p, depth);

    while (!status && anm_token_is(&p->token, "or")) {
        anm_buf_puts(&p->filter->sql, " OR ");
        p->open += 2;
        status = advance(p);
        if (!status) status = parse_and(p, depth);
        p->open -= 2;
    }
    return status;
}

static anm_status parse(anm_filter *f, const char *expression, anm_error *err)
{
    parser p = { .lexer = { expression, expression, false },
                 .filter = f,
                 .err = err };
    anm_status status = advance(&p);

    if (!status) status = parse_or(&p, 0);
    if (!status && p.token.kind != ANM_TOKEN_END)
        status = expected(&p, "and, or, or the end");
    if (!status && (f->sql.failed || f->texts.failed))
        status = anm_fail(err, ANM_E_NOMEM, "filter: out of memory");
    return status;
}

anm_status anm_filter_new(anm_filter **out, const char *expression,
                          anm_error *err)
{
    const size_t len = strlen(expression);
    const size_t bad = anm_utf8_invalid_at(expression, len);
    const anm_lexer x = { expression, expression, false };

    *out = NULL;
    if (len > ANM_FILTER_BYTES)
        return anm_fail(err, ANM_E_LIMIT, "filter of %zu bytes, at most %d",
                        len, ANM_FILTER_BYTES);
    if (bad < len)
        return anm_filter_fail(&x, expression + bad, err, "invalid UTF-8");
    anm_filter *f = anm_alloc_zero(sizeof(*f));
    if (!f) return anm_fail(err, ANM_E_NOMEM, "filter: out of memory");
    const anm_status status = parse(f, expression, err);
    if (status)
        anm_filter_free(f);
    else
        *out = f;
    return status;
}

void anm_filter_free(anm_filter *f)
{
    if (!f) return;
    anm_buf_deinit(&f->sql);
    anm_buf_deinit(&f->texts);
    anm_free(f->values);
    anm_free(f);
}

anm_status anm_filter_parse_path(const char *text, anm_token *names, size_t *n,
                                 anm_error *err)
{
    const size_t bad = anm_utf8_invalid_at(text, strlen(text));
    parser p = { .lexer = { text, text, false }, .err = err };

    if (text[bad])
        return anm_filter_fail(&p.lexer, text + bad, err, "invalid UTF-8");
    anm_status status = advance(&p);
    if (!status) status = read_path(&p, names, n);
    if (!status && p.token.kind != ANM_TOKEN_END)
        status = expected(&p, "a dot or the end of the path");
    return status;
}
