/* hf_tokenizer.c - the tokenizer of a folder: tokenizer.json, or vocab.txt, or
 * vocab.json and merges.txt, these with the settings of tokenizer_config.json.
 *
 * A BertTokenizer of transformers takes vocabulary and added tokens from
 * tokenizer.json, its settings from tokenizer_config.json, where silence means
 * the class's default, and all else from the class. Models are trained and
 * measured so, hence a tokenizer.json that disagrees gives way here too. Any
 * other is what its tokenizer.json alone says, and its compiled form may be kept: an 11 MB file takes half a
 * second to parse and its tables a hundredth to read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"
#include "model/hf_reading.h"
#include "model/hf_settings.h"
#include "model/kept_tokenizer.h"

#define VOCABULARY_BYTES ((size_t)256 << 20)

static anm_status read_model_max(const anm_hf_settings *c, uint64_t *out,
                                 anm_error *err)
{
    double length = 0.0;
    const json_t *v = json_object_get(c->root, "model_max_length");

    *out = UINT64_MAX;
    if (!v || json_is_null(v)) return ANM_OK;
    const anm_status status = anm_json_real_or(c->root, "model_max_length",
                                               c->path, 0.0, &length, err);
    if (status) return status;
    if (!(length >= 1.0))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: model_max_length: %g, at least 1 expected",
                        c->path, length);
    if (length < 1e15) *out = (uint64_t)length;
    return ANM_OK;
}

/* Classes of transformers that are told apart. */
typedef enum tokenizer_class {
    CLASS_OTHER,
    CLASS_BERT,
    CLASS_GPT2,
    CLASS_QWEN2,
} tokenizer_class;

typedef struct class_row {
    const char *name;       /* without "Fast" */
    const char *model_type; /* of config.json where no class is named */
    tokenizer_class class;
} class_row;

static const class_row classes[] = {
    { "BertTokenizer", "bert", CLASS_BERT },
    { "ConvBertTokenizer", "convbert", CLASS_BERT },
    { "DistilBertTokenizer", "distilbert", CLASS_BERT },
    { "DPRContextEncoderTokenizer", "dpr", CLASS_BERT },
    { "DPRQuestionEncoderTokenizer", "dpr", CLASS_BERT },
    { "ElectraTokenizer", "electra", CLASS_BERT },
    { "LayoutLMTokenizer", "layoutlm", CLASS_BERT },
    { "LxmertTokenizer", "lxmert", CLASS_BERT },
    { "MobileBertTokenizer", "mobilebert", CLASS_BERT },
    { "SqueezeBertTokenizer", "squeezebert", CLASS_BERT },
    { "GPT2Tokenizer", "gpt2", CLASS_GPT2 },
    { "Qwen2Tokenizer", "qwen2", CLASS_QWEN2 },
    { "Qwen2Tokenizer", "qwen3", CLASS_QWEN2 },
};

static bool is_class(const char *name, const char *slow)
{
    const size_t len = strlen(slow);

    return strncmp(name, slow, len) == 0 &&
           (!name[len] || strcmp(name + len, "Fast") == 0);
}

static tokenizer_class class_of(const char *name, const char *type)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (name ? is_class(name, classes[i].name)
                 : type && strcmp(type, classes[i].model_type) == 0)
            return classes[i].class;
    return CLASS_OTHER;
}

/* What transformers would make of the folder. */
static anm_status find_class(const anm_hf_settings *c, const char *folder,
                             tokenizer_class *class, anm_error *err)
{
    const char *name = NULL, *type = NULL;
    anm_hf_doc model = { 0 };
    anm_status status = ANM_OK;

    if (c->root)
        status = anm_json_string_or(c->root, "tokenizer_class", c->path, NULL,
                                    &name, err);
    if (!status && !name) {
        status =
            anm_hf_doc_open(&model, folder, "config.json", JSON_OBJECT, err);
        if (!status && model.root)
            status = anm_json_string_or(model.root, "tokenizer_class",
                                        model.path, NULL, &name, err);
        if (!status && model.root)
            status = anm_json_string_or(model.root, "model_type", model.path,
                                        NULL, &type, err);
    }
    if (!status) *class = class_of(name, type);
    anm_hf_doc_close(&model);
    return status;
}

/* Where the value of a tokenizer.json's normalizer starts: the first member of
 * that name that is an object. NULL when there is none. */
static const char *find_normalizer(const char *json)
{
    static const char key[] = "\"normalizer\"";
    static const char space[] = " \t\r\n";

    for (const char *at = strstr(json, key); at; at = strstr(at, key)) {
        at += sizeof(key) - 1;
        const char *value = at + strspn(at, space);
        if (*value++ != ':') continue;
        value += strspn(value, space);
        if (*value == '{') return value;
    }
    return NULL;
}

/* The normalizer alone: parsing the vocabulary twice would double the time of
 * opening. *out stays NULL when there is none, or when it is malformed, which
 * the tokenizer then says better. */
static anm_status peek_normalizer(json_t **out, const char *json,
                                  anm_error *err)
{
    json_error_t e = { .line = 0 };
    const char *value = find_normalizer(json);

    if (!value) return ANM_OK;
    *out = json_loadb(value, strlen(value), JSON_DISABLE_EOF_CHECK, &e);
    if (!*out &&
        (!e.text[0] || json_error_code(&e) == json_error_out_of_memory))
        return anm_fail(err, ANM_E_NOMEM, "out of memory");
    return ANM_OK;
}

static const json_t *find_or_null(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return v && !json_is_null(v) ? v : NULL;
}

/* One of the three settings: its value of tokenizer_config.json, or what the
 * class takes when that is silent. Borrowed; NULL is null. */
static anm_status read_setting(const anm_hf_settings *c, const char *key,
                               const json_t *otherwise, const json_t **out,
                               anm_error *err)
{
    const json_t *v = find_or_null(c->root, key);

    if (v && !json_is_boolean(v))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: %s: expected true or false, found %s", c->path,
                        key, anm_json_type_name(v));
    *out = v ? v : otherwise;
    return ANM_OK;
}

typedef struct overrule {
    const char *config_key, *file_key;
    const json_t *value; /* NULL: null */
    bool differs;
} overrule;

enum { N_OVERRULES = 3 };

static anm_status compare_settings(const anm_hf_settings *c,
                                   const json_t *normalizer,
                                   overrule o[N_OVERRULES], anm_error *err)
{
    const json_t *defaults[N_OVERRULES] = { json_true(), NULL, json_true() };

    for (size_t i = 0; i < N_OVERRULES; i++) {
        const anm_status status =
            read_setting(c, o[i].config_key, defaults[i], &o[i].value, err);
        if (status) return status;
        const json_t *in_file = find_or_null(normalizer, o[i].file_key);
        o[i].differs = in_file != o[i].value; // true and false are singletons
    }
    return ANM_OK;
}

static void write_overruled(const overrule o[N_OVERRULES], char *out,
                            size_t cap)
{
    for (size_t i = 0; i < N_OVERRULES; i++) {
        const size_t len = strlen(out);
        if (o[i].differs)
            snprintf(out + len, cap - len, "%s%s %s", len ? ", " : "",
                     o[i].config_key,
                     o[i].value ? anm_json_type_name(o[i].value) : "null");
    }
}

/* Say which settings of tokenizer_config.json have their way with the
 * BertNormalizer of a tokenizer.json. */
static anm_status note_settings(anm_hf_tokenizer *out, const anm_hf_settings *c,
                                const char *json, anm_error *err)
{
    overrule o[N_OVERRULES] = {
        { .config_key = "do_lower_case", .file_key = "lowercase" },
        { .config_key = "strip_accents", .file_key = "strip_accents" },
        { .config_key = "tokenize_chinese_chars",
          .file_key = "handle_chinese_chars" },
    };
    json_t *normalizer = NULL;
    anm_status status = peek_normalizer(&normalizer, json, err);

    const char *type = json_string_value(json_object_get(normalizer, "type"));
    if (type && strcmp(type, "BertNormalizer") == 0)
        status = compare_settings(c, normalizer, o, err);
    json_decref(normalizer);
    if (!status) write_overruled(o, out->overruled, sizeof(out->overruled));
    return status;
}

static void note_parts(anm_hf_tokenizer *out, unsigned own)
{
    static const char *const parts[] = { "normalizer", "pre_tokenizer", "model",
                                         "post_processor" };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const size_t len = strlen(out->overruled);
        if (own >> i & 1)
            snprintf(out->overruled + len, sizeof(out->overruled) - len,
                     "%s%s of BertTokenizer", len ? ", " : "", parts[i]);
    }
}

static anm_status compile_bert(anm_hf_tokenizer *out, const anm_hf_settings *c,
                               anm_bytes json, anm_error *err)
{
    unsigned own = 0;
    anm_status status = note_settings(out, c, (const char *)json.data, err);

    if (!status)
        status = anm_tokenizer_new_bert(
            &out->tokenizer, json, anm_bytes_of(c->data, c->len), &own, err);
    if (!status) note_parts(out, own);
    return status;
}

static anm_status compile_json(anm_hf_tokenizer *out, const char *folder,
                               const anm_hf_settings *c, bool is_bert,
                               anm_error *err)
{
    char *data = NULL;
    size_t len = 0;
    anm_status status = anm_hf_read_file(folder, "tokenizer.json",
                                         VOCABULARY_BYTES, &data, &len, err);

    if (status) return status;
    const anm_bytes json = anm_bytes_of(data, len);
    status = is_bert ? compile_bert(out, c, json, err)
                     : anm_tokenizer_new(&out->tokenizer, json, err);
    anm_free(data);
    return status ? anm_fail_prefix(err, status, "%s/tokenizer.json", folder)
                  : ANM_OK;
}

static anm_status open_json(anm_hf_tokenizer *out, const char *folder,
                            const anm_hf_settings *c, const char *memory,
                            const anm_file_id *id, anm_error *err)
{
    const int64_t began_ns = anm_wall_ns();
    tokenizer_class class = CLASS_OTHER;
    anm_status status = find_class(c, folder, &class, err);
    const bool is_bert = class == CLASS_BERT;
    const anm_kept_place place = { .memory = memory, .id = id, .way = "" };

    if (status) return status;
    out->file = "tokenizer.json";
    if (!is_bert && anm_kept_tokenizer_open(&out->tokenizer, &place))
        return ANM_OK;
    status = compile_json(out, folder, c, is_bert, err);
    if (status) return status;
    if (!is_bert) anm_kept_tokenizer_put(out->tokenizer, &place, began_ns);
    return ANM_OK;
}

/* Whether the folder has a tokenizer.json, and its identity. */
static anm_status look_for_json(const char *folder, bool *has, anm_file_id *id,
                                anm_error *err)
{
    anm_file_kind kind = ANM_FILE_ABSENT;
    anm_status status = anm_hf_has(folder, "tokenizer.json", has, err);

    if (status || !*has) return status;
    char *path = anm_path_join(folder, "tokenizer.json");
    if (!path) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", folder);
    status = anm_file_look(path, &kind, id, err);
    anm_free(path);
    return status;
}

static anm_status open_vocab(anm_hf_tokenizer *out, const char *folder,
                             const anm_hf_settings *c, const char *data,
                             size_t len, anm_error *err)
{
    const anm_status status =
        anm_tokenizer_new_vocab(&out->tokenizer, anm_bytes_of(data, len),
                                anm_bytes_of(c->data, c->len), err);

    out->file = "vocab.txt";
    return status ? anm_fail_prefix(err, status, "%s/vocab.txt", folder)
                  : ANM_OK;
}

/* merges.txt, with vocab.json, which has been read. */
static anm_status open_merges(anm_hf_tokenizer *out, const char *folder,
                              const anm_hf_settings *c, const char *vocab,
                              size_t vocab_len, anm_error *err)
{
    tokenizer_class class = CLASS_OTHER;
    char *merges = NULL;
    size_t len = 0;
    anm_status status = anm_hf_read_file(folder, "merges.txt", VOCABULARY_BYTES,
                                         &merges, &len, err);

    out->file = "vocab.json and merges.txt";
    if (!status && !merges)
        status = anm_fail(err, ANM_E_NOTFOUND,
                          "%s: vocab.json without merges.txt", folder);
    if (!status) status = find_class(c, folder, &class, err);
    if (!status && class != CLASS_GPT2 && class != CLASS_QWEN2)
        status = anm_fail(err, ANM_E_UNSUPPORTED,
                          "%s: vocab.json and merges.txt of another class than "
                          "GPT2Tokenizer and Qwen2Tokenizer are not built in",
                          folder);
    if (!status) {
        status = anm_tokenizer_new_merges(
            &out->tokenizer, anm_bytes_of(vocab, vocab_len),
            anm_bytes_of(merges, len), anm_bytes_of(c->data, c->len),
            class == CLASS_GPT2 ? ANM_BPE_GPT2 : ANM_BPE_QWEN2, err);
        if (status) anm_fail_prefix(err, status, "%s", folder);
    }
    anm_free(merges);
    return status;
}

/* The older forms, in a folder without tokenizer.json. */
static anm_status open_older(anm_hf_tokenizer *out, const char *folder,
                             const anm_hf_settings *c, anm_error *err)
{
    char *text = NULL, *json = NULL;
    size_t text_len = 0, json_len = 0;
    anm_status status = anm_hf_read_file(folder, "vocab.txt", VOCABULARY_BYTES,
                                         &text, &text_len, err);

    if (!status && !text)
        status = anm_hf_read_file(folder, "vocab.json", VOCABULARY_BYTES, &json,
                                  &json_len, err);
    if (!status && text)
        status = open_vocab(out, folder, c, text, text_len, err);
    else if (!status && json)
        status = open_merges(out, folder, c, json, json_len, err);
    else if (!status)
        status = anm_fail(err, ANM_E_NOTFOUND,
                          "%s: no tokenizer; looked for tokenizer.json, "
                          "vocab.txt and vocab.json",
                          folder);
    anm_free(text);
    anm_free(json);
    return status;
}

/* Which end of a text that is too long goes, or where padding comes. */
static anm_status read_side(const anm_hf_settings *c, const char *key,
                            const char **out, anm_error *err)
{
    static const char *const sides[] = { "left", "right" };
    const char *word = NULL;

    if (!c->root) return ANM_OK;
    const anm_status status =
        anm_json_string_or(c->root, key, c->path, NULL, &word, err);
    if (status || !word) return status;
    for (size_t i = 0; i < 2; i++)
        if (strcmp(word, sides[i]) == 0) *out = sides[i];
    if (*out) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT, "%s: %s: \"%s\", known: left, right",
                    c->path, key, word);
}

/* The id of pad_token, which is a string or an object with its content; one
 * that the vocabulary lacks counts as none. */
static int32_t find_pad_id(const anm_hf_settings *c, const anm_tokenizer *t)
{
    const json_t *v = json_object_get(c->root, "pad_token");
    const char *word = json_string_value(
        json_is_object(v) ? json_object_get(v, "content") : v);
    anm_tokenizer_info info;

    anm_tokenizer_describe(t, &info);
    for (size_t id = 0; word && id < info.vocab_size; id++) {
        const anm_text piece = anm_tokenizer_piece(t, (int32_t)id);
        if (anm_text_is(piece, word)) return (int32_t)id;
    }
    return -1;
}

/* Transformers asks it of a tokenizer of whatever class and file. Takes the
 * tokenizer back when it fails. */
static anm_status obey_split(anm_hf_tokenizer *out, const anm_hf_settings *c,
                             anm_error *err)
{
    bool splits = false;

    if (!c->root) return ANM_OK;
    anm_status status = anm_json_bool_or(c->root, "split_special_tokens",
                                         c->path, false, &splits, err);
    if (!status && splits)
        status = anm_tokenizer_split_special(out->tokenizer, err);
    if (!status) return ANM_OK;
    anm_tokenizer_free(out->tokenizer);
    out->tokenizer = NULL;
    return status;
}

static anm_status open_folder(anm_hf_tokenizer *out, const char *folder,
                              const char *memory, anm_error *err)
{
    anm_hf_settings c = { 0 };
    anm_file_id id;
    bool has_json = false;
    anm_status status = anm_hf_settings_open(&c, folder, err);
    if (status) goto done;

    status = read_model_max(&c, &out->model_max, err);
    if (status) goto done;

    status = read_side(&c, "truncation_side", &out->cut_side, err);
    if (status) goto done;

    status = read_side(&c, "padding_side", &out->pad_side, err);
    if (status) goto done;

    status = look_for_json(folder, &has_json, &id, err);
    if (status) goto done;

    status = has_json ? open_json(out, folder, &c, memory, &id, err)
                      : open_older(out, folder, &c, err);
    if (!status) status = obey_split(out, &c, err);
    if (!status) out->pad_id = find_pad_id(&c, out->tokenizer);

done:
    anm_hf_settings_close(&c);
    return status;
}

static anm_status compile_file(anm_tokenizer **out, const char *path,
                               anm_error *err)
{
    char *data = NULL;
    size_t len = 0;
    anm_status status = anm_file_read(path, VOCABULARY_BYTES, &data, &len, err);

    if (status) return status;
    status = anm_tokenizer_new(out, anm_bytes_of(data, len), err);
    anm_free(data);
    return status ? anm_fail_prefix(err, status, "%s", path) : ANM_OK;
}

/* What is kept is what the file alone says, in a folder or not. */
static anm_status open_file(anm_hf_tokenizer *out, const char *path,
                            const char *memory, const anm_file_id *id,
                            anm_error *err)
{
    const int64_t began_ns = anm_wall_ns();
    const anm_kept_place place = { .memory = memory, .id = id, .way = "" };

    out->file = "tokenizer.json";
    if (anm_kept_tokenizer_open(&out->tokenizer, &place)) return ANM_OK;
    const anm_status status = compile_file(&out->tokenizer, path, err);
    if (!status) anm_kept_tokenizer_put(out->tokenizer, &place, began_ns);
    return status;
}

anm_status anm_hf_tokenizer_open(anm_hf_tokenizer *out, const char *path,
                                 const char *memory, anm_error *err)
{
    anm_file_kind kind = ANM_FILE_ABSENT;
    anm_file_id id;
    const anm_status status = anm_file_look(path, &kind, &id, err);

    *out = (anm_hf_tokenizer){ .model_max = UINT64_MAX, .pad_id = -1 };
    if (status) return status;
    switch (kind) {
    case ANM_FILE_ABSENT:
        return anm_fail(err, ANM_E_NOTFOUND,
                        "%s: no such folder or tokenizer.json", path);
    case ANM_FILE_FOLDER:
        return open_folder(out, path, memory, err);
    case ANM_FILE_REGULAR:
        return open_file(out, path, memory, &id, err);
    case ANM_FILE_OTHER:
        return open_file(out, path, NULL, &id, err);
    }
    return anm_fail(err, ANM_E_INTERNAL, "%s: kind %d", path, (int)kind);
}
