/* encoding.c - life and queries of an anm_encoding.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "text/encoding.h"

#include "base/error.h"
#include "text/merge.h"
#include "text/pattern.h"

anm_status anm_encoding_new(anm_encoding **out, anm_error *err)
{
    if (!out) return anm_fail(err, ANM_E_ARG, "out: NULL is not allowed");
    *out = anm_alloc_zero(sizeof(**out));
    if (!*out) return anm_fail(err, ANM_E_NOMEM, "encoding: out of memory");
    return ANM_OK;
}

void anm_encoding_free(anm_encoding *e)
{
    if (!e) return;
    anm_free(e->ids);
    anm_free(e->texts[0].data);
    anm_free(e->texts[1].data);
    anm_free(e->held.data);
    anm_free(e->sorted.data);
    anm_free(e->composing.data);
    anm_free(e->classes.data);
    anm_free(e->spaced.data);
    anm_free(e->mapped.data);
    anm_free(e->merging.symbols);
    anm_free(e->merging.queue);
    anm_free(e->words);
    anm_pattern_room_free(e);
    anm_free(e);
}

void anm_encoding_reset(anm_encoding *e)
{
    e->n = 0;
    e->texts[0].len = 0;
    e->texts[1].len = 0;
    e->held.len = 0;
    e->sorted.len = 0;
    e->composing.len = 0;
    e->classes.len = 0;
    e->trouble = ANM_OK;
}

size_t anm_encoding_bytes(const anm_encoding *e)
{
    const size_t codes =
        e->cap + e->held.cap + e->sorted.cap + e->composing.cap;
    const size_t texts = e->texts[0].cap + e->texts[1].cap + e->classes.cap +
                         e->spaced.cap + e->mapped.cap;

    return codes * sizeof(*e->ids) + texts +
           e->merging.cap * sizeof(*e->merging.symbols) +
           e->merging.queue_cap * sizeof(*e->merging.queue);
}

size_t anm_encoding_n(const anm_encoding *e)
{
    return e->n;
}

const int32_t *anm_encoding_ids(const anm_encoding *e)
{
    return e->ids;
}
