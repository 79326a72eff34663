/* tokenizer_digest.c - one digest of everything that can change an id.
 *
 * Fields are gathered before they are hashed: a large vocabulary has hundreds
 * of thousands of small ones.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "text/stages.h"

typedef struct gathering {
    anm_sha256 *hash;
    size_t n;
    char data[4096]; /* [n], not hashed yet */
} gathering;

static void flush(gathering *g)
{
    anm_sha256_add(g->hash, g->data, g->n);
    g->n = 0;
}

static void add(gathering *g, const void *data, size_t len)
{
    if (len > sizeof(g->data) - g->n) flush(g);
    if (len > sizeof(g->data)) {
        anm_sha256_add(g->hash, data, len);
        return;
    }
    if (len) memcpy(g->data + g->n, data, len);
    g->n += len;
}

/* As anm_sha256_add_u64() and anm_sha256_add_string() do. */
static void add_u64(gathering *g, uint64_t value)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    add(g, bytes, sizeof(bytes));
}

static void add_text(gathering *g, anm_text text)
{
    add_u64(g, text.len);
    add(g, text.data, text.len);
}

static void add_string(gathering *g, const char *s)
{
    add_text(g, (anm_text){ s, strlen(s) });
}

static void add_side(gathering *g, const anm_frame_side *s)
{
    add_u64(g, s->n);
    for (size_t i = 0; i < s->n; i++)
        add_u64(g, (uint64_t)s->ids[i]);
}

static void add_pieces(gathering *g, const anm_pieces *p)
{
    add_u64(g, p->n);
    for (size_t id = 0; id < p->n_ids; id++) {
        if (!p->by_id[id].data) continue;
        add_u64(g, id);
        add_text(g, p->by_id[id]);
    }
}

/* In the order of their ranks. */
static bool add_merges(gathering *g, const anm_merges *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_slots; i++)
        if (m->slots[i].left >= 0 && (size_t)m->slots[i].rank >= n)
            n = (size_t)m->slots[i].rank + 1;
    const anm_merge **ranked = anm_alloc_array(n, sizeof(*ranked));
    if (!ranked) return false;
    for (size_t i = 0; i < m->n_slots; i++)
        if (m->slots[i].left >= 0) ranked[m->slots[i].rank] = &m->slots[i];
    add_u64(g, n);
    for (size_t rank = 0; rank < n; rank++) {
        // A pair that the file gives twice has its later rank only.
        if (!ranked[rank]) continue;
        add_u64(g, rank);
        add_u64(g, (uint64_t)(uint32_t)ranked[rank]->left << 32 |
                       (uint32_t)ranked[rank]->right);
        add_u64(g, (uint64_t)ranked[rank]->id);
    }
    anm_free(ranked);
    return true;
}

static bool add_bpe(gathering *g, const anm_bpe *b)
{
    add_text(g, b->suffix);
    add_u64(g, (uint64_t)b->ignores_merges | (uint64_t)b->falls_back << 1 |
                   (uint64_t)b->fuses_unknown << 2);
    return add_merges(g, &b->merges);
}

static bool add_model(gathering *g, const anm_tokenizer *t)
{
    add_string(g, t->model.row->name);
    add_u64(g, (uint64_t)t->model.unknown_id);
    add_text(g, t->model.prefix);
    add_u64(g, t->model.max_chars);
    add_pieces(g, &t->pieces);
    return !t->model.bpe.merges.n_slots || add_bpe(g, &t->model.bpe);
}

/* Which tokens are special changes no id unless they are split. */
static void add_split(gathering *g, const anm_added *a)
{
    add_string(g, "special tokens are split");
    for (size_t i = 0; i < a->n; i++)
        add_u64(g, a->tokens[i].special);
}

static void add_added_tokens(gathering *g, const anm_added *a)
{
    add_u64(g, a->n);
    for (size_t i = 0; i < a->n; i++) {
        const anm_added_token *k = &a->tokens[i];
        add_text(g, k->content);
        add_u64(g, (uint64_t)k->id);
        add_u64(g, (uint64_t)k->single_word | (uint64_t)k->lstrip << 1 |
                       (uint64_t)k->rstrip << 2 | (uint64_t)k->normalized << 3);
    }
}

static void add_stages(gathering *g, const anm_tokenizer *t)
{
    add_u64(g, t->n_normalizers);
    for (size_t i = 0; i < t->n_normalizers; i++) {
        const anm_normalizer *n = &t->normalizers[i];
        add_string(g, n->row->name);
        add_u64(g, n->options);
        add_text(g, n->pattern);
        add_text(g, n->content);
    }
    add_u64(g, t->n_splitters);
    for (size_t i = 0; i < t->n_splitters; i++) {
        const anm_splitter *s = &t->splitters[i];
        add_string(g, s->row->name);
        add_u64(g, s->flags);
        add_u64(g, s->delimiter);
        add_u64(g, s->how);
        if (!s->pattern.len) continue;
        add_u64(g, s->literal);
        add_text(g, s->pattern);
    }
}

anm_status anm_tokenizer_set_digest(anm_tokenizer *t, anm_error *err)
{
    gathering *g = anm_alloc_zero(sizeof(*g));
    bool ok = g && (g->hash = anm_sha256_new());

    if (ok) {
        add_string(g, "anemone tokenizer 1");
        ok = add_model(g, t);
        add_added_tokens(g, &t->added);
        if (t->splits_special) add_split(g, &t->added);
        add_stages(g, t);
        add_side(g, &t->frame.before);
        add_side(g, &t->frame.after);
        flush(g);
        anm_sha256_read(g->hash, t->digest);
    }
    if (g) anm_sha256_free(g->hash);
    anm_free(g);
    return ok ? ANM_OK : anm_part_nomem(err);
}
