/* test_cpu_prepare.c - constants become sections.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/program.h"
#include "support/support.h"

#include "graph/keep.h"
#include "graph/pass.h"
#include "kern/kern.h"

static const anm_load_params params = { .threads = 1 };

static void prepare(const anm_program *p, test_sections *s)
{
    const anm_section_sink sink = test_sink(s);
    anm_error err;

    if (anm_backend_cpu.prepare(p, &params, &sink, &err))
        fail_msg("%s", err.message);
    test_sections_sort(s);
}

/* The stored bytes of a constant, in one piece; freed by the caller. */
static unsigned char *join(const anm_value *v, size_t *len)
{
    unsigned char *all = NULL;

    *len = 0;
    for (size_t p = 0; p < v->n_parts; p++) {
        const anm_bytes part = v->parts[p].data;

        all = realloc(all, *len + part.len);
        assert_non_null(all);
        memcpy(all + *len, part.data, part.len);
        *len += part.len;
    }
    return all;
}

/* Types that sections keep; others are widened. */
static bool is_kept(anm_dtype t)
{
    return t == ANM_DTYPE_F16 || t == ANM_DTYPE_BF16 || t == ANM_DTYPE_Q8_0 ||
           t == ANM_DTYPE_Q4_0 || t == ANM_DTYPE_Q5_0 || t == ANM_DTYPE_Q4_K ||
           t == ANM_DTYPE_Q5_K || t == ANM_DTYPE_Q6_K;
}

/* What the section of a value must hold; freed by the caller. */
static unsigned char *expect(const anm_value *v, const char *form, size_t *len)
{
    const size_t n = (size_t)anm_shape_elements(&v->shape, 0);
    const size_t rows = (size_t)v->shape.dims[0];
    const bool plain = !strcmp(form, "plain");
    const anm_dtype type = !plain && is_kept(v->kept) ? v->kept : ANM_DTYPE_F32;
    unsigned char *x = join(v, len);
    anm_kern kern;

    if (type != v->shape.dtype) {
        float *wide = malloc(n * sizeof(*wide));

        assert_non_null(wide);
        assert_true(anm_widen_f32(wide, x, v->shape.dtype, n));
        free(x);
        x = (void *)wide;
        *len = n * sizeof(*wide);
    }
    if (type != ANM_DTYPE_F32 && type != v->shape.dtype) {
        const anm_block block = anm_dtype_block(type);
        unsigned char *rounded =
            malloc(*len = n / block.elements * block.bytes);

        assert_non_null(rounded);
        assert_true(anm_quantize(rounded, type, (const void *)x, n));
        free(x);
        x = rounded;
    }
    if (strcmp(form, "panels")) return x;
    unsigned char *packed =
        malloc(*len = anm_panels(rows) * anm_panel_bytes(type, n / rows));
    assert_non_null(packed);
    anm_kern_init(&kern, 0);
    kern.pack(packed, type, x, n / rows, rows, n / rows);
    free(x);
    return packed;
}

static void check_section(const test_sections *s, const anm_value *v,
                          const char *form)
{
    char name[256];
    anm_bytes found;
    size_t len;
    unsigned char *x = expect(v, form, &len);

    snprintf(name, sizeof(name), "%s/%s", form, v->name);
    if (!anm_sections_find(&s->view, name, &found))
        fail_msg("no section %s", name);
    if (!anm_bytes_equal(found, anm_bytes_of(x, len)))
        fail_msg("section %s: %zu bytes, %zu expected, or other ones", name,
                 found.len, len);
    free(x);
}

/* Every constant that a node reads is in one section of its form. */
static void check_sections(const anm_program *p)
{
    test_sections s = { 0 };
    size_t n = 0;

    prepare(p, &s);
    for (size_t i = 0; i < anm_graph_n_nodes(p->graph); i++) {
        const anm_node *node = anm_graph_node(p->graph, i);

        for (size_t j = 0; j < ANM_INPUTS_MAX; j++) {
            if (node->inputs[j] == ANM_VALUE_NONE) continue;
            const anm_value *v = anm_graph_value(p->graph, node->inputs[j]);
            if (v->kind != ANM_VALUE_CONST) continue;
            check_section(&s, v,
                          node->op == ANM_OP_LINEAR && j == 1   ? "panels"
                          : node->op == ANM_OP_GATHER && j == 0 ? "table"
                                                                : "plain");
            n++;
        }
    }
    assert_int_equal(n, s.n);
    test_sections_deinit(&s);
}

static void sections_hold_every_constant_in_its_form(void **state)
{
    static const struct {
        anm_dtype type;
        int64_t dim, inner;
    } cases[] = {
        // Odd sizes: stacked parts end inside a panel.
        { ANM_DTYPE_F32, 36, 100 },   { ANM_DTYPE_BF16, 37 * 4, 101 },
        { ANM_DTYPE_F16, 36, 101 },   { ANM_DTYPE_Q8_0, 32, 96 },
        { ANM_DTYPE_Q4_0, 96, 160 },  { ANM_DTYPE_Q4_K, 256, 256 },
        { ANM_DTYPE_Q6_K, 256, 512 }, { ANM_DTYPE_Q5_0, 32, 96 },
        { ANM_DTYPE_Q5_K, 256, 256 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned passes = 0; passes <= ANM_PASS_ALL;
             passes += ANM_PASS_ALL) {
            test_graph t;

            test_bert_init(&t, &(test_bert){ .dim = cases[i].dim,
                                             .inner = cases[i].inner,
                                             .dtype = cases[i].type });
            assert_int_equal(anm_graph_optimize(t.graph, passes, NULL), ANM_OK);
            const anm_program p = test_program(t.graph, 64);
            check_sections(&p);
            test_graph_deinit(&t);
        }
    }
}

static void rounded_weights_are_rounded_rows_in_their_form(void **state)
{
    static const struct {
        anm_dtype stored;
        anm_precision precision;
        int64_t dim, inner;
    } cases[] = {
        { ANM_DTYPE_F32, ANM_PRECISION_BF16, 36, 101 },
        { ANM_DTYPE_F32, ANM_PRECISION_INT8, 64, 288 },
        { ANM_DTYPE_F16, ANM_PRECISION_INT8, 32, 96 },
        { ANM_DTYPE_BF16, ANM_PRECISION_INT4, 96, 160 },
        // Of these rows some are whole blocks, and some are not.
        { ANM_DTYPE_F32, ANM_PRECISION_INT4, 64, 100 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned passes = 0; passes <= ANM_PASS_ALL;
             passes += ANM_PASS_ALL) {
            test_graph t;

            test_bert_init(&t, &(test_bert){ .dim = cases[i].dim,
                                             .inner = cases[i].inner,
                                             .dtype = cases[i].stored });
            assert_int_equal(anm_graph_optimize(t.graph, passes, NULL), ANM_OK);
            anm_graph_keep(t.graph, cases[i].precision);
            anm_program p = test_program(t.graph, 64);
            p.precision = cases[i].precision;
            check_sections(&p);
            test_graph_deinit(&t);
        }
    }
}

static void a_value_without_a_place_is_named(void **state)
{
    test_graph t;
    test_sections s = { 0 };
    const anm_section_sink sink = test_sink(&s);
    anm_error err = { 0 };
    (void)state;

    test_bert_init(&t, &(test_bert){ .dim = 64, .inner = 64, .layers = 1 });
    for (size_t i = 0; i < anm_graph_n_values(t.graph); i++) {
        const anm_value *v = anm_graph_value(t.graph, (anm_value_id)i);
        if (v->kind == ANM_VALUE_CONST && v->shape.rank == 2)
            memcpy((void *)(uintptr_t)v->parts[0].data.data, &(float){ 3e38f },
                   sizeof(float));
    }
    anm_graph_keep(t.graph, ANM_PRECISION_INT8);
    anm_program p = test_program(t.graph, 64);
    p.precision = ANM_PRECISION_INT8;
    assert_int_equal(anm_backend_cpu.prepare(&p, &params, &sink, &err),
                     ANM_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "Q8_0"));
    test_sections_deinit(&s);
    test_graph_deinit(&t);
}

static void sections_larger_than_the_buffer_are_whole(void **state)
{
    test_graph t;

    (void)state;
    test_bert_init(
        &t,
        &(test_bert){ .vocab = 1500, .dim = 80, .inner = 1700, .layers = 1 });
    assert_int_equal(anm_graph_optimize(t.graph, ANM_PASS_ALL, NULL), ANM_OK);
    const anm_program p = test_program(t.graph, 64);
    check_sections(&p);
    test_graph_deinit(&t);
}

static void bytes_do_not_depend_on_the_level(void **state)
{
    test_graph t;
    unsigned masks[16];

    (void)state;
    test_bert_init(&t, &(test_bert){ .dim = 36, .dtype = ANM_DTYPE_BF16 });
    const anm_program p = test_program(t.graph, 64);
    test_sections first = { 0 };
    prepare(&p, &first);
    for (size_t i = test_levels(masks); i-- > 0;) {
        const anm_load_params at_level = { .threads = 1, .cpu = masks[i] };
        test_sections s = { 0 };
        const anm_section_sink sink = test_sink(&s);

        assert_int_equal(anm_backend_cpu.prepare(&p, &at_level, &sink, NULL),
                         ANM_OK);
        test_sections_sort(&s);
        assert_int_equal(s.n, first.n);
        for (size_t j = 0; j < s.n; j++)
            assert_true(
                anm_bytes_equal(s.items[j].bytes, first.items[j].bytes));
        test_sections_deinit(&s);
    }
    test_sections_deinit(&first);
    test_graph_deinit(&t);
}

/* ---- Faults -------------------------------------------------------------- */

typedef struct failing_sink {
    test_sections sections;
    size_t left; /* calls until the failure */
} failing_sink;

static anm_status fail_begin(void *ctx, const char *name, uint64_t bytes,
                             anm_error *err)
{
    failing_sink *f = ctx;

    if (f->left-- == 0) return ANM_E_IO;
    const anm_section_sink sink = test_sink(&f->sections);
    return sink.begin(sink.ctx, name, bytes, err);
}

static anm_status fail_write(void *ctx, const void *data, size_t len,
                             anm_error *err)
{
    failing_sink *f = ctx;

    if (f->left-- == 0) return ANM_E_IO;
    const anm_section_sink sink = test_sink(&f->sections);
    return sink.write(sink.ctx, data, len, err);
}

static void failure_of_the_sink_ends_it(void **state)
{
    test_graph t;

    (void)state;
    test_bert_init(&t, &(test_bert){ .layers = 1 });
    const anm_program p = test_program(t.graph, 64);
    for (size_t k = 0;; k++) {
        failing_sink f = { .left = k };
        const anm_section_sink sink = { fail_begin, fail_write, &f };
        const anm_status status =
            anm_backend_cpu.prepare(&p, &params, &sink, NULL);

        test_sections_deinit(&f.sections);
        if (status == ANM_OK) break;
        assert_int_equal(status, ANM_E_IO);
        assert_int_equal(f.left, SIZE_MAX);
    }
    test_graph_deinit(&t);
}

static void each_failed_allocation_is_an_error(void **state)
{
    test_graph t;

    (void)state;
    test_bert_init(&t, &(test_bert){ .layers = 1 });
    const anm_program p = test_program(t.graph, 64);
    for (uint64_t k = 1;; k++) {
        test_sections s = { 0 };
        const anm_section_sink sink = test_sink(&s);

        test_fault_arm(k);
        const anm_status status =
            anm_backend_cpu.prepare(&p, &params, &sink, NULL);
        const bool failed = test_fault_disarm();
        test_sections_deinit(&s);
        assert_int_equal(status, failed ? ANM_E_NOMEM : ANM_OK);
        if (!failed) break;
    }
    test_graph_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_hold_every_constant_in_its_form),
        cmocka_unit_test(rounded_weights_are_rounded_rows_in_their_form),
        cmocka_unit_test(a_value_without_a_place_is_named),
        cmocka_unit_test(sections_larger_than_the_buffer_are_whole),
        cmocka_unit_test(bytes_do_not_depend_on_the_level),
        cmocka_unit_test(failure_of_the_sink_ends_it),
        cmocka_unit_test(each_failed_allocation_is_an_error),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
