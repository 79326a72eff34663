/* opening.h - the step of opening that loads; anm_engine_open() is all of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_OPENING_H
#define ANM_OPENING_H

#include "engine/engine.h"

/* Artifact and runner, and the contract judged on the plan. */
anm_status anm_engine_load(anm_engine *e, const anm_options *options,
                           anm_error *err);

#endif
