/* watch.h - the parts of `watch`: following a receipt log (watch_log.c), what
 * it shows (watch_view.c), the verb (verb_watch.c).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "cli.h"

#include <jansson.h>

/* ---- Following -------------------------------------------------------------------- */

/* A line beyond this is no receipt, whatever it holds. */
#define CLI_WATCH_LINE_MAX ((size_t)1 << 20)

/* A log that is written, rotated and cut by others. Zero-initialised is valid
 * to close. */
typedef struct cli_watch_log {
    const char *path; /* borrowed */
    int fd;           /* -1: none */
    uint64_t at;      /* bytes read of the file that is open */
    char *buf;        /* [cap] a line whose end has not been written yet */
    size_t len, cap;
    bool is_long; /* the rest of a line that was too long is passed over */
    bool is_amid; /* begun in the middle: the first line is a part */
    size_t n_rotations;  /* seen */
    size_t n_incomplete; /* lines that their file ended in, or too long */
} cli_watch_log;

/* Begin `tail` bytes before its end, at the beginning of a line. */
anm_status cli_watch_log_open(cli_watch_log *l, const char *path, uint64_t tail,
                              anm_error *err);

/* Give every whole line that there is now to fn. After the last one of a file
 * that was renamed or cut short it goes on in the one that took its place; a
 * place that is empty for a moment is waited for by later calls. A file that is
 * cut and written beyond where it had been read, all between two calls, looks
 * like one that grew: its first line is then a part, and no receipt. */
anm_status cli_watch_log_read(cli_watch_log *l,
                              void (*fn)(void *ctx, const char *line,
                                         size_t len),
                              void *ctx, anm_error *err);
void cli_watch_log_close(cli_watch_log *l);

/* ---- What is shown ------------------------------------------------------------------ */

enum { CLI_WATCH_CALLS = 240, CLI_WATCH_CAUSES = 24 };

/* -1 stands for what is not known. */
typedef struct cli_watch_call {
    double at_ms, total_ns, p50_ns, low_ns, high_ns;
    double queue_ns, run_delay_ns, major_faults, throttled_ns, idle_ns;
    int verdict; /* anm_verdict, by name */
    char cause[32];
    double explained_ns;
} cli_watch_call;

typedef struct cli_watch_cause {
    char name[32];
    size_t n;
    double explained_ns;
} cli_watch_cause;

typedef struct cli_watch {
    cli_watch_call calls[CLI_WATCH_CALLS]; /* a ring */
    size_t n_calls;                        /* ever */
    size_t n_judged, n_above, n_damaged;
    cli_watch_cause causes[CLI_WATCH_CAUSES]; /* [n_causes] since the start */
    size_t n_causes;
    char model[96], precision[16], units[16], device[16], evidence[16];
} cli_watch;

/* Take a line; false, and counted, when it is no receipt of version 1. */
bool cli_watch_add(cli_watch *w, const char *line, size_t len);

/* The i-th of the latest calls, 0 the last; i < those kept. */
const cli_watch_call *cli_watch_at(const cli_watch *w, size_t i);

/* Everything, within the columns of the terminal. */
void cli_watch_draw(FILE *out, const cli_term *term, const cli_watch *w,
                    const cli_watch_log *log);

/* The last call on one line. */
void cli_watch_line(FILE *out, const cli_term *term, const cli_watch *w);

/* A document of the counts. */
void cli_watch_json(FILE *out, const cli_watch *w, const cli_watch_log *log);

#endif
