/* add_items.c - what arguments and lines share: one call of the library, its
 * counts and its warnings.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "add.h"

/* One call of the library, and the warnings that come out of it. */
typedef struct call {
    add_job *job;
    const anm_memo *items;
    size_t n;
} call;

static void warn_truncated(void *ctx, size_t index, size_t tokens)
{
    enum { WARNINGS = 10, KEY_MAX = 100 };
    const call *a = ctx;
    const anm_text key = a->items[index].key;

    if (index + 1 == a->n) a->job->last_cut = tokens;
    if (a->job->total.truncated++ >= WARNINGS) return;
    cli_progress_end(&a->job->store.session.progress);
    cli_warn(a->job->c, "key %.*s: %zu tokens of its text were cut off",
             (int)(key.len < KEY_MAX ? key.len : KEY_MAX), key.data, tokens);
}

anm_status cli_add_items(add_job *job, const anm_memo *items, size_t n,
                         anm_error *err)
{
    anm_remembered counts;
    call a = { job, items, n };

    job->last_cut = 0;
    const anm_status status =
        anm_memory_remember(job->store.memory, job->collection, items, n,
                            &counts, warn_truncated, &a, err);
    if (status) return status;
    job->total.added += counts.added;
    job->total.updated += counts.updated;
    job->total.unchanged += counts.unchanged;
    return ANM_OK;
}
