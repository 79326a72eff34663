/* npy.c - the NumPy file: magic, a header of fixed size that is written last,
 * rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "npy.h"
#include "floats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
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

anm_status cli_npy_open(cli_npy *w, const char *path, size_t dim,
                        anm_error *err)
{
    const size_t cap = strlen(path) + 32;

    memset(w, 0, sizeof(*w));
    w->dim = dim;
    w->path = strdup(path);
    w->beside = malloc(cap);
    if (!w->path || !w->beside) {
        cli_npy_abandon(w);
        return cli_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
    }
    snprintf(w->beside, cap, "%s.%ld.part", path, (long)getpid());
    w->file = fopen(w->beside, "wbx");
    if (w->file && write_header(w)) return ANM_OK;
    const anm_status status = fail_write(w, err);
    cli_npy_abandon(w);
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
