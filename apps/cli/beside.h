/* beside.h - callers beside each other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_BESIDE_H
#define CLI_BESIDE_H

#include "cli.h"

/* Run fn(ctxs[i]) for all n at once, the first on the calling thread and each
 * other one on a thread of its own, and wait for them. ANM_E_LIMIT: not all
 * could be started; those that were have ended.
 *
 * A build that plays scenarios has another one, whose threads take turns in
 * virtual time. */
anm_status cli_run_beside(void (*fn)(void *ctx), void *const *ctxs, size_t n,
                          anm_error *err);

#endif
