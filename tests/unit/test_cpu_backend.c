/* test_cpu_backend.c - the cpu backend's table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/program.h"
#include "support/support.h"

static void it_drives_the_cpu_and_names_its_layout(void **state)
{
    const anm_load_params params = { .threads = 1 };
    test_graph t;

    (void)state;
    test_bert_init(&t, &(test_bert){ 0 });
    const anm_program p = test_program(t.graph, 64);
    assert_string_equal(anm_backend_cpu.name, "cpu");
    assert_int_equal(anm_backend_cpu.devices(), 1u << ANM_DEVICE_CPU);
    assert_string_equal(anm_backend_cpu.layout(&p, &params), "cpu-panel16-2");
    test_graph_deinit(&t);
}

static void nothing_is_unloaded_gladly(void **state)
{
    (void)state;
    anm_backend_cpu.unload(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_drives_the_cpu_and_names_its_layout),
        cmocka_unit_test(nothing_is_unloaded_gladly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
