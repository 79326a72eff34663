/* tokenizer_vocab.c - vocab.txt and tokenizer_config.json become a tokenizer.
 *
 * They are turned into the document that tokenizer.json would have been, as the
 * original does, and compiled as such: one way of tokenizing, not two.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "text/stages.h"

static const char CONFIG[] = "tokenizer_config.json";

/* ---- vocab.txt ----------------------------------------------------------- */

anm_text anm_take_line(anm_bytes *rest)
{
    const char *data = (const char *)rest->data;
    size_t len = 0, end;

    while (len < rest->len && data[len] != '\n' && data[len] != '\r')
        len++;
    end = len;
    if (end < rest->len && data[end] == '\r') end++;
    if (end < rest->len && data[end] == '\n' && (end == len || end == len + 1))
        end++;
    rest->data += end;
    rest->len -= end;
    return (anm_text){ data, len };
}

/* {"piece": line number}; of equal lines the last counts. */
static anm_status read_vocab(json_t **out, anm_bytes rest, anm_error *err)
{
    json_t *vocab = json_object();
    const char *text = (const char *)rest.data;
    const size_t invalid = anm_utf8_invalid_at(text, rest.len);

    *out = vocab;
    if (!vocab) return anm_part_nomem(err);
    if (invalid < rest.len)
        return anm_fail(err, ANM_E_FORMAT,
                        "vocab.txt: not UTF-8 at byte %zu of %zu", invalid,
                        rest.len);
    for (json_int_t id = 0; rest.len; id++) {
        const anm_text line = anm_take_line(&rest);
        if (json_object_setn_new_nocheck(vocab, line.data, line.len,
                                         json_integer(id)))
            return anm_part_nomem(err);
    }
    if (json_object_size(vocab)) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT, "vocab.txt: holds no line");
}

/* ---- tokenizer_config.json ----------------------------------------------- */

/* The five special tokens, in the order in which the original adds them. */
enum { UNK, SEP, PAD, CLS, MASK, N_SPECIAL };

typedef struct settings {
    bool lowercase, cjk;
    json_t *strip_accents;       /* borrowed; NULL: not set */
    const json_t *decoder;       /* added_tokens_decoder, or NULL */
    anm_text special[N_SPECIAL]; /* spellings */
} settings;

static anm_status check_class(const json_t *config, anm_error *err)
{
    static const char *const known[] = {
        "BertTokenizer",           "BertTokenizerFast", "DistilBertTokenizer",
        "DistilBertTokenizerFast", "ElectraTokenizer",  "ElectraTokenizerFast",
        "PreTrainedTokenizerFast",
    };
    const char *name = NULL;
    const anm_status status = anm_json_string_or(config, "tokenizer_class",
                                                 CONFIG, known[0], &name, err);

    if (status) return status;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(name, known[i]) == 0) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: tokenizer_class \"%s\" with vocab.txt is not built in "
                    "(built in: Bert, DistilBert, Electra)",
                    CONFIG, name);
}

/* A special token is a string or an object with "content". */
static anm_status read_special(const json_t *config, const char *key,
                               const char *otherwise, anm_text *out,
                               anm_error *err)
{
    const json_t *v = json_object_get(config, key);

    if (json_is_object(v)) v = json_object_get(v, "content");
    if (!v || json_is_null(v)) {
        *out = (anm_text){ otherwise, strlen(otherwise) };
        return ANM_OK;
    }
    if (!json_is_string(v))
        return anm_fail(err, ANM_E_FORMAT, "%s: %s: expected string, found %s",
                        CONFIG, key, anm_json_type_name(v));
    *out = (anm_text){ json_string_value(v), json_string_length(v) };
    return ANM_OK;
}

static anm_status read_specials(const json_t *config, settings *s,
                                anm_error *err)
{
    static const char *const names[N_SPECIAL][2] = {
        [UNK] = { "unk_token", "[UNK]" },    [SEP] = { "sep_token", "[SEP]" },
        [PAD] = { "pad_token", "[PAD]" },    [CLS] = { "cls_token", "[CLS]" },
        [MASK] = { "mask_token", "[MASK]" },
    };
    anm_status status = ANM_OK;

    for (size_t i = 0; i < N_SPECIAL && !status; i++)
        status =
            read_special(config, names[i][0], names[i][1], &s->special[i], err);
    return status;
}

/* What only the original's slow form obeys is refused, not ignored. */
static anm_status check_slow_options(const json_t *config, anm_error *err)
{
    const json_t *never_split = json_object_get(config, "never_split");
    bool basic = true;
    const anm_status status = anm_json_bool_or(config, "do_basic_tokenize",
                                               CONFIG, true, &basic, err);

    if (status) return status;
    if (!basic)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: do_basic_tokenize false is not built in", CONFIG);
    if (json_array_size(never_split))
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: never_split is not built in", CONFIG);
    return ANM_OK;
}

static anm_status read_settings(const json_t *config, settings *s,
                                anm_error *err)
{
    anm_status status = check_class(config, err);
    bool strips = false;

    if (!status) status = check_slow_options(config, err);
    if (!status)
        status = anm_json_bool_or(config, "do_lower_case", CONFIG, true,
                                  &s->lowercase, err);
    if (!status)
        status = anm_json_bool_or(config, "tokenize_chinese_chars", CONFIG,
                                  true, &s->cjk, err);
    if (!status)
        status = anm_json_bool_or(config, "strip_accents", CONFIG, false,
                                  &strips, err);
    if (!status) status = read_specials(config, s, err);
    s->strip_accents = json_object_get(config, "strip_accents");
    s->decoder = json_object_get(config, "added_tokens_decoder");
    return status;
}

/* ---- The document -------------------------------------------------------- */

static json_t *pack_text(anm_text text)
{
    return json_stringn_nocheck(text.data, text.len);
}

/* Later tokens get an id of their own where the vocabulary lacks them. */
static bool append_special(json_t *tokens, anm_text text)
{
    json_t *o =
        json_pack("{s:i, s:o, s:b, s:b, s:b, s:b, s:b}", "id", 0, "content",
                  pack_text(text), "single_word", 0, "lstrip", 0, "rstrip", 0,
                  "normalized", 0, "special", 1);
    return o && json_array_append_new(tokens, o) == 0;
}

/* {"5": {"content": …, flags}} becomes {"id": 5, "content": …, flags}. */
static anm_status append_decoder(json_t *tokens, const json_t *decoder,
                                 anm_error *err)
{
    void *i = json_object_iter((json_t *)(uintptr_t)decoder);

    if (decoder && !json_is_object(decoder) && !json_is_null(decoder))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: added_tokens_decoder: expected object, found %s",
                        CONFIG, anm_json_type_name(decoder));
    for (; i; i = json_object_iter_next((json_t *)(uintptr_t)decoder, i)) {
        json_t *o = json_object();
        json_t *token = json_object_iter_value(i);
        if (!o || (json_is_object(token) && json_object_update(o, token)) ||
            json_object_set_new(o, "id", json_integer(0)) ||
            json_array_append(tokens, o)) {
            json_decref(o);
            return anm_part_nomem(err);
        }
        json_decref(o);
    }
    return ANM_OK;
}

static anm_status pack_added(json_t **out, const settings *s, anm_error *err)
{
    json_t *tokens = json_array();
    anm_status status = ANM_OK;

    *out = tokens;
    if (!tokens) return anm_part_nomem(err);
    status = append_decoder(tokens, s->decoder, err);
    for (size_t i = 0; i < N_SPECIAL && !status; i++)
        if (!append_special(tokens, s->special[i]))
            status = anm_part_nomem(err);
    return status;
}

/* [CLS] text [SEP], both with the ids of the vocabulary. */
static anm_status pack_frame(json_t **out, const settings *s,
                             const json_t *vocab, anm_error *err)
{
    static const size_t ends[2] = { CLS, SEP };
    json_t *pairs[2] = { NULL, NULL };

    *out = NULL;
    for (size_t i = 0; i < 2; i++) {
        const anm_text text = s->special[ends[i]];
        json_t *id = json_object_getn(vocab, text.data, text.len);
        if (!id) {
            json_decref(pairs[0]);
            return anm_fail(err, ANM_E_CORRUPT,
                            "vocab.txt lacks the special token \"%s\"",
                            text.data);
        }
        pairs[i] = json_pack("[o, O]", pack_text(text), id);
    }
    *out = json_pack("{s:s, s:o, s:o}", "type", "BertProcessing", "cls",
                     pairs[0], "sep", pairs[1]);
    return *out ? ANM_OK : anm_part_nomem(err);
}

/* Takes vocab, added and frame. */
static json_t *pack_document(const settings *s, json_t *vocab, json_t *added,
                             json_t *frame)
{
    json_t *strip = s->strip_accents ? s->strip_accents : json_null();

    return json_pack("{s:{s:s, s:b, s:b, s:O, s:b}, s:{s:s}, s:o, s:o,"
                     " s:{s:s, s:o, s:s, s:i, s:o}}",
                     "normalizer", "type", "BertNormalizer", "clean_text", 1,
                     "handle_chinese_chars", s->cjk, "strip_accents", strip,
                     "lowercase", s->lowercase, "pre_tokenizer", "type",
                     "BertPreTokenizer", "added_tokens", added,
                     "post_processor", frame, "model", "type", "WordPiece",
                     "unk_token", pack_text(s->special[UNK]),
                     "continuing_subword_prefix", "##",
                     "max_input_chars_per_word", 100, "vocab", vocab);
}

static anm_status build_document(json_t **out, const json_t *config,
                                 anm_bytes vocab_txt, anm_error *err)
{
    settings s = { 0 };
    json_t *vocab = NULL, *added = NULL, *frame = NULL;
    anm_status status = read_settings(config, &s, err);

    if (!status) status = read_vocab(&vocab, vocab_txt, err);
    if (!status) status = pack_added(&added, &s, err);
    if (!status) status = pack_frame(&frame, &s, vocab, err);
    if (status) {
        json_decref(vocab);
        json_decref(added);
        return status;
    }
    *out = pack_document(&s, vocab, added, frame);
    return *out ? ANM_OK : anm_part_nomem(err);
}

anm_status anm_config_parse(json_t **out, anm_bytes config_json, anm_error *err)
{
    const char *data = config_json.len ? (const char *)config_json.data : "{}";
    const size_t len = config_json.len ? config_json.len : 2;
    const anm_status status = anm_json_parse(out, data, len, err);

    return status ? anm_fail_prefix(err, status, "%s", CONFIG) : ANM_OK;
}

anm_status anm_tokenizer_new_vocab(anm_tokenizer **out, anm_bytes vocab_txt,
                                   anm_bytes config_json, anm_error *err)
{
    json_t *config = NULL, *document = NULL;
    anm_status status;

    *out = NULL;
    status = anm_config_parse(&config, config_json, err);
    if (status) return status;
    status = build_document(&document, config, vocab_txt, err);
    if (!status)
        status = anm_tokenizer_compile(out, document, "vocab.txt", err);
    json_decref(document);
    json_decref(config);
    return status;
}
