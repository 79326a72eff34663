/* postprocess.c - the ids around one text.
 *
 * Every post-processor that is built in comes down to ids before and ids
 * after. In a sequence the later one goes around the earlier one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "text/stages.h"

/* A token of the post-processor: the vocabulary must have both its spelling
 * and its id. */
static anm_status check_token(const anm_tokenizer *t, const json_t *spelling,
                              const json_t *id, const char *at, anm_error *err)
{
    if (!json_is_string(spelling) || !json_is_integer(id))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: expected a token and its id, found %s and %s", at,
                        anm_json_type_name(spelling), anm_json_type_name(id));
    const anm_text text = { json_string_value(spelling),
                            json_string_length(spelling) };
    if (anm_added_id(t, text) < 0)
        return anm_fail(err, ANM_E_CORRUPT,
                        "%s: the vocabulary lacks the special token \"%s\"", at,
                        text.data);
    const int64_t value = json_integer_value(id);
    if (value >= 0 && (uint64_t)value < t->pieces.n_ids) return ANM_OK;
    return anm_fail(err, ANM_E_CORRUPT,
                    "%s: \"%s\" has id %" PRId64 ", the vocabulary ends at %zu",
                    at, text.data, value, t->pieces.n_ids);
}

static anm_status append_id(anm_frame_side *s, int32_t id, const char *at,
                            anm_error *err)
{
    if (s->n == ANM_FRAME_MAX)
        return anm_fail(err, ANM_E_LIMIT,
                        "%s: over %d ids on one side of the text", at,
                        ANM_FRAME_MAX);
    s->ids[s->n++] = id;
    return ANM_OK;
}

static anm_status add_token(const anm_tokenizer *t, anm_frame_side *s,
                            const json_t *spelling, const json_t *id,
                            const char *at, anm_error *err)
{
    const anm_status status = check_token(t, spelling, id, at, err);

    if (status) return status;
    return append_id(s, (int32_t)json_integer_value(id), at, err);
}

/* ---- TemplateProcessing -------------------------------------------------- */

/* All ids of one special token of the template. */
static anm_status add_special(const anm_tokenizer *t, anm_frame_side *s,
                              const json_t *o, const json_t *piece,
                              const char *at, anm_error *err)
{
    const json_t *specials = NULL, *special = NULL, *ids = NULL, *tokens = NULL;
    const char *name = NULL;
    anm_status status = anm_json_string(piece, "id", at, &name, err);

    if (!status)
        status = anm_json_object(o, "special_tokens", at, &specials, err);
    if (!status && !json_object_get(specials, name))
        return anm_fail(err, ANM_E_CORRUPT, "%s: special_tokens lacks \"%s\"",
                        at, name);
    if (!status) status = anm_json_object(specials, name, at, &special, err);
    if (!status) status = anm_json_array(special, "ids", at, &ids, err);
    if (!status) status = anm_json_array(special, "tokens", at, &tokens, err);
    if (status) return status;
    const size_t n = json_array_size(ids);
    if (n != json_array_size(tokens))
        return anm_fail(err, ANM_E_FORMAT, "%s: \"%s\": %zu ids, %zu tokens",
                        at, name, n, json_array_size(tokens));
    for (size_t i = 0; i < n && !status; i++)
        status = add_token(t, s, json_array_get(tokens, i),
                           json_array_get(ids, i), at, err);
    return status;
}

static anm_status compile_template(const anm_tokenizer *t, const json_t *o,
                                   const char *at, anm_frame *f, anm_error *err)
{
    const json_t *single = NULL;
    size_t n_texts = 0;
    anm_status status = anm_json_array(o, "single", at, &single, err);

    for (size_t i = 0; i < json_array_size(single) && !status; i++) {
        const json_t *piece = json_array_get(single, i);
        const json_t *special = json_object_get(piece, "SpecialToken");
        const json_t *sequence = json_object_get(piece, "Sequence");
        const char *id = "";
        if (special) {
            status = add_special(t, n_texts ? &f->after : &f->before, o,
                                 special, at, err);
            continue;
        }
        status = anm_json_string(sequence, "id", at, &id, err);
        if (!status && strcmp(id, "A") != 0)
            return anm_fail(err, ANM_E_UNSUPPORTED,
                            "%s: single: sequence \"%s\", known: A", at, id);
        n_texts++;
    }
    if (status || n_texts == 1) return status;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: single holds the text %zu times, allowed once", at,
                    n_texts);
}

/* ---- BertProcessing, RobertaProcessing, ByteLevel ------------------------ */

static anm_status add_pair(const anm_tokenizer *t, anm_frame_side *s,
                           const json_t *o, const char *key, const char *at,
                           anm_error *err)
{
    const json_t *pair = NULL;
    const anm_status status = anm_json_array(o, key, at, &pair, err);

    if (status) return status;
    return add_token(t, s, json_array_get(pair, 0), json_array_get(pair, 1), at,
                     err);
}

/* The two differ for pairs of texts and for offsets only. */
static anm_status compile_bert(const anm_tokenizer *t, const json_t *o,
                               const char *at, anm_frame *f, anm_error *err)
{
    const anm_status status = add_pair(t, &f->before, o, "cls", at, err);

    return status ? status : add_pair(t, &f->after, o, "sep", at, err);
}

/* Changes offsets, no ids. */
static anm_status compile_byte_level(const anm_tokenizer *t, const json_t *o,
                                     const char *at, anm_frame *f,
                                     anm_error *err)
{
    (void)t, (void)o, (void)at, (void)f, (void)err;
    return ANM_OK;
}

/* ---- The table ----------------------------------------------------------- */

typedef struct postprocess_row {
    const char *name;
    anm_status (*compile)(const anm_tokenizer *t, const json_t *o,
                          const char *at, anm_frame *f, anm_error *err);
    bool closes; /* the original sees several texts behind it */
} postprocess_row;

static const postprocess_row rows[] = {
    { "Sequence", NULL, false },
    { "BertProcessing", compile_bert, false },
    { "ByteLevel", compile_byte_level, false },
    { "RobertaProcessing", compile_bert, false },
    { "TemplateProcessing", compile_template, true },
};

static const anm_part_kinds kinds = { rows, sizeof(rows) / sizeof(rows[0]),
                                      sizeof(rows[0]) };

/* Put the outer frame around what the parts so far have come to. */
static anm_status wrap(anm_frame *inner, anm_frame *outer, const char *at,
                       anm_error *err)
{
    anm_status status = ANM_OK;

    for (size_t i = 0; i < inner->before.n && !status; i++)
        status = append_id(&outer->before, inner->before.ids[i], at, err);
    for (size_t i = 0; i < outer->after.n && !status; i++)
        status = append_id(&inner->after, outer->after.ids[i], at, err);
    inner->before = outer->before;
    return status;
}

static anm_status add_part(anm_tokenizer *t, const json_t *o, const char *at,
                           bool *closed, anm_error *err)
{
    size_t row = 0;
    const json_t *parts = NULL;
    anm_frame outer = { 0 };
    anm_status status = anm_part_find(o, at, &kinds, &row, err);

    if (status) return status;
    if (!rows[row].compile) {
        status = anm_json_array(o, "processors", at, &parts, err);
        for (size_t i = 0; i < json_array_size(parts) && !status; i++)
            status = add_part(t, json_array_get(parts, i), at, closed, err);
        return status;
    }
    status = rows[row].compile(t, o, at, &outer, err);
    if (status) return status;
    if (*closed && outer.before.n + outer.after.n)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: %s behind TemplateProcessing is not built in", at,
                        rows[row].name);
    *closed |= rows[row].closes;
    return wrap(&t->frame, &outer, at, err);
}

anm_status anm_postprocess_compile(anm_tokenizer *t, const json_t *o,
                                   anm_error *err)
{
    bool closed = false;

    if (!o || json_is_null(o)) return ANM_OK;
    return add_part(t, o, "post_processor", &closed, err);
}
