/* whole_file.c - written beside, then renamed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "whole_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

anm_status cli_whole_file_fail(const cli_whole_file *w, anm_error *err)
{
    return cli_fail(err, ANM_E_IO, "%s: %s", w->path, strerror(errno));
}

static anm_status find_place(cli_whole_file *w, const char *path,
                             anm_error *err)
{
    struct stat there;

    w->path = lstat(path, &there) ? strdup(path) : realpath(path, NULL);
    if (!w->path)
        return cli_fail(err, ANM_E_IO, "%s: %s", path, strerror(errno));
    if (!stat(w->path, &there) && !S_ISREG(there.st_mode))
        return cli_fail(err, ANM_E_IO,
                        "%s: %s found, a file or nothing expected: the whole "
                        "takes its place in the end",
                        path, S_ISDIR(there.st_mode) ? "a folder" : "no file");
    return ANM_OK;
}

/* Under a name that nobody has: an earlier process of the same number, as a
 * container gives it to each, may have left one behind. */
static anm_status open_beside(cli_whole_file *w, anm_error *err)
{
    enum { NAMES = 100 };
    const size_t cap = strlen(w->path) + 48;

    w->beside = malloc(cap);
    if (!w->beside)
        return cli_fail(err, ANM_E_NOMEM, "%s: out of memory", w->path);
    for (int i = 0; i < NAMES; i++) {
        snprintf(w->beside, cap, "%s.%ld.%d.part", w->path, (long)getpid(), i);
        w->file = fopen(w->beside, "wbx");
        if (w->file) return ANM_OK;
        if (errno != EEXIST) return cli_whole_file_fail(w, err);
    }
    return cli_fail(err, ANM_E_IO,
                    "%s: all names beside it are taken, up to %s", w->path,
                    w->beside);
}

anm_status cli_whole_file_open(cli_whole_file *w, const char *path,
                               anm_error *err)
{
    *w = (cli_whole_file){ 0 };
    anm_status status = find_place(w, path, err);
    if (!status) status = open_beside(w, err);
    if (status) cli_whole_file_abandon(w);
    return status;
}

anm_status cli_whole_file_finish(cli_whole_file *w, anm_error *err)
{
    anm_status status = ANM_OK;

    if (fflush(w->file) || fsync(fileno(w->file)) || rename(w->beside, w->path))
        status = cli_whole_file_fail(w, err);
    if (!status) {
        free(w->beside);
        w->beside = NULL;
    }
    cli_whole_file_abandon(w);
    return status;
}

void cli_whole_file_abandon(cli_whole_file *w)
{
    if (w->file) {
        fclose(w->file);
        if (w->beside) unlink(w->beside);
    }
    free(w->beside);
    free(w->path);
    *w = (cli_whole_file){ 0 };
}

anm_status cli_whole_file_put(const char *path, const void *data, size_t len,
                              anm_error *err)
{
    cli_whole_file w;

    anm_status status = cli_whole_file_open(&w, path, err);
    if (status) return status;
    if (fwrite(data, 1, len, w.file) == len)
        return cli_whole_file_finish(&w, err);
    status = cli_whole_file_fail(&w, err);
    cli_whole_file_abandon(&w);
    return status;
}
