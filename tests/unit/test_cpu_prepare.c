/* test_cpu_prepare.c - constants become sections.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "support/program.h"
#include "support/support.h"

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

/* Element i of a constant, as float32. */
static float element(const anm_value *v, size_t i)
{
    const size_t size = anm_dtype_block(v->shape.dtype).bytes;
    float f = 0.0f;

    for (size_t p = 0; p < v->n_parts; p++) {
        const size_t n = v->parts[p].data.len / size;
        if (i < n) {
            assert_true(anm_widen_f32(&f, v->parts[p].data.data + i * size,
                                      v->shape.dtype, 1));
            return f;
        }
        i -= n;
    }
    fail_msg("%s has no element %zu", v->name, i);
    return 0.0f;
}

static void check_panels(const anm_value *v, const float *x, size_t len)
{
    const size_t n = (size_t)v->shape.dims[0], k = (size_t)v->shape.dims[1];

    assert_int_equal(len, anm_panels(n) * ANM_PANEL * k);
    for (size_t i = 0; i < len; i++) {
        const size_t row = i / (ANM_PANEL * k) * ANM_PANEL + i % ANM_PANEL;
        const size_t col = i / ANM_PANEL % k;
        const float expected = row < n ? element(v, row * k + col) : 0.0f;

        if (x[i] != expected)
            fail_msg("%s: row %zu column %zu is %g, not %g", v->name, row, col,
                     (double)x[i], (double)expected);
    }
}

static void check_plain(const anm_value *v, const float *x, size_t len)
{
    assert_int_equal(len, anm_shape_elements(&v->shape, 0));
    for (size_t i = 0; i < len; i++)
        if (x[i] != element(v, i)) fail_msg("%s: element %zu", v->name, i);
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
            const bool panels = node->op == ANM_OP_LINEAR && j == 1;
            anm_bytes bytes;
            char name[256];

            if (v->kind != ANM_VALUE_CONST) continue;
            snprintf(name, sizeof(name), "%s/%s", panels ? "panels" : "plain",
                     v->name);
            if (!anm_sections_find(&s.view, name, &bytes))
                fail_msg("no section %s", name);
            if (panels)
                check_panels(v, (const void *)bytes.data, bytes.len / 4);
            else
                check_plain(v, (const void *)bytes.data, bytes.len / 4);
            n++;
        }
    }
    assert_int_equal(n, s.n);
    test_sections_deinit(&s);
}

static void sections_hold_every_constant_in_its_form(void **state)
{
    static const anm_dtype dtypes[] = { ANM_DTYPE_F32, ANM_DTYPE_BF16 };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (unsigned passes = 0; passes <= ANM_PASS_ALL;
             passes += ANM_PASS_ALL) {
            test_graph t;
            // Odd sizes: stacked parts end inside a panel.
            test_bert_init(&t, &(test_bert){ .dim = 36, .dtype = dtypes[i] });
            assert_int_equal(anm_graph_optimize(t.graph, passes, NULL), ANM_OK);
            const anm_program p = test_program(t.graph, 64);
            check_sections(&p);
            test_graph_deinit(&t);
        }
    }
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
    test_bert_init(&t, &(test_bert){ .dim = 36 });
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
        cmocka_unit_test(sections_larger_than_the_buffer_are_whole),
        cmocka_unit_test(bytes_do_not_depend_on_the_level),
        cmocka_unit_test(failure_of_the_sink_ends_it),
        cmocka_unit_test(each_failed_allocation_is_an_error),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
