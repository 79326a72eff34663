/* fidelity.h - how near the vectors of rounded weights are to those of the weights
 * as they are stored: measured when the artifact is built, and kept in it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_FIDELITY_H
#define ANM_FIDELITY_H

#include "engine/artifact.h"
#include "engine/engine.h"

/* Cosines between the vectors of the same text. */
typedef struct anm_fidelity {
    uint32_t texts;
    float least, median;
} anm_fidelity;

/* Whether the program's weights are rounded, so that there is something to
 * measure. */
bool anm_fidelity_applies(const anm_engine *e);

/* Embed built-in texts, of several scripts and of every class of length that a big
 * model does not take too long for, with `sections` and with the weights as they
 * are stored, which are opened (and kept) like any model; write the result as a
 * section.
 *
 * @param options  Those that e is being opened with.
 * @return ANM_E_UNSUPPORTED naming text, cosine and floor when it is below that;
 *         whatever opening the stored weights returns */
anm_status anm_fidelity_write(anm_engine *e, const anm_options *options,
                              const anm_sections *sections,
                              const anm_section_sink *sink, anm_error *err);

/* False when the artifact has none. */
bool anm_fidelity_read(const anm_engine *e, anm_fidelity *out);

#endif
