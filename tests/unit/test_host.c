/* Counters move when what they count happens.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/host.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/proc.h"
#include "support/support.h"

static void computing_is_cpu_time(void **state)
{
    anm_host_thread a, b;
    (void)state;

    anm_host_thread_read(&a);
    const uint64_t end = anm_thread_cpu_ns() + 5000000;
    while (anm_thread_cpu_ns() < end) {
    }
    anm_host_thread_read(&b);
    assert_true(b.cpu_ns - a.cpu_ns >= 5000000);
    if (a.run_delay_ns != ANM_COUNTER_UNKNOWN)
        assert_true(b.run_delay_ns >= a.run_delay_ns);
}

static void sleeping_is_a_voluntary_switch(void **state)
{
    anm_host_thread a, b;
    (void)state;

    anm_host_thread_read(&a);
    if (a.vol_switches == ANM_COUNTER_UNKNOWN) skip();
    for (int i = 0; i < 5; i++)
        anm_sleep_ns(100000);
    anm_host_thread_read(&b);
    assert_true(b.vol_switches - a.vol_switches >= 5);
}

static int64_t delay_now(void)
{
    char text[96];
    int64_t delay = ANM_COUNTER_UNKNOWN;

    if (!anm_proc_read("/proc/thread-self/schedstat", text, sizeof(text)) ||
        !anm_proc_run_delay(text, &delay))
        return ANM_COUNTER_UNKNOWN;
    return delay;
}

/* Readings that are left out because nothing was switched give what the system
 * says all the same. */
static void run_delay_is_what_the_system_says_at_any_time(void **state)
{
    anm_host_thread t;
    (void)state;

    for (int i = 0; i < 200; i++) {
        if (i % 4 == 1) anm_sleep_ns(1000);
        if (i % 4 == 2) sched_yield();
        const int64_t before = delay_now();
        anm_host_thread_read(&t);
        const int64_t after = delay_now();
        if (before == ANM_COUNTER_UNKNOWN) skip();
        assert_true(t.run_delay_ns >= before && t.run_delay_ns <= after);
    }
}

static void active_time_is_counted_from_the_last_reading(void **state)
{
    (void)state;

    for (int i = 0; i < 100; i++) {
        anm_host_thread a, b;
        anm_host_thread_read(&a);
        anm_sleep_ns(1000);
        const int64_t active = anm_host_thread_active_ns();
        anm_host_thread_read(&b);
        if (a.run_delay_ns == ANM_COUNTER_UNKNOWN) skip();
        assert_true(active > 0);
        assert_true(active <=
                    b.cpu_ns - a.cpu_ns + b.run_delay_ns - a.run_delay_ns);
    }
}

static unsigned n_open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    if (!d) return 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static bool is_what_the_system_says(void)
{
    anm_host_thread t;
    const int64_t before = delay_now();

    anm_host_thread_read(&t);
    return t.run_delay_ns >= before && t.run_delay_ns <= delay_now();
}

/* A descriptor that fork() handed on would go on telling of the parent, which
 * has waited for longer. */
static void child_of_a_fork_is_counted_by_itself(void **state)
{
    anm_host_thread t;
    int how = -1;
    (void)state;

    anm_host_thread_read(&t);
    if (t.run_delay_ns == ANM_COUNTER_UNKNOWN) skip();
    const unsigned n_files = n_open_files();
    const pid_t child = fork();
    if (child == 0) {
        const bool is_own = is_what_the_system_says();
        sched_yield();
        const bool stays_so = is_what_the_system_says();
        _exit(!is_own ? 1 : !stays_so ? 2 : n_open_files() != n_files ? 3 : 0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    assert_true(is_what_the_system_says());
}

static pthread_key_t later_key;

/* How many open files of this process have a name that begins so. */
static unsigned n_links_to(const char *prefix)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    if (!d) return 0;
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        char target[512];
        const ssize_t len =
            readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
        if (len < 0) continue;
        target[len] = '\0';
        n += strncmp(target, prefix, strlen(prefix)) == 0;
    }
    closedir(d);
    return n;
}

static void sample_in_the_child_of_a_fork_is_its_own(void **state)
{
    anm_host h = { 0 };
    anm_host_state s;
    char parent[64];
    int how = -1;
    (void)state;

    anm_host_sample(&h, &s);
    snprintf(parent, sizeof(parent), "/proc/%ld/cgroup", (long)getpid());
    const unsigned n_files = n_open_files();
    if (n_links_to(parent) != 1) {
        anm_host_deinit(&h);
        skip();
    }
    const pid_t child = fork();
    if (child == 0) {
        char own[64];
        anm_host_sample(&h, &s);
        snprintf(own, sizeof(own), "/proc/%ld/cgroup", (long)getpid());
        _exit(n_links_to(parent)          ? 1
              : n_links_to(own) != 1      ? 2
              : n_open_files() != n_files ? 3
                                          : 0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    anm_host_deinit(&h);
}

static void read_when_ended(void *out)
{
    // A thread that was not switched is not read again.
    anm_sleep_ns(100000);
    anm_host_thread_read(out);
}

static void *read_and_end(void *out)
{
    anm_host_thread_read(out);
    pthread_setspecific(later_key, out);
    return NULL;
}

/* Destructors of a program's own keys may embed, and run after ours. */
static void thread_is_counted_to_its_very_end(void **state)
{
    anm_host_thread t;
    pthread_t thread;
    (void)state;

    anm_host_thread_read(&t);
    if (t.run_delay_ns == ANM_COUNTER_UNKNOWN) skip();
    const unsigned n_files = n_open_files();
    assert_int_equal(pthread_key_create(&later_key, read_when_ended), 0);
    assert_int_equal(pthread_create(&thread, NULL, read_and_end, &t), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_key_delete(later_key);
    assert_true(t.run_delay_ns != ANM_COUNTER_UNKNOWN);
    assert_int_equal(n_open_files(), n_files);
}

static void fresh_pages_are_faults(void **state)
{
    enum { PAGES = 64, PAGE = 4096 };
    anm_host_thread a, b;
    (void)state;

    anm_host_thread_read(&a);
    if (a.minor_faults == ANM_COUNTER_UNKNOWN) skip();
    volatile char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < PAGES; i++)
        p[i * PAGE] = 1;
    anm_host_thread_read(&b);
    assert_true(b.minor_faults - a.minor_faults >= PAGES / 2);
    munmap((void *)p, PAGES * PAGE);
}

static void *read_once(void *out)
{
    anm_host_thread_read(out);
    return NULL;
}

static void counters_are_of_the_thread_and_end_with_it(void **state)
{
    anm_host_thread mine, other;
    (void)state;

    anm_host_thread_read(&mine);
    const unsigned before = n_open_files();
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, read_once, &other), 0);
        pthread_join(thread, NULL);
        assert_true(other.cpu_ns < mine.cpu_ns);
    }
    assert_int_equal(n_open_files(), before);
}

static void reading_allocates_nothing(void **state)
{
    anm_alloc_stats before, after;
    anm_host_thread t;
    anm_host_state s;
    anm_host h = { 0 };
    (void)state;

    anm_host_sample(&h, &s);
    anm_host_thread_read(&t);
    anm_alloc_stats_read(&before);
    anm_host_sample(&h, &s);
    anm_host_thread_read(&t);
    anm_alloc_stats_read(&after);
    assert_int_equal(before.n_allocs, after.n_allocs);
    anm_host_deinit(&h);
}

static void sample_is_known_or_unknown_and_never_falls(void **state)
{
    anm_host h = { 0 };
    anm_host_state a, b;
    (void)state;

    anm_host_sample(&h, &a);
    anm_sleep_ns(1000000);
    anm_host_sample(&h, &b);
    const int64_t pairs[][2] = { { a.throttled_ns, b.throttled_ns },
                                 { a.psi_cpu_us, b.psi_cpu_us },
                                 { a.psi_memory_us, b.psi_memory_us },
                                 { a.psi_io_us, b.psi_io_us } };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (pairs[i][0] == ANM_COUNTER_UNKNOWN) continue;
        assert_true(pairs[i][0] >= 0 && pairs[i][1] >= pairs[i][0]);
    }
    assert_true(a.freq_khz == ANM_COUNTER_UNKNOWN || a.freq_khz > 10000);
    anm_host_deinit(&h);
    anm_host_sample(&h, &b);
    assert_int_equal(b.throttled_ns == ANM_COUNTER_UNKNOWN,
                     a.throttled_ns == ANM_COUNTER_UNKNOWN);
    anm_host_deinit(&h);
}

/* Writes this process's number into "folder/cgroup.procs". */
static bool move_to(const char *folder)
{
    char path[1200];

    snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
    FILE *f = fopen(path, "w");
    if (!f) return false;
    const bool written = fprintf(f, "%d", (int)getpid()) > 0;
    return fclose(f) == 0 && written;
}

static void sample_follows_the_process_into_another_cgroup(void **state)
{
    anm_cgroup c;
    char inner[1100];
    anm_host h = { 0 };
    anm_host_state before, within, after;
    (void)state;

    if (!anm_cgroup_find("cpu", &c) && !anm_cgroup_find(NULL, &c)) skip();
    snprintf(inner, sizeof(inner), "%s/anemone-test-%d", c.folder,
             (int)getpid());
    if (mkdir(inner, 0700) != 0) skip();
    anm_host_sample(&h, &before);
    if (!move_to(inner)) {
        rmdir(inner);
        anm_host_deinit(&h);
        skip();
    }
    anm_host_sample(&h, &within);
    const bool moved_back = move_to(c.folder);
    anm_host_sample(&h, &after);
    for (int i = 0; i < 100 && rmdir(inner) != 0; i++)
        anm_sleep_ns(10000000);
    anm_host_deinit(&h);
    assert_true(moved_back);
    assert_true(within.group != before.group);
    assert_true(after.group == before.group);
    assert_int_equal(after.throttled_ns == ANM_COUNTER_UNKNOWN,
                     before.throttled_ns == ANM_COUNTER_UNKNOWN);
}

static void identity_is_stable_and_fits(void **state)
{
    char a[256], b[256], small[8];
    (void)state;

    anm_host_identity(a, sizeof(a));
    anm_host_identity(b, sizeof(b));
    assert_string_equal(a, b);
    assert_non_null(strstr(a, "CPUs"));
    memset(small, 'x', sizeof(small));
    anm_host_identity(small, sizeof(small));
    assert_int_equal(strlen(small), sizeof(small) - 1);
}

static void resident_memory_grows_with_use(void **state)
{
    const size_t size = (size_t)32 << 20;
    const int64_t before = anm_host_resident_bytes();
    (void)state;

    if (before == ANM_COUNTER_UNKNOWN) skip();
    char *p = anm_alloc(size);
    for (size_t i = 0; i < size; i += 1024)
        p[i] = 1;
    const int64_t with = anm_host_resident_bytes();
    assert_true(with - before > (int64_t)size / 2);
    assert_true(anm_host_peak_resident_bytes() >= with - (1 << 20));
    anm_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computing_is_cpu_time),
        cmocka_unit_test(sleeping_is_a_voluntary_switch),
        cmocka_unit_test(run_delay_is_what_the_system_says_at_any_time),
        cmocka_unit_test(active_time_is_counted_from_the_last_reading),
        cmocka_unit_test(child_of_a_fork_is_counted_by_itself),
        cmocka_unit_test(sample_in_the_child_of_a_fork_is_its_own),
        cmocka_unit_test(thread_is_counted_to_its_very_end),
        cmocka_unit_test(fresh_pages_are_faults),
        cmocka_unit_test(counters_are_of_the_thread_and_end_with_it),
        cmocka_unit_test(reading_allocates_nothing),
        cmocka_unit_test(sample_is_known_or_unknown_and_never_falls),
        cmocka_unit_test(sample_follows_the_process_into_another_cgroup),
        cmocka_unit_test(identity_is_stable_and_fits),
        cmocka_unit_test(resident_memory_grows_with_use),
    };
    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
