/* A run takes what the program declares, keeps states between calls, and turns
 * texts into inputs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/arrays_run.h"
#include "support/support.h"

static const anm_array_type pair = { ANM_DTYPE_F32, 1, { 2 } };

/* ---- Inputs -------------------------------------------------------------- */

static void inputs_are_checked_by_name(void **state)
{
    anm_array_view out[1];
    anm_error err = { 0 };
    test_arrays t;
    test_runner r;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id x =
        test_arrays_in(&t, ANM_DTYPE_F32, D(2, 3), F(1, 2, 3, 4, 5, 6));
    test_arrays_gives(
        &t,
        &(test_node){ ANM_ARRAY_ABS, { x }, 1, { 0 }, ANM_DTYPE_F32, D(2, 3) },
        F(1, 2, 3, 4, 5, 6));
    test_arrays_load(&t, &r, 1);
    t.inputs[0].dims[1] = 4;
    assert_int_equal(test_arrays_run(&t, &r, true, out, &err), ANM_E_ARG);
    assert_string_equal(err.message,
                        "input v0: given F32 [2, 4], takes F32 [2, 3]");
    t.inputs[0].rank = 1;
    assert_int_equal(test_arrays_run(&t, &r, true, out, &err), ANM_E_ARG);
    assert_string_equal(err.message,
                        "input v0: given F32 [2], takes F32 [2, 3]");
    t.inputs[0].value = x + 1;
    assert_int_equal(test_arrays_run(&t, &r, true, out, &err), ANM_E_ARG);
    assert_string_equal(err.message, "input v0 is missing");
    t.n_inputs = 0;
    assert_int_equal(test_arrays_run(&t, &r, true, out, &err), ANM_E_ARG);
    assert_string_equal(err.message, "0 inputs given, the program has 1");
    test_runner_deinit(&r);
    test_arrays_deinit(&t);
}

static void inputs_and_constants_may_be_results(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id x = test_arrays_in(&t, ANM_DTYPE_F32, D(2), F(1, 2));
    const anm_value_id c = test_arrays_const(&t, ANM_DTYPE_I32, D(1), I(7));
    test_arrays_gives(
        &t,
        &(test_node){ ANM_ARRAY_RELU, { x }, 1, { 0 }, ANM_DTYPE_F32, D(2) },
        F(1, 2));
    test_arrays_expect(&t, x, D(2), F(1, 2));
    test_arrays_expect(&t, c, D(1), I(7));
    test_arrays_gives(
        &t,
        &(test_node){
            ANM_ARRAY_IDENTITY, { x }, 1, { 0 }, ANM_DTYPE_F32, D(2) },
        F(1, 2));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

/* ---- States -------------------------------------------------------------- */

/* before = s; s = s + x, rounded; after = s. */
static void build_state(test_arrays *t)
{
    const anm_array_type half = { ANM_DTYPE_F16, 1, { 2 } };
    const anm_value_id x = test_arrays_in(t, ANM_DTYPE_F32, D(2), F(1, 2049));
    const anm_value_id s = anm_arrays_state(t->program, "s", &half);
    const anm_value_id before =
        anm_arrays_add(t->program, ANM_ARRAY_READ_STATE, "read", &s, 1, NULL,
                       &(anm_array_result){ "before", half }, 1);
    const anm_value_id add[] = { before, x };
    const anm_value_id sum =
        anm_arrays_add(t->program, ANM_ARRAY_ADD, "add", add, 2, NULL,
                       &(anm_array_result){ "sum", pair }, 1);
    const anm_value_id write[] = { s, sum };

    anm_arrays_add(t->program, ANM_ARRAY_WRITE_STATE, "write", write, 2, NULL,
                   NULL, 0);
    const anm_value_id after =
        anm_arrays_add(t->program, ANM_ARRAY_READ_STATE, "again", &s, 1, NULL,
                       &(anm_array_result){ "after", half }, 1);
    anm_arrays_output(t->program, before);
    anm_arrays_output(t->program, after);
}

static void assert_pair(const anm_array_view *v, float a, float b)
{
    assert_float_equal(((const float *)v->data)[0], a, 0);
    assert_float_equal(((const float *)v->data)[1], b, 0);
}

static void states_live_until_they_are_reset(void **state)
{
    anm_array_view out[2];
    test_arrays t;
    test_runner r;

    (void)state;
    test_arrays_init(&t);
    build_state(&t);
    test_arrays_load(&t, &r, 1);
    test_arrays_run(&t, &r, false, out, NULL);
    assert_pair(&out[0], 0, 0);
    assert_pair(&out[1], 1, 2048); /* 2049 is no half */
    test_arrays_run(&t, &r, false, out, NULL);
    assert_pair(&out[0], 1, 2048);
    assert_pair(&out[1], 2, 4096);
    test_arrays_run(&t, &r, true, out, NULL);
    assert_pair(&out[0], 0, 0);
    assert_pair(&out[1], 1, 2048);
    test_runner_deinit(&r);
    test_arrays_deinit(&t);
}

/* An index that is found to be outside when the state has been written. */
static void a_run_that_fails_on_its_way_leaves_no_half_state(void **state)
{
    anm_array_view out[3];
    test_arrays t;
    test_runner r;
    anm_error err = { 0 };
    int32_t index = 1;

    (void)state;
    test_arrays_init(&t);
    build_state(&t);
    const anm_value_id table =
        test_arrays_const(&t, ANM_DTYPE_F32, D(2), F(5, 6));
    const anm_value_id at = test_arrays_in(&t, ANM_DTYPE_I32, D(1), &index);
    const anm_value_id picked = test_arrays_node(
        &t,
        &(test_node){
            ANM_ARRAY_GATHER, { table, at }, 2, { 0 }, ANM_DTYPE_F32, D(1) });
    anm_arrays_output(t.program, picked);
    test_arrays_load(&t, &r, 1);
    assert_int_equal(test_arrays_run(&t, &r, false, out, NULL), ANM_OK);
    assert_pair(&out[1], 1, 2048);

    const void *good = t.inputs[1].data;
    index = 2;
    t.inputs[1].data = &index;
    assert_int_equal(test_arrays_run(&t, &r, false, out, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "index 2 into an axis of 2"));
    t.inputs[1].data = good;
    assert_int_equal(test_arrays_run(&t, &r, false, out, NULL), ANM_OK);
    assert_pair(&out[0], 0, 0);
    test_runner_deinit(&r);
    test_arrays_deinit(&t);
}

/* ---- Texts --------------------------------------------------------------- */

/* The vector of a text: the sums of table rows of all positions, of those with
 * mask 1, and of the positions themselves. */
typedef struct texts {
    test_arrays t;
    anm_arrays_text text;
    anm_program program;
    test_runner r;
} texts;

static anm_value_id sum_rows(test_arrays *t, anm_value_id x, int64_t batch)
{
    return test_arrays_node(
        t, &(test_node){
               ANM_ARRAY_REDUCE_SUM,
               { x },
               1,
               { .n_axes = 1, .axes = { 1 }, .flags = ANM_ARRAY_KEEP_DIMS },
               ANM_DTYPE_F32,
               (const int64_t[]){ batch, 1, -1 } });
}

static void texts_init(texts *x, int64_t batch, const size_t *lengths,
                       size_t n_lengths)
{
    static const float table[] = { 1, 10, 100, 1000, 10000 };
    test_arrays *t = &x->t;

    *x = (texts){ 0 };
    test_arrays_init(t);
    const anm_array_type ints = { ANM_DTYPE_I32, 2, { batch, -1 } };
    const anm_array_type floats = { ANM_DTYPE_F32, 2, { batch, -1 } };
    const anm_value_id ids = anm_arrays_input(t->program, "ids", &ints);
    const anm_value_id mask = anm_arrays_input(t->program, "mask", &floats);
    const anm_value_id at = anm_arrays_input(t->program, "at", &ints);
    const anm_value_id c = test_arrays_const(t, ANM_DTYPE_F32, D(5), table);
    const anm_value_id in[] = { c, ids };
    const anm_value_id rows =
        anm_arrays_add(t->program, ANM_ARRAY_GATHER, "rows", in, 2, NULL,
                       &(anm_array_result){ "rows", floats }, 1);
    const anm_value_id kept_in[] = { rows, mask };
    const anm_value_id kept =
        anm_arrays_add(t->program, ANM_ARRAY_MUL, "kept", kept_in, 2, NULL,
                       &(anm_array_result){ "kept", floats }, 1);
    const anm_value_id where =
        anm_arrays_add(t->program, ANM_ARRAY_CAST, "where", &at, 1,
                       &(anm_array_attr){ .dtype = ANM_DTYPE_F32 },
                       &(anm_array_result){ "where", floats }, 1);
    const anm_value_id sums[] = { sum_rows(t, rows, batch),
                                  sum_rows(t, kept, batch),
                                  sum_rows(t, where, batch) };
    const anm_value_id v =
        test_arrays_node(t, &(test_node){ ANM_ARRAY_CONCAT,
                                          { sums[0], sums[1], sums[2] },
                                          3,
                                          { .axis = 1 },
                                          ANM_DTYPE_F32,
                                          (const int64_t[]){ batch, 3, -1 } });
    anm_arrays_output(t->program, v);
    x->text = (anm_arrays_text){ .feeds = { { ids, ANM_ARRAY_ROLE_IDS },
                                            { mask, ANM_ARRAY_ROLE_MASK },
                                            { at, ANM_ARRAY_ROLE_POSITIONS } },
                                 .n_feeds = 3,
                                 .batch = (size_t)batch,
                                 .pad_id = 0,
                                 .lengths = lengths,
                                 .n_lengths = n_lengths,
                                 .min_length = 1,
                                 .max_length = 6,
                                 .vector = v };
    x->program = (anm_program){ .arrays = t->program,
                                .text = &x->text,
                                .precision = ANM_PRECISION_F32,
                                .max_tokens = 6,
                                .dim = 3 };
}

static void texts_load(texts *x)
{
    test_runner_init(&x->r, &x->program, 1, 0);
}

static void texts_deinit(texts *x)
{
    test_runner_deinit(&x->r);
    test_arrays_deinit(&x->t);
}

/* Ids 1 2 3 with the middle one masked, and 4. */
static const anm_input two_texts[] = {
    { (const int32_t[]){ 1, 2, 3 }, (const int32_t[]){ 1, 0, 1 }, 3 },
    { (const int32_t[]){ 4 }, (const int32_t[]){ 1 }, 1 },
};

static void assert_vectors(texts *x, const float want[6])
{
    float vectors[6];

    test_predict(&x->r, two_texts, 2, vectors);
    for (size_t i = 0; i < 6; i++)
        assert_float_equal(vectors[i], want[i], 0);
}

static void
texts_are_padded_to_the_shortest_length_that_holds_them(void **state)
{
    static const size_t lengths[] = { 2, 4 };
    texts x;

    (void)state;
    texts_init(&x, 1, lengths, 2);
    texts_load(&x);
    assert_vectors(&x, F(1010, 1010, 1, 10001, 10000, 1));
    texts_deinit(&x);
    texts_init(&x, 1, lengths + 1, 1);
    texts_load(&x);
    assert_vectors(&x, F(1012, 1010, 6, 10003, 10000, 6));
    texts_deinit(&x);
}

static void texts_of_free_length_are_not_padded(void **state)
{
    texts x;

    (void)state;
    texts_init(&x, 1, NULL, 0);
    texts_load(&x);
    assert_vectors(&x, F(1010, 1010, 1, 10000, 10000, 0));
    texts_deinit(&x);
    texts_init(&x, 1, NULL, 0);
    x.text.min_length = 3;
    x.text.pad_left = true;
    x.text.pad_id = 2;
    texts_load(&x);
    assert_vectors(&x, F(1110, 1010, 3, 10200, 10000, 3));
    texts_deinit(&x);
}

/* A row of a batch does not show what the others are. */
static void a_batch_holds_several_texts(void **state)
{
    static const size_t lengths[] = { 4 };
    texts x;

    (void)state;
    texts_init(&x, 3, lengths, 1);
    texts_load(&x);
    assert_vectors(&x, F(1012, 1010, 6, 10003, 10000, 6));
    texts_deinit(&x);
}

/* A length is a number of a file: what it asks for is not asked of the system
 * before it is held against what a runner may take. */
static void texts_of_any_length_are_no_reason_to_take_memory(void **state)
{
    static const size_t lengths[] = { (size_t)1 << 30 };
    const anm_load_params params = { .threads = 1 };
    anm_error err = { 0 };
    texts x;

    (void)state;
    texts_init(&x, 1, lengths, 1);
    const anm_section_sink sink = test_sink(&x.r.sections);
    x.r.backend = &anm_backend_cpu;
    assert_int_equal(anm_arrays_finish(x.t.program, NULL), ANM_OK);
    assert_int_equal(anm_backend_cpu.prepare(&x.program, &params, &sink, NULL),
                     ANM_OK);
    test_sections_sort(&x.r.sections);
    assert_int_equal(anm_backend_cpu.load(&x.r.runner, &x.program, &params,
                                          &x.r.sections.view, &err),
                     ANM_E_LIMIT);
    assert_non_null(strstr(err.message, "texts of 1073741824 positions"));
    texts_deinit(&x);
}

/* What a program declares may differ from what the texts are laid out for. */
static void inputs_that_rows_do_not_fill_are_refused(void **state)
{
    static const int64_t declared[][3] = {
        { 3, -1, 0 }, { 2, 2, -1 }, { 0, 1, -1 }, { 1, 7, -1 }
    };
    const anm_load_params params = { .threads = 1 };
    (void)state;

    for (size_t i = 0; i < sizeof(declared) / sizeof(declared[0]); i++) {
        anm_array_type type = { ANM_DTYPE_I32, i ? 3 : 2, { 0 } };
        test_arrays t;
        anm_error err = { 0 };

        memcpy(type.dims, declared[i], sizeof(declared[i]));
        test_arrays_init(&t);
        const anm_value_id ids = anm_arrays_input(t.program, "ids", &type);
        type.dtype = ANM_DTYPE_F32;
        const anm_value_id v =
            anm_arrays_add(t.program, ANM_ARRAY_CAST, "v", &ids, 1,
                           &(anm_array_attr){ .dtype = ANM_DTYPE_F32 },
                           &(anm_array_result){ "v", type }, 1);
        anm_arrays_output(t.program, v);
        assert_int_equal(anm_arrays_finish(t.program, NULL), ANM_OK);
        const anm_arrays_text text = { .feeds = { { ids, ANM_ARRAY_ROLE_IDS } },
                                       .n_feeds = 1,
                                       .batch = 1,
                                       .min_length = 1,
                                       .max_length = 6,
                                       .vector = v };
        const anm_program program = { .arrays = t.program,
                                      .text = &text,
                                      .precision = ANM_PRECISION_F32,
                                      .max_tokens = 6,
                                      .dim = 3 };
        assert_int_equal(anm_backend_cpu.accepts(&program, &params, &err),
                         ANM_E_UNSUPPORTED);
        assert_non_null(strstr(err.message, "input ids is "));
        test_arrays_deinit(&t);
    }
}

static void what_a_text_may_not_be_is_told(void **state)
{
    static const size_t lengths[] = { 2 };
    static const int32_t ids[3] = { 1, 2, 9 }, ones[3] = { 1, 1, 1 };
    const anm_input wrong[] = { { ids, ones, 3 }, { ids + 2, ones, 1 } };
    float vectors[3];
    uint64_t bind_ns;
    anm_error err = { 0 };
    texts x;

    (void)state;
    texts_init(&x, 1, lengths, 1);
    texts_load(&x);
    anm_call call = { .inputs = wrong, .n_inputs = 1, .vectors = vectors };
    assert_int_equal(x.r.backend->predict(x.r.runner, &call, &bind_ns, &err),
                     ANM_E_ARG);
    assert_string_equal(err.message, "text 0: 3 tokens, allowed 1 to 2");
    call.inputs = wrong + 1;
    assert_int_equal(x.r.backend->predict(x.r.runner, &call, &bind_ns, &err),
                     ANM_E_ARG);
    assert_string_equal(err.message, "rows: gather: index 9 into an axis of 5");
    texts_deinit(&x);
}

static void taps_see_computed_values(void **state)
{
    float vectors[3], kept[4];
    anm_tap tap = { .name = "kept", .out = kept, .cap = 4 };
    uint64_t bind_ns;
    anm_error err = { 0 };
    texts x;

    (void)state;
    texts_init(&x, 1, NULL, 0);
    texts_load(&x);
    anm_call call = { .inputs = two_texts,
                      .n_inputs = 1,
                      .vectors = vectors,
                      .taps = &tap,
                      .n_taps = 1,
                      .counted = true };
    assert_int_equal(x.r.backend->predict(x.r.runner, &call, &bind_ns, &err),
                     ANM_OK);
    assert_int_equal(tap.n, 2);
    assert_float_equal(kept[1], 1000, 0);
    tap.name = "nothing";
    assert_int_equal(x.r.backend->predict(x.r.runner, &call, &bind_ns, &err),
                     ANM_E_ARG);
    assert_string_equal(err.message, "tap nothing: no computed value");
    texts_deinit(&x);
}

static void note(void *ctx, size_t done, size_t total)
{
    size_t *last = ctx;

    assert_int_equal(done, *last + 1);
    assert_true(done <= total);
    *last = done == total ? 0 : done;
}

static void who_waits_is_told_of_every_step(void **state)
{
    float vectors[3];
    size_t last = 0;
    uint64_t bind_ns;
    texts x;

    (void)state;
    texts_init(&x, 1, NULL, 0);
    texts_load(&x);
    const anm_call call = { .inputs = two_texts,
                            .n_inputs = 1,
                            .vectors = vectors,
                            .told = note,
                            .told_ctx = &last };
    assert_int_equal(x.r.backend->predict(x.r.runner, &call, &bind_ns, NULL),
                     ANM_OK);
    assert_int_equal(last, 0);
    texts_deinit(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_are_checked_by_name),
        cmocka_unit_test(inputs_and_constants_may_be_results),
        cmocka_unit_test(states_live_until_they_are_reset),
        cmocka_unit_test(a_run_that_fails_on_its_way_leaves_no_half_state),
        cmocka_unit_test(
            texts_are_padded_to_the_shortest_length_that_holds_them),
        cmocka_unit_test(texts_of_free_length_are_not_padded),
        cmocka_unit_test(a_batch_holds_several_texts),
        cmocka_unit_test(texts_of_any_length_are_no_reason_to_take_memory),
        cmocka_unit_test(inputs_that_rows_do_not_fill_are_refused),
        cmocka_unit_test(what_a_text_may_not_be_is_told),
        cmocka_unit_test(taps_see_computed_values),
        cmocka_unit_test(who_waits_is_told_of_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
