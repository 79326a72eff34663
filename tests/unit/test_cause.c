/* test_cause.c - causes follow from the receipt alone and never claim more than
 * there is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/cause.h"

#include <string.h>

#include "support/support.h"

/* A call of total against a median of 1 ms. */
static anm_receipt above(uint64_t total, uint64_t queue, int64_t delay)
{
    anm_receipt r = { 0 };

    r.total_ns = total;
    r.stages_ns[ANM_STAGE_QUEUE] = queue;
    r.counters.run_delay_ns = delay;
    r.band.n = 5;
    r.band.p50_ns = 1000000;
    r.band.high_ns = 1100000;
    r.band.verdict = ANM_VERDICT_ABOVE;
    anm_cause_explain(&r);
    return r;
}

static void inside_below_and_without_band_have_no_cause(void **state)
{
    static const anm_verdict verdicts[] = { ANM_VERDICT_NONE,
                                            ANM_VERDICT_INSIDE,
                                            ANM_VERDICT_BELOW };
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        anm_receipt r = { .total_ns = 9000000 };
        r.band.verdict = verdicts[i];
        r.stages_ns[ANM_STAGE_QUEUE] = 8000000;
        anm_cause_explain(&r);
        assert_int_equal(r.n_causes, 1);
        assert_int_equal(r.causes[0].cause, ANM_CAUSE_NONE);
        assert_int_equal(r.causes[0].excess_ns, 0);
    }
}

static void waiting_in_the_queue_is_queueing(void **state)
{
    (void)state;
    const anm_receipt r = above(3000000, 1900000, 0);
    assert_int_equal(r.n_causes, 1);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_QUEUEING);
    assert_int_equal(r.causes[0].excess_ns, 2000000);
    assert_int_equal(r.causes[0].explained_ns, 1900000);
    assert_non_null(strstr(r.causes[0].evidence, "1.900 ms"));
}

static void runnable_and_not_running_is_contention(void **state)
{
    (void)state;
    const anm_receipt r = above(3000000, 0, 1500000);
    assert_int_equal(r.n_causes, 1);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_CPU_CONTENTION);
}

static void both_are_listed_largest_first(void **state)
{
    (void)state;
    const anm_receipt r = above(3000000, 500000, 1400000);
    assert_int_equal(r.n_causes, 2);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_CPU_CONTENTION);
    assert_int_equal(r.causes[1].cause, ANM_CAUSE_QUEUEING);
}

static void less_than_half_explained_is_unknown(void **state)
{
    (void)state;
    const anm_receipt r = above(3000000, 999999, 0);
    assert_int_equal(r.n_causes, 1);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_UNKNOWN);
    assert_int_equal(r.causes[0].explained_ns, 0);
    const anm_receipt half = above(3000000, 1000000, 0);
    assert_int_equal(half.causes[0].cause, ANM_CAUSE_QUEUEING);
}

static void less_than_a_fifth_is_not_listed(void **state)
{
    (void)state;
    const anm_receipt r = above(3000000, 1500000, 399999);
    assert_int_equal(r.n_causes, 1);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_QUEUEING);
}

static void silent_counter_explains_nothing(void **state)
{
    (void)state;
    const anm_receipt r = above(3000000, 0, ANM_COUNTER_UNKNOWN);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_UNKNOWN);
}

static uint64_t explained(const anm_receipt *r)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < r->n_causes; i++)
        sum += r->causes[i].explained_ns;
    return sum;
}

static void explained_never_exceeds_the_excess(void **state)
{
    (void)state;
    for (uint64_t total = 1100001; total < 6000000; total += 700000)
        for (uint64_t queue = 0; queue < total; queue += 300000)
            for (int64_t delay = 0; delay < 9000000; delay += 700000) {
                const anm_receipt r = above(total, queue, delay);
                assert_in_range(r.n_causes, 1, 3);
                assert_true(explained(&r) <= total - 1000000);
            }
}

/* More of the same evidence never explains less. */
static void more_evidence_explains_no_less(void **state)
{
    (void)state;
    for (int64_t delay = 0; delay < 3000000; delay += 250000) {
        uint64_t before = 0;
        for (uint64_t queue = 0; queue <= 3000000; queue += 100000) {
            const anm_receipt r = above(4000000, queue, delay);
            const uint64_t now = explained(&r);
            // A cause is listed from a fifth on, so sums may step by less.
            assert_true(now + 600000 >= before);
            before = now;
        }
        assert_int_equal(before, 3000000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inside_below_and_without_band_have_no_cause),
        cmocka_unit_test(waiting_in_the_queue_is_queueing),
        cmocka_unit_test(runnable_and_not_running_is_contention),
        cmocka_unit_test(both_are_listed_largest_first),
        cmocka_unit_test(less_than_half_explained_is_unknown),
        cmocka_unit_test(less_than_a_fifth_is_not_listed),
        cmocka_unit_test(silent_counter_explains_nothing),
        cmocka_unit_test(explained_never_exceeds_the_excess),
        cmocka_unit_test(more_evidence_explains_no_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
