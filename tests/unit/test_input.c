/* test_input.c - texts become ids and mask in one place.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

static anm_tokenizer *tokenizer;

static int open_tokenizer(void **state)
{
    size_t len;
    (void)state;

    char *json = test_read(test_data("tiny-bert-mean/tokenizer.json"), &len);
    const anm_status status =
        anm_tokenizer_new(&tokenizer, anm_bytes_of(json, len), NULL);
    free(json);
    return status != ANM_OK;
}

static int close_tokenizer(void **state)
{
    (void)state;
    anm_tokenizer_free(tokenizer);
    return 0;
}

static anm_input_params params_of(size_t max_tokens)
{
    return (anm_input_params){ .tokenizer = tokenizer,
                               .max_tokens = max_tokens };
}

static void add(anm_inputs *in, const anm_input_params *p, const char *text)
{
    anm_error err = { 0 };

    if (anm_inputs_add(in, p, anm_text_of(text), &err))
        fail_msg("%s", err.message);
}

static const char long_text[] =
    "the old house by the river stands alone, and every window looks west";

static void rows_keep_their_ids_while_the_storage_grows(void **state)
{
    const anm_input_params p = params_of(64);
    anm_inputs one = { 0 }, many = { 0 };
    (void)state;

    for (int i = 0; i < 200; i++)
        add(&many, &p, i % 2 ? "a river" : long_text);
    add(&one, &p, long_text);
    assert_int_equal(many.n, 200);
    for (int i = 0; i < 200; i += 2) {
        assert_int_equal(many.items[i].len, one.items[0].len);
        assert_memory_equal(many.items[i].ids, one.items[0].ids,
                            one.items[0].len * sizeof(int32_t));
        for (size_t t = 0; t < many.items[i].len; t++)
            assert_int_equal(many.items[i].mask[t], 1);
    }
    anm_inputs_deinit(&one);
    anm_inputs_deinit(&many);
}

static void cut_keeps_the_frame_and_the_beginning(void **state)
{
    const anm_input_params whole = params_of(64), cut = params_of(7);
    anm_inputs in = { 0 };
    (void)state;

    add(&in, &whole, long_text);
    add(&in, &cut, long_text);
    const anm_input *a = &in.items[0], *b = &in.items[1];
    assert_true(a->len > 10);
    assert_int_equal(b->len, 7);
    assert_memory_equal(a->ids, b->ids, 6 * sizeof(int32_t));
    assert_int_equal(b->ids[6], a->ids[a->len - 1]);
    assert_int_equal(in.infos[0].truncated, 0);
    assert_int_equal(in.infos[1].tokens, 7);
    assert_int_equal(in.infos[1].truncated, a->len - 7);
    anm_inputs_deinit(&in);
}

static void empty_text_is_the_frame_alone(void **state)
{
    const anm_input_params p = params_of(64);
    const anm_tokenizer_frame frame = anm_tokenizer_frame_of(tokenizer);
    anm_inputs in = { 0 };
    (void)state;

    assert_int_equal(anm_inputs_add(&in, &p, (anm_text){ NULL, 0 }, NULL),
                     ANM_OK);
    assert_int_equal(in.items[0].len, frame.n_before + frame.n_after);
    assert_int_equal(in.items[0].ids[0], frame.before[0]);
    anm_inputs_deinit(&in);
}

static void prompt_and_text_are_one_text(void **state)
{
    const anm_input_params p = params_of(64);
    anm_input_params prompted = p;
    anm_inputs in = { 0 };
    (void)state;

    prompted.prompt = anm_text_of("query: ");
    add(&in, &p, "query: a river");
    add(&in, &prompted, "a river");
    assert_int_equal(in.items[0].len, in.items[1].len);
    assert_memory_equal(in.items[0].ids, in.items[1].ids,
                        in.items[0].len * sizeof(int32_t));
    anm_inputs_deinit(&in);
}

static void bucket_pads_behind_with_mask_zero(void **state)
{
    anm_input_params p = params_of(64);
    anm_inputs in = { 0 };
    (void)state;

    p.bucket = 32;
    p.pad_id = 5;
    add(&in, &p, "a river");
    const size_t tokens = in.infos[0].tokens;
    assert_true(tokens < 32);
    assert_int_equal(in.items[0].len, 32);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(in.items[0].mask[i], i < tokens);
        if (i >= tokens) assert_int_equal(in.items[0].ids[i], 5);
    }
    anm_inputs_deinit(&in);
}

static void dropping_rows_moves_the_others_to_the_front(void **state)
{
    const anm_input_params p = params_of(64);
    anm_inputs in = { 0 }, alone = { 0 };
    (void)state;

    add(&in, &p, "a river");
    add(&in, &p, "two");
    add(&in, &p, long_text);
    add(&alone, &p, long_text);
    anm_inputs_drop(&in, 2);
    assert_int_equal(in.n, 1);
    assert_int_equal(in.n_ids, alone.n_ids);
    assert_int_equal(in.items[0].len, alone.items[0].len);
    assert_memory_equal(in.items[0].ids, alone.items[0].ids,
                        alone.n_ids * sizeof(int32_t));
    assert_int_equal(in.infos[0].tokens, alone.infos[0].tokens);
    anm_inputs_drop(&in, 1);
    assert_int_equal(in.n, 0);
    assert_int_equal(in.n_ids, 0);
    anm_inputs_deinit(&in);
    anm_inputs_deinit(&alone);
}

static void bad_text_names_the_byte_and_appends_nothing(void **state)
{
    const anm_input_params p = params_of(64);
    anm_inputs in = { 0 };
    anm_error err;
    (void)state;

    add(&in, &p, "a river");
    assert_int_equal(anm_inputs_add(&in, &p, anm_text_of("abc\xff"), &err),
                     ANM_E_ARG);
    assert_string_equal(err.message, "invalid UTF-8 at byte 3");
    assert_int_equal(in.n, 1);
    anm_inputs_deinit(&in);
}

static void text_above_the_limit_is_refused_by_size(void **state)
{
    const anm_input_params p = params_of(64);
    const size_t len = ANM_TEXT_MAX_BYTES + 1;
    char *text = malloc(len);
    anm_inputs in = { 0 };
    (void)state;

    memset(text, 'a', len);
    assert_int_equal(anm_inputs_add(&in, &p, (anm_text){ text, len }, NULL),
                     ANM_E_LIMIT);
    assert_int_equal(in.n, 0);
    anm_inputs_deinit(&in);
    free(text);
}

static void ids_are_taken_as_they_are(void **state)
{
    const anm_input_params p = params_of(4);
    const int32_t ids[] = { 2, 0, 9, 3, 1 };
    const anm_ids row = { ids, 4 };
    anm_inputs in = { 0 };
    (void)state;

    assert_int_equal(anm_inputs_add_ids(&in, &p, &row, 10, NULL), ANM_OK);
    assert_int_equal(in.items[0].len, 4);
    assert_memory_equal(in.items[0].ids, ids, 4 * sizeof(int32_t));
    anm_inputs_deinit(&in);
}

static void ids_outside_are_refused_with_their_place(void **state)
{
    static const struct {
        int32_t ids[5];
        size_t n;
        const char *message;
    } rows[] = {
        { { 0 }, 0, "no ids" },
        { { 1, 1, 1, 1, 1 }, 5, "5 ids, at most 4" },
        { { 1, 10 }, 2, "id 1 is 10, must be in [0, 10)" },
        { { -1 }, 1, "id 0 is -1, must be in [0, 10)" },
    };
    const anm_input_params p = params_of(4);
    anm_inputs in = { 0 };
    anm_error err;
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        const anm_ids row = { rows[i].ids, rows[i].n };
        assert_int_equal(anm_inputs_add_ids(&in, &p, &row, 10, &err),
                         ANM_E_ARG);
        assert_string_equal(err.message, rows[i].message);
        assert_int_equal(in.n, 0);
    }
    anm_inputs_deinit(&in);
}

/* A tokenizer may add tokens that a model has no row for; what is cut off does
 * not enter. */
static void text_with_a_token_beyond_the_table_is_refused(void **state)
{
    anm_input_params p = params_of(64);
    anm_inputs in = { 0 };
    anm_error err = { 0 };
    (void)state;

    add(&in, &p, long_text);
    size_t at = 0;
    for (size_t i = 0; i < in.items[0].len; i++)
        if (in.ids[i] > in.ids[at]) at = i;
    p.vocab_rows = (size_t)in.ids[at];
    assert_int_equal(anm_inputs_add(&in, &p, anm_text_of(long_text), &err),
                     ANM_E_LIMIT);
    char words[64];
    snprintf(words, sizeof(words), "has id %ld", (long)in.ids[at]);
    assert_non_null(strstr(err.message, words));
    assert_int_equal(in.n, 1);
    p.max_tokens = at + 1; // the last that enters is the frame's
    add(&in, &p, long_text);
    assert_int_equal(in.items[1].len, at + 1);
    anm_inputs_deinit(&in);
}

static void every_failed_allocation_leaves_the_rows_before(void **state)
{
    const anm_input_params p = params_of(64);
    bool happened = true;
    (void)state;

    for (uint64_t k = 1; happened; k++) {
        anm_inputs in = { 0 }, alone = { 0 };
        add(&in, &p, "a river");
        add(&alone, &p, "a river");
        test_fault_arm(k);
        const anm_status status =
            anm_inputs_add(&in, &p, anm_text_of(long_text), NULL);
        happened = test_fault_disarm();
        assert_int_equal(status, happened ? ANM_E_NOMEM : ANM_OK);
        assert_int_equal(in.n, happened ? 1 : 2);
        assert_memory_equal(in.items[0].ids, alone.items[0].ids,
                            alone.n_ids * sizeof(int32_t));
        add(&in, &p, long_text); // still usable
        anm_inputs_deinit(&in);
        anm_inputs_deinit(&alone);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_keep_their_ids_while_the_storage_grows),
        cmocka_unit_test(cut_keeps_the_frame_and_the_beginning),
        cmocka_unit_test(empty_text_is_the_frame_alone),
        cmocka_unit_test(prompt_and_text_are_one_text),
        cmocka_unit_test(bucket_pads_behind_with_mask_zero),
        cmocka_unit_test(dropping_rows_moves_the_others_to_the_front),
        cmocka_unit_test(bad_text_names_the_byte_and_appends_nothing),
        cmocka_unit_test(text_above_the_limit_is_refused_by_size),
        cmocka_unit_test(ids_are_taken_as_they_are),
        cmocka_unit_test(ids_outside_are_refused_with_their_place),
        cmocka_unit_test(text_with_a_token_beyond_the_table_is_refused),
        cmocka_unit_test(every_failed_allocation_leaves_the_rows_before),
    };
    test_fault_install();
    return cmocka_run_group_tests(tests, open_tokenizer, close_tokenizer);
}
