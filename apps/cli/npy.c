/* npy.c - the NumPy file: magic, a header of fixed size that is written last,
 * rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "npy.h"
#include "floats.h"

#include <string.h>

enum { HEADER = 128, PREFIX = 10 }; // a multiple of 64, as NumPy aligns data

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
    return fwrite(header, 1, HEADER, w->whole.file) == HEADER;
}

anm_status cli_npy_open(cli_npy *w, const char *path, size_t dim,
                        anm_error *err)
{
    *w = (cli_npy){ .dim = dim };
    anm_status status = cli_whole_file_open(&w->whole, path, err);
    if (status) return status;
    if (!write_header(w)) status = cli_whole_file_fail(&w->whole, err);
    if (status) cli_npy_abandon(w);
    return status;
}

anm_status cli_npy_add(cli_npy *w, const float *rows, size_t n, anm_error *err)
{
    for (size_t i = 0; i < n * w->dim; i++) {
        unsigned char bytes[4];
        cli_f32_bytes(rows[i], bytes);
        if (fwrite(bytes, 1, 4, w->whole.file) != 4)
            return cli_whole_file_fail(&w->whole, err);
    }
    w->n_rows += n;
    return ANM_OK;
}

anm_status cli_npy_finish(cli_npy *w, anm_error *err)
{
    anm_status status = ANM_OK;

    if (fseek(w->whole.file, 0, SEEK_SET) || !write_header(w))
        status = cli_whole_file_fail(&w->whole, err);
    if (!status) status = cli_whole_file_finish(&w->whole, err);
    cli_npy_abandon(w);
    return status;
}

void cli_npy_abandon(cli_npy *w)
{
    cli_whole_file_abandon(&w->whole);
    *w = (cli_npy){ 0 };
}
