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
    anm_arena_deinit(&t->arena);
    anm_free(t);
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
    if ((special && !push_side(e, &t->frame.before)) ||
        !anm_added_cut(t, &t->added.raw, text, encode_stretch, e) ||
        (special && !push_side(e, &t->frame.after))) {
        anm_encoding_reset(e);
        return anm_fail(err, ANM_E_NOMEM, "ids of %zu bytes: out of memory",
                        text.len);
    }
    return ANM_OK;
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

/* ---- Digest -------------------------------------------------------------- */

static void add_text(anm_sha256 *h, anm_text text)
{
    anm_sha256_add_u64(h, text.len);
    anm_sha256_add(h, text.data, text.len);
}

static void add_side(anm_sha256 *h, const anm_frame_side *s)
{
    anm_sha256_add_u64(h, s->n);
    for (size_t i = 0; i < s->n; i++)
        anm_sha256_add_u64(h, (uint64_t)s->ids[i]);
}

static void add_model(anm_sha256 *h, const anm_tokenizer *t)
{
    anm_sha256_add_string(h, t->model.row->name);
    anm_sha256_add_u64(h, (uint64_t)t->model.unknown_id);
    add_text(h, t->model.prefix);
    anm_sha256_add_u64(h, t->model.max_chars);
    anm_sha256_add_u64(h, t->pieces.n);
    for (size_t id = 0; id < t->pieces.n_ids; id++) {
        if (!t->pieces.by_id[id].data) continue;
        anm_sha256_add_u64(h, id);
        add_text(h, t->pieces.by_id[id]);
    }
}

static void add_added_tokens(anm_sha256 *h, const anm_added *a)
{
    anm_sha256_add_u64(h, a->n);
    for (size_t i = 0; i < a->n; i++) {
        const anm_added_token *k = &a->tokens[i];
        add_text(h, k->content);
        anm_sha256_add_u64(h, (uint64_t)k->id);
        anm_sha256_add_u64(
            h, (uint64_t)k->single_word | (uint64_t)k->lstrip << 1 |
                   (uint64_t)k->rstrip << 2 | (uint64_t)k->normalized << 3);
    }
}

static void add_stages(anm_sha256 *h, const anm_tokenizer *t)
{
    anm_sha256_add_u64(h, t->n_normalizers);
    for (size_t i = 0; i < t->n_normalizers; i++) {
        const anm_normalizer *n = &t->normalizers[i];
        anm_sha256_add_string(h, n->row->name);
        anm_sha256_add_u64(h, n->options);
        add_text(h, n->pattern);
        add_text(h, n->content);
    }
    anm_sha256_add_u64(h, t->n_splitters);
    for (size_t i = 0; i < t->n_splitters; i++) {
        const anm_splitter *s = &t->splitters[i];
        anm_sha256_add_string(h, s->row->name);
        anm_sha256_add_u64(h, s->flags);
        anm_sha256_add_u64(h, s->delimiter);
        anm_sha256_add_u64(h, s->how);
    }
}

anm_status anm_tokenizer_set_digest(anm_tokenizer *t, anm_error *err)
{
    anm_sha256 *h = anm_sha256_new();

    if (!h) return anm_part_nomem(err);
    anm_sha256_add_string(h, "anemone tokenizer 1");
    add_model(h, t);
    add_added_tokens(h, &t->added);
    add_stages(h, t);
    add_side(h, &t->frame.before);
    add_side(h, &t->frame.after);
    anm_sha256_read(h, t->digest);
    anm_sha256_free(h);
    return ANM_OK;
}
