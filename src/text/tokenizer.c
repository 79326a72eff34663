/* tokenizer.c - the road of one text through the stages; what a tokenizer
 * answers about itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "text/tokenizer.h"

#include <assert.h>

#include "base/error.h"
#include "base/utf8.h"
#include "text/stages.h"

void anm_tokenizer_free(anm_tokenizer *t)
{
    if (!t) return;
    anm_trie_deinit(&t->pieces.trie);
    anm_added_deinit(&t->added);
    anm_splitters_deinit(t);
    anm_arena_deinit(&t->arena);
    anm_free(t);
}

anm_status anm_tokenizer_split_special(anm_tokenizer *t, anm_error *err)
{
    t->splits_special = true;
    return anm_tokenizer_set_digest(t, err);
}

/* ---- Encoding ------------------------------------------------------------ */

static bool encode_words(const anm_tokenizer *t, anm_text text, anm_encoding *e)
{
    return anm_split(t, 0, text, e);
}

/* A stretch without raw added tokens. */
static bool encode_stretch(const anm_tokenizer *t, anm_text text,
                           anm_encoding *e)
{
    anm_text normal;

    return anm_normalize(t, text, e, &normal) &&
           anm_added_cut(t, &t->added.normalized, normal, encode_words, e);
}

static bool push_side(anm_encoding *e, const anm_frame_side *s)
{
    if (!s->n) return true;
    if (!anm_encoding_reserve(e, s->n)) return false;
    memcpy(e->ids + e->n, s->ids, s->n * sizeof(*s->ids));
    e->n += s->n;
    return true;
}

anm_status anm_tokenizer_encode(const anm_tokenizer *t, anm_text text,
                                bool special, anm_encoding *e, anm_error *err)
{
    const size_t invalid = anm_utf8_invalid_at(text.data, text.len);

    anm_encoding_reset(e);
    if (invalid < text.len)
        return anm_fail(err, ANM_E_ARG, "text: not UTF-8 at byte %zu of %zu",
                        invalid, text.len);
    if ((!t->model.row->begin || t->model.row->begin(t, e)) &&
        (!special || push_side(e, &t->frame.before)) &&
        anm_added_cut(t, &t->added.raw, text, encode_stretch, e) &&
        (!special || push_side(e, &t->frame.after)))
        return ANM_OK;
    const bool gave_up = e->trouble == ANM_E_LIMIT;
    anm_encoding_reset(e);
    if (gave_up)
        return anm_fail(err, ANM_E_LIMIT,
                        "text of %zu bytes: the tokenizer's pattern gave up on "
                        "it",
                        text.len);
    return anm_fail(err, ANM_E_NOMEM, "ids of %zu bytes: out of memory",
                    text.len);
}

/* ---- Queries ------------------------------------------------------------- */

anm_tokenizer_frame anm_tokenizer_frame_of(const anm_tokenizer *t)
{
    return (anm_tokenizer_frame){
        .before = t->frame.before.ids,
        .after = t->frame.after.ids,
        .n_before = t->frame.before.n,
        .n_after = t->frame.after.n,
    };
}

void anm_tokenizer_describe(const anm_tokenizer *t, anm_tokenizer_info *out)
{
    *out = t->info;
}

bool anm_tokenizer_only_adds(const anm_tokenizer *t, size_t first)
{
    size_t n = 0;

    // No two added tokens share an id.
    for (size_t i = 0; i < t->added.n; i++)
        n += (size_t)t->added.tokens[i].id >= first;
    for (size_t id = first; id < t->pieces.n_ids; id++)
        if (t->pieces.by_id[id].data && n-- == 0) return false;
    return true;
}

anm_text anm_tokenizer_piece(const anm_tokenizer *t, int32_t id)
{
    if (id < 0 || (size_t)id >= t->pieces.n_ids || !t->pieces.by_id[id].data)
        return (anm_text){ "", 0 };
    return t->pieces.by_id[id];
}

void anm_tokenizer_digest(const anm_tokenizer *t, uint8_t out[32])
{
    memcpy(out, t->digest, sizeof(t->digest));
}
