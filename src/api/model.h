/* model.h - what stands behind the handle anm_model.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MODEL_H
#define ANM_MODEL_H

#include "engine/engine.h"

struct anm_model {
    anm_engine *engine;
};

#endif
