/* Unit tests of model/mil_lint.c, mil_lint_rules.c and mil_lint_weights.c, on
 * models made here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/mil_lint_rules.h"
#include "support/packages.h"
#include "support/pb_write.h"

enum { BOOL = 1, F16 = 10, F32 = 11, I32 = 23 };

typedef struct linted {
    anm_mlpackage *package;
    anm_lint *lint;
} linted;

static linted lint_of(const char *path)
{
    linted x = { .package = test_open_package(path) };

    assert_int_equal(anm_lint_new(&x.lint, x.package, NULL), ANM_OK);
    return x;
}

static void drop(linted *x)
{
    anm_lint_free(x->lint);
    anm_mlpackage_close(x->package);
}

static linted lint_made(test_pb *w)
{
    test_mil_end(w);
    return lint_of(test_pb_file(w));
}

static void op(test_pb *w, const char *type, const char *x, const char *name,
               int dtype, const int64_t *dims, size_t n)
{
    test_mil_op(w, type);
    test_mil_arg(w, "x", x);
    test_mil_output(w, name, dtype, dims, n);
    test_pb_end(w);
}

static void check_has(const linted *x, const char *word,
                      anm_lint_severity severity, const char *place)
{
    const anm_lint_finding *f = anm_lint_find(x->lint, word);

    if (!f) fail_msg("no %s", word);
    assert_int_equal(f->severity, severity);
    assert_string_equal(f->places[0], place);
}

static void check_lacks(const linted *x, const char *word)
{
    if (anm_lint_find(x->lint, word)) fail_msg("unexpected %s", word);
}

static void every_rule_says_why_and_what_to_do(void **state)
{
    (void)state;
    size_t n = 0;

    for (const anm_lint_rule *r; (r = anm_lint_rule_at(n)); n++) {
        assert_true(r->word[0] && r->why[0] && r->what_to_do[0]);
        for (size_t i = 0; i < n; i++)
            assert_string_not_equal(anm_lint_rule_at(i)->word, r->word);
        assert_true(anm_lint_known_name(r->known)[0]);
        assert_true(anm_lint_severity_name(r->severity)[0]);
    }
    assert_true(n > 30);
}

static void every_rule_is_in_the_document(void **state)
{
    (void)state;
    char *text = test_read(test_data("../../docs/COREML.md"), NULL);
    char quoted[64];
    const anm_lint_rule *r;

    for (size_t i = 0; (r = anm_lint_rule_at(i)); i++) {
        snprintf(quoted, sizeof(quoted), "| `%s", r->word);
        if (!strstr(text, quoted)) fail_msg("no %s", r->word);
        if (!strstr(text, r->why)) fail_msg("%s: another why", r->word);
    }
    free(text);
}

static void float32_alone_is_an_error_and_beside_float16_a_warning(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_mil_begin(&w);
    test_mil_relu(&w, "x", "y");
    linted x = lint_made(&w);
    check_has(&x, "fp32-compute", ANM_LINT_ERROR, "y");
    check_has(&x, "small-model-likely-cpu", ANM_LINT_NOTE, "model");
    assert_int_equal(anm_lint_count(x.lint, ANM_LINT_ERROR), 1);
    assert_int_equal(x.lint->findings[0].severity, ANM_LINT_ERROR);
    drop(&x);

    test_mil_begin(&w);
    op(&w, "relu", "x", "a", F32, TEST_DIMS(4));
    op(&w, "cast", "a", "b", F16, TEST_DIMS(4));
    op(&w, "relu", "b", "c", F16, TEST_DIMS(4));
    op(&w, "cast", "c", "y", F32, TEST_DIMS(4));
    x = lint_made(&w);
    check_has(&x, "fp32-compute", ANM_LINT_WARN, "a");
    check_has(&x, "output-cast", ANM_LINT_NOTE, "y");
    check_has(&x, "cast-on-cpu", ANM_LINT_NOTE, "b");
    drop(&x);
}

static void shapes_beyond_the_engine_are_found(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_mil_begin(&w);
    op(&w, "relu", "x", "wide", F16, TEST_DIMS(1, 16385));
    op(&w, "relu", "x", "high", F16, TEST_DIMS(1, 1, 1, 1, 1, 4));
    op(&w, "relu", "x", "open", F16, TEST_DIMS(1, -1));
    op(&w, "relu", "x", "thin", F16, TEST_DIMS(1, 64, 2));
    op(&w, "relu", "x", "y", F16, TEST_DIMS(1, 16384));
    linted x = lint_made(&w);
    check_has(&x, "dim>16384", ANM_LINT_WARN, "wide");
    check_has(&x, "rank>5", ANM_LINT_ERROR, "high");
    check_has(&x, "unknown-dim", ANM_LINT_WARN, "open");
    check_has(&x, "last-dim-padded", ANM_LINT_NOTE, "thin");
    assert_int_equal(anm_lint_find(x.lint, "dim>16384")->n_places, 1);
    drop(&x);
}

static void places_are_counted_beyond_those_listed(void **state)
{
    (void)state;
    test_pb w = { 0 };
    char name[3] = "a0";

    test_mil_begin(&w);
    for (int i = 0; i < 20; i++) {
        name[0] = (char)('a' + i);
        op(&w, "linear", "x", name, F16, TEST_DIMS(4));
    }
    test_mil_relu(&w, "x", "y");
    linted x = lint_made(&w);
    const anm_lint_finding *f = anm_lint_find(x.lint, "linear-not-conv");
    assert_int_equal(f->n_places, 20);
    assert_string_equal(f->places[7], "h0");
    drop(&x);
}

static void scalar(test_pb *w, const char *name, const char *half)
{
    test_mil_const(w, name, F16, NULL, 0, 7);
    test_pb_bytes(w, 1, half, 2);
    test_mil_const_end(w);
}

static void with_constant(test_pb *w, const char *type, const char *half)
{
    test_mil_begin(w);
    scalar(w, "c", half);
    test_mil_op(w, type);
    test_mil_arg(w, "x", "x");
    test_mil_arg(w, "y", "c");
    test_mil_output(w, "y", F16, TEST_DIMS(4));
    test_pb_end(w);
}

static void constants_beyond_float16_are_found(void **state)
{
    (void)state;
    test_pb w = { 0 };

    with_constant(&w, "mul", "\x00\xfc"); // -inf
    linted x = lint_made(&w);
    check_has(&x, "inf-constant", ANM_LINT_ERROR, "y");
    drop(&x);
    with_constant(&w, "add", "\x00\xfc");
    x = lint_made(&w);
    check_has(&x, "inf-constant", ANM_LINT_WARN, "y");
    drop(&x);
    with_constant(&w, "clip", "\x00\x7c"); // what clamp(min=) becomes
    x = lint_made(&w);
    check_lacks(&x, "inf-constant");
    drop(&x);
    with_constant(&w, "add", "\x01\x00");
    x = lint_made(&w);
    check_has(&x, "epsilon-below-fp16", ANM_LINT_NOTE, "c");
    drop(&x);
}

static void squares(test_pb *w, const char *before)
{
    test_mil_begin(w);
    op(w, before, "x", "a", F16, TEST_DIMS(4));
    op(w, "square", "a", "b", F16, TEST_DIMS(4));
    op(w, "reduce_mean", "b", "y", F16, TEST_DIMS(1));
}

static void squares_that_may_overflow_are_found(void **state)
{
    (void)state;
    test_pb w = { 0 };

    squares(&w, "add");
    linted x = lint_made(&w);
    check_has(&x, "fp16-overflow", ANM_LINT_WARN, "y");
    drop(&x);
    squares(&w, "real_div"); // scaled by the largest first
    x = lint_made(&w);
    check_lacks(&x, "fp16-overflow");
    drop(&x);
}

static void slices_are_told_apart_by_where_they_begin(void **state)
{
    (void)state;

    for (int is_computed = 0; is_computed < 2; is_computed++) {
        test_pb w = { 0 };

        test_mil_begin(&w);
        test_mil_const(&w, "c", I32, TEST_DIMS(1), 2);
        test_pb_bytes(&w, 1, "\0", 1);
        test_mil_const_end(&w);
        op(&w, "shape", "x", "s", I32, TEST_DIMS(1));
        test_mil_op(&w, "slice_by_index");
        test_mil_arg(&w, "x", "x");
        test_mil_arg(&w, "begin", is_computed ? "s" : "c");
        test_mil_output(&w, "y", F16, TEST_DIMS(4));
        test_pb_end(&w);
        linted x = lint_made(&w);
        if (is_computed)
            check_has(&x, "runtime-slice", ANM_LINT_WARN, "y");
        else
            check_lacks(&x, "runtime-slice");
        drop(&x);
    }
}

static void ops_that_stay_off_are_named_by_type(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_mil_begin(&w);
    op(&w, "topk", "x", "a", F16, TEST_DIMS(4));
    op(&w, "lstm", "x", "b", F16, TEST_DIMS(4));
    op(&w, "gather", "x", "c", F16, TEST_DIMS(4));
    op(&w, "logical_not", "x", "d", BOOL, TEST_DIMS(4));
    op(&w, "relu", "c", "y", F16, TEST_DIMS(4));
    linted x = lint_made(&w);
    const anm_mil_op *ops = x.package->main->block.ops;
    check_has(&x, "op-off-ane:topk", ANM_LINT_WARN, "a");
    check_has(&x, "op-off-ane:lstm", ANM_LINT_WARN, "b");
    check_has(&x, "control-flow", ANM_LINT_ERROR, "b");
    check_has(&x, "gather", ANM_LINT_NOTE, "c");
    check_has(&x, "int-ops", ANM_LINT_NOTE, "d");
    assert_string_equal(anm_lint_op_off_ane(&ops[0]), "op-off-ane");
    assert_string_equal(anm_lint_op_off_ane(&ops[2]), "gather");
    assert_string_equal(anm_lint_op_off_ane(&ops[3]), "int-ops");
    assert_null(anm_lint_op_off_ane(&ops[4]));
    drop(&x);
}

static void gathered_tables_are_not_read_whole(void **state)
{
    (void)state;
    linted x =
        lint_of(test_data("coreml/op_constexpr_n8_ios18_fp16.mlpackage"));

    assert_true(x.lint->bytes_read > 0);
    assert_true(x.lint->bytes_read <= x.package->bytes);
    assert_true(x.lint->n_floors > 5);
    for (size_t i = 1; i < x.lint->n_floors; i++)
        assert_true(x.lint->floors[i - 1].ms >= x.lint->floors[i].ms);
    drop(&x);

    test_pb w = { 0 };
    static const char zeros[4000];
    test_mil_begin(&w);
    test_mil_const(&w, "table", F16, TEST_DIMS(2000), 7);
    test_pb_bytes(&w, 1, zeros, sizeof(zeros));
    test_mil_const_end(&w);
    op(&w, "gather", "table", "y", F16, TEST_DIMS(4));
    x = lint_made(&w);
    assert_int_equal(x.lint->bytes_read, 0);
    assert_int_equal(x.lint->n_floors, 0);
    drop(&x);
}

/* A function with a table of 4,000 bytes. */
static void add_function(test_pb *w, const char *name)
{
    static const char zeros[4000];

    test_pb_entry(w, 2, name);
    test_mil_var(w, 1, "x", F32, TEST_DIMS(4));
    test_pb_text(w, 2, "CoreML8");
    test_pb_entry(w, 3, "CoreML8");
    test_mil_const(w, "table", F16, TEST_DIMS(2000), 7);
    test_pb_bytes(w, 1, zeros, sizeof(zeros));
    test_mil_const_end(w);
    test_mil_relu(w, "x", "y");
    test_pb_text(w, 2, "y");
    for (int i = 0; i < 4; i++)
        test_pb_end(w);
}

static void describe_function(test_pb *w, const char *name)
{
    test_pb_begin(w, 20);
    test_pb_text(w, 1, name);
    test_mil_feature(w, 2, "x", 0x10020, TEST_DIMS(4));
    test_mil_feature(w, 3, "y", 0x10020, TEST_DIMS(4));
    test_pb_end(w);
}

/* Functions for several lengths share their weights. */
static void weights_are_those_of_one_function(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_pb_int(&w, 1, 9);
    test_pb_begin(&w, 502);
    add_function(&w, "long");
    add_function(&w, "short");
    test_pb_end(&w);
    test_pb_begin(&w, 2);
    describe_function(&w, "long");
    describe_function(&w, "short");
    test_pb_text(&w, 21, "long");
    test_pb_end(&w);
    linted x = lint_of(test_pb_file(&w));
    const anm_lint_finding *f = anm_lint_find(x.lint, "small-model-likely-cpu");
    assert_non_null(f);
    if (!strstr(f->detail, "0.004 MB")) fail_msg("%s", f->detail);
    drop(&x);
}

/* Thousands of arguments that each lead to the same thousands of literals. */
static void a_file_made_to_be_slow_takes_no_memory(void **state)
{
    enum { MANY = 4096, BYTES_MAX = 128 << 20 };
    static const uint8_t zeros[4];
    const anm_mil_value literal = { .data = { zeros, sizeof(zeros) } };
    static anm_mil_binding literals[MANY], reads[MANY];
    const anm_mil_arg args[] = { { "lut", literals, MANY },
                                 { "values", reads, MANY } };
    const anm_mil_op ops[] = {
        { .type = "constexpr_lut_to_dense", .args = &args[0], .n_args = 1 },
        { .type = "concat", .args = &args[1], .n_args = 1 },
    };
    const anm_mil_function f = { .block = { .ops = ops, .n_ops = 2 } };
    anm_alloc_stats before, after;
    uint64_t bytes = 0;
    (void)state;

    for (size_t i = 0; i < MANY; i++) {
        literals[i].value = &literal;
        reads[i].from = &ops[0];
    }
    anm_alloc_stats_read(&before);
    assert_true(anm_lint_bytes_read(&f, &bytes));
    anm_alloc_stats_read(&after);
    assert_int_equal(bytes, sizeof(zeros));
    assert_true(after.bytes_peak - before.bytes_live < BYTES_MAX);
}

static void what_is_no_program_gets_a_note(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_pb_int(&w, 1, 4);
    test_pb_begin(&w, 500);
    test_pb_end(&w);
    linted x = lint_of(test_pb_file(&w));
    check_has(&x, "not-an-ml-program", ANM_LINT_NOTE, "neuralNetwork");
    assert_int_equal(x.lint->n, 1);
    drop(&x);
}

static void failed_allocations_are_out_of_memory(void **state)
{
    (void)state;
    anm_mlpackage *p = test_open_package(
        test_data("coreml/op_constexpr_n8_ios18_fp16.mlpackage"));

    for (uint64_t k = 1;; k++) {
        anm_lint *lint = NULL;

        test_fault_arm(k);
        const anm_status status = anm_lint_new(&lint, p, NULL);
        if (!test_fault_disarm()) {
            assert_int_equal(status, ANM_OK);
            assert_true(k > 3);
            anm_lint_free(lint);
            break;
        }
        assert_int_equal(status, ANM_E_NOMEM);
        assert_null(lint);
    }
    anm_mlpackage_close(p);
}

static int install(void **state)
{
    (void)state;
    test_fault_install();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_says_why_and_what_to_do),
        cmocka_unit_test(every_rule_is_in_the_document),
        cmocka_unit_test(
            float32_alone_is_an_error_and_beside_float16_a_warning),
        cmocka_unit_test(shapes_beyond_the_engine_are_found),
        cmocka_unit_test(places_are_counted_beyond_those_listed),
        cmocka_unit_test(constants_beyond_float16_are_found),
        cmocka_unit_test(squares_that_may_overflow_are_found),
        cmocka_unit_test(slices_are_told_apart_by_where_they_begin),
        cmocka_unit_test(ops_that_stay_off_are_named_by_type),
        cmocka_unit_test(gathered_tables_are_not_read_whole),
        cmocka_unit_test(weights_are_those_of_one_function),
        cmocka_unit_test(a_file_made_to_be_slow_takes_no_memory),
        cmocka_unit_test(what_is_no_program_gets_a_note),
        cmocka_unit_test(failed_allocations_are_out_of_memory),
    };
    return cmocka_run_group_tests(tests, install, NULL);
}
