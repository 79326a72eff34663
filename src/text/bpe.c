/* bpe.c - byte pair encoding: a word into symbols, which merges join.
 *
 * A symbol is a character, or a byte of it; with the pre-tokenizer ByteLevel in
 * front every byte is a character, and the word is then taken as its bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "text/stages.h"

/* ---- Compiling: merges --------------------------------------------------- */

enum { JOINED_MAX = 2 * ANM_PIECE_MAX_BYTES };

/* Both sides of a merge: "a b", or ["a", "b"]. */
static anm_status read_sides(const json_t *o, size_t i, anm_text side[2],
                             anm_error *err)
{
    if (json_is_string(o)) {
        const char *s = json_string_value(o);
        const size_t len = json_string_length(o);
        const char *blank = memchr(s, ' ', len);
        const size_t first = blank ? (size_t)(blank - s) : len;
        if (blank && !memchr(blank + 1, ' ', len - first - 1)) {
            side[0] = (anm_text){ s, first };
            side[1] = (anm_text){ blank + 1, len - first - 1 };
            return ANM_OK;
        }
        return anm_fail(err, ANM_E_FORMAT,
                        "model.merges: %zu: \"%s\" has not one blank", i, s);
    }
    for (size_t k = 0; k < 2; k++) {
        const json_t *v = json_array_get(o, k);
        if (json_array_size(o) != 2 || !json_is_string(v))
            return anm_fail(err, ANM_E_FORMAT,
                            "model.merges: %zu: expected two strings, found %s",
                            i, anm_json_type_name(o));
        side[k] = (anm_text){ json_string_value(v), json_string_length(v) };
    }
    return ANM_OK;
}

static anm_status find_side(const anm_pieces *p, anm_text side, size_t i,
                            int32_t *id, anm_error *err)
{
    *id = anm_pieces_find(p, side);
    if (*id >= 0) return ANM_OK;
    return anm_fail(err, ANM_E_CORRUPT,
                    "model.merges: %zu: the vocabulary lacks \"%.*s\"", i,
                    (int)(side.len < 64 ? side.len : 64), side.data);
}

/* The right side joins without the prefix of pieces that continue a word. */
static anm_status read_merge(const anm_tokenizer *t, const json_t *o, size_t i,
                             anm_merge *m, anm_error *err)
{
    const size_t cut = t->model.prefix.len;
    char joined[JOINED_MAX];
    anm_text side[2];
    anm_status status = read_sides(o, i, side, err);

    if (!status) status = find_side(&t->pieces, side[0], i, &m->left, err);
    if (!status) status = find_side(&t->pieces, side[1], i, &m->right, err);
    if (status) return status;
    if (side[1].len < cut)
        return anm_fail(err, ANM_E_CORRUPT,
                        "model.merges: %zu: \"%s\" is shorter than the prefix "
                        "\"%s\"",
                        i, side[1].data, t->model.prefix.data);
    const size_t right = side[1].len - cut;
    memcpy(joined, side[0].data, side[0].len);
    memcpy(joined + side[0].len, side[1].data + cut, right);
    return find_side(&t->pieces, (anm_text){ joined, side[0].len + right }, i,
                     &m->id, err);
}

static void put_merge(anm_merge *slots, size_t n_slots, anm_merge m)
{
    size_t i = anm_merge_home(m.left, m.right, n_slots);

    while (slots[i].left >= 0 &&
           (slots[i].left != m.left || slots[i].right != m.right))
        i = (i + 1) & (n_slots - 1);
    slots[i] = m;
}

static bool is_version_line(const json_t *o)
{
    static const char start[] = "#version";
    return json_is_string(o) &&
           strncmp(json_string_value(o), start, sizeof(start) - 1) == 0;
}

static anm_status compile_merges(anm_tokenizer *t, const json_t *o,
                                 anm_error *err)
{
    const json_t *list = NULL;
    size_t n_slots = 16;
    int32_t rank = 0;
    anm_status status = anm_json_array(o, "merges", "model", &list, err);

    if (status) return status;
    const size_t n = json_array_size(list);
    if (n > ANM_PIECE_ID_MAX)
        return anm_fail(err, ANM_E_LIMIT, "model.merges: %zu, allowed %d", n,
                        ANM_PIECE_ID_MAX);
    while (n_slots < n + n / 2)
        n_slots *= 2;
    anm_merge *slots = anm_arena_array(&t->arena, n_slots, sizeof(*slots));
    if (!slots) return anm_part_nomem(err);
    for (size_t i = 0; i < n_slots; i++)
        slots[i].left = ANM_TRIE_NONE;
    for (size_t i = 0; i < n && !status; i++) {
        anm_merge m = { .rank = rank };
        const json_t *line = json_array_get(list, i);
        if (is_version_line(line)) continue;
        status = read_merge(t, line, i, &m, err);
        if (status) break;
        put_merge(slots, n_slots, m);
        rank++;
    }
    t->model.bpe.merges = (anm_merges){ slots, n_slots };
    return status;
}

/* ---- Compiling: options -------------------------------------------------- */

/* Random merges would give another vector at every call. */
static anm_status check_dropout(const json_t *o, const char *at, anm_error *err)
{
    double dropout = 0.0;
    const anm_status status =
        anm_json_real_or(o, "dropout", at, 0.0, &dropout, err);

    if (status || !(dropout > 0.0)) return status;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: dropout %g is not built in (built in: null, 0)", at,
                    dropout);
}

/* A string or null, which is the same as an empty one. */
static anm_status read_affix(anm_tokenizer *t, const json_t *o, const char *key,
                             const char *at, anm_text *out, anm_error *err)
{
    const json_t *v = json_object_get(o, key);

    *out = (anm_text){ "", 0 };
    if (!v || json_is_null(v)) return ANM_OK;
    const anm_status status = anm_part_text(&t->arena, o, key, at, out, err);
    if (status || out->len <= ANM_PIECE_MAX_BYTES) return status;
    return anm_fail(err, ANM_E_LIMIT, "%s: %s of %zu bytes, allowed %d", at,
                    key, out->len, ANM_PIECE_MAX_BYTES);
}

static anm_status read_options(anm_tokenizer *t, const json_t *o,
                               const char *at, anm_error *err)
{
    anm_bpe *b = &t->model.bpe;
    anm_status status = check_dropout(o, at, err);

    if (!status)
        status = read_affix(t, o, "continuing_subword_prefix", at,
                            &t->model.prefix, err);
    if (!status)
        status = read_affix(t, o, "end_of_word_suffix", at, &b->suffix, err);
    if (!status)
        status = anm_json_bool_or(o, "ignore_merges", at, false,
                                  &b->ignores_merges, err);
    if (!status)
        status = anm_json_bool_or(o, "byte_fallback", at, false, &b->falls_back,
                                  err);
    if (!status)
        status =
            anm_json_bool_or(o, "fuse_unk", at, false, &b->fuses_unknown, err);
    return status;
}

static void find_bytes(anm_tokenizer *t)
{
    anm_bpe *b = &t->model.bpe;
    char spelled[256][ANM_BYTE_SPELLED_MAX + 1];

    anm_byte_level_list(spelled);
    for (unsigned byte = 0; byte < 256; byte++) {
        char name[8];
        const int len = snprintf(name, sizeof(name), "<0x%02X>", byte);
        b->fallback_ids[byte] =
            anm_pieces_find(&t->pieces, (anm_text){ name, (size_t)len });
        b->byte_ids[byte] = anm_pieces_find(
            &t->pieces, (anm_text){ spelled[byte], strlen(spelled[byte]) });
    }
}

anm_status anm_bpe_compile(anm_tokenizer *t, const json_t *o, const char *at,
                           anm_error *err)
{
    const json_t *vocab = NULL;
    anm_text unknown;
    anm_status status = read_options(t, o, at, err);

    t->model.unknown_id = ANM_TRIE_NONE;
    if (!status) status = anm_json_object(o, "vocab", at, &vocab, err);
    if (!status)
        status =
            anm_pieces_compile(t, vocab, ANM_PIECES_TABLE, "model.vocab", err);
    if (!status) status = compile_merges(t, o, err);
    if (!status) status = read_affix(t, o, "unk_token", at, &unknown, err);
    if (status) return status;
    find_bytes(t);
    if (!unknown.len) return ANM_OK;
    t->model.unknown_id = anm_pieces_find(&t->pieces, unknown);
    t->model.bpe.lacks_unknown = t->model.unknown_id < 0;
    return ANM_OK;
}

static bool has_all(const int32_t ids[256])
{
    for (size_t byte = 0; byte < 256; byte++)
        if (ids[byte] < 0) return false;
    return true;
}

anm_status anm_bpe_finish(anm_tokenizer *t, anm_error *err)
{
    anm_bpe *b = &t->model.bpe;
    const anm_splitter *last =
        t->n_splitters ? &t->splitters[t->n_splitters - 1] : NULL;
    const bool spells = last && last->row->run == anm_byte_level_run;

    b->reads_bytes = spells && has_all(b->byte_ids) && !t->model.prefix.len &&
                     !b->suffix.len;
    if (!b->lacks_unknown || b->reads_bytes) return ANM_OK;
    return anm_fail(err, ANM_E_CORRUPT,
                    "model: the vocabulary lacks the unknown token");
}

/* ---- Running ------------------------------------------------------------- */

bool anm_bpe_begin(const anm_tokenizer *t, anm_encoding *e)
{
    return anm_word_cache_begin(e, t->digest);
}

/* A character as the vocabulary may spell it, with prefix and suffix. */
static int32_t find_symbol(const anm_tokenizer *t, anm_text c, bool is_first,
                           bool is_last)
{
    const anm_text prefix = is_first ? (anm_text){ "", 0 } : t->model.prefix;
    const anm_text suffix = is_last ? t->model.bpe.suffix : (anm_text){ "", 0 };
    char spelled[2 * ANM_PIECE_MAX_BYTES + 4];
    size_t n = 0;

    if (!prefix.len && !suffix.len) return anm_pieces_find(&t->pieces, c);
    memcpy(spelled, prefix.data, prefix.len);
    n += prefix.len;
    memcpy(spelled + n, c.data, c.len);
    n += c.len;
    memcpy(spelled + n, suffix.data, suffix.len);
    return anm_pieces_find(&t->pieces, (anm_text){ spelled, n + suffix.len });
}

/* The bytes of a character as pieces of their own, prefix and suffix included,
 * when the vocabulary has them all. */
static bool push_fallback(const anm_tokenizer *t, anm_text parts[3],
                          anm_encoding *e)
{
    const int32_t *ids = t->model.bpe.fallback_ids;

    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < parts[k].len; i++)
            if (ids[(unsigned char)parts[k].data[i]] < 0) return false;
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < parts[k].len; i++)
            anm_merging_push(e, ids[(unsigned char)parts[k].data[i]]);
    return true;
}

/* Symbols of a word that is spelled. An unknown one waits for the next that is
 * known, so that neighbours can be fused; what falls back to bytes does not
 * release it, and so overtakes it: the original does. */
static void push_spelled(const anm_tokenizer *t, anm_text word, anm_encoding *e)
{
    const anm_bpe *b = &t->model.bpe;
    const int32_t unknown = t->model.unknown_id;
    bool waits = false;
    size_t size = 0;

    for (size_t i = 0; i < word.len; i += size) {
        anm_utf8_decode(word.data + i, word.len - i, &size);
        const anm_text c = { word.data + i, size };
        const bool is_first = i == 0, is_last = i + size == word.len;
        const int32_t id = find_symbol(t, c, is_first, is_last);
        if (id >= 0) {
            if (waits) anm_merging_push(e, unknown);
            waits = false;
            anm_merging_push(e, id);
            continue;
        }
        anm_text parts[3] = { is_first ? (anm_text){ "", 0 } : t->model.prefix,
                              c, is_last ? b->suffix : (anm_text){ "", 0 } };
        if (b->falls_back && push_fallback(t, parts, e)) continue;
        if (unknown < 0) continue; // dropped, as in the original
        if (waits && !b->fuses_unknown) anm_merging_push(e, unknown);
        waits = true;
    }
    if (waits) anm_merging_push(e, unknown);
}

static bool find_whole(const anm_tokenizer *t, anm_text word, int32_t *id,
                       anm_encoding *e)
{
    *id = ANM_TRIE_NONE;
    if (!t->model.bpe.ignores_merges) return true;
    if (t->model.bpe.reads_bytes) {
        if (word.len > ANM_PIECE_MAX_BYTES) return true;
        e->mapped.len = 0;
        if (!anm_byte_level_spell(word, &e->mapped)) return false;
        word = (anm_text){ e->mapped.data, e->mapped.len };
    }
    *id = anm_pieces_find(&t->pieces, word);
    return true;
}

/* Most symbols that a word of n bytes can have. */
static size_t most_symbols(const anm_tokenizer *t, size_t n)
{
    const anm_bpe *b = &t->model.bpe;

    return b->falls_back ? n * (1 + t->model.prefix.len) + b->suffix.len : n;
}

static bool encode_word(const anm_tokenizer *t, anm_text word, anm_encoding *e)
{
    const anm_bpe *b = &t->model.bpe;
    int32_t whole = ANM_TRIE_NONE;

    if (!find_whole(t, word, &whole, e)) return false;
    if (whole >= 0) return anm_encoding_push(e, whole);
    if (!anm_merging_begin(e, most_symbols(t, word.len))) return false;
    if (b->reads_bytes)
        for (size_t i = 0; i < word.len; i++)
            anm_merging_push(e, b->byte_ids[(unsigned char)word.data[i]]);
    else
        push_spelled(t, word, e);
    return anm_merging_end(&b->merges, e);
}

bool anm_bpe_run(const anm_tokenizer *t, anm_text word, anm_encoding *e)
{
    const size_t before = e->n;
    uint32_t hash = 0;
    bool hit = false;

    if (word.len > ANM_CACHE_BYTES) return encode_word(t, word, e);
    if (!anm_encoding_reserve(e, ANM_CACHE_IDS)) return false;
    anm_cached_word *slot = anm_word_cache_find(e->words, word, &hash, &hit);
    if (hit) {
        memcpy(e->ids + e->n, slot->ids, sizeof(slot->ids));
        e->n += slot->n;
        return true;
    }
    if (!encode_word(t, word, e)) return false;
    if (e->n - before <= ANM_CACHE_IDS)
        anm_word_cache_put(slot, word, hash, e->ids + before, e->n - before);
    return true;
}
