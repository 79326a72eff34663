/* Locks: two opens exclude each other, within one process and between two.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "support/support.h"

static char path[512];

static void second_open_is_busy_until_the_first_closes(void **state)
{
    anm_lock a, b;
    anm_error err;
    (void)state;

    assert_int_equal(anm_lock_open(&a, path, 0, NULL), ANM_OK);
    assert_true(a.fd > 2);
    assert_int_equal(anm_lock_open(&b, path, 0, &err), ANM_E_BUSY);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(b.fd, 0);
    anm_lock_close(&b);
    anm_lock_close(&a);
    assert_int_equal(anm_lock_open(&b, path, 0, NULL), ANM_OK);
    anm_lock_close(&b);
    anm_lock_close(&b);
}

static void waiting_takes_the_time_that_was_given(void **state)
{
    anm_lock a, b;
    (void)state;

    assert_int_equal(anm_lock_open(&a, path, 0, NULL), ANM_OK);
    const uint64_t start = anm_now_ns();
    assert_int_equal(anm_lock_open(&b, path, 30000000, NULL), ANM_E_BUSY);
    const uint64_t waited = anm_now_ns() - start;
    assert_true(waited >= 30000000 && waited < UINT64_C(3000000000));
    anm_lock_close(&a);
}

static void lock_of_a_dead_process_is_free(void **state)
{
    int ready[2];
    char byte = 0;
    anm_lock lock;
    (void)state;

    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        anm_lock held;
        const bool locked = !anm_lock_open(&held, path, 0, NULL);
        if (!locked || write(ready[1], "x", 1) != 1) _exit(1);
        anm_sleep_ns(20000000);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(anm_lock_open(&lock, path, 0, NULL), ANM_E_BUSY);
    assert_int_equal(anm_lock_open(&lock, path, UINT64_C(20000000000), NULL),
                     ANM_OK);
    anm_lock_close(&lock);
    waitpid(child, NULL, 0);
    close(ready[0]);
    close(ready[1]);
}

/* A child of fork() has the open file that the lock belongs to. */
static void lock_is_free_once_closed_whoever_was_forked(void **state)
{
    anm_lock held, again;
    int hold[2];
    char none;
    (void)state;

    assert_int_equal(pipe(hold), 0);
    assert_int_equal(anm_lock_open(&held, path, 0, NULL), ANM_OK);
    const pid_t child = fork();
    if (child == 0) {
        close(hold[1]);
        _exit(read(hold[0], &none, 1) == 0 ? 0 : 1);
    }
    close(hold[0]);
    anm_lock_close(&held);
    const anm_status status = anm_lock_open(&again, path, 0, NULL);
    anm_lock_close(&again);
    close(hold[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(status, ANM_OK);
}

static void impossible_place_is_an_error(void **state)
{
    anm_lock lock;
    anm_error err;
    (void)state;

    assert_int_equal(anm_lock_open(&lock, "/no/such/folder/l", 0, &err),
                     ANM_E_NOTFOUND);
    assert_non_null(strstr(err.message, "/no/such/folder/l"));
    assert_int_equal(lock.fd, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_open_is_busy_until_the_first_closes),
        cmocka_unit_test(waiting_takes_the_time_that_was_given),
        cmocka_unit_test(lock_of_a_dead_process_is_free),
        cmocka_unit_test(lock_is_free_once_closed_whoever_was_forked),
        cmocka_unit_test(impossible_place_is_an_error),
    };
    snprintf(path, sizeof(path), "%s/lock", test_temp_folder());
    return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
