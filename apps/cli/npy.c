/* npy.c - the NumPy file: magic, a header of fixed size that is written last,
 * rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "npy.h"
#include "floats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER = 128, PREFIX = 10 }; // a multiple of 64, as NumPy aligns data

static anm_status fail_write(cli_npy *w, anm_error *err)
{
    return cli_fail(err, ANM_E_IO, "%s: %s", w->path, strerror(errno));
}

static bool write_header(cli_npy *w)
{
    char header[HEADER + 1];
    const int len = snprintf(
        header + PREFIX, HEADER - PREFIX,
        "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }",
        w->n_rows, w->dim);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)(HEADER - PREFIX);
    header[9] = 0;
    memset(header + PREFIX + len, ' ', (size_t)(HEADER - PREFIX - len - 1));
    header[HEADER - 1] = '\n';
    return fwrite(header, 1, HEADER, w->file) == HEADER;
}

/* The place that a rename may take: what a link points to, and never a device,
 * a pipe or a folder. */
static anm_status find_place(cli_npy *w, const char *path, anm_error *err)
{
    struct stat there;

    w->path = lstat(path, &there) ? strdup(path) : realpath(path, NULL);
    if (!w->path)
        return cli_fail(err, ANM_E_IO, "%s: %s", path, strerror(errno));
    if (!stat(w->path, &there) && !S_ISREG(there.st_mode))
        return cli_fail(err, ANM_E_IO,
                        "%s: %s found, a file or nothing expected: the header "
                        "is written last, and the whole takes its place",
                        path, S_ISDIR(there.st_mode) ? "a folder" : "no file");
    return ANM_OK;
}

static anm_status open_beside(cli_npy *w, anm_error *err)
{
    const size_t cap = strlen(w->path) + 32;

    w->beside = malloc(cap);
    if (!w->beside)
        return cli_fail(err, ANM_E_NOMEM, "%s: out of memory", w->path);
    snprintf(w->beside, cap, "%s.%ld.part", w->path, (long)getpid());
    w->file = fopen(w->beside, "wbx");
    return w->file && write_header(w) ? ANM_OK : fail_write(w, err);
}

anm_status cli_npy_open(cli_npy *w, const char *path, size_t dim,
                        anm_error *err)
{
    *w = (cli_npy){ .dim = dim };
    anm_status status = find_place(w, path, err);
    if (!status) status = open_beside(w, err);
    if (status) cli_npy_abandon(w);
    return status;
}

anm_status cli_npy_add(cli_npy *w, const float *rows, size_t n, anm_error *err)
{
    for (size_t i = 0; i < n * w->dim; i++) {
        unsigned char bytes[4];
        cli_f32_bytes(rows[i], bytes);
        if (fwrite(bytes, 1, 4, w->file) != 4) return fail_write(w, err);
    }
    w->n_rows += n;
    return ANM_OK;
}

anm_status cli_npy_finish(cli_npy *w, anm_error *err)
{
    anm_status status = ANM_OK;

    if (fseek(w->file, 0, SEEK_SET) || !write_header(w) || fflush(w->file) ||
        fsync(fileno(w->file)) || rename(w->beside, w->path))
        status = fail_write(w, err);
    if (!status) {
        free(w->beside);
        w->beside = NULL;
    }
    cli_npy_abandon(w);
    return status;
}

void cli_npy_abandon(cli_npy *w)
{
    if (w->file) {
        fclose(w->file);
        if (w->beside) unlink(w->beside);
    }
    free(w->beside);
    free(w->path);
    *w = (cli_npy){ 0 };
}
