/* progress.h - a bar on stderr for what takes longer than half a second.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "output.h"

typedef struct cli_progress {
    bool shown;   /* something stands on the line now */
    bool enabled; /* stderr is a terminal and nobody asked for quiet */
    bool utf8;
    size_t columns;
    char what[40];
    const char *unit; /* of the rate, such as "texts/s"; NULL: no rate */
    uint64_t begin_ns, drawn_ns;
} cli_progress;

void cli_progress_init(cli_progress *p, const cli_term *term, bool quiet);

/* Begin to measure a step; `unit` is what `counted` counts. */
void cli_progress_begin(cli_progress *p, const char *what, const char *unit);

/* Draw at most ten times a second.
 *
 * @param done, total  Fill the bar; total 0 is unknown.
 * @param counted      Things done, for the rate. */
void cli_progress_show(cli_progress *p, uint64_t done, uint64_t total,
                       uint64_t counted);

/* Wipe the line. */
void cli_progress_end(cli_progress *p);

#endif
