/* added.c - added tokens: their ids, and cutting them out of a text.
 *
 * An added token that the model has keeps the model's id; another gets the next
 * free one, counted as the original counts, whatever id the file writes beside
 * it. A content given twice is one token with the later flags. Where the
 * normalizer makes two contents equal the original picks at random; here the
 * higher id wins.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "text/stages.h"

/* ---- Compiling ----------------------------------------------------------- */

static anm_status read_token(anm_tokenizer *t, const json_t *o,
                             anm_added_token *k, anm_error *err)
{
    static const char at[] = "added_tokens";
    int64_t id = 0;
    anm_status status = anm_json_int(
        o, "id", at, (anm_int_rule){ .max = UINT32_MAX }, &id, err);

    if (!status)
        status = anm_part_text(&t->arena, o, "content", at, &k->content, err);
    if (!status)
        status = anm_part_bool(o, "single_word", at, &k->single_word, err);
    if (!status) status = anm_part_bool(o, "lstrip", at, &k->lstrip, err);
    if (!status) status = anm_part_bool(o, "rstrip", at, &k->rstrip, err);
    if (!status)
        status = anm_part_bool(o, "normalized", at, &k->normalized, err);
    if (!status) status = anm_part_bool(o, "special", at, &k->special, err);
    if (status || k->content.len <= ANM_PIECE_MAX_BYTES) return status;
    return anm_fail(err, ANM_E_LIMIT, "%s: content of %zu bytes, allowed %d",
                    at, k->content.len, ANM_PIECE_MAX_BYTES);
}

/* Read the file's tokens and index their contents. */
static anm_status read_tokens(anm_tokenizer *t, const json_t *file,
                              anm_added_token *read, anm_error *err)
{
    const size_t n = json_array_size(file);
    anm_trie_key *keys = anm_alloc_array(n, sizeof(*keys));
    size_t n_keys = 0;
    anm_status status = keys ? ANM_OK : anm_part_nomem(err);

    for (size_t i = 0; i < n && !status; i++) {
        status = read_token(t, json_array_get(file, i), &read[i], err);
        if (!status && read[i].content.len)
            keys[n_keys++] = (anm_trie_key){ read[i].content, (int32_t)i };
    }
    if (!status && !anm_trie_init(&t->added.contents, keys, n_keys))
        status = anm_part_nomem(err);
    anm_free(keys);
    return status;
}

/* Give every content its token and every token its id. */
static void assign_ids(anm_tokenizer *t, const anm_added_token *read, size_t n)
{
    anm_added *a = &t->added;
    int32_t next = (int32_t)t->pieces.n;

    for (size_t i = 0; i < n; i++) {
        if (!read[i].content.len) continue;
        const int32_t last = anm_trie_find(&a->contents, read[i].content);
        const int32_t old = a->token_of[last];
        anm_added_token *k = &a->tokens[old < 0 ? (int32_t)a->n++ : old];
        int32_t id =
            old < 0 ? anm_pieces_find(&t->pieces, read[i].content) : k->id;
        if (id < 0) id = next;
        if (id >= next) next = id + 1;
        *k = read[i];
        k->id = id;
        a->token_of[last] = (int32_t)(k - a->tokens);
        anm_pieces_name(t, id, k->content);
    }
}

static int compare_tokens(const void *a, const void *b)
{
    const anm_added_token *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* By id, so that the order in the file changes neither ids nor digest. */
static void sort_tokens(anm_added *a)
{
    qsort(a->tokens, a->n, sizeof(*a->tokens), compare_tokens);
    for (size_t i = 0; i < a->n; i++)
        a->token_of[anm_trie_find(&a->contents, a->tokens[i].content)] =
            (int32_t)i;
}

static void note_start(anm_matcher *m, anm_text pattern)
{
    const unsigned char start = (unsigned char)pattern.data[0];

    if (!m->n_patterns++) m->only_start = start;
    if (m->only_start != start) m->only_start = -1;
    m->starts[start] = true;
}

/* The content as it looks behind the normalizer, in the arena. */
static bool normalize_content(anm_tokenizer *t, anm_text content,
                              anm_encoding *e, anm_text *out)
{
    anm_text normal;

    anm_encoding_reset(e);
    if (!anm_normalize(t, content, e, &normal)) return false;
    out->len = normal.len;
    out->data =
        anm_arena_copy(&t->arena, normal.len ? normal.data : "", normal.len);
    return out->data;
}

/* The tokens with `normalized` as given become a matcher. A pattern that the
 * normalizer leaves empty matches nothing; the original then fails at every
 * text that is not ASCII. */
static anm_status build_matcher(anm_tokenizer *t, anm_matcher *m,
                                bool normalized, anm_trie_key *keys,
                                anm_encoding *e, anm_error *err)
{
    size_t n = 0;

    for (size_t i = 0; i < t->added.n; i++) {
        const anm_added_token *k = &t->added.tokens[i];
        anm_text pattern = k->content;
        if (k->normalized != normalized) continue;
        if (normalized && !normalize_content(t, k->content, e, &pattern))
            return anm_part_nomem(err);
        if (!pattern.len) continue;
        note_start(m, pattern);
        keys[n++] = (anm_trie_key){ pattern, (int32_t)i };
    }
    if (!n || anm_trie_init(&m->trie, keys, n)) return ANM_OK;
    return anm_part_nomem(err);
}

static anm_status build_matchers(anm_tokenizer *t, anm_error *err)
{
    anm_added *a = &t->added;
    anm_encoding *e = NULL;
    anm_trie_key *keys = anm_alloc_array(a->n, sizeof(*keys));
    anm_status status = anm_encoding_new(&e, err);

    if (!status && !keys) status = anm_part_nomem(err);
    if (!status) status = build_matcher(t, &a->raw, false, keys, e, err);
    if (!status) status = build_matcher(t, &a->normalized, true, keys, e, err);
    anm_encoding_free(e);
    anm_free(keys);
    return status;
}

anm_status anm_added_compile(anm_tokenizer *t, const json_t *tokens,
                             anm_error *err)
{
    anm_added *a = &t->added;
    const size_t n = json_array_size(tokens);
    anm_status status;

    if (tokens && !json_is_array(tokens) && !json_is_null(tokens))
        return anm_fail(err, ANM_E_FORMAT,
                        "added_tokens: expected array, found %s",
                        anm_json_type_name(tokens));
    if (n > ANM_ADDED_MAX)
        return anm_fail(err, ANM_E_LIMIT, "added_tokens: %zu, allowed %d", n,
                        ANM_ADDED_MAX);
    a->tokens = anm_arena_array(&t->arena, n, sizeof(*a->tokens));
    a->token_of = anm_arena_array(&t->arena, n, sizeof(*a->token_of));
    anm_added_token *read = anm_alloc_array(n, sizeof(*read));
    status = a->tokens && a->token_of && read ? ANM_OK : anm_part_nomem(err);
    if (!status) status = anm_pieces_make_room(t, n, err);
    if (!status) status = read_tokens(t, tokens, read, err);
    if (!status) {
        for (size_t i = 0; i < n; i++)
            a->token_of[i] = -1;
        assign_ids(t, read, n);
        sort_tokens(a);
        status = build_matchers(t, err);
    }
    anm_free(read);
    return status;
}

anm_status anm_added_restore(anm_tokenizer *t, anm_error *err)
{
    anm_added *a = &t->added;
    anm_trie_key *keys = anm_alloc_array(a->n, sizeof(*keys));

    a->token_of = anm_arena_array(&t->arena, a->n, sizeof(*a->token_of));
    bool ok = keys && a->token_of;
    for (size_t i = 0; i < a->n && ok; i++) {
        keys[i] = (anm_trie_key){ a->tokens[i].content, (int32_t)i };
        a->token_of[i] = (int32_t)i;
    }
    ok = ok && anm_trie_init(&a->contents, keys, a->n);
    anm_free(keys);
    return ok ? build_matchers(t, err) : anm_part_nomem(err);
}

anm_status anm_added_renew(anm_tokenizer *t, anm_error *err)
{
    anm_added *a = &t->added;

    anm_trie_deinit(&a->raw.trie);
    anm_trie_deinit(&a->normalized.trie);
    a->raw = a->normalized = (anm_matcher){ 0 };
    return build_matchers(t, err);
}

void anm_added_deinit(anm_added *a)
{
    anm_trie_deinit(&a->contents);
    anm_trie_deinit(&a->raw.trie);
    anm_trie_deinit(&a->normalized.trie);
}

int32_t anm_added_id(const anm_tokenizer *t, anm_text spelling)
{
    const int32_t last = anm_trie_find(&t->added.contents, spelling);

    if (last >= 0) return t->added.tokens[t->added.token_of[last]].id;
    return anm_pieces_find(&t->pieces, spelling);
}

/* ---- Cutting ------------------------------------------------------------- */

typedef struct match {
    size_t start, end;
    const anm_added_token *token;
} match;

/* Move `at` to the next byte that a pattern starts with. */
static size_t skip_to_start(const anm_matcher *m, anm_text text, size_t at)
{
    if (m->only_start >= 0) {
        const char *found =
            memchr(text.data + at, m->only_start, text.len - at);
        return found ? (size_t)(found - text.data) : text.len;
    }
    while (at < text.len && !m->starts[(unsigned char)text.data[at]])
        at++;
    return at;
}

static bool find_match(const anm_tokenizer *t, const anm_matcher *m,
                       anm_text text, size_t from, match *out)
{
    for (size_t at = from; at < text.len; at++) {
        at = skip_to_start(m, text, at);
        const anm_text rest = { text.data + at, text.len - at };
        size_t len = 0;
        const int32_t index =
            anm_trie_longest(&m->trie, ANM_TRIE_ROOT, rest, &len);
        if (index < 0) continue;
        *out = (match){ at, at + len, &t->added.tokens[index] };
        return true;
    }
    return false;
}

static size_t step_back(anm_text text, size_t at)
{
    do
        at--;
    while (((unsigned char)text.data[at] & 0xc0) == 0x80);
    return at;
}

static unsigned flags_at(const anm_tokenizer *t, anm_text text, size_t at,
                         size_t *size)
{
    return anm_char_flags(&t->chars,
                          anm_utf8_decode(text.data + at, text.len - at, size));
}

static bool stands_alone(const anm_tokenizer *t, anm_text text, match m)
{
    size_t size = 0;

    if (m.start > 0 &&
        flags_at(t, text, step_back(text, m.start), &size) & ANM_CHAR_WORD)
        return false;
    return m.end == text.len ||
           !(flags_at(t, text, m.end, &size) & ANM_CHAR_WORD);
}

/* Where the white space before `at` begins, not before `bound`. */
static size_t space_before(const anm_tokenizer *t, anm_text text, size_t at,
                           size_t bound)
{
    size_t size = 0;

    while (at > bound) {
        const size_t before = step_back(text, at);
        if (!(flags_at(t, text, before, &size) & ANM_CHAR_SPACE)) break;
        at = before;
    }
    return at > bound ? at : bound;
}

static size_t space_after(const anm_tokenizer *t, anm_text text, size_t at)
{
    size_t size = 0;

    while (at < text.len && flags_at(t, text, at, &size) & ANM_CHAR_SPACE)
        at += size;
    return at;
}

bool anm_added_cut(const anm_tokenizer *t, const anm_matcher *m, anm_text text,
                   anm_rest_fn rest, anm_encoding *e)
{
    size_t done = 0;      // everything before has gone its way
    size_t space_end = 0; // of the white space that rstrip took last
    match k = { 0, 0, NULL };

    if (!text.len) return true;
    if (!m->n_patterns) return rest(t, text, e);
    while (find_match(t, m, text, k.end, &k)) {
        size_t start = k.start, end = k.end;
        if (k.token->special && t->splits_special) continue;
        if (k.token->single_word && !stands_alone(t, text, k)) continue;
        if (k.token->lstrip) start = space_before(t, text, start, done);
        // A token of white space may stand in what rstrip took already: where
        // it takes its left side too nothing is left of it, and its own right
        // side ends at the same place.
        if (start >= end) continue;
        if (k.token->rstrip && end < space_end) end = space_end;
        if (k.token->rstrip) end = space_end = space_after(t, text, end);
        if (done < start) {
            const anm_text between = { text.data + done, start - done };
            if (!rest(t, between, e)) return false;
        }
        if (!anm_encoding_push(e, k.token->id)) return false;
        done = end;
    }
    const anm_text last = { text.data + done, text.len - done };
    return done == text.len || rest(t, last, e);
}
