/* fake_backends.c - the backends of a build that plays scenarios.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/fake/fake.h"

const anm_backend *const *anm_backends(void)
{
    static const anm_backend *const backends[] = { &anm_backend_fake, NULL };

    return backends;
}
