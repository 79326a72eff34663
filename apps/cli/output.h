/* output.h - what goes to stdout and stderr, and how it looks there.
 *
 * Text from files and users is printed without its control characters, so that
 * it cannot steer a terminal.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "anemone.h"

#include <stdio.h>

#if defined(__GNUC__)
#define CLI_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define CLI_PRINTF(at, first)
#endif

/* What stdout and stderr can show. */
typedef struct cli_term {
    bool utf8;      /* the locale's character set */
    bool colour;    /* of stdout */
    bool progress;  /* stderr is a terminal */
    size_t columns; /* of the terminal; 80 when there is none */
} cli_term;

void cli_term_init(cli_term *t);

/* The size of the terminal on stdout now, which its user may change at any
 * time; 80 columns and 24 rows when there is none. */
typedef struct cli_screen {
    size_t columns, rows;
} cli_screen;

cli_screen cli_screen_now(void);

typedef enum cli_ink {
    CLI_PLAIN,
    CLI_FAINT,
    CLI_BOLD,
    CLI_RED,
    CLI_GREEN,
    CLI_YELLOW,
    CLI_BLUE,
    CLI_CYAN,
    CLI_MAGENTA,
} cli_ink;

/* The sequence that begins an ink; "" where stdout shows no colours. */
const char *cli_ink_on(const cli_term *t, cli_ink ink);

/* Fill err (or nothing when NULL) and return the status. */
anm_status cli_fail(anm_error *err, anm_status status, const char *format, ...)
    CLI_PRINTF(3, 4);

/* A JSON string with its quotes; NULL gives null. Bytes that are no UTF-8
 * become '?'. */
void cli_json_string(FILE *out, const char *string);
void cli_json_text(FILE *out, anm_text text);

/* What is JSON already, on one line: a line break can stand between its parts,
 * but in none of its strings. */
void cli_json_line(FILE *out, anm_text json);

/* The next character of UTF-8 at *at; advances. A byte that begins none gives
 * '?' and advances by one. */
uint32_t cli_utf8_next(anm_text text, size_t *at);

/* Columns that a text takes when cli_put_text() writes it. */
size_t cli_text_columns(const cli_term *t, anm_text text);

/* Write at most `columns` columns of a text, shortened with an ellipsis;
 * returns the columns written. */
size_t cli_put_text(FILE *out, const cli_term *t, anm_text text,
                    size_t columns);

/* The same into out, ended by NUL; cut when it does not fit into cap bytes. */
void cli_clip_text(char *out, size_t cap, const cli_term *t, anm_text text,
                   size_t columns);

/* Write words with line breaks before `width`; lines after the first begin at
 * `indent`. The first line is already indented. Ends the line. */
void cli_wrap(FILE *out, const char *text, size_t indent, size_t width);

/* "90.9 MB", "1.08 ms", "12,345": for people. At most 32 bytes. */
void cli_bytes_text(char out[32], double bytes);
void cli_ns_text(char out[32], double ns);
void cli_count_text(char out[32], uint64_t n);

/* Nanoseconds of a clock that never goes back. */
uint64_t cli_now_ns(void);

#endif
