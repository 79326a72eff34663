/* input.c - the only place where a text becomes what a model sees.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/input.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"

void anm_inputs_reset(anm_inputs *in)
{
    in->n = 0;
    in->n_ids = 0;
}

void anm_inputs_deinit(anm_inputs *in)
{
    anm_free(in->items);
    anm_free(in->infos);
    anm_free(in->ids);
    anm_free(in->mask);
    anm_encoding_free(in->encoding);
    anm_free(in->joined);
    *in = (anm_inputs){ 0 };
}

static anm_status fail_nomem(anm_error *err)
{
    return anm_fail(err, ANM_E_NOMEM, "input: out of memory");
}

/* Rows point into ids and mask, which may have moved. */
static void point_rows(anm_inputs *in)
{
    size_t at = 0;

    for (size_t i = 0; i < in->n; at += in->items[i].len, i++) {
        in->items[i].ids = in->ids + at;
        in->items[i].mask = in->mask + at;
    }
}

void anm_inputs_drop(anm_inputs *in, size_t n)
{
    size_t ids = 0;

    for (size_t i = 0; i < n; i++)
        ids += in->items[i].len;
    in->n -= n;
    in->n_ids -= ids;
    if (in->n == 0) return;
    memmove(in->items, in->items + n, in->n * sizeof(*in->items));
    memmove(in->infos, in->infos + n, in->n * sizeof(*in->infos));
    memmove(in->ids, in->ids + ids, in->n_ids * sizeof(*in->ids));
    memmove(in->mask, in->mask + ids, in->n_ids * sizeof(*in->mask));
    point_rows(in);
}

anm_status anm_inputs_reserve(anm_inputs *in, size_t rows, size_t ids,
                              anm_error *err)
{
    const bool grown =
        anm_grow(&in->items, &in->cap_items, rows, sizeof(*in->items)) &&
        anm_grow(&in->infos, &in->cap_infos, rows, sizeof(*in->infos)) &&
        anm_grow(&in->ids, &in->cap_ids, ids, sizeof(*in->ids)) &&
        anm_grow(&in->mask, &in->cap_mask, ids, sizeof(*in->mask));

    // Also after half a success.
    point_rows(in);
    return grown ? ANM_OK : fail_nomem(err);
}

/* Room for one more row of len ids. */
static anm_status make_room(anm_inputs *in, size_t len, anm_error *err)
{
    size_t ids;

    if (!anm_add_size(in->n_ids, len, &ids)) return fail_nomem(err);
    return anm_inputs_reserve(in, in->n + 1, ids, err);
}

/* Append a row: its ids are written by the caller from the returned place. */
static int32_t *append_row(anm_inputs *in, const anm_input_params *p,
                           size_t tokens, size_t truncated)
{
    const size_t len = p->bucket > tokens ? p->bucket : tokens;
    int32_t *ids = in->ids + in->n_ids, *mask = in->mask + in->n_ids;

    for (size_t i = 0; i < len; i++)
        mask[i] = i < tokens;
    for (size_t i = tokens; i < len; i++)
        ids[i] = p->pad_id;
    in->items[in->n] = (anm_input){ .ids = ids, .mask = mask, .len = len };
    in->infos[in->n] =
        (anm_text_info){ .tokens = tokens, .truncated = truncated };
    in->n++;
    in->n_ids += len;
    return ids;
}

/* Prompt and text in one run. */
static anm_status join(anm_inputs *in, const anm_input_params *p, anm_text text,
                       anm_text *out, anm_error *err)
{
    const size_t len = p->prompt.len + text.len;

    *out = text;
    if (p->prompt.len == 0) return ANM_OK;
    if (!anm_grow(&in->joined, &in->cap_joined, len, 1)) return fail_nomem(err);
    memcpy(in->joined, p->prompt.data, p->prompt.len);
    if (text.len) memcpy(in->joined + p->prompt.len, text.data, text.len);
    *out = (anm_text){ in->joined, len };
    return ANM_OK;
}

static anm_status check_text(anm_text text, anm_error *err)
{
    if (text.len > ANM_TEXT_MAX_BYTES)
        return anm_fail(err, ANM_E_LIMIT, "%zu bytes, at most %zu", text.len,
                        ANM_TEXT_MAX_BYTES);
    const size_t bad = text.len ? anm_utf8_invalid_at(text.data, text.len) : 0;
    if (bad < text.len)
        return anm_fail(err, ANM_E_ARG, "invalid UTF-8 at byte %zu", bad);
    return ANM_OK;
}

static anm_status refuse_length(const anm_input_params *p, size_t n,
                                anm_error *err)
{
    if (p->max_tokens < ANM_TOKENS_MAX)
        return anm_fail(err, ANM_E_LIMIT,
                        "%zu tokens, at most %zu may enter uncut", n,
                        p->max_tokens);
    return anm_fail(err, ANM_E_LIMIT,
                    "%zu tokens, at most %zu are computed whatever the model "
                    "allows; max_tokens %zu would cut the text",
                    n, ANM_TOKENS_MAX, ANM_TOKENS_MAX);
}

/* How many of n ids move forward when those that do not fit go: the special
 * tokens before and after stay, the end of what lies between goes. */
static size_t cut_after(const anm_input_params *p, size_t n, size_t kept)
{
    return n > kept ? anm_tokenizer_frame_of(p->tokenizer).n_after : 0;
}

static void copy_cut(int32_t *to, const int32_t *ids, size_t n, size_t kept,
                     size_t after)
{
    memcpy(to, ids, (kept - after) * sizeof(*ids));
    memcpy(to + kept - after, ids + n - after, after * sizeof(*ids));
}

/* A tokenizer may add tokens that the model has no row for. */
static anm_status check_rows(const anm_input_params *p, const int32_t *ids,
                             size_t n, anm_error *err)
{
    for (size_t i = 0; i < n && p->vocab_rows; i++) {
        if ((size_t)ids[i] < p->vocab_rows) continue;
        const anm_text piece = anm_tokenizer_piece(p->tokenizer, ids[i]);
        return anm_fail(err, ANM_E_LIMIT,
                        "token %zu, %.*s, has id %ld, and the model's table "
                        "%zu rows",
                        i, (int)(piece.len < 64 ? piece.len : 64), piece.data,
                        (long)ids[i], p->vocab_rows);
    }
    return ANM_OK;
}

anm_status anm_inputs_add(anm_inputs *in, const anm_input_params *params,
                          anm_text text, anm_error *err)
{
    anm_text joined;
    anm_status status = check_text(text, err);

    if (status) return status;
    if (!in->encoding && (status = anm_encoding_new(&in->encoding, err)))
        return status;
    status = join(in, params, text, &joined, err);
    if (status) return status;
    status = anm_tokenizer_encode(params->tokenizer, joined, true, in->encoding,
                                  err);
    if (status) return status;

    const size_t n = anm_encoding_n(in->encoding);
    const size_t kept = n < params->max_tokens ? n : params->max_tokens;
    if (kept == 0)
        return anm_fail(err, ANM_E_ARG,
                        "no token is left of it, and the model adds none");
    if (params->whole && n > kept) return refuse_length(params, n, err);
    status = make_room(in, kept > params->bucket ? kept : params->bucket, err);
    if (status) return status;
    const int32_t *ids = anm_encoding_ids(in->encoding);
    status = check_rows(params, ids, kept - cut_after(params, n, kept), err);
    if (status) return status;
    copy_cut(append_row(in, params, kept, n - kept), ids, n, kept,
             cut_after(params, n, kept));
    return ANM_OK;
}

anm_status anm_inputs_add_ids(anm_inputs *in, const anm_input_params *params,
                              const anm_ids *row, size_t vocab_rows,
                              anm_error *err)
{
    if (row->n == 0) return anm_fail(err, ANM_E_ARG, "no ids");
    if (row->n > params->max_tokens)
        return anm_fail(err, row->n > ANM_TOKENS_MAX ? ANM_E_LIMIT : ANM_E_ARG,
                        "%zu ids, at most %zu", row->n, params->max_tokens);
    for (size_t i = 0; i < row->n; i++)
        if (row->ids[i] < 0 || (size_t)row->ids[i] >= vocab_rows)
            return anm_fail(err, ANM_E_ARG,
                            "id %zu is %ld, must be in [0, %zu)", i,
                            (long)row->ids[i], vocab_rows);
    const size_t len = row->n > params->bucket ? row->n : params->bucket;
    const anm_status status = make_room(in, len, err);
    if (status) return status;
    memcpy(append_row(in, params, row->n, 0), row->ids,
           row->n * sizeof(*row->ids));
    return ANM_OK;
}
