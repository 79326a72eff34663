/* lock.c - advisory locks between processes and between threads.
 *
 * flock() belongs to the open file, so that two opens of one process exclude
 * each other too, which fcntl() locks do not. The file stays when the lock is
 * released: deleting it would let two holders lock two files of one name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/open.h"

enum { POLL_MIN_NS = 500000, POLL_MAX_NS = 20000000 };

/* 0 when locked, ETIMEDOUT, or the errno of the failure. No system waits for
 * a lock with a timeout, hence the polling. */
static int wait_for_lock(int fd, uint64_t timeout_ns)
{
    const uint64_t start = anm_now_ns();
    uint64_t pause = POLL_MIN_NS;

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return errno;
        const uint64_t passed = anm_now_ns() - start;
        if (passed >= timeout_ns) return ETIMEDOUT;
        const uint64_t left = timeout_ns - passed;
        anm_sleep_ns(pause < left ? pause : left);
        if (pause < POLL_MAX_NS) pause *= 2;
    }
    return 0;
}

anm_status anm_lock_open(anm_lock *lock, const char *path, uint64_t timeout_ns,
                         anm_error *err)
{
    const int fd = anm_open_fd(path, O_RDWR | O_CREAT, 0600);

    *lock = (anm_lock){ 0 };
    if (fd < 0) return anm_fail_errno(err, errno, "lock %s", path);
    const int why = wait_for_lock(fd, timeout_ns);
    if (!why) {
        lock->fd = fd;
        return ANM_OK;
    }
    close(fd);
    if (why == ETIMEDOUT)
        return anm_fail(err, ANM_E_BUSY,
                        "lock %s: held by another for %" PRIu64 " ms", path,
                        timeout_ns / 1000000);
    return anm_fail_errno(err, why, "lock %s", path);
}

void anm_lock_close(anm_lock *lock)
{
    // A child that fork() made meanwhile has this open file too, and would hold
    // the lock for as long as it lives.
    if (lock->fd) flock(lock->fd, LOCK_UN);
    if (lock->fd) close(lock->fd);
    *lock = (anm_lock){ 0 };
}
