/* outcome.c - how a run ends: errors, warnings, the exit code.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static void write_error_line(const cli *c, const char *message)
{
    fprintf(stderr, "anemone%s%s: ", c->verb ? " " : "",
            c->verb ? c->verb->name : "");
    cli_put_text(stderr, &c->term, anm_text_of(message), SIZE_MAX);
    fputc('\n', stderr);
}

int cli_report(const cli *c, const anm_error *err)
{
    if (c->json) {
        printf("{\"error\":{\"status\":\"%s\",\"message\":",
               anm_status_name(err->status));
        cli_json_string(stdout, err->message);
        printf("}}\n");
        fflush(stdout);
    }
    write_error_line(c, err->message);
    return anm_status_exit_code(err->status);
}

void cli_warn(const cli *c, const char *format, ...)
{
    if (c->quiet) return;
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    fputs("anemone: warning: ", stderr);
    cli_put_text(stderr, &c->term, anm_text_of(message), SIZE_MAX);
    fputc('\n', stderr);
}

int cli_finish(const cli *c, int code)
{
    errno = 0;
    if (!ferror(stdout) && fflush(stdout) != EOF) return code;
    char message[128];
    snprintf(message, sizeof(message), "stdout: %s",
             errno ? strerror(errno) : "write failed");
    write_error_line(c, message);
    return anm_status_exit_code(ANM_E_IO);
}
