/* fingerprint.c - one digest from constants, tokenizer, recipe and precision.
 *
 * The constants are hashed by themselves and enter as 32 bytes, so that the
 * expensive part can be remembered. What is remembered holds for the very
 * files and the very ranges in them, names and shapes included.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/fingerprint.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/remember.h"
#include "base/sha256.h"
#include "model/architecture.h"
#include "model/package.h"

/* Changes whenever the sequence of hashed fields does. */
static const char version[] = "anemone fingerprint 1";

enum { CHUNK_BYTES = 1 << 20, PROGRESS_NS = 50000000 };

/* The constants of a graph in order of name. */
typedef struct constants {
    const anm_value **values; /* [n] */
    size_t n;
    uint64_t bytes;
} constants;

static int compare_names(const void *a, const void *b)
{
    const anm_value *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static bool collect(constants *c, const anm_graph *g)
{
    const size_t n = anm_graph_n_values(g);

    c->values = anm_alloc_array(n, sizeof(const anm_value *));
    if (!c->values) return false;
    for (size_t i = 0; i < n; i++) {
        const anm_value *v = anm_graph_value(g, (anm_value_id)i);
        if (v->kind != ANM_VALUE_CONST) continue;
        c->values[c->n++] = v;
        for (size_t p = 0; p < v->n_parts; p++)
            c->bytes += v->parts[p].data.len;
    }
    qsort(c->values, c->n, sizeof(const anm_value *), compare_names);
    return true;
}

static void add_description(anm_sha256 *h, const anm_value *v)
{
    anm_sha256_add_string(h, v->name);
    anm_sha256_add_string(h, anm_dtype_name(v->shape.dtype));
    anm_sha256_add_u64(h, v->shape.rank);
    for (unsigned i = 0; i < v->shape.rank; i++)
        anm_sha256_add_u64(h, (uint64_t)v->shape.dims[i]);
}

/* Which file of the weights the bytes lie in; their number when in none. */
static size_t find_file(const anm_weights *w, anm_bytes b)
{
    const uintptr_t at = (uintptr_t)b.data;
    size_t i = 0;

    while (i < w->n_files) {
        const anm_bytes file = w->files[i].map->bytes;
        const uintptr_t start = (uintptr_t)file.data;

        if (at >= start && at - start < file.len) break;
        i++;
    }
    return i;
}

/* File and place: constants of a graph before passes always lie in one. */
static void add_location(anm_sha256 *h, const anm_weights *w, anm_bytes b)
{
    const size_t i = find_file(w, b);

    assert(i < w->n_files);
    anm_sha256_add_u64(h, i);
    anm_sha256_add_u64(h, (size_t)(b.data - w->files[i].map->bytes.data));
}

/* The word under which the constants' digest is remembered. */
static void name_memory(anm_sha256 *h, const anm_source *s, const constants *c,
                        char *out, size_t cap)
{
    uint8_t digest[ANM_SHA256_BYTES];
    char hex[ANM_SHA256_HEX];

    anm_sha256_reset(h);
    for (size_t i = 0; i < c->n; i++) {
        add_description(h, c->values[i]);
        for (size_t p = 0; p < c->values[i]->n_parts; p++)
            add_location(h, &s->weights, c->values[i]->parts[p].data);
    }
    anm_sha256_read(h, digest);
    anm_sha256_hex(digest, hex);
    snprintf(out, cap, "%s weights %s %s", version, s->architecture, hex);
}

typedef struct progress {
    const anm_weights *weights;
    const anm_fingerprint_params *params;
    uint64_t done, total, told_ns;
} progress;

static void tell(progress *p, size_t more)
{
    p->done += more;
    if (!p->params->progress) return;
    const uint64_t now = anm_now_ns();
    if (now - p->told_ns < PROGRESS_NS) return;
    p->told_ns = now;
    p->params->progress(p->params->progress_ctx, "fingerprint", p->done,
                        p->total);
}

static void add_bytes(anm_sha256 *h, anm_bytes b, progress *p)
{
    for (size_t at = 0; at < b.len;) {
        const size_t left = b.len - at;
        const size_t n = left < CHUNK_BYTES ? left : CHUNK_BYTES;
        const anm_bytes chunk = { b.data + at, n };
        anm_sha256_add(h, chunk.data, n);
        // A file need not be held as a whole to be hashed.
        if (find_file(p->weights, chunk) < p->weights->n_files)
            anm_map_advise(chunk, ANM_MAP_DROP);
        tell(p, n);
        at += n;
    }
}

static void hash_constants(anm_sha256 *h, const anm_weights *w,
                           const constants *c,
                           const anm_fingerprint_params *params,
                           uint8_t out[ANM_SHA256_BYTES])
{
    progress p = { .weights = w, .params = params, .total = c->bytes };

    anm_sha256_reset(h);
    for (size_t i = 0; i < c->n; i++) {
        const anm_value *v = c->values[i];
        add_description(h, v);
        for (size_t j = 0; j < v->n_parts; j++)
            add_bytes(h, v->parts[j].data, &p);
    }
    anm_sha256_read(h, out);
}

/* The constants' digest: remembered, or computed and then remembered. */
static anm_status digest_constants(anm_sha256 *h, const anm_source *s,
                                   const constants *c,
                                   const anm_fingerprint_params *params,
                                   uint8_t out[ANM_SHA256_BYTES],
                                   anm_error *err)
{
    const size_t n = s->weights.n_files;
    const int64_t began_ns = anm_wall_ns();
    char what[160];
    anm_file_id *ids = anm_alloc_array(n, sizeof(*ids));

    if (!ids) return anm_fail(err, ANM_E_NOMEM, "fingerprint: out of memory");
    for (size_t i = 0; i < n; i++)
        ids[i] = s->weights.files[i].map->id;
    name_memory(h, s, c, what, sizeof(what));
    if (params->verify ||
        !anm_remember_get(params->memory, ids, n, what, out)) {
        hash_constants(h, &s->weights, c, params, out);
        anm_remember_put(params->memory, ids, n, what, began_ns, out);
    }
    anm_free(ids);
    return ANM_OK;
}

/* Of a package: what its function computes. */
static anm_status digest_package(const anm_source *s,
                                 const anm_fingerprint_params *params,
                                 uint8_t out[ANM_SHA256_BYTES], anm_error *err)
{
    const size_t n = s->weights.n_files;
    const int64_t began_ns = anm_wall_ns();
    char what[256];
    anm_file_id *ids = anm_alloc_array(n, sizeof(*ids));
    anm_status status = ANM_OK;

    if (!ids) return anm_fail(err, ANM_E_NOMEM, "fingerprint: out of memory");
    for (size_t i = 0; i < n; i++)
        ids[i] = s->weights.files[i].map->id;
    snprintf(what, sizeof(what), "%s package %.160s", version,
             s->package->function->name);
    if (params->verify ||
        !anm_remember_get(params->memory, ids, n, what, out)) {
        status = anm_package_digest(s->package, out, err);
        if (!status)
            anm_remember_put(params->memory, ids, n, what, began_ns, out);
    }
    anm_free(ids);
    return status;
}

static int compare_prompts(const void *a, const void *b)
{
    const anm_prompt *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Prompts are a set: their order in the file means nothing. */
static anm_status add_prompts(anm_sha256 *h, const anm_recipe *r,
                              anm_error *err)
{
    const anm_prompt **sorted =
        anm_alloc_array(r->n_prompts, sizeof(const anm_prompt *));

    if (!sorted)
        return anm_fail(err, ANM_E_NOMEM, "fingerprint: out of memory");
    for (size_t i = 0; i < r->n_prompts; i++)
        sorted[i] = &r->prompts[i];
    qsort(sorted, r->n_prompts, sizeof(const anm_prompt *), compare_prompts);

    anm_sha256_add_u64(h, r->n_prompts);
    for (size_t i = 0; i < r->n_prompts; i++) {
        anm_sha256_add_string(h, sorted[i]->name);
        anm_sha256_add_string(h, sorted[i]->text);
    }
    anm_sha256_add_u64(h, r->default_prompt != NULL);
    anm_sha256_add_string(h, r->default_prompt ? r->default_prompt : "");
    anm_free(sorted);
    return ANM_OK;
}

static anm_status add_recipe(anm_sha256 *h, const anm_recipe *r, anm_error *err)
{
    anm_sha256_add_string(h,
                          r->is_pooled ? "none" : anm_pool_kind_name(r->pool));
    anm_sha256_add_u64(h, r->normalize);
    anm_sha256_add_u64(h, r->lowercase);
    anm_sha256_add_u64(h, r->max_tokens);
    anm_sha256_add_u64(h, r->dim);
    return add_prompts(h, r, err);
}

static anm_status add_architecture(anm_sha256 *h, const anm_source *s,
                                   anm_error *err)
{
    const anm_architecture *a = NULL;
    const anm_status status =
        anm_architecture_find(&a, s->architecture, s->path, err);

    if (!status) a->digest(s, h);
    return status;
}

/* Which of its outputs the vector is made of, and how. */
static anm_status add_package(anm_sha256 *h, const anm_package *p)
{
    anm_sha256_add_string(h, p->output.name);
    anm_sha256_add_u64(h, (uint64_t)p->layout);
    anm_sha256_add_u64(h, p->unit);
    anm_sha256_add_u64(h, p->pad_left);
    anm_sha256_add_u64(h, (uint64_t)p->pad_id);
    return ANM_OK;
}

/* Everything, with the constants as their digest. */
static anm_status hash_model(anm_sha256 *h, const anm_source *s,
                             anm_precision precision,
                             const uint8_t weights[ANM_SHA256_BYTES],
                             uint8_t out[ANM_SHA256_BYTES], anm_error *err)
{
    uint8_t tokenizer[ANM_SHA256_BYTES];

    anm_tokenizer_digest(s->tokenizer, tokenizer);
    anm_sha256_reset(h);
    anm_sha256_add_string(h, version);
    anm_sha256_add_string(h, s->architecture);
    anm_status status =
        s->package ? add_package(h, s->package) : add_architecture(h, s, err);
    if (status) return status;
    anm_sha256_add(h, weights, ANM_SHA256_BYTES);
    anm_sha256_add(h, tokenizer, sizeof(tokenizer));
    status = add_recipe(h, &s->recipe, err);
    if (status) return status;
    anm_sha256_add_u64(h, (uint64_t)precision);
    anm_sha256_read(h, out);
    return ANM_OK;
}

anm_status anm_fingerprint_make(const anm_source *s, const anm_graph *g,
                                anm_precision precision,
                                const anm_fingerprint_params *params,
                                char out[ANM_FINGERPRINT_TEXT], anm_error *err)
{
    uint8_t weights[ANM_SHA256_BYTES], whole[ANM_SHA256_BYTES];
    char hex[ANM_SHA256_HEX];
    constants c = { 0 };
    anm_sha256 *h = anm_sha256_new();
    anm_status status = ANM_OK;

    if (!h || (g && !collect(&c, g))) {
        status = anm_fail(err, ANM_E_NOMEM, "fingerprint: out of memory");
        goto done;
    }
    status = g ? digest_constants(h, s, &c, params, weights, err)
               : digest_package(s, params, weights, err);
    if (status) goto done;

    status = hash_model(h, s, precision, weights, whole, err);
    if (status) goto done;

    anm_sha256_hex(whole, hex);
    snprintf(out, ANM_FINGERPRINT_TEXT, "sha256:%s", hex);

done:
    anm_free(c.values);
    anm_sha256_free(h);
    return status;
}
