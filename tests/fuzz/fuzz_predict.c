/* fuzz_predict.c - any model file, run on zeros in the shapes that it declares.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "format/mlpackage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARRAYS = 8, AXES = 16, ELEMENTS = 1 << 14 };
static char path[64];
static void remove_file(void)
{
    unlink(path);
}

static void run(anm_predictor *p, const anm_features *f)
{
    static const float zeros[ELEMENTS];
    static const int32_t ints[ELEMENTS];
    anm_raw_array given[ARRAYS];
    const anm_raw_array *outputs;
    size_t dims[ARRAYS][AXES], n_outputs;

    for (size_t i = 0; i < f->n_inputs; i++) {
        const anm_feature *in = &f->inputs[i];
        size_t n = 1;
        for (unsigned k = 0; k < in->rank; k++) {
            dims[i][k] = (size_t)in->dims[k];
            if (in->dims[k] > ELEMENTS || (n *= dims[i][k]) > ELEMENTS) return;
        }
        given[i] = (anm_raw_array){ in->name, ANM_RAW_FLOAT32, dims[i],
                                    in->rank, zeros,           ints };
        if (in->type == ANM_MIL_FLOAT16) given[i].type = ANM_RAW_FLOAT16;
        if (in->type == ANM_MIL_INT32) given[i].type = ANM_RAW_INT32;
    }
    anm_predictor_run(p, NULL, given, f->n_inputs, &outputs, &n_outputs, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const anm_options o = { .model = path, .threads = 1 };
    anm_mlpackage *file = NULL;
    anm_predictor *p = NULL;

    if (!path[0]) atexit(remove_file);
    snprintf(path, sizeof(path), "/tmp/fuzz-%ld.mlmodel", (long)getpid());
    FILE *out = fopen(path, "wb");
    if (!out || (size && !fwrite(data, size, 1, out))) abort();
    fclose(out);
    if (!anm_mlpackage_open(&file, path, NULL) && file->main &&
        file->main->features.n_inputs <= ARRAYS &&
        !anm_predictor_open(&p, &o, NULL))
        run(p, &file->main->features);
    anm_predictor_close(p);
    anm_mlpackage_close(file);
    return 0;
}
