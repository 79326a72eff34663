/* gguf_source.c - a GGUF file, read as llama.cpp reads it where it says
 * something, and as the model's authors mean it where it does not.
 *
 * One file holds what a folder has: settings, tokenizer, weights, pooling. It
 * holds no prompts, no word about normalisation and none about the length that
 * the model was trained with. Whatever is taken on trust is noted as assumed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/gguf_source.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/gguf_reading.h"

/* ---- What the file is ---------------------------------------------------- */

/* One part of several, an adapter, or blocks of another version. */
static anm_status check_whole(const anm_gguf_reading *r, anm_error *err)
{
    anm_text type;
    int64_t n = 0, version = 0;
    anm_status status = anm_gguf_int_or(
        r->g, "split.count", (anm_int_rule){ .max = INT32_MAX, .otherwise = 1 },
        &n, err);

    if (status) return status;
    if (n > 1)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "split.count: one of %" PRId64
                        " files of a split model; llama-gguf-split --merge "
                        "makes one of them",
                        n);
    status = anm_gguf_text_or(r->g, "general.type", "model", &type, err);
    if (status) return status;
    if (!anm_text_is(type, "model"))
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "general.type: \"%.*s\"; a model is needed",
                        (int)(type.len < 64 ? type.len : 64), type.data);
    status = anm_gguf_int_or(r->g, "general.quantization_version",
                             (anm_int_rule){ .max = INT32_MAX, .otherwise = 2 },
                             &version, err);
    if (status || version == 2) return status;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "general.quantization_version: %" PRId64 ", built in: 2",
                    version);
}

/* ---- How a text becomes a vector ----------------------------------------- */

static const struct {
    const char *name;
    int64_t value; /* of pooling_type */
    anm_pool_kind pool;
} pools[] = {
    { "mean", 1, ANM_POOL_MEAN },
    { "cls", 2, ANM_POOL_CLS },
    { "last", 3, ANM_POOL_LAST },
};

enum { N_POOLS = sizeof(pools) / sizeof(pools[0]), POOL_NONE = 0 };

/* What the file says into *said: a row, or N_POOLS where it says nothing. */
static anm_status read_pool_type(const anm_gguf_reading *r, size_t *said,
                                 anm_error *err)
{
    char key[ANM_GGUF_KEY_BYTES];
    int64_t value = POOL_NONE;
    const anm_status status = anm_gguf_int_or(
        r->g, anm_gguf_key(r, "pooling_type", key),
        (anm_int_rule){
            .min = INT32_MIN, .max = INT32_MAX, .otherwise = POOL_NONE },
        &value, err);

    if (status) return status;
    *said = 0;
    while (*said < N_POOLS && pools[*said].value != value)
        ++*said;
    if (*said < N_POOLS || value == POOL_NONE || r->params->pooling)
        return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: %" PRId64 "%s is not built in; built in: 1 (mean), 2 "
                    "(cls), 3 (last); --pooling takes its place",
                    key, value, value == 4 ? " (rank)" : "");
}

static anm_status follow_wish(anm_gguf_reading *r, size_t said, anm_error *err)
{
    const char *wish = r->params->pooling;

    for (size_t i = 0; i < N_POOLS; i++) {
        if (strcmp(pools[i].name, wish) != 0) continue;
        r->s->recipe.pool = pools[i].pool;
        if (i == said) return ANM_OK;
        return anm_source_note(r->s, err, "pooling", "%s as asked; %s%s", wish,
                               said < N_POOLS ? "the file says "
                                              : "the file does not say",
                               said < N_POOLS ? pools[said].name : "");
    }
    return anm_fail(err, ANM_E_ARG, "pooling: \"%s\", allowed: mean, cls, last",
                    wish);
}

static anm_status read_pooling(anm_gguf_reading *r, anm_error *err)
{
    size_t said = N_POOLS;
    anm_status status = read_pool_type(r, &said, err);

    if (status) return status;
    if (r->params->pooling) return follow_wish(r, said, err);
    if (said < N_POOLS) {
        r->s->recipe.pool = pools[said].pool;
        return ANM_OK;
    }
    if (!r->kind->has_default_pool)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s.pooling_type: not there, or 0 (none); how tokens "
                        "become one vector is not known: --pooling mean, cls "
                        "or last settles it",
                        r->kind->name);
    r->s->recipe.pool = r->kind->pool;
    return anm_source_assume(r->s, err, "pooling",
                             "the file does not say; %s (--pooling mean, cls "
                             "or last settles it)",
                             anm_pool_kind_name(r->kind->pool));
}

static anm_status settle_normalize(anm_gguf_reading *r, anm_error *err)
{
    const anm_choice asked = r->params->normalize;
    const bool on = asked != ANM_CHOICE_NO;

    r->s->recipe.normalize = on;
    if (asked != ANM_CHOICE_MODEL)
        return anm_source_note(r->s, err, "normalize",
                               "as asked, vectors %s unit length",
                               on ? "have" : "do not get");
    return anm_source_assume(r->s, err, "normalize",
                             "the file does not say; vectors have unit length "
                             "(--normalize yes or no settles it)");
}

/* The original of a BERT often reads less than its positions allow. */
static anm_status settle_length(anm_gguf_reading *r, anm_error *err)
{
    const anm_tokenizer_frame frame = anm_tokenizer_frame_of(r->s->tokenizer);
    const size_t least = frame.n_before + frame.n_after + 1;
    char key[ANM_GGUF_KEY_BYTES];
    const int64_t positions = (int64_t)r->extent.positions;
    int64_t said = 0;
    const anm_status status = anm_gguf_int_or(
        r->g, anm_gguf_key(r, "context_length", key),
        (anm_int_rule){ .min = 1, .max = INT32_MAX, .otherwise = positions },
        &said, err);

    if (status) return status;
    const size_t chosen = (size_t)(said < positions ? said : positions);
    if (chosen < least)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: %zu tokens, at least %zu needed (%zu special ones "
                        "and one)",
                        key, chosen, least, least - 1);
    r->s->recipe.max_tokens = chosen;
    if (r->kind->causal) return ANM_OK;
    return anm_source_assume(r->s, err, "max_tokens",
                             "%zu, which is all that fits; the file does not "
                             "say whether the original reads less "
                             "(--max-tokens)",
                             chosen);
}

/* ---- Tokenizer ----------------------------------------------------------- */

static anm_status read_own_tokenizer(anm_gguf_reading *r, anm_error *err)
{
    anm_status status = anm_gguf_read_tokenizer(r, &r->s->tokenizer, err);

    return status ? anm_fail_prefix(err, status, "%s", r->s->path) : ANM_OK;
}

static anm_status read_other_tokenizer(anm_gguf_reading *r, anm_error *err)
{
    const anm_status status = anm_source_tokenizer(
        &r->s->tokenizer, r->params->tokenizer,
        &(anm_source_params){ .memory = r->params->memory }, err);

    if (status) return status;
    return anm_source_note(r->s, err, "tokenizer",
                           "%s takes the place of the model's own",
                           r->params->tokenizer);
}

static anm_status open_tokenizer(anm_gguf_reading *r, anm_error *err)
{
    const anm_source_params *p = r->params;

    if (p->tokenizer && (p->lowercase || p->add_eos))
        return anm_fail(err, ANM_E_ARG,
                        "%s is asked for: the tokenizer given says it",
                        p->lowercase ? "lowercase" : "add_eos");
    const anm_status status = p->tokenizer ? read_other_tokenizer(r, err)
                                           : read_own_tokenizer(r, err);
    if (status) return status;
    return anm_source_check_ids(r->s, p->tokenizer ? p->tokenizer : r->s->path,
                                "the token table", err);
}

/* ---- The whole ----------------------------------------------------------- */

/* "model.gguf" is called "model". */
static anm_status shorten_name(anm_source *s, anm_error *err)
{
    static const char ending[] = ".gguf";
    const size_t len = strlen(s->name), n = sizeof(ending) - 1;

    if (len <= n || strcmp(s->name + len - n, ending) != 0) return ANM_OK;
    const char *name = anm_arena_copy(&s->arena, s->name, len - n);
    if (!name) return anm_gguf_fail_memory(err);
    s->name = name;
    return ANM_OK;
}

static anm_status read_settings(anm_gguf_reading *r, anm_error *err)
{
    anm_source *s = r->s;
    anm_status status = check_whole(r, err);

    if (!status) status = anm_gguf_find_kind(r, err);
    if (status) return status;
    const anm_architecture *a = r->kind->architecture;
    s->architecture = a->model_type;
    status = anm_gguf_read_config(r, err);
    if (!status) status = a->measure(s, s->settings, &r->extent, err);
    if (status) return status;
    s->recipe.dim = r->extent.hidden;
    s->vocab_rows = r->extent.vocab_rows;
    status = read_pooling(r, err);
    return status ? status : settle_normalize(r, err);
}

static anm_status refuse_choices(const anm_source_params *p, anm_error *err)
{
    const char *name = p->function  ? "function"
                       : p->output  ? "output"
                       : p->padding ? "padding"
                                    : NULL;

    if (!name) return ANM_OK;
    return anm_fail(err, ANM_E_ARG,
                    "%s cannot be chosen: a GGUF file has one way through it",
                    name);
}

anm_status anm_gguf_source_open(anm_source *s, const anm_source_params *params,
                                anm_error *err)
{
    anm_gguf_reading r = { .s = s,
                           .params = params,
                           .began_ns = anm_wall_ns() };

    s->format = "gguf";
    s->settings = "metadata";
    s->prefix = "";
    anm_status status = anm_gguf_open(&s->gguf, s->path, err);
    if (status) return status;
    r.g = s->gguf;
    status = refuse_choices(params, err);
    if (!status) status = shorten_name(s, err);
    if (!status) status = read_settings(&r, err);
    if (status) return anm_fail_prefix(err, status, "%s", s->path);
    status = open_tokenizer(&r, err);
    if (status) return status;
    status = settle_length(&r, err);
    if (status) return anm_fail_prefix(err, status, "%s", s->path);
    return anm_gguf_read_weights(&r, err);
}
