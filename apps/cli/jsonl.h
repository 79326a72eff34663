/* jsonl.h - lines of JSON: read with a limit, answered in their own words.
 *
 * A line is answered by its own bytes with fields appended, so that other
 * fields, their order and numbers of any size come back as they were.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_JSONL_H
#define CLI_JSONL_H

#include "output.h"

#include <jansson.h>

/* Longest line accepted, in bytes, its end not counted. */
#define CLI_LINE_MAX ((size_t)1 << 20)

/* Reads a descriptor line by line. */
typedef struct cli_lines {
    int fd;
    const char *path; /* borrowed; "-" is stdin */
    char *buf;        /* [cap] */
    size_t begin, end;
    size_t line;    /* number of the last line given, from 1 */
    uint64_t bytes; /* read so far, ahead of the lines given */
    bool eof;
} cli_lines;

/* "-" is stdin. The path is borrowed until the close. */
anm_status cli_lines_open(cli_lines *r, const char *path, anm_error *err);
void cli_lines_close(cli_lines *r);

/* Bytes of a regular file, 0 when unknown; bytes of it that were given. */
uint64_t cli_lines_total(const cli_lines *r);
uint64_t cli_lines_given(const cli_lines *r);

typedef enum cli_line {
    CLI_LINE_GIVEN,
    CLI_LINE_END,
    CLI_LINE_BAD, /* over the limit; the next call goes on behind it */
    CLI_LINE_FAILED,
    CLI_LINE_INTERRUPTED, /* a signal came while waiting */
} cli_line;

/* The next line that holds more than blanks, without its end and, the first,
 * without a byte order mark; valid until the next call. Waits for at most wait_ms (negative: for ever), then gives an
 * empty line that has no data. */
cli_line cli_lines_next(cli_lines *r, int wait_ms, anm_text *line,
                        anm_error *err);

/* One line with a text. */
typedef struct cli_item {
    json_t *object;
    char *line; /* [len] its own bytes */
    size_t len;
    anm_text text; /* belongs to object */
} cli_item;

/* ANM_E_FORMAT when the line is no JSON object with a string "text". */
anm_status cli_item_read(cli_item *item, anm_text line, anm_error *err);
void cli_item_deinit(cli_item *item);

/* The bytes of a member's value as the line spells it; false when there is none,
 * or its name is spelled with escapes. Belongs to the item. */
bool cli_item_value(const cli_item *item, const char *name, anm_text *value);

/* Begin the answer: the object, without those of `added` (ended by NULL) and
 * without its closing brace. The caller appends ,"name":value … and }. */
void cli_item_begin(FILE *out, const cli_item *item, const char *const *added);

#endif
