/* tokenizer_json.c - a tokenizer.json becomes a tokenizer.
 *
 * Order matters: added tokens take their ids from the model's pieces and their
 * patterns from the normalizer; the post-processor's tokens are looked up among
 * all of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/error.h"
#include "text/stages.h"

/* ---- Sections that are reported and never applied ------------------------ */

static anm_status fail_word(const char *key, const char *at, const char *word,
                            const char *const *words, anm_error *err)
{
    anm_buf known = { 0 };

    for (size_t i = 0; words[i]; i++)
        anm_buf_printf(&known, "%s%s", i ? ", " : "", words[i]);
    const anm_status status =
        anm_fail(err, ANM_E_UNSUPPORTED, "%s: %s: \"%s\", known: %s", at, key,
                 word, known.failed ? "…" : known.data);
    anm_buf_deinit(&known);
    return status;
}

/* The value of a member among words, which NULL ends; absent is the first. */
static anm_status check_word(const json_t *o, const char *key, const char *at,
                             const char *const *words, bool *is_first,
                             anm_error *err)
{
    const char *word = NULL;
    const anm_status status =
        anm_json_string_or(o, key, at, words[0], &word, err);

    if (status) return status;
    *is_first = strcmp(word, words[0]) == 0;
    for (size_t i = 0; words[i]; i++)
        if (strcmp(word, words[i]) == 0) return ANM_OK;
    return fail_word(key, at, word, words, err);
}

static const char *const sides[] = { "Right", "Left", NULL };

static anm_status read_truncation(anm_tokenizer *t, const json_t *o,
                                  anm_error *err)
{
    static const char at[] = "truncation";
    static const char *const strategies[] = { "LongestFirst", "OnlyFirst",
                                              "OnlySecond", NULL };
    int64_t max_length = 0, stride = 0;
    bool first = false, right = true;
    anm_status status;

    if (!o || json_is_null(o)) return ANM_OK;
    status = anm_json_int(o, "max_length", at,
                          (anm_int_rule){ .max = INT32_MAX }, &max_length, err);
    if (!status)
        status = anm_json_int_or(
            o, "stride", at, (anm_int_rule){ .max = INT32_MAX }, &stride, err);
    if (!status)
        status = check_word(o, "strategy", at, strategies, &first, err);
    if (!status) status = check_word(o, "direction", at, sides, &right, err);
    if (status) return status;
    t->info.truncation = (size_t)max_length;
    t->info.cuts_left = !right;
    return ANM_OK;
}

/* "BatchLongest", or {"Fixed": length}. */
static anm_status read_padding_strategy(const json_t *o, const char *at,
                                        size_t *length, anm_error *err)
{
    static const char *const by_batch[] = { "BatchLongest", NULL };
    const json_t *strategy = json_object_get(o, "strategy");
    int64_t fixed = 0;
    bool first = false;
    anm_status status;

    if (json_is_object(strategy))
        status = anm_json_int(strategy, "Fixed", at,
                              (anm_int_rule){ .max = INT32_MAX }, &fixed, err);
    else
        status = check_word(o, "strategy", at, by_batch, &first, err);
    *length = (size_t)fixed;
    return status;
}

static anm_status read_padding(anm_tokenizer *t, const json_t *o,
                               anm_error *err)
{
    static const char at[] = "padding";
    int64_t id = 0, multiple = 0;
    bool right = true;
    anm_status status;

    if (!o || json_is_null(o)) return ANM_OK;
    status = anm_json_int(o, "pad_id", at, (anm_int_rule){ .max = INT32_MAX },
                          &id, err);
    if (!status) status = read_padding_strategy(o, at, &t->info.padding, err);
    if (!status) status = check_word(o, "direction", at, sides, &right, err);
    if (!status)
        status =
            anm_json_int_or(o, "pad_to_multiple_of", at,
                            (anm_int_rule){ .max = INT32_MAX }, &multiple, err);
    t->info.pads_left = !right;
    t->info.pad_id = (int32_t)id;
    return status;
}

static anm_status read_reported(anm_tokenizer *t, const json_t *root,
                                anm_error *err)
{
    t->info.pad_id = anm_added_id(t, (anm_text){ "[PAD]", 5 });
    const anm_status status =
        read_truncation(t, json_object_get(root, "truncation"), err);

    return status ? status
                  : read_padding(t, json_object_get(root, "padding"), err);
}

/* ---- The model ----------------------------------------------------------- */

static const anm_model_row rows[] = {
    { "WordPiece", anm_wordpiece_compile, NULL, NULL, anm_wordpiece_run },
    { "BPE", anm_bpe_compile, anm_bpe_finish, anm_bpe_begin, anm_bpe_run },
};

static const anm_part_kinds kinds = { rows, sizeof(rows) / sizeof(rows[0]),
                                      sizeof(rows[0]) };

const anm_model_row *anm_model_row_find(anm_text name)
{
    const size_t row = anm_part_kind(&kinds, name);

    return row < kinds.n ? &rows[row] : NULL;
}

/* Files older than 2021 leave the type out; only WordPiece has a limit of
 * characters, only BPE has merges. */
static bool find_untyped(const json_t *o, size_t *row)
{
    if (json_object_get(o, "type")) return false;
    *row = json_object_get(o, "max_input_chars_per_word") ? 0 : 1;
    return *row == 0 || json_object_get(o, "merges");
}

static anm_status compile_model(anm_tokenizer *t, const json_t *root,
                                anm_error *err)
{
    static const char at[] = "model";
    const json_t *o = NULL;
    size_t row = 0;
    anm_status status = anm_json_object(root, at, "tokenizer", &o, err);

    if (status) return status;
    if (!find_untyped(o, &row))
        status = anm_part_find(o, at, &kinds, &row, err);
    if (status) return status;
    t->model.row = &rows[row];
    t->info.model = rows[row].name;
    return rows[row].compile(t, o, at, err);
}

/* ---- The whole ----------------------------------------------------------- */

static anm_status check_version(const json_t *root, anm_error *err)
{
    const char *version = NULL;
    const anm_status status =
        anm_json_string_or(root, "version", "tokenizer", "1.0", &version, err);

    if (status) return status;
    if (strcmp(version, "1.0") == 0) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED, "version \"%s\", known: 1.0",
                    version);
}

static anm_status compile_stages(anm_tokenizer *t, const json_t *root,
                                 anm_error *err)
{
    anm_status status;

    if (!anm_chars_init(&t->chars, &t->arena)) return anm_part_nomem(err);
    status = check_version(root, err);
    if (status) return status;
    status = compile_model(t, root, err);
    if (status) return status;
    status =
        anm_normalizers_compile(t, json_object_get(root, "normalizer"), err);
    if (status) return status;
    status =
        anm_splitters_compile(t, json_object_get(root, "pre_tokenizer"), err);
    if (status) return status;
    if (t->model.row->finish) status = t->model.row->finish(t, err);
    if (status) return status;
    status = anm_added_compile(t, json_object_get(root, "added_tokens"), err);
    if (status) return status;
    status = anm_postprocess_compile(t, json_object_get(root, "post_processor"),
                                     err);
    if (status) return status;
    status = read_reported(t, root, err);
    if (status) return status;
    t->info.vocab_size = t->pieces.n_ids;
    t->info.unknown_id = t->model.unknown_id;
    return anm_tokenizer_set_digest(t, err);
}

anm_status anm_tokenizer_compile(anm_tokenizer **out, const json_t *root,
                                 const char *at, anm_error *err)
{
    anm_tokenizer *t = anm_alloc_zero(sizeof(*t));

    *out = NULL;
    if (!t) return anm_part_nomem(err);
    const anm_status status = compile_stages(t, root, err);
    if (status) {
        anm_tokenizer_free(t);
        return at ? anm_fail_prefix(err, status, "%s", at) : status;
    }
    *out = t;
    return ANM_OK;
}

anm_status anm_tokenizer_new(anm_tokenizer **out, anm_bytes json,
                             anm_error *err)
{
    json_t *root = NULL;
    anm_status status;

    *out = NULL;
    status = anm_json_parse(&root, (const char *)json.data, json.len, err);
    if (status) return status;
    status = anm_tokenizer_compile(out, root, NULL, err);
    json_decref(root);
    return status;
}
