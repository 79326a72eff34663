/* test_cpu_load.c - a runner from sections: what fits, what does not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "support/program.h"
#include "support/support.h"

#include "graph/pass.h"

typedef struct fixture {
    test_graph graph;
    anm_program program;
    test_sections sections;
} fixture;

static const anm_load_params params = { .threads = 2 };

static int set_up(void **state)
{
    static fixture f;
    const anm_section_sink sink = test_sink(&f.sections);

    test_bert_init(&f.graph, &(test_bert){ .layers = 1, .normalize = true });
    assert_int_equal(anm_graph_optimize(f.graph.graph, ANM_PASS_ALL, NULL),
                     ANM_OK);
    f.program = test_program(f.graph.graph, 64);
    assert_int_equal(anm_backend_cpu.prepare(&f.program, &params, &sink, NULL),
                     ANM_OK);
    test_sections_sort(&f.sections);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    test_sections_deinit(&f->sections);
    test_graph_deinit(&f->graph);
    return 0;
}

static void load_is_corrupt(const fixture *f, const anm_sections *s,
                            const char *name)
{
    anm_runner *r = (void *)1;
    anm_error err;

    assert_int_equal(anm_backend_cpu.load(&r, &f->program, &params, s, &err),
                     ANM_E_CORRUPT);
    assert_null(r);
    if (!strstr(err.message, name))
        fail_msg("no %s in \"%s\"", name, err.message);
}

static void missing_section_is_corrupt_and_named(void **state)
{
    const fixture *f = *state;
    anm_section items[512];

    for (size_t i = 0; i < f->sections.n; i++) {
        size_t n = 0;
        for (size_t j = 0; j < f->sections.n; j++)
            if (j != i) items[n++] = f->sections.items[j];
        load_is_corrupt(f, &(anm_sections){ items, n },
                        f->sections.items[i].name);
    }
}

static void section_of_another_size_is_corrupt_and_named(void **state)
{
    fixture *f = *state;

    for (size_t i = 0; i < f->sections.n; i++) {
        anm_section *s = &f->sections.items[i];
        const size_t len = s->bytes.len;

        s->bytes.len = len - 4;
        load_is_corrupt(f, &f->sections.view, s->name);
        s->bytes.len = len + 4;
        load_is_corrupt(f, &f->sections.view, s->name);
        s->bytes.len = len;
    }
}

static void section_that_is_not_aligned_is_corrupt(void **state)
{
    fixture *f = *state;
    anm_section *s = &f->sections.items[0];

    s->bytes.data += 4;
    load_is_corrupt(f, &f->sections.view, s->name);
    s->bytes.data -= 4;
}

static void plan_has_a_row_per_node_and_shares_of_one(void **state)
{
    const fixture *f = *state;
    const anm_graph *g = f->program.graph;
    const anm_plan_row *rows;
    double sum = 0.0;
    anm_runner *r;

    assert_int_equal(
        anm_backend_cpu.load(&r, &f->program, &params, &f->sections.view, NULL),
        ANM_OK);
    assert_int_equal(anm_backend_cpu.plan(r, &rows), anm_graph_n_nodes(g));
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        assert_string_equal(rows[i].name, anm_graph_node(g, i)->name);
        assert_string_equal(rows[i].type,
                            anm_op_describe(anm_graph_node(g, i)->op)->name);
        assert_string_equal(rows[i].variant, "scalar");
        assert_int_equal(rows[i].device, ANM_DEVICE_CPU);
        assert_int_equal(rows[i].evidence, ANM_EVIDENCE_PLANNED);
        assert_null(rows[i].reason);
        assert_true(rows[i].share >= 0.0);
        sum += rows[i].share;
    }
    assert_true(fabs(sum - 1.0) < 1e-9);
    anm_backend_cpu.unload(r);
}

static void plan_says_why_when_units_name_another_device(void **state)
{
    const fixture *f = *state;
    const anm_load_params gpu = { .threads = 1,
                                  .units = ANM_UNITS_CPU_AND_GPU };
    const anm_plan_row *rows;
    anm_runner *r;

    assert_int_equal(
        anm_backend_cpu.load(&r, &f->program, &gpu, &f->sections.view, NULL),
        ANM_OK);
    assert_true(anm_backend_cpu.plan(r, &rows) > 0);
    assert_non_null(strstr(rows[0].reason, "GPU"));
    anm_backend_cpu.unload(r);
}

static void each_failed_allocation_is_an_error(void **state)
{
    const fixture *f = *state;

    for (uint64_t k = 1;; k++) {
        anm_runner *r = (void *)1;

        test_fault_arm(k);
        const anm_status status = anm_backend_cpu.load(&r, &f->program, &params,
                                                       &f->sections.view, NULL);
        const bool failed = test_fault_disarm();
        // Reading what CPUs there are may do without its memory.
        if (status != ANM_OK) assert_true(failed && status == ANM_E_NOMEM);
        if (status != ANM_OK) assert_null(r);
        anm_backend_cpu.unload(r);
        if (!failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_section_is_corrupt_and_named),
        cmocka_unit_test(section_of_another_size_is_corrupt_and_named),
        cmocka_unit_test(section_that_is_not_aligned_is_corrupt),
        cmocka_unit_test(plan_has_a_row_per_node_and_shares_of_one),
        cmocka_unit_test(plan_says_why_when_units_name_another_device),
        cmocka_unit_test(each_failed_allocation_is_an_error),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
