/* The buffer: NUL-terminated, and a failed append is remembered.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/alloc.h"
#include "support/support.h"

static void appends_add_up(void **state)
{
    anm_buf b = { 0 };
    (void)state;

    anm_buf_puts(&b, "a");
    anm_buf_append(&b, "\0b", 2);
    anm_buf_printf(&b, "%05d", 42);
    assert_int_equal(b.len, 8);
    assert_memory_equal(b.data, "a\0b00042", 9);
    anm_buf_reset(&b);
    assert_int_equal(b.len, 0);
    anm_buf_puts(&b, "c");
    assert_string_equal(b.data, "c");
    anm_buf_deinit(&b);
    assert_null(b.data);
}

static void long_formats_fit(void **state)
{
    anm_buf b = { 0 };
    (void)state;

    for (int i = 0; i < 300; i++)
        anm_buf_printf(&b, "%*d", i, 1);
    assert_int_equal(b.len, 1 + 299 * 300 / 2);
    anm_buf_deinit(&b);
}

static void taking_empties_the_buffer(void **state)
{
    anm_buf b = { 0 };
    (void)state;

    char *s = anm_buf_take(&b);
    assert_string_equal(s, "");
    anm_free(s);
    anm_buf_puts(&b, "x");
    s = anm_buf_take(&b);
    assert_string_equal(s, "x");
    assert_int_equal(b.len, 0);
    assert_null(b.data);
    anm_free(s);
}

static void failed_append_is_remembered(void **state)
{
    anm_alloc_stats before, after;
    (void)state;

    anm_alloc_stats_read(&before);
    for (uint64_t k = 1;; k++) {
        anm_buf b = { 0 };
        test_fault_arm(k);
        for (int i = 0; i < 50; i++)
            anm_buf_printf(&b, "line %d\n", i);
        const bool failed = b.failed;
        char *s = anm_buf_take(&b);
        const bool happened = test_fault_disarm();
        assert_int_equal(failed, happened);
        assert_int_equal(s == NULL, happened);
        anm_free(s);
        if (!happened) break;
    }
    anm_alloc_stats_read(&after);
    assert_int_equal(before.bytes_live, after.bytes_live);
}

static void reset_forgets_the_failure(void **state)
{
    anm_buf b = { 0 };
    (void)state;

    test_fault_arm(1);
    anm_buf_puts(&b, "lost");
    assert_true(test_fault_disarm());
    anm_buf_puts(&b, "lost too");
    assert_true(b.failed && b.len == 0);
    anm_buf_reset(&b);
    anm_buf_puts(&b, "kept");
    assert_string_equal(b.data, "kept");
    anm_buf_deinit(&b);
}

int main(void)
{
    test_fault_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_add_up),
        cmocka_unit_test(long_formats_fit),
        cmocka_unit_test(taking_empties_the_buffer),
        cmocka_unit_test(failed_append_is_remembered),
        cmocka_unit_test(reset_forgets_the_failure),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
