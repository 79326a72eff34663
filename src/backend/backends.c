/* backends.c - the backends built in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/backend.h"

const anm_backend *const *anm_backends(void)
{
    static const anm_backend *const backends[] = { &anm_backend_cpu, NULL };

    return backends;
}
