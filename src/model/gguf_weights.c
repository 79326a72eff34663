/* gguf_weights.c - llama.cpp's names of tensors become those of the
 * architecture's authors.
 *
 *     token_embd.weight          outside of layers: STEM.weight or STEM.bias
 *     blk.7.attn_q.bias          in a layer
 *     blk.7.attn_qkv.weight      q, k and v in one: three runs of rows
 *
 * The head that predicts the next token and those that score are not read. Any
 * other tensor would change the result in a way that is not known here, and is
 * refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "model/gguf_reading.h"

enum { CANONICAL_BYTES = 128 };

/* "blk.7.attn_q.weight" taken apart; stem points into the name. */
typedef struct tensor_name {
    bool in_layer;
    unsigned layer;
    const char *stem;
    size_t stem_len;
    const char *role; /* ".weight" or ".bias" */
} tensor_name;

/* "7.attn_q.weight"; up to four digits, since layers are at most 1,024. */
static void skip_layer(const char *rest, tensor_name *out)
{
    const size_t digits = strspn(rest, "0123456789");

    if (digits < 1 || digits > 4 || rest[digits] != '.') return;
    for (size_t i = 0; i < digits; i++)
        out->layer = out->layer * 10 + (unsigned)(rest[i] - '0');
    out->in_layer = true;
    out->stem = rest + digits + 1;
}

static bool split_name(const char *name, tensor_name *out)
{
    static const char *const roles[] = { ".weight", ".bias" };
    const char *dot = strrchr(name, '.');

    *out = (tensor_name){ .stem = name };
    for (size_t i = 0; dot && i < 2; i++)
        if (strcmp(dot, roles[i]) == 0) out->role = dot;
    if (!out->role) return false;
    if (strncmp(name, "blk.", 4) == 0) skip_layer(name + 4, out);
    if (out->stem > dot) return false;
    out->stem_len = (size_t)(dot - out->stem);
    return true;
}

static bool is_stem(const tensor_name *n, const char *stem)
{
    return strlen(stem) == n->stem_len &&
           memcmp(stem, n->stem, n->stem_len) == 0;
}

/* What is built neither into the graph nor needed for it. */
static bool is_head(const tensor_name *n)
{
    static const char *const heads[] = { "output", "cls", "cls.output",
                                         "cls.norm" };

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        if (!n->in_layer && is_stem(n, heads[i])) return true;
    return false;
}

static bool is_fused(const tensor_name *n)
{
    return n->in_layer && is_stem(n, "attn_qkv");
}

static const char *find_path(const anm_gguf_kind *kind, const tensor_name *n)
{
    const anm_gguf_stem *s = n->in_layer ? kind->layer : kind->whole;

    while (s->stem && !is_stem(n, s->stem))
        s++;
    return s->path;
}

/* The canonical name, in the arena; NULL when memory is out. */
static const char *make_name(const anm_gguf_reading *r, const tensor_name *n,
                             const char *path)
{
    char out[CANONICAL_BYTES];

    if (n->in_layer)
        snprintf(out, sizeof(out), "%s.%u.%s%s", r->kind->architecture->layers,
                 n->layer, path, n->role);
    else
        snprintf(out, sizeof(out), "%s%s", path, n->role);
    return anm_arena_copy(&r->s->arena, out, strlen(out));
}

/* ---- Adding -------------------------------------------------------------- */

static anm_status check_type(const anm_gguf_reading *r,
                             const anm_gguf_tensor *t, anm_error *err)
{
    if (t->dtype != ANM_DTYPE_COUNT) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: %s: type %s is not built in; built in: F32, F16, "
                    "BF16, Q8_0, Q4_0, Q5_0, Q4_K, Q5_K, Q6_K",
                    r->s->path, t->name, t->type);
}

static anm_weight weight_of(const anm_gguf_tensor *t, const char *name)
{
    anm_weight w = {
        .name = name,
        .stored = t->name,
        .dtype = t->dtype,
        .rank = t->rank,
        .data = t->data,
    };

    memcpy(w.dims, t->dims, sizeof(t->dims));
    return w;
}

static anm_status add_one(anm_gguf_reading *r, const anm_gguf_tensor *t,
                          const char *name, anm_error *err)
{
    anm_status status = check_type(r, t, err);

    if (status) return status;
    if (!name) return anm_gguf_fail_memory(err);
    const anm_weight w = weight_of(t, name);
    anm_weights_add(&r->s->weights, &w);
    return ANM_OK;
}

/* A head that has a type which is not built in is left out of the table. */
static anm_status add_unused(anm_gguf_reading *r, const anm_gguf_tensor *t,
                             anm_error *err)
{
    return t->dtype == ANM_DTYPE_COUNT ? ANM_OK : add_one(r, t, "", err);
}

/* Rows of q, k and v. */
static void count_rows(const anm_gguf_reading *r, uint64_t rows[3])
{
    const json_t *c = r->s->config;
    const json_int_t hidden =
        json_integer_value(json_object_get(c, "hidden_size"));
    const json_int_t heads =
        json_integer_value(json_object_get(c, "num_attention_heads"));
    const json_t *head = json_object_get(c, "head_dim");
    const json_t *kv_heads = json_object_get(c, "num_key_value_heads");
    const json_int_t size = head ? json_integer_value(head) : hidden / heads;

    rows[0] = (uint64_t)(heads * size);
    rows[1] = rows[2] =
        (uint64_t)((kv_heads ? json_integer_value(kv_heads) : heads) * size);
}

static anm_status add_fused(anm_gguf_reading *r, const anm_gguf_tensor *t,
                            const tensor_name *n, anm_error *err)
{
    uint64_t rows[3], bytes = 0, at = 0;
    anm_status status = check_type(r, t, err);

    if (status) return status;
    count_rows(r, rows);
    const uint64_t all = rows[0] + rows[1] + rows[2];
    if (t->rank < 1 || t->rank > 2 || t->dims[0] != all ||
        !anm_dtype_bytes(t->dtype, t->rank == 2 ? t->dims[1] : 1, &bytes))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: %s: %" PRIu64 " rows, %" PRIu64 " of q, %" PRIu64
                        " of k and as many of v expected",
                        r->s->path, t->name, t->rank ? t->dims[0] : 0, rows[0],
                        rows[1]);
    for (size_t i = 0; i < 3 && !status; i++) {
        anm_gguf_tensor part = *t;

        part.dims[0] = rows[i];
        // Inside: the tensor's bytes are as many as its rows.
        anm_bytes_slice(t->data, at, rows[i] * bytes, &part.data);
        status = add_one(r, &part, make_name(r, n, r->kind->qkv[i]), err);
        at += rows[i] * bytes;
    }
    return status;
}

/* Layers beyond those that metadata counts: another vector would come out than
 * the one that the file is meant to give, and no sign of it. */
static anm_status check_layer(const anm_gguf_reading *r,
                              const anm_gguf_tensor *t, const tensor_name *n,
                              anm_error *err)
{
    const size_t layers = r->extent.layers;

    if (!n->in_layer || n->layer < layers) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "%s: tensor %s: metadata says %zu layers, 0 to %zu",
                    r->s->path, t->name, layers, layers - 1);
}

static anm_status add_tensor(anm_gguf_reading *r, const anm_gguf_tensor *t,
                             anm_error *err)
{
    tensor_name n;
    const bool known = split_name(t->name, &n);
    const anm_status status = known ? check_layer(r, t, &n, err) : ANM_OK;

    if (status) return status;
    if (known && is_head(&n)) return add_unused(r, t, err);
    if (known && is_fused(&n)) return add_fused(r, t, &n, err);
    const char *path = known ? find_path(r->kind, &n) : NULL;
    if (path) return add_one(r, t, make_name(r, &n, path), err);
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: tensor %s is no part of %s as it is built in",
                    r->s->path, t->name, r->kind->name);
}

static size_t count_room(const anm_gguf *g)
{
    size_t n = anm_gguf_n_tensors(g);

    for (size_t i = anm_gguf_n_tensors(g); i-- > 0;) {
        tensor_name name;

        if (split_name(anm_gguf_tensor_at(g, i)->name, &name) &&
            is_fused(&name))
            n += 2;
    }
    return n;
}

anm_status anm_gguf_read_weights(anm_gguf_reading *r, anm_error *err)
{
    anm_weights *w = &r->s->weights;
    anm_status status = ANM_OK;

    if (!anm_weights_reset(w, &r->s->arena, count_room(r->g), 1))
        return anm_gguf_fail_memory(err);
    anm_weights_add_file(w, anm_gguf_path(r->g), anm_gguf_map(r->g));
    for (size_t i = 0; i < anm_gguf_n_tensors(r->g) && !status; i++)
        status = add_tensor(r, anm_gguf_tensor_at(r->g, i), err);
    if (!status) status = anm_weights_finish(w, err);
    if (!status) r->s->stored = anm_weights_main_type(w);
    return status;
}
