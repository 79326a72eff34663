/* hf_pooling.c - how rows become one vector: the folders of the Pooling and
 * Normalize modules.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "model/hf_reading.h"

/* Spellings of a pooling mode: the flag of older files, the word of newer. */
static const struct {
    const char *flag, *word;
    bool built_in;
    anm_pool_kind kind;
} modes[] = {
    { "pooling_mode_cls_token", "cls", true, ANM_POOL_CLS },
    { "pooling_mode_mean_tokens", "mean", true, ANM_POOL_MEAN },
    { "pooling_mode_lasttoken", "lasttoken", true, ANM_POOL_LAST },
    { "pooling_mode_max_tokens", "max", false, ANM_POOL_MEAN },
    { "pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", false,
      ANM_POOL_MEAN },
    { "pooling_mode_weightedmean_tokens", "weightedmean", false,
      ANM_POOL_MEAN },
};

enum { N_MODES = sizeof(modes) / sizeof(modes[0]) };

/* Bit i of *set: modes[i] is asked for. */
static anm_status read_mode_flags(const anm_hf_doc *d, unsigned *set,
                                  anm_error *err)
{
    for (size_t i = 0; i < N_MODES; i++) {
        bool on = false;
        const anm_status status =
            anm_json_bool_or(d->root, modes[i].flag, d->path, false, &on, err);
        if (status) return status;
        if (on) *set |= 1u << i;
    }
    if (!*set) *set = 1u << 1; // The original falls back to the mean.
    return ANM_OK;
}

static anm_status add_mode_word(const anm_hf_doc *d, const json_t *word,
                                unsigned *set, anm_error *err)
{
    if (!json_is_string(word))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: pooling_mode: expected string, found %s", d->path,
                        anm_json_type_name(word));
    for (size_t i = 0; i < N_MODES; i++) {
        if (strcmp(modes[i].word, json_string_value(word)) != 0) continue;
        *set |= 1u << i;
        return ANM_OK;
    }
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: pooling_mode \"%s\" is not built in; built in: cls, "
                    "mean, lasttoken",
                    d->path, json_string_value(word));
}

static anm_status read_mode_words(const anm_hf_doc *d, const json_t *words,
                                  unsigned *set, anm_error *err)
{
    if (!json_is_array(words)) return add_mode_word(d, words, set, err);
    if (json_array_size(words) == 0)
        return anm_fail(err, ANM_E_FORMAT, "%s: pooling_mode is empty",
                        d->path);
    for (size_t i = 0; i < json_array_size(words); i++) {
        const anm_status status =
            add_mode_word(d, json_array_get(words, i), set, err);
        if (status) return status;
    }
    return ANM_OK;
}

static anm_status choose_mode(anm_hf_reading *r, const anm_hf_doc *d,
                              unsigned set, anm_error *err)
{
    char names[160] = "";
    bool built_in = (set & (set - 1)) == 0;

    for (size_t i = 0; i < N_MODES; i++) {
        if (!(set >> i & 1)) continue;
        const size_t len = strlen(names);
        snprintf(names + len, sizeof(names) - len, "%s%s", len ? " + " : "",
                 modes[i].word);
        built_in = built_in && modes[i].built_in;
        r->s->recipe.pool = modes[i].kind;
    }
    if (built_in) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: pooling %s is not built in; built in: one of cls, "
                    "mean, lasttoken",
                    d->path, names);
}

static anm_status check_pooling_dim(const anm_hf_reading *r,
                                    const anm_hf_doc *d, anm_error *err)
{
    const char *key = json_object_get(d->root, "embedding_dimension")
                          ? "embedding_dimension"
                          : "word_embedding_dimension";
    int64_t dim = 0;
    const anm_status status =
        anm_json_int(d->root, key, d->path,
                     (anm_int_rule){ .min = 1, .max = INT32_MAX }, &dim, err);

    if (status) return status;
    if ((size_t)dim != r->extent.hidden)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: %s is %" PRId64
                        ", hidden_size of config.json is %zu",
                        d->path, key, dim, r->extent.hidden);
    return ANM_OK;
}

anm_status anm_hf_read_pooling(anm_hf_reading *r, const anm_hf_doc *d,
                               anm_error *err)
{
    unsigned set = 0;
    bool include_prompt = true;

    if (!d->root)
        return anm_fail(err, ANM_E_NOTFOUND,
                        "%s: not there, and modules.json asks for it", d->path);
    anm_status status = check_pooling_dim(r, d, err);
    if (status) return status;

    const json_t *words = json_object_get(d->root, "pooling_mode");
    status = words ? read_mode_words(d, words, &set, err)
                   : read_mode_flags(d, &set, err);
    if (status) return status;

    status = anm_json_bool_or(d->root, "include_prompt", d->path, true,
                              &include_prompt, err);
    if (status) return status;
    if (!include_prompt)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: include_prompt is false; pooling without the "
                        "prompt's tokens is not built in",
                        d->path);
    return choose_mode(r, d, set, err);
}

/* Newer folders say what is normalised. */
anm_status anm_hf_read_normalize(anm_hf_reading *r, const anm_hf_doc *d,
                                 anm_error *err)
{
    static const char *const keys[] = { "module_input_name",
                                        "module_output_name" };

    (void)r;
    for (size_t i = 0; d->root && i < 2; i++) {
        const char *name = NULL;
        const anm_status status = anm_json_string_or(
            d->root, keys[i], d->path, "sentence_embedding", &name, err);
        if (status) return status;
        if (strcmp(name, "sentence_embedding") != 0)
            return anm_fail(err, ANM_E_UNSUPPORTED,
                            "%s: %s \"%s\" is not built in; built in: "
                            "sentence_embedding",
                            d->path, keys[i], name);
    }
    return ANM_OK;
}
