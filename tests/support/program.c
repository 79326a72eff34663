/* program.c - small models, sections in memory, runners.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/program.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/kern.h"
#include "support/graph_eval.h"
#include "support/support.h"

uint64_t test_random(uint64_t *seed)
{
    uint64_t x = (*seed += 0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

float test_random_float(uint64_t *seed)
{
    return (float)(test_random(seed) >> 40) * 0x1p-23f - 1.0f;
}

/* ---- Graphs -------------------------------------------------------------- */

void test_graph_init(test_graph *t, uint64_t seed)
{
    const anm_shape row = { ANM_DTYPE_I32, 1, { ANM_DIM_TOKENS } };

    *t = (test_graph){ .seed = seed };
    assert_int_equal(anm_graph_new(&t->graph, NULL), ANM_OK);
    anm_graph_input(t->graph, "ids", &row);
    anm_graph_input(t->graph, "mask", &row);
}

void test_graph_deinit(test_graph *t)
{
    anm_graph_free(t->graph);
    for (size_t i = 0; i < t->n_constants; i++)
        free(t->constants[i]);
    *t = (test_graph){ 0 };
}

/* One block of random elements. */
static void fill_block(test_graph *t, unsigned char *p, anm_dtype dtype,
                       float scale)
{
    const size_t bytes = anm_dtype_block(dtype).bytes;
    const float f = test_random_float(&t->seed) * scale;
    uint16_t half = anm_f16_of_f32(f);
    unsigned char raw[4];

    memcpy(raw, &f, 4);
    if (dtype == ANM_DTYPE_F32 || dtype == ANM_DTYPE_BF16) {
        memcpy(p, raw + 4 - bytes, bytes);
        return;
    }
    for (size_t i = 0; i < bytes; i++)
        p[i] = (unsigned char)test_random(&t->seed);
    if (dtype == ANM_DTYPE_Q8_0) half = anm_f16_of_f32(f / 128);
    if (dtype == ANM_DTYPE_Q4_0) half = anm_f16_of_f32(f / 8);
    if (dtype == ANM_DTYPE_Q5_0) half = anm_f16_of_f32(f / 16);
    if (dtype == ANM_DTYPE_Q4_K) half = anm_f16_of_f32(f / 512);
    if (dtype == ANM_DTYPE_Q5_K) half = anm_f16_of_f32(f / 1024);
    if (dtype == ANM_DTYPE_Q6_K) half = anm_f16_of_f32(f / 2048);
    // The scale; of Q4_K and Q5_K that of the minima follows.
    memcpy(p + (dtype == ANM_DTYPE_Q6_K ? 208 : 0), &half, 2);
    if (dtype == ANM_DTYPE_Q4_K || dtype == ANM_DTYPE_Q5_K)
        memcpy(p + 2, &half, 2);
}

anm_value_id test_constant(test_graph *t, const char *name, anm_dtype dtype,
                           int64_t rows, int64_t cols, float scale)
{
    const size_t n = (size_t)(rows * (cols ? cols : 1));

    if (!cols && anm_dtype_block(dtype).elements > 1) dtype = ANM_DTYPE_F32;
    const anm_shape shape = { dtype, cols ? 2 : 1, { rows, cols } };
    const anm_block block = anm_dtype_block(dtype);
    const size_t len = n / block.elements * block.bytes;
    /* One byte off, as a file may lay it. */
    unsigned char *data = malloc(len + 1);

    assert_non_null(data);
    for (size_t i = 0; i < len; i += block.bytes)
        fill_block(t, data + 1 + i, dtype, scale);
    assert_true(t->n_constants < 512);
    t->constants[t->n_constants++] = data;
    return anm_graph_const(t->graph, name, &shape, anm_bytes_of(data + 1, len));
}

const char *test_layer_name(int64_t layer, const char *part, const char *suffix)
{
    static char names[4][96];
    static unsigned next;
    char *name = names[next++ % 4];

    snprintf(name, sizeof(names[0]), "layer_%02d.%s%s", (int)layer, part,
             suffix);
    return name;
}

typedef struct builder {
    test_graph *t;
    test_bert p;
    int64_t layer;
} builder;

static anm_value_id add1(const builder *b, anm_op op, const char *name,
                         anm_value_id x, anm_attr attr)
{
    return anm_graph_add(b->t->graph, op, test_layer_name(b->layer, name, ""),
                         &x, 1, &attr);
}

static anm_value_id add2(const builder *b, anm_op op, const char *name,
                         anm_value_id x, anm_value_id y, anm_attr attr)
{
    const anm_value_id in[] = { x, y };
    return anm_graph_add(b->t->graph, op, test_layer_name(b->layer, name, ""),
                         in, 2, &attr);
}

static anm_value_id add_linear(const builder *b, const char *name,
                               anm_value_id x, int64_t n, int64_t k)
{
    const float scale = 1.7f / sqrtf((float)k);
    const anm_value_id in[] = {
        x,
        test_constant(b->t, test_layer_name(b->layer, name, ".weight"),
                      b->p.dtype, n, k, scale),
        test_constant(b->t, test_layer_name(b->layer, name, ".bias"),
                      b->p.dtype, n, 0, 0.2f),
    };
    return anm_graph_add(b->t->graph, ANM_OP_LINEAR,
                         test_layer_name(b->layer, name, ""), in, 3, NULL);
}

static anm_value_id add_norm(const builder *b, const char *name, anm_value_id x)
{
    const anm_attr attr = { .eps = 1e-12 };
    const anm_value_id in[] = {
        x,
        test_constant(b->t, test_layer_name(b->layer, name, ".gamma"),
                      ANM_DTYPE_F32, b->p.dim, 0, 1.0f),
        test_constant(b->t, test_layer_name(b->layer, name, ".beta"),
                      ANM_DTYPE_F32, b->p.dim, 0, 0.2f),
    };
    return anm_graph_add(b->t->graph, ANM_OP_LAYER_NORM,
                         test_layer_name(b->layer, name, ""), in, 3, &attr);
}

static anm_value_id add_heads(const builder *b, const char *part,
                              anm_value_id x)
{
    const anm_attr split = {
        .rank = 3,
        .dims = { ANM_DIM_TOKENS, b->p.heads, b->p.dim / b->p.heads },
    };
    const anm_attr swap = { .rank = 3, .perm = { 1, 0, 2 } };
    char name[64];

    x = add_linear(b, part, x, b->p.dim, b->p.dim);
    snprintf(name, sizeof(name), "%s.split", part);
    x = add1(b, ANM_OP_RESHAPE, name, x, split);
    snprintf(name, sizeof(name), "%s.heads", part);
    return add1(b, ANM_OP_TRANSPOSE, name, x, swap);
}

static anm_value_id add_attention(const builder *b, anm_value_id x)
{
    const double size = (double)b->p.dim / (double)b->p.heads;
    const anm_attr scale = { .alpha = (float)(1.0 / sqrt(size)) };
    const anm_attr swap = { .rank = 3, .perm = { 1, 0, 2 } };
    const anm_attr join = { .rank = 2, .dims = { ANM_DIM_TOKENS, b->p.dim } };
    const anm_value_id q = add_heads(b, "query", x);
    const anm_value_id k = add_heads(b, "key", x);
    const anm_value_id v = add_heads(b, "value", x);

    anm_value_id p =
        add2(b, ANM_OP_MATMUL, "dots", q, k, (anm_attr){ .flag = true });
    p = add1(b, ANM_OP_SCALE, "scores", p, scale);
    p = add2(b, ANM_OP_SOFTMAX, "shares", p, 1, (anm_attr){ 0 });
    anm_value_id o = add2(b, ANM_OP_MATMUL, "mix", p, v, (anm_attr){ 0 });
    o = add1(b, ANM_OP_TRANSPOSE, "rows", o, swap);
    return add1(b, ANM_OP_RESHAPE, "attention", o, join);
}

static anm_value_id add_layer(const builder *b, anm_value_id x)
{
    const anm_attr none = { 0 };

    anm_value_id o = add_attention(b, x);
    o = add_linear(b, "output", o, b->p.dim, b->p.dim);
    o = add2(b, ANM_OP_ADD, "attention_sum", o, x, none);
    x = add_norm(b, "attention_norm", o);
    o = add_linear(b, "up", x, b->p.inner, b->p.dim);
    o = add1(b, ANM_OP_ACT, "act", o, (anm_attr){ .act = b->p.act });
    o = add_linear(b, "down", o, b->p.dim, b->p.inner);
    o = add2(b, ANM_OP_ADD, "sum", o, x, none);
    return add_norm(b, "norm", o);
}

static anm_value_id add_embedding(const builder *b)
{
    const anm_attr none = { 0 };
    const anm_value_id table =
        test_constant(b->t, "word", b->p.dtype, b->p.vocab, b->p.dim, 0.5f);
    const anm_value_id places = test_constant(b->t, "place", b->p.dtype,
                                              b->p.positions, b->p.dim, 0.5f);
    const anm_value_id type =
        test_constant(b->t, "type", b->p.dtype, b->p.dim, 0, 0.5f);
    const anm_value_id position = add1(b, ANM_OP_POSITION, "position", 0, none);

    anm_value_id x = add2(b, ANM_OP_GATHER, "words", table, 0, none);
    x = add2(b, ANM_OP_ADD, "word_type", x, type, none);
    const anm_value_id p =
        add2(b, ANM_OP_GATHER, "places", places, position, none);
    x = add2(b, ANM_OP_ADD, "embedding_sum", x, p, none);
    return add_norm(b, "embedding", x);
}

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value ? value : otherwise;
}

void test_bert_init(test_graph *t, const test_bert *params)
{
    builder b = { .t = t, .p = *params };

    b.p.vocab = or_default(b.p.vocab, 97);
    b.p.positions = or_default(b.p.positions, 256);
    b.p.dim = or_default(b.p.dim, 48);
    b.p.heads = or_default(b.p.heads, 4);
    b.p.inner = or_default(b.p.inner, 100);
    b.p.layers = or_default(b.p.layers, 2);
    test_graph_init(t, params->seed);
    anm_value_id x = add_embedding(&b);
    for (b.layer = 1; b.layer <= b.p.layers; b.layer++)
        x = add_layer(&b, x);
    x = add2(&b, ANM_OP_POOL, "pooled", x, 1, (anm_attr){ .pool = b.p.pool });
    if (b.p.normalize)
        x = add1(&b, ANM_OP_NORMALIZE, "unit", x, (anm_attr){ .eps = 1e-12 });
    anm_graph_result(t->graph, x);
    anm_error err;
    if (anm_graph_finish(t->graph, &err)) fail_msg("%s", err.message);
}

/* ---- Programs ------------------------------------------------------------ */

anm_program test_program(const anm_graph *g, size_t max_tokens)
{
    const anm_value *v = anm_graph_value(g, anm_graph_result_of(g));

    return (anm_program){
        .graph = g,
        .precision = ANM_PRECISION_F32,
        .max_tokens = max_tokens,
        .dim = (size_t)v->shape.dims[0],
    };
}

static anm_status begin_section(void *ctx, const char *name, uint64_t bytes,
                                anm_error *err)
{
    test_sections *s = ctx;

    (void)err;
    assert_true(s->n < 512);
    if (s->n > 0) assert_int_equal(s->written, s->items[s->n - 1].bytes.len);
    const size_t room = (bytes + 4095) / 4096 * 4096;
    void *data = aligned_alloc(4096, room ? room : 4096);
    assert_non_null(data);
    s->items[s->n++] = (anm_section){ strdup(name), anm_bytes_of(data, bytes) };
    s->written = 0;
    return ANM_OK;
}

static anm_status write_section(void *ctx, const void *data, size_t len,
                                anm_error *err)
{
    test_sections *s = ctx;
    const anm_bytes bytes = s->items[s->n - 1].bytes;

    (void)err;
    assert_true(len <= bytes.len - s->written);
    memcpy((uint8_t *)(uintptr_t)bytes.data + s->written, data, len);
    s->written += len;
    return ANM_OK;
}

anm_section_sink test_sink(test_sections *s)
{
    return (anm_section_sink){ begin_section, write_section, s };
}

static int compare_sections(const void *a, const void *b)
{
    const anm_section *x = a, *y = b;

    return strcmp(x->name, y->name);
}

void test_sections_sort(test_sections *s)
{
    if (s->n > 0) assert_int_equal(s->written, s->items[s->n - 1].bytes.len);
    qsort(s->items, s->n, sizeof(s->items[0]), compare_sections);
    s->view = (anm_sections){ s->items, s->n };
}

void test_sections_deinit(test_sections *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free((void *)(uintptr_t)s->items[i].name);
        free((void *)(uintptr_t)s->items[i].bytes.data);
    }
    s->n = 0;
}

void test_runner_init(test_runner *t, const anm_program *program,
                      unsigned threads, unsigned cpu)
{
    const anm_load_params params = { .units = ANM_UNITS_CPU_ONLY,
                                     .threads = threads,
                                     .cpu = cpu };
    anm_error err;

    *t = (test_runner){ .backend = &anm_backend_cpu };
    const anm_section_sink sink = test_sink(&t->sections);
    if (t->backend->prepare(program, &params, &sink, &err))
        fail_msg("%s", err.message);
    test_sections_sort(&t->sections);
    if (t->backend->load(&t->runner, program, &params, &t->sections.view, &err))
        fail_msg("%s", err.message);
}

void test_runner_deinit(test_runner *t)
{
    t->backend->unload(t->runner);
    test_sections_deinit(&t->sections);
}

/* ---- Calls --------------------------------------------------------------- */

anm_input test_input(int32_t *ids, int32_t *mask, size_t len, size_t vocab,
                     uint64_t *seed)
{
    for (size_t i = 0; i < len; i++) {
        ids[i] = (int32_t)(test_random(seed) % vocab);
        mask[i] = 1;
    }
    return (anm_input){ ids, mask, len };
}

void test_predict(test_runner *t, const anm_input *inputs, size_t n,
                  float *vectors)
{
    const anm_call call = { .inputs = inputs,
                            .n_inputs = n,
                            .vectors = vectors };
    uint64_t bind_ns;
    anm_error err;

    if (t->backend->predict(t->runner, &call, &bind_ns, &err))
        fail_msg("%s", err.message);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SHADOWED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define SHADOWED 1
#endif

bool test_counts_own_faults(void)
{
#if defined(SHADOWED)
    return false;
#else
    return true;
#endif
}

static void compare(const char *name, const float *x, const double *exact,
                    size_t n, double tolerance)
{
    double largest = 0.0;

    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(exact[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)x[i] - exact[i]) <= tolerance * largest))
            fail_msg("%s[%zu] is %.9g, not %.9g (largest %g)", name, i,
                     (double)x[i], exact[i], largest);
}

/* One tap: the rows of all texts, one text after the other. */
static void compare_tap(const anm_tap *tap, const test_eval *evals,
                        size_t n_texts, double tolerance)
{
    size_t at = 0;

    for (size_t t = 0; t < n_texts; t++) {
        size_t n = 0;
        const double *exact = test_eval_value(&evals[t], tap->name, &n);

        compare(tap->name, tap->out + at, exact, n, tolerance);
        at += n;
    }
    assert_int_equal(at, tap->n);
}

static void call_with_taps(test_runner *r, const anm_program *p,
                           const anm_input *inputs, const test_eval *evals,
                           size_t n, double tolerance)
{
    const size_t n_nodes = anm_graph_n_nodes(p->graph);
    anm_tap *taps = calloc(n_nodes, sizeof(*taps));
    float *vectors = calloc(n * p->dim, sizeof(*vectors));
    size_t n_taps = 0;
    uint64_t bind_ns;
    anm_error err;

    for (size_t i = 0; i < n_nodes; i++) {
        const anm_value *v =
            anm_graph_value(p->graph, anm_graph_node(p->graph, i)->output);
        const size_t cap = (size_t)1 << 19;
        if (v->shape.dtype != ANM_DTYPE_F32) continue;
        taps[n_taps++] = (anm_tap){ .name = v->name,
                                    .out = calloc(cap, sizeof(float)),
                                    .cap = cap };
    }
    const anm_call call = { .inputs = inputs,
                            .n_inputs = n,
                            .vectors = vectors,
                            .taps = taps,
                            .n_taps = n_taps,
                            .counted = true };
    if (r->backend->predict(r->runner, &call, &bind_ns, &err))
        fail_msg("%s", err.message);
    for (size_t i = 0; i < n_taps; i++) {
        compare_tap(&taps[i], evals, n, tolerance);
        free(taps[i].out);
    }
    free(taps);
    free(vectors);
}

void test_against_eval(const anm_program *program, const size_t *lens, size_t n,
                       unsigned threads, unsigned cpu, double tolerance)
{
    int32_t ids[4096], mask[4096];
    anm_input inputs[16];
    test_eval evals[16];
    test_runner r;
    uint64_t seed = 7;
    size_t at = 0;

    assert_true(n <= 16);
    test_runner_init(&r, program, threads, cpu);
    for (size_t i = 0; i < n; i++) {
        assert_true(at + lens[i] <= 4096);
        inputs[i] = test_input(ids + at, mask + at, lens[i], 90, &seed);
        evals[i] = test_eval_run(program->graph, ids + at, lens[i]);
        at += lens[i];
        call_with_taps(&r, program, &inputs[i], &evals[i], 1, tolerance);
    }
    call_with_taps(&r, program, inputs, evals, n, tolerance);
    for (size_t i = 0; i < n; i++)
        test_eval_free(&evals[i]);
    test_runner_deinit(&r);
}

size_t test_levels(unsigned masks[16])
{
    const unsigned all = anm_cpu_detect();
    size_t n = 0;
    anm_kern last = { 0 }, next;

    for (unsigned bits = 0; bits < 8; bits++) {
        const unsigned mask = all & ((1u << bits) - 1);

        anm_kern_init(&next, mask);
        if (n > 0 && strcmp(next.level, last.level) == 0) continue;
        masks[n++] = mask;
        last = next;
    }
    anm_kern_init(&next, all);
    if (strcmp(next.level, last.level) != 0) masks[n++] = all;
    return n;
}
