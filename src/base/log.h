/* log.h - lines for whoever opened the model. Not a global: every model has
 * the callback of its options. A zero anm_log is silent.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_LOG_H
#define ANM_LOG_H

#include "anemone.h"
#include "base/compiler.h"

typedef struct anm_log {
    anm_log_fn fn; /* NULL: silent */
    void *ctx;
    anm_log_level level;
} anm_log;

/* True when a line of this level would be delivered: ask before work. */
bool anm_log_wants(const anm_log *log, anm_log_level level);

/* Deliver one line, cut at 1,023 bytes. Never a user's text. */
void anm_log_line(const anm_log *log, anm_log_level level, const char *format,
                  ...) ANM_PRINTF(3, 4);

#endif
