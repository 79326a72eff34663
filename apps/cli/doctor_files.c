/* doctor_files.c - the report as files.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include "whole_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* "folder/name"; NULL when memory is out. */
static char *join(const char *folder, const char *name)
{
    const size_t cap = strlen(folder) + strlen(name) + 2;
    char *path = malloc(cap);

    if (path) snprintf(path, cap, "%s/%s", folder, name);
    return path;
}

static anm_status put(const char *folder, const char *name, const char *text,
                      anm_error *err)
{
    char *path = join(folder, name);
    const anm_status status =
        path ? cli_whole_file_put(path, text, strlen(text), err)
             : cli_fail(err, ANM_E_NOMEM, "%s: out of memory", folder);

    free(path);
    return status;
}

static anm_status try_place(const char *path, anm_error *err)
{
    cli_whole_file probe;
    const anm_status status = cli_whole_file_open(&probe, path, err);

    cli_whole_file_abandon(&probe);
    return status;
}

static anm_status prepare_report(const char *folder, anm_error *err)
{
    if (mkdir(folder, 0777) && errno != EEXIST)
        return cli_fail(err, errno == ENOENT ? ANM_E_NOTFOUND : ANM_E_IO,
                        "--report %s: %s", folder, strerror(errno));
    char *path = join(folder, "index.html");
    if (!path) return cli_fail(err, ANM_E_NOMEM, "%s: out of memory", folder);
    const anm_status status = try_place(path, err);
    free(path);
    return status;
}

anm_status cli_doctor_files_prepare(const doctor_options *o, anm_error *err)
{
    anm_status status = ANM_OK;

    if (o->with_texts && !o->bundle)
        return cli_fail(err, ANM_E_ARG, "--with-texts is of --bundle FILE");
    if (o->report) status = prepare_report(o->report, err);
    if (!status && o->bundle) status = try_place(o->bundle, err);
    return status;
}

anm_status cli_doctor_report_write(const char *folder, const char *json,
                                   anm_error *err)
{
    char *html;
    anm_status status = anm_doctor_page(json, &html, err);

    if (status) return status;
    status = put(folder, "doctor.json", json, err);
    if (!status) status = put(folder, "index.html", html, err);
    anm_free(html);
    return status;
}
