/* test_mil_lint_golden.c - of the rules that the makers of the packages look
 * at, the lint finds exactly those that they found.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/mil_lint.h"
#include "support/packages.h"

static bool is_makers_rule(const char *word)
{
    static const char *const words[] = {
        "flexible-shape-range",
        "flexible-shape-enumerated",
        "state",
        "inf-constant",
        "blockwise-quantisation",
        "grouped-palettisation",
        "vector-palettisation",
        "gather",
        "linear-not-conv",
        "runtime-slice",
        "fp32-compute",
        "unknown-rank",
        "unknown-dim",
        "rank>5",
        "dim>16384",
        "last-dim-padded",
        "int-ops",
        "small-model-likely-cpu",
        "weights>1GiB",
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i], word) == 0) return true;
    return strncmp(word, "op-off-ane:", 11) == 0;
}

static void check_package(const test_package *p, void *ctx)
{
    const json_t *want = json_object_get(p->info, "lint"), *word;
    anm_mlpackage *m = test_open_package(p->path);
    anm_lint *lint = NULL;
    size_t n = 0, i;

    (void)ctx;
    assert_int_equal(anm_lint_new(&lint, m, NULL), ANM_OK);
    json_array_foreach(want, i, word)
    {
        if (!anm_lint_find(lint, json_string_value(word)))
            fail_msg("%s: no %s", p->name, json_string_value(word));
    }
    for (size_t k = 0; k < lint->n; k++) {
        assert_true(lint->findings[k].n_places > 0);
        assert_non_null(lint->findings[k].places[0]);
        n += is_makers_rule(lint->findings[k].word);
        if (n > json_array_size(want) && want)
            fail_msg("%s: unexpected %s", p->name, lint->findings[k].word);
    }
    if (want) assert_int_equal(n, json_array_size(want));
    anm_lint_free(lint);
    anm_mlpackage_close(m);
}

static void findings_are_those_of_the_makers(void **state)
{
    (void)state;

    if (!test_each_package(check_package, NULL)) {
        print_message("../shared/data/coreml is not there\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_are_those_of_the_makers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
