/* clock_shim.c - clock_gettime() of a machine whose clocks misbehave, to be put
 * before the command by LD_PRELOAD.
 *
 * A test holds the same file mapped (ANEMONE_TEST_CLOCKS) and changes what is
 * added to each clock while the command runs. An event may be set to come at
 * the reading of CLOCK_MONOTONIC that the main thread is to do after so many
 * others, so that it falls into any stage of a call: the clocks jump, or the
 * process stops until somebody lets it go on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef struct clocks {
    _Atomic int64_t real_ns, monotonic_ns, boot_ns; /* added to each */
    _Atomic int64_t countdown; /* readings until the event; 0: none is set */
    _Atomic int64_t jump_monotonic_ns, jump_boot_ns, stop; /* what it is */
    _Atomic int64_t readings;  /* of CLOCK_MONOTONIC by the main thread */
    _Atomic int64_t frozen_ns; /* not 0: what CLOCK_MONOTONIC always says */
} clocks;

static clocks *shared;

__attribute__((constructor)) static void map_clocks(void)
{
    const char *path = getenv("ANEMONE_TEST_CLOCKS");
    const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0) return;
    void *at =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED) shared = at;
}

static int64_t added(clockid_t id)
{
    if (id == CLOCK_REALTIME) return shared->real_ns;
    if (id == CLOCK_BOOTTIME) return shared->boot_ns;
    if (id != CLOCK_MONOTONIC) return 0;
    if (syscall(SYS_gettid) != getpid()) return shared->monotonic_ns;
    shared->readings++;
    if (shared->countdown && --shared->countdown == 0) {
        shared->monotonic_ns += shared->jump_monotonic_ns;
        shared->boot_ns += shared->jump_boot_ns;
        if (shared->stop) kill(getpid(), SIGSTOP);
    }
    return shared->monotonic_ns;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    const int64_t more_ns = shared ? added(id) : 0;

    if (syscall(SYS_clock_gettime, id, t) != 0) return -1;
    if (!shared) return 0;
    int64_t ns = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec + more_ns;
    if (id == CLOCK_MONOTONIC && shared->frozen_ns) ns = shared->frozen_ns;
    t->tv_sec = ns / 1000000000;
    t->tv_nsec = ns % 1000000000;
    return 0;
}
