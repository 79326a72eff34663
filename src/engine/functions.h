/* functions.h - the functions of a Core ML package run as they are: arrays in,
 * arrays out, no text and no recipe. A function is translated and loaded when
 * it is first used, on the first backend that takes arrays, on the CPU alone.
 * Other models are one function of ids and mask (text_function.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_FUNCTIONS_H
#define ANM_FUNCTIONS_H

#include "anemone.h"

typedef struct anm_functions anm_functions;

/* Borrowed. */
typedef struct anm_raw_arrays {
    const anm_raw_array *items; /* [n] */
    size_t n;
} anm_raw_arrays;

/* As the functions of anemone.h behind anm_predictor; arguments are checked by
 * their callers in api/. */
anm_status anm_functions_open(anm_functions **out, const anm_options *options,
                              anm_error *err);
void anm_functions_close(anm_functions *f);
anm_status anm_functions_run(anm_functions *f, const char *function,
                             anm_raw_arrays inputs, anm_raw_arrays *outputs,
                             anm_error *err);
void anm_functions_reset(anm_functions *f);

#endif
