/* pieces.c - the vocabulary: spelling to id and back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "text/stages.h"

static anm_status check_piece(const char *key, size_t len, const json_t *value,
                              const char *at, anm_error *err)
{
    if (!json_is_integer(value))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: \"%s\": expected integer, found %s", at, key,
                        anm_json_type_name(value));
    const int64_t id = json_integer_value(value);
    if (id < 0 || id > ANM_PIECE_ID_MAX)
        return anm_fail(err, ANM_E_CORRUPT,
                        "%s: \"%s\": id %" PRId64 ", allowed 0 to %d", at, key,
                        id, ANM_PIECE_ID_MAX);
    if (len > ANM_PIECE_MAX_BYTES)
        return anm_fail(err, ANM_E_LIMIT,
                        "%s: piece %" PRId64 " of %zu bytes, allowed %d", at,
                        id, len, ANM_PIECE_MAX_BYTES);
    return ANM_OK;
}

/* How many bytes all spellings take, and the highest id. */
static anm_status measure(const json_t *vocab, const char *at, size_t *n_bytes,
                          size_t *n_ids, anm_error *err)
{
    void *i = json_object_iter((json_t *)(uintptr_t)vocab);

    for (; i; i = json_object_iter_next((json_t *)(uintptr_t)vocab, i)) {
        const size_t len = json_object_iter_key_len(i);
        const json_t *value = json_object_iter_value(i);
        const anm_status status =
            check_piece(json_object_iter_key(i), len, value, at, err);
        if (status) return status;
        const size_t id = (size_t)json_integer_value(value);
        *n_bytes += len + 1;
        if (id >= *n_ids) *n_ids = id + 1;
    }
    return ANM_OK;
}

typedef struct spellings {
    char *run;          /* their bytes, one behind the other */
    anm_trie_key *keys; /* [n] */
    size_t n;
} spellings;

/* Copy the spellings into one run and list them as keys; the empty spelling
 * matches nothing. */
static anm_status take_keys(anm_pieces *p, const json_t *vocab, const char *at,
                            spellings *to, anm_error *err)
{
    char *run = to->run;
    void *i = json_object_iter((json_t *)(uintptr_t)vocab);

    for (; i; i = json_object_iter_next((json_t *)(uintptr_t)vocab, i)) {
        const size_t len = json_object_iter_key_len(i);
        const int32_t id =
            (int32_t)json_integer_value(json_object_iter_value(i));
        if (p->by_id[id].data)
            return anm_fail(err, ANM_E_CORRUPT,
                            "%s: \"%s\" and \"%s\" have the same id %" PRId32,
                            at, p->by_id[id].data, json_object_iter_key(i), id);
        memcpy(run, json_object_iter_key(i), len);
        p->by_id[id] = (anm_text){ run, len };
        if (len) to->keys[to->n++] = (anm_trie_key){ p->by_id[id], id };
        run += len + 1;
    }
    return ANM_OK;
}

/* Ids of added tokens that need no second table: vocabularies of words have a
 * handful. */
enum { SPARE = 256 };

/* ---- The table ----------------------------------------------------------- */

static size_t hash_spelling(anm_text s)
{
    uint64_t h = s.len;

    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.data[i]) * 0x100000001b3u;
    h *= 0x9e3779b97f4a7c15u;
    return (size_t)(h >> 32);
}

/* The slot of a spelling: its own, or the free one where it belongs. */
static size_t slot_of(const anm_pieces *p, anm_text spelling)
{
    size_t i = hash_spelling(spelling) & (p->n_table - 1);

    for (; p->table[i] >= 0; i = (i + 1) & (p->n_table - 1)) {
        const anm_text other = p->by_id[p->table[i]];
        if (other.len == spelling.len &&
            memcmp(other.data, spelling.data, spelling.len) == 0)
            break;
    }
    return i;
}

static bool build_table(anm_tokenizer *t, const anm_trie_key *keys, size_t n)
{
    anm_pieces *p = &t->pieces;

    p->n_table = 16;
    while (p->n_table < 2 * n)
        p->n_table *= 2;
    p->table = anm_arena_array(&t->arena, p->n_table, sizeof(*p->table));
    if (!p->table) return false;
    for (size_t i = 0; i < p->n_table; i++)
        p->table[i] = ANM_TRIE_NONE;
    for (size_t i = 0; i < n; i++)
        p->table[slot_of(p, keys[i].text)] = keys[i].value;
    return true;
}

int32_t anm_pieces_find(const anm_pieces *p, anm_text spelling)
{
    if (!p->n_table) return anm_trie_find(&p->trie, spelling);
    return p->table[slot_of(p, spelling)];
}

/* ---- Compiling ----------------------------------------------------------- */

anm_status anm_pieces_compile(anm_tokenizer *t, const json_t *vocab,
                              anm_pieces_kind kind, const char *at,
                              anm_error *err)
{
    anm_pieces *p = &t->pieces;
    size_t n_bytes = 0;
    anm_status status = measure(vocab, at, &n_bytes, &p->n_ids, err);

    if (status) return status;
    p->n = json_object_size(vocab);
    spellings s = {
        .run = anm_arena_alloc(&t->arena, n_bytes),
        .keys = anm_alloc_array(p->n, sizeof(*s.keys)),
    };
    p->by_id = anm_arena_array(&t->arena, p->n_ids + SPARE, sizeof(*p->by_id));
    p->spare = SPARE;
    if (!s.run || !p->by_id || !s.keys) {
        anm_free(s.keys);
        return anm_part_nomem(err);
    }
    status = take_keys(p, vocab, at, &s, err);
    if (!status &&
        !(kind == ANM_PIECES_TABLE ? build_table(t, s.keys, s.n)
                                   : anm_trie_init(&p->trie, s.keys, s.n)))
        status = anm_part_nomem(err);
    anm_free(s.keys);
    return status;
}

anm_status anm_pieces_make_room(anm_tokenizer *t, size_t n, anm_error *err)
{
    anm_pieces *p = &t->pieces;

    if (n <= p->spare) return ANM_OK;
    anm_text *by_id = anm_arena_array(&t->arena, p->n_ids + n, sizeof(*by_id));

    if (!by_id) return anm_part_nomem(err);
    if (p->n_ids) memcpy(by_id, p->by_id, p->n_ids * sizeof(*by_id));
    p->by_id = by_id;
    p->spare = n;
    return ANM_OK;
}

void anm_pieces_name(anm_tokenizer *t, int32_t id, anm_text spelling)
{
    anm_pieces *p = &t->pieces;
    const size_t index = (size_t)id;

    if (index >= p->n_ids) p->n_ids = index + 1;
    if (!p->by_id[index].data) p->by_id[index] = spelling;
}
