/* fit.h - whether a model fits into the memory that there is. Internal to
 * engine/.
 *
 * Weights lie in a mapped file: more of them than there is memory is no
 * failure, but every call reads them from disk again, and a call takes seconds
 * instead of milliseconds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_FIT_H
#define ANM_FIT_H

#include "backend/backend.h"
#include "base/memory_limit.h"

/* ANM_E_LIMIT with all figures when weights and room are more than a limit
 * allows. What is not known is no limit. */
anm_status anm_fit_check(const anm_footprint *need,
                         const anm_memory_limit *have, anm_error *err);

#endif
