/* arrays_pass.c - one sweep after the other over an array program.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/arrays_pass.h"

#include <assert.h>

#include "base/error.h"
#include "graph/arrays_rewrite.h"

typedef bool (*pass_fn)(anm_arrays_rewrite *r);

static bool drop_only(anm_arrays_rewrite *r)
{
    (void)r;
    return true;
}

anm_status anm_arrays_optimize(anm_arrays *a, unsigned passes, anm_error *err)
{
    static const pass_fn all[] = {
        anm_pass_array_product,
        anm_pass_array_norm,
        anm_pass_array_gelu,
        anm_pass_array_rope,
        anm_pass_array_attention,
        anm_pass_array_epilogue,
        drop_only,
    };

    assert(!a->error.status);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        anm_arrays_rewrite r;

        if (!(passes & 1u << i)) continue;
        const bool done = anm_arrays_rewrite_init(&r, a) && all[i](&r);
        if (done) anm_arrays_rewrite_drop_dead(&r);
        anm_arrays_rewrite_deinit(&r);
        if (!done)
            return anm_fail(err, ANM_E_NOMEM, "%zu nodes: out of memory",
                            a->n_nodes);
    }
    return ANM_OK;
}
