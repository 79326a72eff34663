/* Any bytes as a receipt log, as the doctor reads it and as watch does: lines
 * that are no receipts are counted, never believed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/watch.h"
#include "doctor/doctor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void take_line(void *ctx, const char *line, size_t len)
{
    cli_watch_add(ctx, line, len);
}

static void watch(const char *path)
{
    static const cli_term term = { .columns = 80 };
    static cli_watch w;
    cli_watch_log log;
    anm_error err;
    FILE *out = fopen("/dev/null", "w");

    w = (cli_watch){ 0 };
    if (!cli_watch_log_open(&log, path, UINT64_MAX, &err)) {
        cli_watch_log_read(&log, take_line, &w, &err);
        if (out) cli_watch_draw(out, &term, &w, &log);
        if (out) cli_watch_json(out, &w, &log);
        cli_watch_log_close(&log);
    }
    if (out) fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char path[64];
    char *json = NULL;
    size_t n;
    anm_error err;

    snprintf(path, sizeof(path), "/tmp/anemone-fuzz-receipts-%d",
             (int)getpid());
    FILE *f = fopen(path, "wb");
    if (!f) return 0;
    fwrite(data, 1, len, f);
    fclose(f);
    if (anm_doctor_read(path, NULL, &json, &n, &err) == ANM_OK && !json)
        abort();
    anm_free(json);
    watch(path);
    unlink(path);
    return 0;
}
