/* floor.h - the machine's peaks, for the least time that a call can take.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_FLOOR_H
#define ANM_FLOOR_H

#include "engine/engine.h"

/* Measure the machine at the engine's backend, level and threads without
 * loading the model. */
anm_status anm_floor_measure(const anm_engine *e, anm_peak *out,
                             anm_error *err);

#endif
