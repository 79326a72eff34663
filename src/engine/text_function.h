/* text_function.h - a model that is no package as a function of arrays: the ids
 * and the mask of one text in, its vector out. For the files of engine/ alone.
 *
 *   ids   INT32 [tokens] or [1, tokens]
 *   mask  INT32 of the same shape, 1 for a token; may be left off: all are
 *   -> vector  FLOAT32 [1, dim]
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEXT_FUNCTION_H
#define ANM_TEXT_FUNCTION_H

#include "engine/engine.h"
#include "engine/functions.h"

typedef struct anm_text_function anm_text_function;

anm_status anm_text_function_open(anm_text_function **out,
                                  const anm_options *options, anm_error *err);
void anm_text_function_close(anm_text_function *f); /* accepts NULL */

/* As anm_predictor_run(); the one function is called main. */
anm_status anm_text_function_run(anm_text_function *f, const char *function,
                                 anm_raw_arrays inputs, anm_raw_arrays *outputs,
                                 anm_error *err);

#endif
