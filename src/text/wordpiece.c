/* wordpiece.c - a word into pieces: the longest piece from the left, again and
 * again; a word that does not come out even is one unknown token.
 *
 * Pieces that continue a word are spelled with a prefix ("##ing"). The trie
 * holds all pieces as they are spelled, and a continuing piece is looked for
 * from the node that the prefix leads to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "text/stages.h"

anm_status anm_wordpiece_compile(anm_tokenizer *t, const json_t *o,
                                 const char *at, anm_error *err)
{
    anm_token_model *m = &t->model;
    const json_t *vocab = NULL;
    anm_text unknown;
    int64_t max_chars = 0;
    anm_status status;

    status = anm_part_text(&t->arena, o, "unk_token", at, &unknown, err);
    if (status) return status;
    status = anm_part_text(&t->arena, o, "continuing_subword_prefix", at,
                           &m->prefix, err);
    if (status) return status;
    status = anm_json_int(o, "max_input_chars_per_word", at,
                          (anm_int_rule){ .max = INT64_MAX }, &max_chars, err);
    if (status) return status;
    status = anm_json_object(o, "vocab", at, &vocab, err);
    if (status) return status;
    status = anm_pieces_compile(t, vocab, ANM_PIECES_TRIE, "model.vocab", err);
    if (status) return status;
    m->max_chars = (size_t)max_chars;
    m->continued = anm_trie_walk(&t->pieces.trie, ANM_TRIE_ROOT, m->prefix);
    m->unknown_id = anm_trie_find(&t->pieces.trie, unknown);
    if (m->unknown_id >= 0) return ANM_OK;
    return anm_fail(err, ANM_E_CORRUPT,
                    "%s: the vocabulary lacks the unknown token \"%s\"", at,
                    unknown.data);
}

static bool is_longer_than(anm_text word, size_t max_chars)
{
    size_t n = 0;

    if (word.len <= max_chars) return false;
    for (size_t i = 0; i < word.len; i++)
        n += ((unsigned char)word.data[i] & 0xc0) != 0x80;
    return n > max_chars;
}

bool anm_wordpiece_run(const anm_tokenizer *t, anm_text word, anm_encoding *e)
{
    const anm_token_model *m = &t->model;
    const size_t n_before = e->n;
    int32_t node = ANM_TRIE_ROOT;

    if (!anm_encoding_reserve(e, word.len < 64 ? 64 : word.len)) return false;
    if (is_longer_than(word, m->max_chars)) {
        e->ids[e->n++] = m->unknown_id;
        return true;
    }
    while (word.len) {
        size_t len = 0;
        const int32_t id =
            node < 0 ? ANM_TRIE_NONE
                     : anm_trie_longest(&t->pieces.trie, node, word, &len);
        if (id < 0) {
            e->n = n_before;
            e->ids[e->n++] = m->unknown_id;
            return true;
        }
        e->ids[e->n++] = id;
        word.data += len;
        word.len -= len;
        node = m->continued;
    }
    return true;
}
