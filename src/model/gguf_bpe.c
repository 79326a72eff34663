/* gguf_bpe.c - byte-level BPE as llama.cpp's converter writes it: tokens and
 * merges as they are, and a word for how texts are split.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "model/gguf_tables.h"
#include "model/kept_tokenizer.h"

enum { PRE_BYTES = 64 };

/* The word, in out. Models that are converted under it split as it says; a
 * converter that did not know a model's way wrote "default", or nothing. */
static anm_status read_pre(const anm_gguf_reading *r, char out[PRE_BYTES],
                           anm_error *err)
{
    static const char key[] = "tokenizer.ggml.pre";
    static const char way_out[] =
        "--tokenizer with the model's tokenizer.json settles it";
    anm_text pre;
    const anm_status status = anm_gguf_text_or(r->g, key, "", &pre, err);

    if (status) return status;
    if (pre.len == 0)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: not there; how a text is split is not known: %s",
                        key, way_out);
    if (pre.len >= PRE_BYTES || memchr(pre.data, 0, pre.len))
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: \"%.*s\" is not built in; %s", key,
                        anm_gguf_shown(pre), pre.data, way_out);
    memcpy(out, pre.data, pre.len);
    out[pre.len] = '\0';
    if (!r->s || strcmp(out, "default") != 0) return ANM_OK;
    return anm_source_assume(r->s, err, "split",
                             "the file says \"default\", which is no model's; "
                             "a text is split as llama.cpp does then (%s)",
                             way_out);
}

/* ---- Around a text ------------------------------------------------------- */

static anm_status check_end(const char *flag, const char *key, int32_t id,
                            anm_error *err)
{
    if (id >= 0) return ANM_OK;
    return anm_fail(err, ANM_E_CORRUPT,
                    "tokenizer.ggml.%s: true, and no tokenizer.ggml.%s", flag,
                    key);
}

/* llama.cpp begins a text of the one tokenizer that had it before the flag. */
static anm_status read_begin(const anm_gguf_reading *r,
                             const anm_gguf_tables *t, anm_bpe_tables *b,
                             anm_error *err)
{
    const bool otherwise = strcmp(b->pre, "llama-bpe") == 0;
    const anm_status status = anm_gguf_bool_or(
        r->g, "tokenizer.ggml.add_bos_token", otherwise, &b->add_bos, err);

    b->bos_id = t->special[ANM_GGUF_BOS];
    if (status || !b->add_bos) return status;
    return check_end("add_bos_token", "bos_token_id", b->bos_id, err);
}

/* Where the file is silent: the end token of Qwen3-Embedding, which converters
 * before mid 2025 left out, is not the one that they named. */
static int32_t guess_end(const anm_gguf_tables *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->kinds[i] == ANM_PIECE_CONTROL &&
            anm_text_is(t->pieces[i], "<|endoftext|>"))
            return (int32_t)i;
    return t->special[ANM_GGUF_EOS];
}

static anm_status note_end(const anm_gguf_reading *r, const anm_gguf_tables *t,
                           const anm_bpe_tables *b, anm_error *err)
{
    const anm_text end =
        b->add_eos ? t->pieces[b->eos_id] : anm_text_of("no special token");

    if (!r->s) return ANM_OK;
    if (r->params->add_eos != ANM_CHOICE_MODEL)
        return anm_source_note(r->s, err, "end token",
                               "as asked, a text ends with %.*s",
                               anm_gguf_shown(end), end.data);
    return anm_source_assume(r->s, err, "end token",
                             "the file does not say; a text ends with %.*s "
                             "(--add-eos yes or no settles it)",
                             anm_gguf_shown(end), end.data);
}

static anm_status read_end(const anm_gguf_reading *r, const anm_gguf_tables *t,
                           anm_bpe_tables *b, anm_error *err)
{
    static const char key[] = "tokenizer.ggml.add_eos_token";
    const anm_choice asked = r->params->add_eos;
    const bool said = anm_gguf_entry_find(r->g, key) != NULL;
    anm_status status =
        anm_gguf_bool_or(r->g, key, r->kind && r->kind->ends, &b->add_eos, err);

    if (status) return status;
    if (asked != ANM_CHOICE_MODEL) b->add_eos = asked == ANM_CHOICE_YES;
    b->eos_id = said ? t->special[ANM_GGUF_EOS] : guess_end(t);
    if (b->add_eos)
        status = check_end("add_eos_token", "eos_token_id", b->eos_id, err);
    if (status || (said && asked == ANM_CHOICE_MODEL)) return status;
    return note_end(r, t, b, err);
}

/* ---- The whole ----------------------------------------------------------- */

static anm_status check_options(const anm_gguf_reading *r, anm_error *err)
{
    static const char *const keys[] = {
        "tokenizer.ggml.add_space_prefix",
        "tokenizer.ggml.normalizer.lowercase",
    };

    if (r->params->lowercase != ANM_CHOICE_MODEL)
        return anm_fail(err, ANM_E_ARG,
                        "lowercase is asked for, and byte-level BPE has no "
                        "case to drop");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        bool on = false;
        const anm_status status =
            anm_gguf_bool_or(r->g, keys[i], false, &on, err);
        if (status) return status;
        if (on)
            return anm_fail(err, ANM_E_UNSUPPORTED, "%s: true is not built in",
                            keys[i]);
    }
    return ANM_OK;
}

static anm_status read_merges(const anm_gguf_reading *r, anm_bpe_tables *b,
                              anm_text **merges, anm_error *err)
{
    anm_gguf_array a;
    const anm_status status =
        anm_gguf_texts(r->g, "tokenizer.ggml.merges", &a, err);

    if (status) return status;
    b->n_merges = (size_t)a.n;
    *merges = anm_alloc_array(b->n_merges, sizeof(**merges));
    if (!*merges) return anm_gguf_fail_memory(err);
    for (size_t i = 0; i < b->n_merges; i++)
        anm_gguf_take_text(&a, &(*merges)[i]);
    b->merges = *merges;
    return ANM_OK;
}

static anm_status compile(const anm_gguf_reading *r, anm_bpe_tables *b,
                          anm_tokenizer **out, anm_error *err)
{
    anm_text *merges = NULL;
    anm_status status = read_merges(r, b, &merges, err);

    if (!status) status = anm_tokenizer_new_bpe(out, b, err);
    anm_free(merges);
    return status;
}

/* Beside the file only a wish about the end decides what is compiled. */
static anm_status open_or_compile(const anm_gguf_reading *r, anm_bpe_tables *b,
                                  anm_tokenizer **out, anm_error *err)
{
    static const char *const ways[] = {
        [ANM_CHOICE_MODEL] = "gguf",
        [ANM_CHOICE_YES] = "gguf, ends",
        [ANM_CHOICE_NO] = "gguf, no end",
    };
    const anm_kept_place place = {
        .memory = r->params->memory,
        .id = &anm_gguf_map(r->g)->id,
        .way = ways[r->params->add_eos],
    };

    if (anm_kept_tokenizer_open(out, &place)) return ANM_OK;
    const anm_status status = compile(r, b, out, err);
    if (!status) anm_kept_tokenizer_put(*out, &place, r->began_ns);
    return status;
}

anm_status anm_gguf_compile_bpe(const anm_gguf_reading *r,
                                const anm_gguf_tables *t, anm_tokenizer **out,
                                anm_error *err)
{
    char pre[PRE_BYTES];
    anm_bpe_tables b = {
        .pieces = t->pieces,
        .kinds = t->kinds,
        .n_pieces = t->n,
        .pre = pre,
    };
    anm_status status = check_options(r, err);

    if (!status) status = read_pre(r, pre, err);
    if (!status) status = read_begin(r, t, &b, err);
    if (!status) status = read_end(r, t, &b, err);
    return status ? status : open_or_compile(r, &b, out, err);
}
