/* pool_virtual.c - a team whose members run one after the other on the caller,
 * for builds in which threads take turns in virtual time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include "base/alloc.h"
#include "base/error.h"

struct anm_pool {
    unsigned n_members;
    size_t next;
};

anm_status anm_pool_new(anm_pool **out, unsigned n_members, anm_error *err)
{
    anm_pool *p = anm_alloc_zero(sizeof(*p));

    *out = p;
    if (!p)
        return anm_fail(err, ANM_E_NOMEM, "%u threads: out of memory",
                        n_members);
    p->n_members = n_members;
    return ANM_OK;
}

void anm_pool_free(anm_pool *p)
{
    anm_free(p);
}

unsigned anm_pool_size(const anm_pool *p)
{
    return p->n_members;
}

void anm_pool_run(anm_pool *p, anm_pool_fn fn, void *ctx)
{
    p->next = 0;
    for (unsigned i = 0; i < p->n_members; i++)
        fn(ctx, i, p->n_members);
}

void anm_pool_begin(anm_pool *p)
{
    (void)p;
}

void anm_pool_end(anm_pool *p)
{
    (void)p;
}

size_t anm_pool_next(anm_pool *p)
{
    return p->next++;
}

/* The first member does all. */
bool anm_pool_draw(anm_pool *p, unsigned member, size_t n, size_t *unit)
{
    (void)member;
    *unit = p->next++;
    return *unit < n;
}

void anm_pool_usage_read(anm_pool *p, anm_pool_usage *out)
{
    (void)p;
    *out = (anm_pool_usage){ 0 };
}
