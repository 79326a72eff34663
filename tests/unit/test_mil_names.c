/* Unit tests of format/mil_names.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "format/mil_names.h"
#include "support/support.h"

static anm_bytes text_of(const char *s)
{
    return anm_bytes_of(s, strlen(s));
}

static void thousands_of_names_are_found(void **state)
{
    (void)state;
    enum { N = 5000 };
    anm_mlpackage_reading r = { .memory_left = 8 << 20 };
    anm_mil_names names = { 0 };
    static anm_mil_op ops[N];
    char name[32];
    const char *copy = NULL;

    for (size_t i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "op_%zu", i);
        assert_int_equal(anm_mil_names_define(&r, &names, text_of(name),
                                              (anm_mil_origin){ &ops[i], i },
                                              &copy, NULL),
                         ANM_OK);
        assert_string_equal(copy, name);
    }
    for (size_t i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "op_%zu", i);
        const anm_mil_name *found = anm_mil_names_find(&names, text_of(name));

        assert_non_null(found);
        assert_ptr_equal(found->origin.op, &ops[i]);
        assert_int_equal(found->origin.output, i);
    }
    assert_null(anm_mil_names_find(&names, text_of("op_5000")));
    assert_null(anm_mil_names_find(&names, text_of("")));
    anm_arena_deinit(&r.arena);
}

static void a_hidden_name_may_be_defined_again(void **state)
{
    (void)state;
    anm_mlpackage_reading r = { .memory_left = 1 << 20 };
    anm_mil_names names = { 0 };
    const char *first = NULL, *outer = NULL, *second = NULL;

    assert_int_equal(anm_mil_names_define(&r, &names, text_of("outer"),
                                          (anm_mil_origin){ 0 }, &outer, NULL),
                     ANM_OK);
    anm_mil_name *last = names.last;
    assert_int_equal(anm_mil_names_define(&r, &names, text_of("inner"),
                                          (anm_mil_origin){ 0 }, &first, NULL),
                     ANM_OK);
    assert_int_equal(anm_mil_names_define(&r, &names, text_of("inner"),
                                          (anm_mil_origin){ 0 }, &second, NULL),
                     ANM_E_FORMAT);
    anm_mil_names_leave(&names, last);
    assert_null(anm_mil_names_find(&names, text_of("inner")));
    assert_non_null(anm_mil_names_find(&names, text_of("outer")));
    assert_int_equal(anm_mil_names_define(&r, &names, text_of("inner"),
                                          (anm_mil_origin){ 0 }, &second, NULL),
                     ANM_OK);
    assert_ptr_equal(first, second);
    anm_arena_deinit(&r.arena);
}

static void a_spent_budget_is_a_limit(void **state)
{
    (void)state;
    anm_mlpackage_reading r = { .memory_left = 100 };
    anm_mil_names names = { 0 };
    const char *copy = NULL;
    anm_error err = { 0 };

    assert_int_equal(anm_mil_names_define(&r, &names, text_of("name"),
                                          (anm_mil_origin){ 0 }, &copy, &err),
                     ANM_E_LIMIT);
    anm_arena_deinit(&r.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousands_of_names_are_found),
        cmocka_unit_test(a_hidden_name_may_be_defined_again),
        cmocka_unit_test(a_spent_budget_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
