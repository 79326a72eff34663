/* tokenizer_vocab.c - what the class BertTokenizer makes of a vocabulary, of
 * vocab.txt or of a tokenizer.json, and of tokenizer_config.json.
 *
 * They are turned into the document that tokenizer.json would have been, as the
 * original does, and compiled as such: one way of tokenizing, not two. Of a
 * tokenizer.json the class takes the vocabulary and the added tokens, nothing
 * else (verified against transformers 5.23.0).
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
    json_t *strip_accents; /* borrowed; NULL: not set */
    const json_t *config;
    const json_t *added;         /* of a tokenizer.json, or NULL */
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
    anm_status status = anm_json_bool_or(config, "do_lower_case", CONFIG, true,
                                         &s->lowercase, err);
    bool strips = false;

    if (!status)
        status = anm_json_bool_or(config, "tokenize_chinese_chars", CONFIG,
                                  true, &s->cjk, err);
    if (!status)
        status = anm_json_bool_or(config, "strip_accents", CONFIG, false,
                                  &strips, err);
    if (!status) status = read_specials(config, s, err);
    s->strip_accents = json_object_get(config, "strip_accents");
    s->config = config;
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

static bool holds(const json_t *tokens, anm_text text)
{
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        const json_t *other =
            json_object_get(json_array_get(tokens, i), "content");
        if (json_is_string(other) && json_string_length(other) == text.len &&
            memcmp(json_string_value(other), text.data, text.len) == 0)
            return true;
    }
    return false;
}

/* Names of further special tokens, in a list or as values of an object. */
static bool append_further(json_t *tokens, const json_t *further)
{
    json_t *list = json_array();
    bool ok = list;
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)further, key, v)
    {
        ok = ok && json_array_append(list, v) == 0;
    }
    const json_t *all = json_is_array(further) ? further : list;
    for (size_t i = 0; i < json_array_size(all) && ok; i++) {
        const json_t *o = json_array_get(all, i);
        const json_t *name =
            json_is_object(o) ? json_object_get(o, "content") : o;
        if (!json_is_string(name)) continue;
        const anm_text text = { json_string_value(name),
                                json_string_length(name) };
        ok = holds(tokens, text) || append_special(tokens, text);
    }
    json_decref(list);
    return ok;
}

bool anm_config_further(json_t *tokens, const json_t *config)
{
    static const char *const keys[] = { "additional_special_tokens",
                                        "extra_special_tokens" };
    bool ok = true;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && ok; i++)
        ok = append_further(tokens, json_object_get(config, keys[i]));
    return ok;
}

/* The five, after what was added before. A tokenizer.json whose vocabulary
 * lacks one has no row for it either. */
static bool append_five(json_t *tokens, const settings *s, const json_t *vocab)
{
    for (size_t i = 0; i < N_SPECIAL; i++) {
        const anm_text text = s->special[i];
        if (holds(tokens, text)) continue;
        if (s->added && !json_object_getn(vocab, text.data, text.len)) continue;
        if (!append_special(tokens, text)) return false;
    }
    return true;
}

static anm_status pack_added(json_t **out, const settings *s,
                             const json_t *vocab, anm_error *err)
{
    json_t *tokens = json_array();
    anm_status status = ANM_OK;
    bool ok = true;

    *out = tokens;
    if (!tokens) return anm_part_nomem(err);
    if (s->added)
        ok = !json_array_extend(tokens, (json_t *)(uintptr_t)s->added);
    if (ok) status = anm_config_added(tokens, s->config, err);
    if (status) return status;
    ok = ok && append_five(tokens, s, vocab);
    ok = ok && anm_config_further(tokens, s->config);
    return ok ? ANM_OK : anm_part_nomem(err);
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
                            "the vocabulary lacks the special token \"%s\"",
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

/* Takes vocab. */
static anm_status build_document(json_t **out, const settings *s, json_t *vocab,
                                 anm_error *err)
{
    json_t *added = NULL, *frame = NULL;
    anm_status status = pack_added(&added, s, vocab, err);

    if (!status) status = pack_frame(&frame, s, vocab, err);
    if (status) {
        json_decref(vocab);
        json_decref(added);
        return status;
    }
    *out = pack_document(s, vocab, added, frame);
    return *out ? ANM_OK : anm_part_nomem(err);
}

static anm_status build_of_lines(json_t **out, const json_t *config,
                                 anm_bytes vocab_txt, anm_error *err)
{
    settings s = { 0 };
    json_t *vocab = NULL;
    anm_status status = check_class(config, err);

    if (!status) status = check_slow_options(config, err);
    if (!status) status = read_settings(config, &s, err);
    if (!status) status = read_vocab(&vocab, vocab_txt, err);
    if (!status) return build_document(out, &s, vocab, err);
    json_decref(vocab);
    return status;
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
    status = build_of_lines(&document, config, vocab_txt, err);
    if (!status)
        status = anm_tokenizer_compile(out, document, "vocab.txt", err);
    json_decref(document);
    json_decref(config);
    return status;
}

/* ---- Of a tokenizer.json ------------------------------------------------- */

static const char *word_of(const json_t *o, const char *key)
{
    const char *word = json_string_value(json_object_get(o, key));
    return word ? word : "";
}

static bool is_word_piece(const json_t *model)
{
    return json_object_get(model, "type")
               ? strcmp(word_of(model, "type"), "WordPiece") == 0
               : json_object_get(model, "max_input_chars_per_word") != NULL;
}

/* Whether the file puts the class's tokens around a text, in either of the ways
 * to say it. */
static bool has_frame(const json_t *post, const settings *s)
{
    const json_t *single = json_object_get(post, "single");
    static const size_t ends[2] = { CLS, SEP };
    static const char *const keys[2] = { "cls", "sep" };
    bool same = single
                    ? json_array_size(single) == 3 &&
                          json_object_get(json_array_get(single, 1), "Sequence")
                    : strcmp(word_of(post, "type"), "BertProcessing") == 0;

    for (size_t i = 0; i < 2 && same; i++) {
        const json_t *name =
            single
                ? json_object_get(json_object_get(json_array_get(single, 2 * i),
                                                  "SpecialToken"),
                                  "id")
                : json_array_get(json_object_get(post, keys[i]), 0);
        const char *word = json_string_value(name);
        same = word && anm_text_is(s->special[ends[i]], word);
    }
    return same;
}

/* What the class has otherwise than the file. */
static unsigned compare_parts(const json_t *root, const settings *s)
{
    const json_t *model = json_object_get(root, "model");
    const json_t *normalizer = json_object_get(root, "normalizer");
    const json_t *chars = json_object_get(model, "max_input_chars_per_word");
    const bool same_model =
        anm_text_is(s->special[UNK], word_of(model, "unk_token")) &&
        strcmp(word_of(model, "continuing_subword_prefix"), "##") == 0 &&
        json_integer_value(chars) == 100;
    const bool same_normalizer =
        strcmp(word_of(normalizer, "type"), "BertNormalizer") == 0 &&
        json_is_true(json_object_get(normalizer, "clean_text"));
    const bool same_splitter =
        strcmp(word_of(json_object_get(root, "pre_tokenizer"), "type"),
               "BertPreTokenizer") == 0;
    const bool same_post =
        has_frame(json_object_get(root, "post_processor"), s);

    return (same_normalizer ? 0u : ANM_BERT_OWN_NORMALIZER) |
           (same_splitter ? 0u : ANM_BERT_OWN_SPLITTER) |
           (same_model ? 0u : ANM_BERT_OWN_MODEL) |
           (same_post ? 0u : ANM_BERT_OWN_POST);
}

/* What the file says of cutting and padding is reported all the same. */
static bool copy_reported(json_t *document, const json_t *root)
{
    static const char *const keys[] = { "truncation", "padding" };
    bool ok = true;

    for (size_t i = 0; i < 2; i++) {
        json_t *v = json_object_get(root, keys[i]);
        if (v) ok = ok && !json_object_set(document, keys[i], v);
    }
    return ok;
}

static anm_status build_of_file(json_t **out, const json_t *root,
                                const json_t *config, unsigned *own,
                                anm_error *err)
{
    const json_t *vocab = NULL;
    settings s = { 0 };
    anm_status status = read_settings(config, &s, err);

    if (!status)
        status = anm_json_object(json_object_get(root, "model"), "vocab",
                                 "model", &vocab, err);
    if (status) return status;
    s.added = json_object_get(root, "added_tokens");
    if (json_is_null(s.added)) s.added = NULL;
    if (s.added && !json_is_array(s.added))
        return anm_fail(err, ANM_E_FORMAT,
                        "added_tokens: expected array, found %s",
                        anm_json_type_name(s.added));
    *own = compare_parts(root, &s);
    status =
        build_document(out, &s, json_incref((json_t *)(uintptr_t)vocab), err);
    if (status || copy_reported(*out, root)) return status;
    return anm_part_nomem(err);
}

/* The original reads the parts that it then replaces: one that is malformed or
 * not built in is refused all the same. */
static anm_status check_stages(const json_t *root, anm_error *err)
{
    anm_tokenizer *scratch = anm_alloc_zero(sizeof(*scratch));

    if (!scratch) return anm_part_nomem(err);
    anm_status status = anm_normalizers_compile(
        scratch, json_object_get(root, "normalizer"), err);
    if (!status)
        status = anm_splitters_compile(
            scratch, json_object_get(root, "pre_tokenizer"), err);
    anm_tokenizer_free(scratch);
    return status;
}

static anm_status check_post(anm_tokenizer *t, const json_t *root,
                             anm_error *err)
{
    const anm_frame own = t->frame;

    t->frame = (anm_frame){ 0 };
    const anm_status status = anm_postprocess_compile(
        t, json_object_get(root, "post_processor"), err);
    t->frame = own;
    return status;
}

anm_status anm_tokenizer_new_bert(anm_tokenizer **out, anm_bytes json,
                                  anm_bytes config_json, unsigned *own,
                                  anm_error *err)
{
    json_t *root = NULL, *config = NULL, *document = NULL;
    anm_status status =
        anm_json_parse(&root, (const char *)json.data, json.len, err);

    *out = NULL;
    *own = 0;
    if (status) return status;
    if (is_word_piece(json_object_get(root, "model"))) {
        status = check_stages(root, err);
        if (!status) status = anm_config_parse(&config, config_json, err);
        if (!status) status = build_of_file(&document, root, config, own, err);
    } else {
        document = json_incref(root);
    }
    if (!status) status = anm_tokenizer_compile(out, document, NULL, err);
    if (!status) status = check_post(*out, root, err);
    if (status) {
        anm_tokenizer_free(*out);
        *out = NULL;
    }
    json_decref(document);
    json_decref(config);
    json_decref(root);
    return status;
}
