/* options.h - arguments by table: GNU long options and letters.
 *
 * --name VALUE, --name=VALUE, -n VALUE, -nVALUE, several letters in one word,
 * and -- that ends options. "-" is an argument. Options and arguments may be
 * mixed; arguments keep their order.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "anemone.h"

#include <stdio.h>

typedef enum cli_option_kind {
    CLI_SWITCH,   /* bool; takes no value */
    CLI_STRING,   /* const char *, borrowed from argv */
    CLI_OPTIONAL, /* as CLI_STRING; "" unless --name=VALUE */
    CLI_COUNT,    /* size_t in [low, high] */
    CLI_SIZES,    /* cli_sizes, each in [low, high] */
    CLI_CHOICE,   /* size_t: position among the words of `value`, "a|b" */
    CLI_LIST,     /* cli_list; may be given many times */
} cli_option_kind;

enum { CLI_SIZES_MAX = 32 };

/* A list such as 8,16,32. */
typedef struct cli_sizes {
    size_t n;
    size_t values[CLI_SIZES_MAX];
} cli_sizes;

enum { CLI_LIST_MAX = 64 };

/* Every value of an option, in order, borrowed from argv. */
typedef struct cli_list {
    size_t n;
    const char *values[CLI_LIST_MAX];
} cli_list;

typedef struct cli_option {
    const char *name;
    char letter; /* 0: none */
    cli_option_kind kind;
    size_t offset;     /* of the field that receives it */
    const char *value; /* what help calls the value; NULL: nothing */
    const char *help;
    size_t low, high;
} cli_option;

/* Options and the struct they fill. */
typedef struct cli_options {
    const cli_option *options; /* [n] */
    size_t n;
    void *into;
} cli_options;

typedef struct cli_parse_params {
    const cli_options *groups; /* [n_groups], searched in order */
    size_t n_groups;
    bool stop_at_argument; /* leave everything from the first argument on */
} cli_parse_params;

/* Move arguments to the front of argv and fill the structs of the groups.
 *
 * @param n_args  How many arguments argv now begins with; with
 *                stop_at_argument where the first one stands.
 *
 * @return ANM_OK, or ANM_E_ARG naming the option and what is allowed */
anm_status cli_options_parse(const cli_parse_params *p, int argc, char **argv,
                             size_t *n_args, anm_error *err);

/* Options of a group, aligned, for help. */
void cli_options_print(FILE *out, const cli_option *options, size_t n);

/* A whole number in [low, high]; false when it is not one. */
bool cli_count_read(const char *text, size_t low, size_t high, size_t *out);

/* Whole numbers in [low, high] with commas between; false when it is no such
 * list, or a longer one than CLI_SIZES_MAX. */
bool cli_sizes_read(const char *text, size_t low, size_t high, cli_sizes *out);

/* Whether text, or its first len bytes, is a word in any letter case of ASCII;
 * the C library's comparison goes by the locale, in which "INFO" may be another
 * word than "info". */
bool cli_is_word(const char *word, const char *text);
bool cli_is_word_of(const char *word, const char *text, size_t len);

/* Edits that turn one name into the other: insert, delete, replace, swap
 * neighbours. At most 63 bytes of each count. */
size_t cli_name_distance(const char *a, const char *b);

/* The better of two guesses at what somebody meant: `known` takes the place of
 * *nearest when it begins with the word, or is nearer by cli_name_distance().
 * What is nowhere near is no guess: *nearest stays as it was, NULL at first. */
void cli_guess(const char *word, const char *known, const char **nearest,
               size_t *best);

#endif
