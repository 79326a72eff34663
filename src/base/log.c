/* log.c - one line to the callback of the options.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdio.h>

#include "base/error.h"

bool anm_log_wants(const anm_log *log, anm_log_level level)
{
    return log->fn && level <= log->level;
}

void anm_log_line(const anm_log *log, anm_log_level level, const char *format,
                  ...)
{
    char raw[2048];
    anm_error line;
    va_list args;

    if (!anm_log_wants(log, level)) return;
    va_start(args, format);
    const int n = vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    if (n < 0) return;
    // An error's message has exactly the form that a log line must have.
    anm_fail(&line, ANM_OK, "%s", raw);
    log->fn(log->ctx, level, line.message);
}
