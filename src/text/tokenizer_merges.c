/* tokenizer_merges.c - vocab.json, merges.txt and tokenizer_config.json become
 * a tokenizer.
 *
 * They are turned into the document that tokenizer.json would have been, as
 * tokenizer_vocab.c does. Verified against transformers 5.23.0: added tokens
 * come by their number, then the special tokens that are not among them; an end
 * that is asked for but has no token is left out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "text/stages.h"

static const char CONFIG[] = "tokenizer_config.json";

/* ---- merges.txt ---------------------------------------------------------- */

static anm_status read_merges(json_t **out, anm_bytes rest, anm_error *err)
{
    const char *text = (const char *)rest.data;
    const size_t invalid = anm_utf8_invalid_at(text, rest.len);

    *out = json_array();
    if (!*out) return anm_part_nomem(err);
    if (invalid < rest.len)
        return anm_fail(err, ANM_E_FORMAT,
                        "merges.txt: not UTF-8 at byte %zu of %zu", invalid,
                        rest.len);
    while (rest.len) {
        const anm_text line = anm_take_line(&rest);
        if (json_array_append_new(*out,
                                  json_stringn_nocheck(line.data, line.len)))
            return anm_part_nomem(err);
    }
    return ANM_OK;
}

/* ---- Tokens of tokenizer_config.json ------------------------------------- */

/* A special token is a string or an object with "content". *out is NULL for
 * null, `otherwise` when the setting is absent. */
static anm_status read_special(const json_t *config, const char *key,
                               const char *otherwise, const char **out,
                               anm_error *err)
{
    const json_t *v = json_object_get(config, key);

    *out = v ? NULL : otherwise;
    if (json_is_object(v)) v = json_object_get(v, "content");
    if (!v || json_is_null(v)) return ANM_OK;
    *out = json_string_value(v);
    if (*out) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT, "%s: %s: expected string, found %s",
                    CONFIG, key, anm_json_type_name(v));
}

/* {"5": {"content": …, flags}} becomes {"id": 5, "content": …, flags}, in the
 * order of the numbers. */
typedef struct numbered {
    int64_t number;
    json_t *token; /* borrowed */
} numbered;

static int compare_numbered(const void *a, const void *b)
{
    const numbered *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static anm_status list_decoder(numbered *list, json_t *decoder, anm_error *err)
{
    size_t n = 0;

    for (void *i = json_object_iter(decoder); i;
         i = json_object_iter_next(decoder, i)) {
        const char *key = json_object_iter_key(i);
        char *end = NULL;
        const long long number = strtoll(key, &end, 10);
        json_t *token = json_object_iter_value(i);
        if (!*key || *end || number < 0 || !json_is_object(token))
            return anm_fail(err, ANM_E_FORMAT,
                            "%s: added_tokens_decoder: \"%s\": expected a "
                            "number and an object, found %s",
                            CONFIG, key, anm_json_type_name(token));
        list[n++] = (numbered){ number, token };
    }
    qsort(list, n, sizeof(*list), compare_numbered);
    return ANM_OK;
}

static bool append_token(json_t *tokens, const json_t *token)
{
    json_t *o = json_object();
    const bool ok = o && !json_object_update(o, (json_t *)(uintptr_t)token) &&
                    !json_object_set_new(o, "id", json_integer(0)) &&
                    !json_array_append(tokens, o);

    json_decref(o);
    return ok;
}

anm_status anm_config_added(json_t *tokens, const json_t *config,
                            anm_error *err)
{
    json_t *decoder = json_object_get(config, "added_tokens_decoder");
    const size_t n = json_object_size(decoder);

    if (!decoder || json_is_null(decoder)) return ANM_OK;
    if (!json_is_object(decoder))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: added_tokens_decoder: expected object, found %s",
                        CONFIG, anm_json_type_name(decoder));
    numbered *list = anm_alloc_array(n, sizeof(*list));
    if (!list) return anm_part_nomem(err);
    anm_status status = list_decoder(list, decoder, err);
    for (size_t i = 0; i < n && !status; i++)
        if (!append_token(tokens, list[i].token)) status = anm_part_nomem(err);
    anm_free(list);
    return status;
}

static bool holds(const json_t *tokens, const char *content)
{
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        const char *other = json_string_value(
            json_object_get(json_array_get(tokens, i), "content"));
        if (other && strcmp(other, content) == 0) return true;
    }
    return false;
}

static bool append_special(json_t *tokens, const char *content)
{
    if (!content || holds(tokens, content)) return true;
    return !json_array_append_new(
        tokens, json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", 0,
                          "content", content, "single_word", 0, "lstrip", 0,
                          "rstrip", 0, "normalized", 0, "special", 1));
}

/* In the order in which the original adds them. */
enum { BOS, EOS, UNK, PAD, N_SPECIAL };

static anm_status read_specials(const json_t *config, anm_bpe_class class,
                                const char *special[N_SPECIAL], anm_error *err)
{
    static const char end[] = "<|endoftext|>";
    const bool is_qwen = class == ANM_BPE_QWEN2;
    anm_status status = read_special(config, "bos_token", is_qwen ? NULL : end,
                                     &special[BOS], err);

    if (!status)
        status = read_special(config, "eos_token", end, &special[EOS], err);
    if (!status)
        status = read_special(config, "unk_token", end, &special[UNK], err);
    if (!status)
        status = read_special(config, "pad_token", is_qwen ? end : NULL,
                              &special[PAD], err);
    return status;
}

static anm_status pack_added(json_t *tokens, const json_t *config,
                             const char *const special[N_SPECIAL],
                             anm_error *err)
{
    anm_status status = anm_config_added(tokens, config, err);

    for (size_t i = 0; i < N_SPECIAL && !status; i++)
        if (!append_special(tokens, special[i])) status = anm_part_nomem(err);
    if (!status && !anm_config_further(tokens, config))
        status = anm_part_nomem(err);
    return status;
}

/* ---- The document -------------------------------------------------------- */

/* A special token at one end, with the id that it will have: that of the
 * vocabulary, or the place among the added tokens that the vocabulary lacks. */
static int64_t id_of(const json_t *vocab, const json_t *added,
                     const char *content)
{
    const json_t *in_vocab = json_object_get(vocab, content);
    int64_t next = (int64_t)json_object_size(vocab);

    if (in_vocab) return json_integer_value(in_vocab);
    for (size_t i = 0; i < json_array_size(added); i++) {
        const char *other = json_string_value(
            json_object_get(json_array_get(added, i), "content"));
        if (!other || json_object_get(vocab, other)) continue;
        if (strcmp(other, content) == 0) break;
        next++;
    }
    return next;
}

static bool pack_end(json_t *single, json_t *specials, const char *content,
                     int64_t id)
{
    return !json_object_set_new(specials, content,
                                json_pack("{s:[I], s:[s]}", "ids",
                                          (json_int_t)id, "tokens", content)) &&
           !json_array_append_new(
               single, json_pack("{s:{s:s}}", "SpecialToken", "id", content));
}

/* What is added before and after a text. */
typedef struct ends {
    const char *before, *after; /* NULL: nothing */
} ends;

static json_t *pack_post(ends e, const json_t *vocab, const json_t *added)
{
    json_t *single = json_array(), *specials = json_object();
    bool ok = single && specials;

    if (ok && e.before)
        ok =
            pack_end(single, specials, e.before, id_of(vocab, added, e.before));
    ok = ok && !json_array_append_new(
                   single, json_pack("{s:{s:s}}", "Sequence", "id", "A"));
    if (ok && e.after)
        ok = pack_end(single, specials, e.after, id_of(vocab, added, e.after));
    if (ok)
        return json_pack("{s:s, s:o, s:o}", "type", "TemplateProcessing",
                         "single", single, "special_tokens", specials);
    json_decref(single);
    json_decref(specials);
    return NULL;
}

static json_t *pack_splitter(anm_bpe_class class, bool adds_space)
{
    if (class == ANM_BPE_GPT2)
        return json_pack("{s:s, s:b, s:b}", "type", "ByteLevel",
                         "add_prefix_space", adds_space, "use_regex", 1);
    return json_pack("{s:s, s:[{s:s, s:{s:s}, s:s, s:b}, {s:s, s:b, s:b}]}",
                     "type", "Sequence", "pretokenizers", "type", "Split",
                     "pattern", "Regex", anm_pattern_qwen2, "behavior",
                     "Isolated", "invert", 0, "type", "ByteLevel",
                     "add_prefix_space", adds_space, "use_regex", 0);
}

static anm_status read_ends(const json_t *config,
                            const char *const special[N_SPECIAL], ends *out,
                            anm_error *err)
{
    bool bos = false, eos = false;
    anm_status status =
        anm_json_bool_or(config, "add_bos_token", CONFIG, false, &bos, err);

    if (!status)
        status =
            anm_json_bool_or(config, "add_eos_token", CONFIG, false, &eos, err);
    *out = (ends){ bos ? special[BOS] : NULL, eos ? special[EOS] : NULL };
    return status;
}

/* Borrows vocab and merges. */
static anm_status build_document(json_t **out, json_t *vocab, json_t *merges,
                                 const json_t *config, anm_bpe_class class,
                                 anm_error *err)
{
    const char *special[N_SPECIAL];
    bool adds_space = false;
    ends e = { 0 };
    json_t *added = json_array();
    anm_status status = added ? ANM_OK : anm_part_nomem(err);

    if (!status) status = read_specials(config, class, special, err);
    if (!status) status = pack_added(added, config, special, err);
    if (!status) status = read_ends(config, special, &e, err);
    if (!status)
        status = anm_json_bool_or(config, "add_prefix_space", CONFIG, false,
                                  &adds_space, err);
    if (!status) {
        *out =
            json_pack("{s:O, s:o, s:o, s:o, s:{s:s, s:O, s:O}}", "added_tokens",
                      added, "normalizer",
                      class == ANM_BPE_QWEN2 ? json_pack("{s:s}", "type", "NFC")
                                             : json_null(),
                      "pre_tokenizer", pack_splitter(class, adds_space),
                      "post_processor", pack_post(e, vocab, added), "model",
                      "type", "BPE", "vocab", vocab, "merges", merges);
        status = *out ? ANM_OK : anm_part_nomem(err);
    }
    json_decref(added);
    return status;
}

anm_status anm_tokenizer_new_merges(anm_tokenizer **out, anm_bytes vocab_json,
                                    anm_bytes merges_txt, anm_bytes config_json,
                                    anm_bpe_class class, anm_error *err)
{
    json_t *config = NULL, *vocab = NULL, *merges = NULL, *document = NULL;
    anm_status status = anm_config_parse(&config, config_json, err);

    *out = NULL;
    if (!status) {
        status = anm_json_parse(&vocab, (const char *)vocab_json.data,
                                vocab_json.len, err);
        if (!status && !json_is_object(vocab))
            status = anm_fail(err, ANM_E_FORMAT, "expected object, found %s",
                              anm_json_type_name(vocab));
        if (status) anm_fail_prefix(err, status, "vocab.json");
    }
    if (!status) status = read_merges(&merges, merges_txt, err);
    if (!status)
        status = build_document(&document, vocab, merges, config, class, err);
    if (!status)
        status = anm_tokenizer_compile(out, document, "vocab.json", err);
    json_decref(document);
    json_decref(merges);
    json_decref(vocab);
    json_decref(config);
    return status;
}
