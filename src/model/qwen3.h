/* qwen3.h - the Qwen3 decoder as an architecture. Internal to model/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_QWEN3_H
#define ANM_QWEN3_H

#include "model/architecture.h"

extern const anm_architecture anm_qwen3;

#endif
