/* filter.h - the --where grammar, compiled to one SQL condition.
 *
 *   expr  := and {"or" and}
 *   and   := not {"and" not}
 *   not   := ["not"] prim
 *   prim  := "(" expr ")" | path op value
 *          | path "in" "(" value {"," value} ")"
 *   path  := name {"." name}
 *   op    := = != < <= > >=
 *   value := 'text' with '' doubled | number | true | false | null
 *
 * Keywords in any letter case. A name starts with a letter, '_' or a character
 * outside ASCII and goes on with those, digits and '-'; behind a dot it may
 * start with a digit and be a keyword. Numbers are JSON's.
 *
 * Meaning: every comparison is true or false, never unknown. It is false when
 * the field is missing or of another type than the value, with every operator;
 * integers and reals are one type, true and false are one, null is one. Order
 * among true, false and null is not defined, and asking for it is an error.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_FILTER_H
#define ANM_FILTER_H

#include "store/statement.h"

enum {
    ANM_FILTER_DEPTH = 16,  /* parentheses */
    ANM_FILTER_OPEN = 72,   /* words that wait for what follows, see filter.c:
                               SQLite's parser has 100 slots */
    ANM_FILTER_TERMS = 500, /* comparisons: SQLite's trees have 1,000 levels */
    ANM_FILTER_VALUES = 10000,
    ANM_FILTER_PATH = 16, /* names in a path */
    ANM_FILTER_BYTES = 1 << 20,
};

typedef enum anm_filter_kind {
    ANM_FILTER_TEXT,
    ANM_FILTER_INTEGER,
    ANM_FILTER_REAL,
    ANM_FILTER_BOOL,
    ANM_FILTER_NULL,
} anm_filter_kind;

typedef struct anm_filter_value {
    anm_filter_kind kind;
    union {
        struct {
            size_t at, len; /* in anm_filter.texts */
        } text;
        int64_t integer;
        double real;
        bool truth;
    };
} anm_filter_value;

/* sql is a condition over the column "meta"; its i-th parameter, counted from
 * ?ANM_FILTER_FIRST, is values[i]. Only texts and numbers are parameters. */
struct anm_filter {
    anm_buf sql;
    anm_buf texts;
    anm_filter_value *values; /* [n_values] */
    size_t n_values, cap_values;
};

enum { ANM_FILTER_FIRST = 2 };

/* ---- Words ------------------------------------------------------------------ */

typedef enum anm_token_kind {
    ANM_TOKEN_END,
    ANM_TOKEN_NAME,
    ANM_TOKEN_TEXT,
    ANM_TOKEN_NUMBER,
    ANM_TOKEN_OP, /* = != < <= > >= */
    ANM_TOKEN_OPEN,
    ANM_TOKEN_CLOSE,
    ANM_TOKEN_COMMA,
    ANM_TOKEN_DOT,
} anm_token_kind;

typedef struct anm_token {
    anm_token_kind kind;
    const char *at; /* [len] as written, quotes included */
    size_t len;
} anm_token;

typedef struct anm_lexer {
    const char *start, *at;
    bool in_path; /* behind a dot: digits may start a name */
} anm_lexer;

anm_status anm_lexer_next(anm_lexer *x, anm_token *t, anm_error *err);

/* ANM_E_ARG: "filter, column N: …" for a place in the expression. */
anm_status anm_filter_fail(const anm_lexer *x, const char *at, anm_error *err,
                           const char *format, ...) ANM_PRINTF(4, 5);

/* The same word in another letter case. */
bool anm_token_is(const anm_token *t, const char *keyword);

/* SQL for a metadata path of names that the lexer let pass: the expression
 * that an index on the path is over. */
void anm_filter_path_sql(anm_buf *out, const char *function,
                         const anm_token *names, size_t n);

/* Read "a.b" whole into names [ANM_FILTER_PATH]. */
anm_status anm_filter_parse_path(const char *path, anm_token *names, size_t *n,
                                 anm_error *err);

#endif
