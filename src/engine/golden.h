/* golden.h - the golden text: what must come out before a model is ready.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_GOLDEN_H
#define ANM_GOLDEN_H

#include "engine/artifact.h"
#include "engine/engine.h"

/* An engine, and the options that it is being opened with. */
typedef struct anm_build {
    anm_engine *e;
    const anm_options *options;
} anm_build;

/* How an artifact is made for this engine: the backend's sections, then the
 * golden vector, and of rounded weights their fidelity. The builder borrows b. */
anm_artifact_builder anm_golden_builder(anm_build *b);

/* At most so many tokens of the golden text are computed.
 *
 * @param a_token     Multiply-adds that a token takes.
 * @param frame       Special tokens of a text.
 * @param max_tokens  Of the model's longest text. */
size_t anm_golden_length(double a_token, size_t frame, size_t max_tokens);

/* Predict the golden text on the serving thread and buffers and compare.
 * ANM_E_CORRUPT when the artifact holds no golden vector of this size. */
anm_status anm_golden_prove(anm_engine *e, anm_error *err);

/* Add to the message of a vector that is none what in a package may be the
 * cause, if anything there is. */
void anm_golden_explain(const anm_engine *e, anm_error *err);

#endif
