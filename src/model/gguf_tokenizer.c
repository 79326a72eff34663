/* gguf_tokenizer.c - the tables of a tokenizer: read and checked, and handed to
 * what compiles tokenizers of their model.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/utf8.h"
#include "model/gguf_tables.h"

/* More than any tokenizer has; what compiles them has its own limit. */
enum { TOKENS_MAX = 1 << 24 };

/* ---- Ids that keys name -------------------------------------------------- */

static anm_status read_id(const anm_gguf_reading *r, const char *name, size_t n,
                          int32_t *out, anm_error *err)
{
    char key[ANM_GGUF_KEY_BYTES];
    int64_t id = -1;

    snprintf(key, sizeof(key), "tokenizer.ggml.%s", name);
    const anm_status status = anm_gguf_int_or(
        r->g, key,
        (anm_int_rule){ .min = -1, .max = UINT32_MAX, .otherwise = -1 }, &id,
        err);
    if (status) return status;
    // Converters write -1, also without its sign, for a token not had.
    if (id == UINT32_MAX) id = -1;
    *out = (int32_t)id;
    if (id < (int64_t)n) return ANM_OK;
    return anm_fail(err, ANM_E_CORRUPT,
                    "%s: %" PRId64 ", the vocabulary ends at %zu", key, id, n);
}

static anm_status read_ids(const anm_gguf_reading *r, anm_gguf_tables *t,
                           anm_error *err)
{
    static const char *const names[ANM_GGUF_SPECIAL_COUNT] = {
        [ANM_GGUF_BOS] = "bos_token_id",
        [ANM_GGUF_EOS] = "eos_token_id",
        [ANM_GGUF_UNK] = "unknown_token_id",
        [ANM_GGUF_SEP] = "seperator_token_id",
        [ANM_GGUF_CLS] = "cls_token_id",
        [ANM_GGUF_PAD] = "padding_token_id",
        [ANM_GGUF_MASK] = "mask_token_id",
    };
    anm_status status = ANM_OK;

    for (int i = 0; i < ANM_GGUF_SPECIAL_COUNT && !status; i++)
        status = read_id(r, names[i], t->n, &t->special[i], err);
    return status;
}

/* ---- Tokens and their types ---------------------------------------------- */

static anm_status read_pieces(const anm_gguf_reading *r, anm_gguf_tables *t,
                              anm_error *err)
{
    static const char key[] = "tokenizer.ggml.tokens";
    anm_gguf_array tokens;
    const anm_status status = anm_gguf_texts(r->g, key, &tokens, err);

    if (status) return status;
    if (tokens.n > TOKENS_MAX)
        return anm_fail(err, ANM_E_LIMIT, "%s: %" PRIu64 ", at most %d", key,
                        tokens.n, TOKENS_MAX);
    t->n = (size_t)tokens.n;
    t->pieces = anm_alloc_array(t->n, sizeof(*t->pieces));
    if (!t->pieces) return anm_gguf_fail_memory(err);
    for (size_t i = 0; i < t->n; i++) {
        anm_text *piece = &t->pieces[i];

        anm_gguf_take_text(&tokens, piece);
        const size_t invalid = anm_utf8_invalid_at(piece->data, piece->len);
        if (invalid < piece->len)
            return anm_fail(err, ANM_E_FORMAT,
                            "%s: %zu is not UTF-8 at byte %zu of %zu", key, i,
                            invalid, piece->len);
    }
    return ANM_OK;
}

static const struct {
    int64_t type; /* as token_type has it */
    anm_piece_kind kind;
} kinds[] = {
    { 1, ANM_PIECE_NORMAL },  { 2, ANM_PIECE_CONTROL }, /* unknown */
    { 3, ANM_PIECE_CONTROL }, { 4, ANM_PIECE_USER },
    { 5, ANM_PIECE_UNUSED }, /* fills the table up to its rows */
};

enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static anm_status take_kinds(anm_gguf_array types, anm_gguf_tables *t,
                             anm_error *err)
{
    int64_t type = 0;

    for (size_t i = 0; anm_gguf_take_int(&types, &type); i++) {
        size_t row = 0;

        while (row < N_KINDS && kinds[row].type != type)
            row++;
        if (row == N_KINDS)
            return anm_fail(err, ANM_E_UNSUPPORTED,
                            "tokenizer.ggml.token_type: token %zu has type "
                            "%" PRId64 "; built in: 1 to 5",
                            i, type);
        t->kinds[i] = kinds[row].kind;
    }
    return ANM_OK;
}

/* Without the table of types special tokens are those that keys name. */
static anm_status read_kinds(const anm_gguf_reading *r, anm_gguf_tables *t,
                             anm_error *err)
{
    static const char key[] = "tokenizer.ggml.token_type";
    anm_gguf_array types;

    t->kinds = anm_alloc_array(t->n, sizeof(*t->kinds));
    if (!t->kinds) return anm_gguf_fail_memory(err);
    if (!anm_gguf_entry_find(r->g, key)) {
        for (int i = 0; i < ANM_GGUF_SPECIAL_COUNT; i++)
            if (t->special[i] >= 0) t->kinds[t->special[i]] = ANM_PIECE_CONTROL;
        if (!r->s) return ANM_OK;
        return anm_source_assume(r->s, err, "special tokens",
                                 "the file has no types of tokens; those that "
                                 "its keys name are special, and no others "
                                 "(--tokenizer with the model's tokenizer.json "
                                 "settles it)");
    }
    const anm_status status = anm_gguf_ints(r->g, key, &types, err);
    if (status) return status;
    if (types.n == t->n) return take_kinds(types, t, err);
    return anm_fail(err, ANM_E_CORRUPT, "%s: %" PRIu64 " types of %zu tokens",
                    key, types.n, t->n);
}

/* ---- The whole ----------------------------------------------------------- */

static anm_status compile(const anm_gguf_reading *r, const anm_gguf_tables *t,
                          anm_tokenizer **out, anm_error *err)
{
    static const char key[] = "tokenizer.ggml.model";
    anm_text model;
    const anm_status status = anm_gguf_text(r->g, key, &model, err);

    if (status) return status;
    if (anm_text_is(model, "bert"))
        return anm_gguf_compile_word_piece(r, t, out, err);
    if (anm_text_is(model, "gpt2")) return anm_gguf_compile_bpe(r, t, out, err);
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: \"%.*s\" is not built in (built in: bert, gpt2); "
                    "--tokenizer with the model's tokenizer.json takes its "
                    "place",
                    key, anm_gguf_shown(model), model.data);
}

anm_status anm_gguf_read_tokenizer(const anm_gguf_reading *r,
                                   anm_tokenizer **out, anm_error *err)
{
    anm_gguf_tables t = { 0 };
    anm_status status = read_pieces(r, &t, err);

    if (!status) status = read_ids(r, &t, err);
    if (!status) status = read_kinds(r, &t, err);
    if (!status) status = compile(r, &t, out, err);
    anm_free(t.pieces);
    anm_free(t.kinds);
    return status;
}

/* What a text ends with goes by the architecture where the file is silent;
 * another architecture's tokenizer is one all the same. */
anm_status anm_gguf_source_tokenizer(anm_tokenizer **out, const char *path,
                                     const anm_source_params *params,
                                     anm_error *err)
{
    anm_gguf_reading r = { .params = params, .began_ns = anm_wall_ns() };
    anm_gguf *g = NULL;
    anm_status status = anm_gguf_open(&g, path, err);

    if (status) return status;
    r.g = g;
    (void)anm_gguf_find_kind(&r, NULL);
    status = anm_gguf_read_tokenizer(&r, out, err);
    anm_gguf_close(g);
    return status ? anm_fail_prefix(err, status, "%s", path) : ANM_OK;
}
