/* Log lines: only what is wanted, and always one line.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <string.h>

#include "support/support.h"

typedef struct heard {
    unsigned n;
    anm_log_level level;
    char line[2048];
} heard;

static void hear(void *ctx, anm_log_level level, const char *line)
{
    heard *h = ctx;
    h->n++;
    h->level = level;
    strncpy(h->line, line, sizeof(h->line) - 1);
}

static void zero_log_is_silent(void **state)
{
    const anm_log log = { 0 };
    (void)state;

    assert_false(anm_log_wants(&log, ANM_LOG_ERROR));
    anm_log_line(&log, ANM_LOG_ERROR, "x");
}

static void lines_above_the_level_are_dropped(void **state)
{
    heard h = { 0 };
    const anm_log log = { hear, &h, ANM_LOG_WARN };
    (void)state;

    anm_log_line(&log, ANM_LOG_INFO, "no");
    assert_int_equal(h.n, 0);
    assert_false(anm_log_wants(&log, ANM_LOG_DEBUG));
    anm_log_line(&log, ANM_LOG_WARN, "yes %d", 1);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.level, ANM_LOG_WARN);
    assert_string_equal(h.line, "yes 1");
}

static void line_is_printable_and_cut(void **state)
{
    heard h = { 0 };
    const anm_log log = { hear, &h, ANM_LOG_DEBUG };
    (void)state;

    anm_log_line(&log, ANM_LOG_DEBUG, "a\nb");
    assert_string_equal(h.line, "a\\x0Ab");
    anm_log_line(&log, ANM_LOG_DEBUG, "%5000d", 1);
    assert_int_equal(strlen(h.line), 1023);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_log_is_silent),
        cmocka_unit_test(lines_above_the_level_are_dropped),
        cmocka_unit_test(line_is_printable_and_cut),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
