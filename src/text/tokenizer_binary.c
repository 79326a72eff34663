/* tokenizer_binary.c - a compiled tokenizer as bytes, and back.
 *
 *   0   "ANMTOK01"
 *   8   u32 0x01020304 as the writing machine stores it, u32 0
 *   16  u64 checksum of everything behind it
 *   24  the fields, in the order of code_all()
 *
 * One walk over the fields serves both ways: a codec writes what it is shown or
 * fills it in. Patterns are kept as their sources. Nothing that is read is
 * believed: numbers that index something are checked against its size, so that
 * bytes with a forged checksum can give wrong ids but never a wild read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "text/stages.h"

enum { HEAD_BYTES = 24, ORDER_MARK = 0x01020304 };

static const char MAGIC[8] = "ANMTOK01";

typedef struct codec {
    anm_buf *out;     /* writing; NULL: reading */
    anm_bytes in;     /* what is left to read */
    anm_arena *arena; /* of the tokenizer that is filled in */
    bool no_memory;
    const char *damaged; /* what was wrong first; NULL: nothing */
} codec;

static void blame(codec *c, const char *what)
{
    if (!c->damaged) c->damaged = what;
}

static bool goes_on(const codec *c)
{
    return !c->damaged && !c->no_memory;
}

static void require(codec *c, bool ok, const char *what)
{
    if (!ok && !c->out) blame(c, what);
}

/* ---- Fields -------------------------------------------------------------- */

static void code_raw(codec *c, void *data, size_t size)
{
    anm_bytes part;

    if (!goes_on(c) || !size) return;
    if (c->out)
        anm_buf_append(c->out, data, size);
    else if (anm_take(&c->in, size, &part))
        memcpy(data, part.data, size);
    else
        blame(c, "it ends early");
}

static void code_size(codec *c, size_t *n, size_t max, const char *what)
{
    uint64_t value = *n;

    code_raw(c, &value, sizeof(value));
    require(c, value <= max, what);
    *n = goes_on(c) ? (size_t)value : 0;
}

static void code_bool(codec *c, bool *b)
{
    uint8_t value = *b;

    code_raw(c, &value, 1);
    require(c, value <= 1, "a flag");
    *b = value == 1;
}

/* An integer in [min, end). */
static void code_int(codec *c, int32_t *i, int64_t min, int64_t end,
                     const char *what)
{
    code_raw(c, i, sizeof(*i));
    require(c, *i >= min && *i < end, what);
}

static void code_ids(codec *c, int32_t *ids, size_t n, int64_t min, int64_t end,
                     const char *what)
{
    code_raw(c, ids, n * sizeof(*ids));
    for (size_t i = 0; i < n && goes_on(c) && !c->out; i++)
        require(c, ids[i] >= min && ids[i] < end, what);
}

/* Memory for n elements of this size, which are read next and take at least
 * `least` bytes each. */
static void *make_array(codec *c, size_t n, size_t least, size_t size)
{
    if (!goes_on(c)) return NULL;
    if (n > c->in.len / least) {
        blame(c, "it ends early");
        return NULL;
    }
    void *data = anm_arena_array(c->arena, n, size);
    c->no_memory = !data;
    return data;
}

static void code_text(codec *c, anm_text *text)
{
    anm_bytes part;

    code_size(c, &text->len, SIZE_MAX, "a length");
    if (c->out) {
        code_raw(c, (void *)(uintptr_t)text->data, text->len);
        return;
    }
    text->data = "";
    if (!goes_on(c)) return;
    if (!anm_take(&c->in, text->len, &part)) {
        blame(c, "it ends early");
        text->len = 0;
        return;
    }
    text->data = anm_arena_copy(c->arena, (const char *)part.data, part.len);
    c->no_memory = !text->data;
    if (c->no_memory) text->len = 0;
}

/* The name of a row; reading, the text that was there. */
static anm_text code_name(codec *c, const char *name)
{
    anm_text text = { name, name ? strlen(name) : 0 };

    code_text(c, &text);
    return text;
}

static void code_utf8(codec *c, anm_text *text)
{
    code_text(c, text);
    if (c->out || !goes_on(c)) return;
    require(c, anm_utf8_invalid_at(text->data, text->len) == text->len,
            "a text");
}

/* ---- Tries --------------------------------------------------------------- */

/* A trie of no nodes is one that was never built. */
static void code_trie(codec *c, anm_trie *t, int64_t values_end)
{
    size_t n = t->n_nodes;

    code_size(c, &n, INT32_MAX, "a trie");
    require(c, n % 256 == 0, "a trie");
    if (!goes_on(c) || !n) return;
    if (!c->out) {
        if (n > c->in.len / (sizeof(*t->nodes) + sizeof(*t->values))) {
            blame(c, "it ends early");
            return;
        }
        t->nodes = anm_alloc_array(n, sizeof(*t->nodes));
        t->values = anm_alloc_array(n, sizeof(*t->values));
        c->no_memory = !t->nodes || !t->values;
        t->n_nodes = n;
    }
    code_raw(c, t->nodes, n * sizeof(*t->nodes));
    code_ids(c, t->values, n, ANM_TRIE_NONE, values_end, "a trie");
    for (size_t i = 0; i < n && goes_on(c); i++)
        require(c, t->nodes[i].base < n, "a trie");
}

/* ---- Pieces -------------------------------------------------------------- */

enum { NO_SPELLING = -1 };

static void write_spellings(codec *c, const anm_pieces *p)
{
    for (size_t i = 0; i < p->n_ids; i++) {
        const anm_text *s = &p->by_id[i];
        int32_t len = s->data ? (int32_t)s->len : NO_SPELLING;
        code_raw(c, &len, sizeof(len));
    }
    for (size_t i = 0; i < p->n_ids; i++)
        code_raw(c, (void *)(uintptr_t)p->by_id[i].data, p->by_id[i].len);
}

/* Lengths first, then all spellings as one run; each gets a NUL. */
static void read_spellings(codec *c, anm_pieces *p)
{
    const size_t n = p->n_ids;
    anm_bytes lens, run;
    size_t n_bytes = 0;

    if (!goes_on(c)) return;
    if (!anm_take(&c->in, n * sizeof(int32_t), &lens)) {
        blame(c, "it ends early");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int32_t len = 0;
        memcpy(&len, lens.data + i * sizeof(len), sizeof(len));
        require(c, len >= NO_SPELLING && len <= ANM_PIECE_MAX_BYTES,
                "a spelling");
        n_bytes += len > 0 ? (size_t)len : 0;
    }
    if (goes_on(c) && !anm_take(&c->in, n_bytes, &run))
        blame(c, "it ends early");
    if (!goes_on(c)) return;
    char *out = anm_arena_alloc(c->arena, n_bytes + n);
    p->by_id = anm_arena_array(c->arena, n, sizeof(*p->by_id));
    c->no_memory = !out || !p->by_id;
    for (size_t i = 0; i < n && goes_on(c); i++) {
        int32_t len = 0;
        memcpy(&len, lens.data + i * sizeof(len), sizeof(len));
        if (len < 0) continue;
        if (len) memcpy(out, run.data, (size_t)len);
        p->by_id[i] = (anm_text){ out, (size_t)len };
        out += len + 1;
        run.data += len;
    }
}

static void check_table(codec *c, const anm_pieces *p)
{
    size_t n_free = 0;

    for (size_t i = 0; i < p->n_table && goes_on(c); i++) {
        n_free += p->table[i] < 0;
        require(c, p->table[i] < 0 || p->by_id[p->table[i]].data,
                "the table of spellings");
    }
    require(c, n_free > 0, "the table of spellings");
}

static void code_pieces(codec *c, anm_pieces *p)
{
    code_size(c, &p->n, SIZE_MAX, "the vocabulary");
    code_size(c, &p->n_ids, ANM_PIECE_ID_MAX + 1 + ANM_ADDED_MAX,
              "the vocabulary");
    if (c->out)
        write_spellings(c, p);
    else
        read_spellings(c, p);
    code_trie(c, &p->trie, (int64_t)p->n_ids);
    code_size(c, &p->n_table, (size_t)1 << 30, "the table of spellings");
    require(c, !(p->n_table & (p->n_table - 1)), "the table of spellings");
    require(c, !p->n_table != !p->trie.n_nodes, "the table of spellings");
    if (!p->n_table) return;
    if (!c->out)
        p->table =
            make_array(c, p->n_table, sizeof(*p->table), sizeof(*p->table));
    code_ids(c, p->table, p->n_table, ANM_TRIE_NONE, (int64_t)p->n_ids,
             "the table of spellings");
    if (!c->out && goes_on(c)) check_table(c, p);
}

/* ---- Added tokens -------------------------------------------------------- */

static void code_token(codec *c, anm_added_token *k, size_t n_ids)
{
    code_utf8(c, &k->content);
    code_int(c, &k->id, 0, (int64_t)n_ids, "an added token");
    code_bool(c, &k->single_word);
    code_bool(c, &k->lstrip);
    code_bool(c, &k->rstrip);
    code_bool(c, &k->normalized);
    code_bool(c, &k->special);
    require(c, k->content.len && k->content.len <= ANM_PIECE_MAX_BYTES,
            "an added token");
}

/* The tries over the tokens are built again: they must not match a part of a
 * character, whatever is read. */
static void code_added(codec *c, anm_tokenizer *t)
{
    anm_added *a = &t->added;

    code_size(c, &a->n, ANM_ADDED_MAX, "the added tokens");
    if (!c->out) a->tokens = make_array(c, a->n, 1, sizeof(*a->tokens));
    for (size_t i = 0; i < a->n && goes_on(c); i++)
        code_token(c, &a->tokens[i], t->pieces.n_ids);
    if (!c->out && goes_on(c)) c->no_memory = anm_added_restore(t, NULL);
}

/* ---- Stages -------------------------------------------------------------- */

static void code_normalizer(codec *c, anm_normalizer *n)
{
    const anm_text name = code_name(c, n->row ? n->row->name : NULL);

    if (!c->out && goes_on(c)) n->row = anm_normalizer_row_find(name);
    require(c, n->row, "a normalizer");
    code_raw(c, &n->options, sizeof(n->options));
    code_utf8(c, &n->pattern);
    code_utf8(c, &n->content);
    if (goes_on(c))
        require(c, anm_normalizer_fits(n), "the pattern of a normalizer");
}

static void code_splitter(codec *c, anm_splitter *s)
{
    const anm_text name = code_name(c, s->row ? s->row->name : NULL);
    int32_t how = (int32_t)s->how;

    if (!c->out && goes_on(c)) s->row = anm_splitter_row_find(name);
    require(c, s->row, "a pre-tokenizer");
    code_raw(c, &s->flags, sizeof(s->flags));
    code_raw(c, &s->delimiter, sizeof(s->delimiter));
    code_int(c, &how, 0, ANM_SPLIT_HOW_COUNT, "a behavior");
    s->how = (anm_split_how)how;
    code_utf8(c, &s->pattern);
    code_bool(c, &s->literal);
    if (!goes_on(c) || c->out) return;
    require(c, s->pattern.len || s->row->run != anm_split_run,
            "a pre-tokenizer");
    if (!goes_on(c) || !s->pattern.len) return;
    const anm_status status = anm_pattern_compile(&s->compiled, s->pattern,
                                                  s->literal, "pattern", NULL);
    c->no_memory = status == ANM_E_NOMEM;
    require(c, !status || c->no_memory, "a pattern");
}

static void code_stages(codec *c, anm_tokenizer *t)
{
    size_t n_byte_levels = 0;

    code_size(c, &t->n_normalizers, ANM_STAGE_PARTS_MAX, "the normalizers");
    for (size_t i = 0; i < t->n_normalizers && goes_on(c); i++)
        code_normalizer(c, &t->normalizers[i]);
    code_size(c, &t->n_splitters, ANM_STAGE_PARTS_MAX, "the pre-tokenizers");
    for (size_t i = 0; i < t->n_splitters && goes_on(c); i++) {
        code_splitter(c, &t->splitters[i]);
        if (goes_on(c))
            n_byte_levels += t->splitters[i].row->run == anm_byte_level_run;
    }
    require(c, n_byte_levels <= 1, "the pre-tokenizers");
}

/* ---- The model ----------------------------------------------------------- */

static bool is_merge(const anm_merge *m, size_t n_ids)
{
    return m->right >= 0 && (size_t)m->left < n_ids &&
           (size_t)m->right < n_ids && m->rank >= 0 && m->id >= 0 &&
           (size_t)m->id < n_ids;
}

static void code_merges(codec *c, anm_merges *m, size_t n_ids)
{
    size_t n_free = 0;
    anm_merge *slots = (anm_merge *)(uintptr_t)m->slots;

    code_size(c, &m->n_slots, (size_t)1 << 30, "the merges");
    require(c, !(m->n_slots & (m->n_slots - 1)), "the merges");
    if (!c->out)
        m->slots = slots =
            make_array(c, m->n_slots, sizeof(*slots), sizeof(*slots));
    if (!goes_on(c)) return;
    code_raw(c, slots, m->n_slots * sizeof(*slots));
    for (size_t i = 0; i < m->n_slots && goes_on(c); i++) {
        n_free += slots[i].left < 0;
        require(c, slots[i].left < 0 || is_merge(&slots[i], n_ids),
                "the merges");
    }
    require(c, !m->n_slots || n_free, "the merges");
}

static void code_bpe(codec *c, anm_bpe *b, size_t n_ids)
{
    const int64_t end = (int64_t)n_ids;

    code_merges(c, &b->merges, n_ids);
    code_utf8(c, &b->suffix);
    require(c, b->suffix.len <= ANM_PIECE_MAX_BYTES, "the suffix");
    code_bool(c, &b->ignores_merges);
    code_bool(c, &b->falls_back);
    code_bool(c, &b->fuses_unknown);
    code_bool(c, &b->reads_bytes);
    code_ids(c, b->byte_ids, 256, b->reads_bytes ? 0 : ANM_TRIE_NONE, end,
             "the bytes");
    code_ids(c, b->fallback_ids, 256, ANM_TRIE_NONE, end, "the bytes");
}

static void code_model(codec *c, anm_tokenizer *t)
{
    anm_token_model *m = &t->model;
    const anm_text name = code_name(c, m->row ? m->row->name : NULL);
    const int64_t n_ids = (int64_t)t->pieces.n_ids;

    if (!c->out && goes_on(c)) m->row = anm_model_row_find(name);
    require(c, m->row, "the model");
    if (!goes_on(c)) return;
    const bool is_bpe = m->row->run == anm_bpe_run;
    require(c, is_bpe == (t->pieces.n_table > 0), "the model");
    code_int(c, &m->unknown_id, is_bpe ? ANM_TRIE_NONE : 0, n_ids,
             "the unknown token");
    code_utf8(c, &m->prefix);
    require(c, m->prefix.len <= ANM_PIECE_MAX_BYTES, "the prefix");
    code_int(c, &m->continued, ANM_TRIE_NONE,
             is_bpe ? 1 : (int64_t)t->pieces.trie.n_nodes, "the prefix");
    code_size(c, &m->max_chars, SIZE_MAX, "the model");
    if (!is_bpe) return;
    code_bpe(c, &m->bpe, t->pieces.n_ids);
    require(c, m->bpe.merges.n_slots > 0, "the merges");
}

/* ---- The whole ----------------------------------------------------------- */

static void code_side(codec *c, anm_frame_side *s, size_t n_ids)
{
    code_size(c, &s->n, ANM_FRAME_MAX, "the special tokens");
    code_ids(c, s->ids, s->n, 0, (int64_t)n_ids, "the special tokens");
}

static void code_info(codec *c, anm_tokenizer *t)
{
    anm_tokenizer_info *i = &t->info;

    code_bool(c, &i->lowercase);
    code_size(c, &i->truncation, INT32_MAX, "the truncation");
    code_bool(c, &i->cuts_left);
    code_size(c, &i->padding, INT32_MAX, "the padding");
    code_bool(c, &i->pads_left);
    code_int(c, &i->pad_id, -1, INT64_MAX, "the padding");
    i->vocab_size = t->pieces.n_ids;
    i->unknown_id = t->model.unknown_id;
    if (goes_on(c)) i->model = t->model.row->name;
}

static void code_all(codec *c, anm_tokenizer *t)
{
    code_raw(c, t->digest, sizeof(t->digest));
    code_pieces(c, &t->pieces);
    code_stages(c, t);
    code_added(c, t);
    code_model(c, t);
    code_side(c, &t->frame.before, t->pieces.n_ids);
    code_side(c, &t->frame.after, t->pieces.n_ids);
    code_info(c, t);
}

/* Every step can be undone, so that no one change of the bytes goes unseen. */
static uint64_t checksum(anm_bytes b)
{
    uint64_t h = b.len, word = 0;

    for (; b.len >= sizeof(word); b.data += 8, b.len -= 8) {
        memcpy(&word, b.data, sizeof(word));
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    word = 0;
    if (b.len) memcpy(&word, b.data, b.len);
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

anm_status anm_tokenizer_save(const anm_tokenizer *t, anm_buf *out,
                              anm_error *err)
{
    static const uint32_t marks[2] = { ORDER_MARK, 0 };
    const size_t start = out->len;
    uint64_t sum = 0;
    // Writing changes nothing; the walk that also reads cannot say so.
    anm_tokenizer *walked = (anm_tokenizer *)(uintptr_t)t;
    codec c = { .out = out };

    anm_buf_append(out, MAGIC, sizeof(MAGIC));
    anm_buf_append(out, marks, sizeof(marks));
    anm_buf_append(out, &sum, sizeof(sum));
    code_all(&c, walked);
    if (out->failed) return anm_part_nomem(err);
    const char *body = out->data + start + HEAD_BYTES;
    sum = checksum(anm_bytes_of(body, out->len - start - HEAD_BYTES));
    memcpy(out->data + start + HEAD_BYTES - sizeof(sum), &sum, sizeof(sum));
    return ANM_OK;
}

static anm_status check_head(anm_bytes bytes, anm_bytes *body, anm_error *err)
{
    uint32_t mark = 0;
    uint64_t sum = 0;
    anm_bytes head;

    *body = bytes;
    if (!anm_take(body, HEAD_BYTES, &head) ||
        memcmp(head.data, MAGIC, sizeof(MAGIC)) != 0)
        return anm_fail(err, ANM_E_CORRUPT,
                        "compiled tokenizer: no header in %zu bytes",
                        bytes.len);
    memcpy(&mark, head.data + 8, sizeof(mark));
    memcpy(&sum, head.data + 16, sizeof(sum));
    const uint64_t found = checksum(*body);
    if (mark == ORDER_MARK && sum == found) return ANM_OK;
    return anm_fail(err, ANM_E_CORRUPT,
                    "compiled tokenizer: checksum %016" PRIx64
                    ", its %zu bytes have %016" PRIx64,
                    sum, body->len, found);
}

anm_status anm_tokenizer_load(anm_tokenizer **out, anm_bytes bytes,
                              anm_error *err)
{
    codec c = { 0 };
    anm_status status = check_head(bytes, &c.in, err);

    *out = NULL;
    if (status) return status;
    anm_tokenizer *t = anm_alloc_zero(sizeof(*t));
    if (!t || !anm_chars_init(&t->chars, &t->arena)) {
        anm_tokenizer_free(t);
        return anm_part_nomem(err);
    }
    c.arena = &t->arena;
    code_all(&c, t);
    if (goes_on(&c) && c.in.len) blame(&c, "its end");
    if (goes_on(&c)) {
        *out = t;
        return ANM_OK;
    }
    anm_tokenizer_free(t);
    if (c.no_memory) return anm_part_nomem(err);
    return anm_fail(err, ANM_E_CORRUPT, "compiled tokenizer: damaged: %s",
                    c.damaged);
}
