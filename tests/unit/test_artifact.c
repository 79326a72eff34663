/* test_artifact.c - found, built once, rebuilt when damaged, never half there.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/artifact.h"

#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "support/support.h"

enum { BIG = 3 * 4096 + 77 };

static unsigned n_built; /* by this process */
static unsigned n_warnings;
static char warning[1024];

static void count_line(void *ctx, anm_log_level level, const char *line)
{
    (void)ctx;
    if (level != ANM_LOG_WARN) return;
    n_warnings++;
    snprintf(warning, sizeof(warning), "%s", line);
}

static uint8_t big_byte(size_t i)
{
    return (uint8_t)(i * 31 + 7);
}

static anm_status fill(void *ctx, const anm_section_sink *sink, anm_error *err)
{
    uint8_t data[BIG];
    (void)ctx;

    n_built++;
    for (size_t i = 0; i < BIG; i++)
        data[i] = big_byte(i);
    anm_status status = sink->begin(sink->ctx, "weights", BIG, err);
    // In two pieces, as a backend streams.
    if (!status) status = sink->write(sink->ctx, data, 5000, err);
    if (!status) status = sink->write(sink->ctx, data + 5000, BIG - 5000, err);
    if (!status) status = sink->begin(sink->ctx, "empty", 0, err);
    if (!status) status = sink->write(sink->ctx, NULL, 0, err);
    return status;
}

static anm_status finish(void *ctx, const anm_sections *sections,
                         const anm_section_sink *sink, anm_error *err)
{
    anm_bytes weights;
    (void)ctx;

    if (!anm_sections_find(sections, "weights", &weights) || weights.len != BIG)
        return anm_fail(err, ANM_E_INTERNAL, "weights are not there");
    const uint8_t sum = (uint8_t)(weights.data[0] + weights.data[BIG - 1]);
    const anm_status status = sink->begin(sink->ctx, "golden", 1, err);
    return status ? status : sink->write(sink->ctx, &sum, 1, err);
}

static const anm_artifact_builder builder = { fill, finish, NULL, BIG };

static anm_artifact_key key_of(const char *fingerprint)
{
    return (anm_artifact_key){ .fingerprint = fingerprint,
                               .backend = "cpu",
                               .layout = "l1",
                               .level = "avx2",
                               .units = ANM_UNITS_ALL,
                               .precision = ANM_PRECISION_F32,
                               .model = "tiny" };
}

static anm_status open_in(anm_artifact *a, const char *folder,
                          const char *fingerprint, anm_error *err)
{
    static const anm_log log = { count_line, NULL, ANM_LOG_WARN };
    const anm_artifact_key key = key_of(fingerprint);
    const anm_artifact_params params = { .folder = folder, .log = &log };

    *a = (anm_artifact){ 0 };
    return anm_artifact_open(a, &key, &params, &builder, err);
}

static void has_the_right_bytes(const anm_artifact *a)
{
    anm_bytes b;

    assert_true(anm_sections_find(&a->sections, "weights", &b));
    assert_int_equal(b.len, BIG);
    assert_int_equal((uintptr_t)b.data % 64, 0);
    for (size_t i = 0; i < BIG; i++)
        if (b.data[i] != big_byte(i)) fail_msg("byte %zu", i);
    assert_true(anm_sections_find(&a->sections, "golden", &b));
    assert_int_equal(b.len, 1);
    assert_int_equal(b.data[0], (uint8_t)(big_byte(0) + big_byte(BIG - 1)));
    assert_true(anm_sections_find(&a->sections, "empty", &b));
    assert_int_equal(b.len, 0);
    assert_false(anm_sections_find(&a->sections, "weight", &b));
}

/* Open, check state and bytes, close. */
static void opens_as(const char *folder, const char *fingerprint,
                     const char *expected)
{
    anm_artifact a;
    anm_error err = { 0 };

    if (open_in(&a, folder, fingerprint, &err)) fail_msg("%s", err.message);
    assert_string_equal(a.state, expected);
    has_the_right_bytes(&a);
    anm_artifact_close(&a);
}

static char *only_artifact(const char *folder)
{
    static char path[1024];
    char artifacts[600];
    anm_names names;
    int found = 0;

    snprintf(artifacts, sizeof(artifacts), "%s/artifacts", folder);
    assert_int_equal(anm_folder_list(artifacts, &names, NULL), ANM_OK);
    for (size_t i = 0; i < names.n; i++) {
        const size_t len = strlen(names.names[i]);
        if (len < 5 || strcmp(names.names[i] + len - 4, ".anm") != 0) continue;
        snprintf(path, sizeof(path), "%s/%s", artifacts, names.names[i]);
        found++;
    }
    anm_names_deinit(&names);
    assert_int_equal(found, 1);
    return path;
}

static void write_file(const char *path, const char *data, size_t len)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* ---- Finding ---------------------------------------------------------------- */

static void first_start_builds_and_the_next_one_hits(void **state)
{
    const char *folder = test_temp_folder();
    (void)state;

    n_built = n_warnings = 0;
    opens_as(folder, "sha256:a", "built");
    opens_as(folder, "sha256:a", "hit");
    assert_int_equal(n_built, 1);
    assert_int_equal(n_warnings, 0);
}

static void another_key_never_finds_this_file(void **state)
{
    const char *folder = test_temp_folder();
    (void)state;

    opens_as(folder, "sha256:a", "built");
    opens_as(folder, "sha256:b", "built");
    opens_as(folder, "sha256:a", "hit");
}

static void without_a_folder_it_lives_in_memory(void **state)
{
    anm_artifact a;
    (void)state;

    n_warnings = 0;
    assert_int_equal(open_in(&a, NULL, "sha256:a", NULL), ANM_OK);
    assert_string_equal(a.state, "memory");
    assert_null(a.path);
    has_the_right_bytes(&a);
    anm_artifact_close(&a);
    assert_int_equal(n_warnings, 0);
}

static void rebuild_replaces_a_sound_file(void **state)
{
    const anm_artifact_key key = key_of("sha256:a");
    const char *folder = test_temp_folder();
    const anm_log silent = { 0 };
    const anm_artifact_params params = { .folder = folder,
                                         .rebuild = true,
                                         .log = &silent };
    anm_artifact a = { 0 };
    (void)state;

    opens_as(folder, "sha256:a", "built");
    assert_int_equal(anm_artifact_open(&a, &key, &params, &builder, NULL),
                     ANM_OK);
    assert_string_equal(a.state, "rebuilt");
    anm_artifact_close(&a);
}

static void remembered_digest_is_not_computed_again(void **state)
{
    const char *folder = test_temp_folder();
    anm_artifact a;
    char remembered[600];
    anm_names names;
    (void)state;

    assert_int_equal(open_in(&a, folder, "sha256:a", NULL), ANM_OK);
    anm_sleep_ns(60000000); // the grain of remember.h
    anm_artifact_remember(&a, folder);
    anm_artifact_close(&a);
    snprintf(remembered, sizeof(remembered), "%s/remembered", folder);
    assert_int_equal(anm_folder_list(remembered, &names, NULL), ANM_OK);
    assert_int_equal(names.n, 1);
    anm_names_deinit(&names);
    opens_as(folder, "sha256:a", "hit");
}

/* ---- Damage ------------------------------------------------------------------ */

static void every_truncation_is_rebuilt(void **state)
{
    const char *folder = test_temp_folder();
    size_t len;
    (void)state;

    opens_as(folder, "sha256:a", "built");
    const char *path = only_artifact(folder);
    char *data = test_read(path, &len);
    for (size_t n = 0; n < len;
         n = n < 200 || len - n < 200 ? n + 1 : n + 997) {
        write_file(path, data, n);
        n_warnings = 0;
        opens_as(folder, "sha256:a", "rebuilt");
        assert_int_equal(n_warnings, 1);
        assert_non_null(strstr(warning, path));
    }
    free(data);
}

static void every_flipped_bit_is_rebuilt(void **state)
{
    const char *folder = test_temp_folder();
    size_t len;
    (void)state;

    opens_as(folder, "sha256:a", "built");
    const char *path = only_artifact(folder);
    char *data = test_read(path, &len);
    for (size_t i = 0; i < len;
         i = i < 300 || len - i < 200 ? i + 1 : i + 499) {
        data[i] ^= (char)(1 << i % 8);
        write_file(path, data, len);
        opens_as(folder, "sha256:a", "rebuilt");
        data[i] ^= (char)(1 << i % 8);
    }
    free(data);
}

static void other_version_is_rebuilt_and_said(void **state)
{
    const char *folder = test_temp_folder();
    size_t len;
    (void)state;

    opens_as(folder, "sha256:a", "built");
    const char *path = only_artifact(folder);
    char *data = test_read(path, &len);
    data[8]++;
    write_file(path, data, len);
    free(data);
    opens_as(folder, "sha256:a", "rebuilt");
    assert_non_null(strstr(warning, "format version 3"));
}

static void file_of_another_key_under_this_name_is_rebuilt(void **state)
{
    const char *folder = test_temp_folder();
    char first[1024];
    size_t len;
    (void)state;

    opens_as(folder, "sha256:a", "built");
    snprintf(first, sizeof(first), "%s", only_artifact(folder));
    char *data = test_read(first, &len);
    assert_int_equal(unlink(first), 0);
    opens_as(folder, "sha256:b", "built");
    write_file(only_artifact(folder), data, len);
    free(data);
    opens_as(folder, "sha256:b", "rebuilt");
}

/* ---- Folders that do not serve ------------------------------------------------ */

static void folder_that_cannot_be_made_means_memory(void **state)
{
    char inside[600];
    (void)state;

    snprintf(inside, sizeof(inside), "%s/file", test_temp_folder());
    write_file(inside, "x", 1);
    n_warnings = 0;
    opens_as(inside, "sha256:a", "memory");
    assert_int_equal(n_warnings, 1);
    assert_non_null(strstr(warning, inside));
}

/* A limit on file size stops the write in the middle, as a full disk does. */
static void disk_that_fills_up_means_memory(void **state)
{
    const char *folder = test_temp_folder();
    char artifacts[600];
    anm_names names;
    struct rlimit before, small;
    (void)state;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 8000;
    signal(SIGXFSZ, SIG_IGN);
    n_warnings = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    opens_as(folder, "sha256:a", "memory");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(n_warnings, 1);

    snprintf(artifacts, sizeof(artifacts), "%s/artifacts", folder);
    assert_int_equal(anm_folder_list(artifacts, &names, NULL), ANM_OK);
    for (size_t i = 0; i < names.n; i++)
        assert_null(strstr(names.names[i], ".anm"));
    anm_names_deinit(&names);
    opens_as(folder, "sha256:a", "built");
}

static void leftovers_of_dead_builders_are_removed(void **state)
{
    const char *folder = test_temp_folder();
    char leftover[1100];
    struct stat s;
    (void)state;

    opens_as(folder, "sha256:a", "built");
    const char *path = only_artifact(folder);
    snprintf(leftover, sizeof(leftover), "%s.99999.0.tmp", path);
    write_file(leftover, "half", 4);
    assert_int_equal(unlink(path), 0);
    opens_as(folder, "sha256:a", "built");
    assert_int_not_equal(stat(leftover, &s), 0);
}

/* ---- Two at once ------------------------------------------------------------- */

/* Each child exits with 1 when it built, 0 when it hit. */
static int open_in_child(const char *folder)
{
    anm_artifact a;

    n_built = 0;
    if (open_in(&a, folder, "sha256:a", NULL)) return 9;
    const bool built = strcmp(a.state, "built") == 0;
    const bool hit = strcmp(a.state, "hit") == 0;
    anm_artifact_close(&a);
    if (built) return n_built == 1 ? 1 : 8;
    return hit && n_built == 0 ? 0 : 7;
}

static void of_many_processes_one_builds(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        const char *folder = test_temp_folder();
        pid_t children[6];
        int built = 0;

        for (int i = 0; i < 6; i++) {
            children[i] = fork();
            assert_true(children[i] >= 0);
            if (children[i] == 0) _exit(open_in_child(folder));
        }
        for (int i = 0; i < 6; i++) {
            int status;
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_true(WIFEXITED(status));
            assert_in_range(WEXITSTATUS(status), 0, 1);
            built += WEXITSTATUS(status);
        }
        assert_int_equal(built, 1);
    }
}

/* ---- Failing builders ----------------------------------------------------------- */

static anm_status refuse(void *ctx, const anm_section_sink *sink,
                         anm_error *err)
{
    (void)ctx;
    const anm_status status = sink->begin(sink->ctx, "weights", 10, err);
    return status ? status
                  : anm_fail(err, ANM_E_UNSUPPORTED, "no such operation");
}

static void failure_of_the_builder_is_not_hidden(void **state)
{
    const anm_artifact_builder refusing = { refuse, finish, NULL, 0 };
    const anm_artifact_key key = key_of("sha256:a");
    const anm_log silent = { 0 };
    const anm_artifact_params params = { .folder = test_temp_folder(),
                                         .log = &silent };
    anm_artifact a = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_artifact_open(&a, &key, &params, &refusing, &err),
                     ANM_E_UNSUPPORTED);
    assert_string_equal(err.message, "no such operation");
    anm_artifact_close(&a);
}

static anm_status stop_short(void *ctx, const anm_section_sink *sink,
                             anm_error *err)
{
    (void)ctx;
    const anm_status status = sink->begin(sink->ctx, "weights", BIG, err);
    return status ? status : sink->write(sink->ctx, "abc", 3, err);
}

static void section_shorter_than_announced_is_a_bug(void **state)
{
    const anm_artifact_builder short_one = { stop_short, finish, NULL, 0 };
    const anm_artifact_key key = key_of("sha256:a");
    const anm_log silent = { 0 };
    const char *folders[] = { NULL, test_temp_folder() };
    (void)state;

    for (int i = 0; i < 2; i++) {
        const anm_artifact_params params = { .folder = folders[i],
                                             .log = &silent };
        anm_artifact a = { 0 };
        assert_int_equal(anm_artifact_open(&a, &key, &params, &short_one, NULL),
                         ANM_E_INTERNAL);
    }
}

static void every_failed_allocation_is_reported_or_survived(void **state)
{
    bool happened = true;
    (void)state;

    for (uint64_t k = 1; happened; k++) {
        // Built, and hit: both ways to open.
        const char *folder = k % 2 ? test_temp_folder() : NULL;
        for (int i = 0; i < 2; i++) {
            anm_artifact a;
            test_fault_arm((k + 1) / 2);
            const anm_status status = open_in(&a, folder, "sha256:a", NULL);
            happened = test_fault_disarm();
            if (!status)
                has_the_right_bytes(&a);
            else
                assert_int_equal(status, ANM_E_NOMEM);
            anm_artifact_close(&a);
        }
        happened = happened || k < 40;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_start_builds_and_the_next_one_hits),
        cmocka_unit_test(another_key_never_finds_this_file),
        cmocka_unit_test(without_a_folder_it_lives_in_memory),
        cmocka_unit_test(rebuild_replaces_a_sound_file),
        cmocka_unit_test(remembered_digest_is_not_computed_again),
        cmocka_unit_test(every_truncation_is_rebuilt),
        cmocka_unit_test(every_flipped_bit_is_rebuilt),
        cmocka_unit_test(other_version_is_rebuilt_and_said),
        cmocka_unit_test(file_of_another_key_under_this_name_is_rebuilt),
        cmocka_unit_test(folder_that_cannot_be_made_means_memory),
        cmocka_unit_test(disk_that_fills_up_means_memory),
        cmocka_unit_test(leftovers_of_dead_builders_are_removed),
        cmocka_unit_test(of_many_processes_one_builds),
        cmocka_unit_test(failure_of_the_builder_is_not_hidden),
        cmocka_unit_test(section_shorter_than_announced_is_a_bug),
        cmocka_unit_test(every_failed_allocation_is_reported_or_survived),
    };
    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
