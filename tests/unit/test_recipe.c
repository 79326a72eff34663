/* Prompts by name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "model/recipe.h"

static anm_prompt prompts[] = {
    { "query", "query: " },
    { "document", "" },
};
static const anm_recipe recipe = { .prompts = prompts, .n_prompts = 2 };

static void prompt_is_found_by_its_whole_name(void **state)
{
    (void)state;
    assert_string_equal(anm_recipe_prompt(&recipe, "query"), "query: ");
    assert_null(anm_recipe_prompt(&recipe, "quer"));
    assert_null(anm_recipe_prompt(&recipe, "query "));
    assert_null(anm_recipe_prompt(&recipe, "Query"));
}

static void empty_prompt_is_not_an_absent_one(void **state)
{
    (void)state;
    assert_string_equal(anm_recipe_prompt(&recipe, "document"), "");
    assert_null(anm_recipe_prompt(&recipe, ""));
}

static void recipe_without_prompts_has_none(void **state)
{
    (void)state;
    const anm_recipe empty = { 0 };
    assert_null(anm_recipe_prompt(&empty, "query"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompt_is_found_by_its_whole_name),
        cmocka_unit_test(empty_prompt_is_not_an_absent_one),
        cmocka_unit_test(recipe_without_prompts_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
