/* test_call_log.c - the line of a call is the one that interface.md fixes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/call_log.h"
#include "support/models.h"

static const char *line_of(uint64_t queue_ns)
{
    static test_log log;
    const anm_log to = { test_log_line, &log, ANM_LOG_INFO };
    anm_receipt r = {
        .where = { .device = ANM_DEVICE_CPU,
                   .evidence = ANM_EVIDENCE_OBSERVED },
        .band = { .verdict = ANM_VERDICT_INSIDE },
        .total_ns = 1100000 + queue_ns,
    };

    r.stages_ns[ANM_STAGE_QUEUE] = queue_ns;
    r.stages_ns[ANM_STAGE_TOKENIZE] = 100000;
    r.stages_ns[ANM_STAGE_PREDICT] = 1000000;
    log.n = 0;
    anm_log_call(&to, &r);
    assert_int_equal(log.n, 1);
    return log.lines[0];
}

static void line_has_the_fixed_form(void **state)
{
    (void)state;
    assert_string_equal(line_of(0),
                        "breakdown tok=0.1ms | bind=0.0ms | pred=1.0ms | "
                        "post=0.0ms | total=1.1ms | cpu (observed) | "
                        "band inside");
}

static void wait_that_would_show_as_nothing_is_left_out(void **state)
{
    (void)state;
    assert_string_equal(line_of(49999), line_of(0));
}

static void wait_in_the_queue_stands_behind_the_band(void **state)
{
    (void)state;
    assert_string_equal(line_of(3200000),
                        "breakdown tok=0.1ms | bind=0.0ms | pred=1.0ms | "
                        "post=0.0ms | total=4.3ms | cpu (observed) | "
                        "band inside | queue=3.2ms");
    assert_string_equal(line_of(50000),
                        "breakdown tok=0.1ms | bind=0.0ms | pred=1.0ms | "
                        "post=0.0ms | total=1.1ms | cpu (observed) | "
                        "band inside | queue=0.1ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_the_fixed_form),
        cmocka_unit_test(wait_that_would_show_as_nothing_is_left_out),
        cmocka_unit_test(wait_in_the_queue_stands_behind_the_band),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
