/* Digests are remembered for exactly the files they were made from.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/remember.h"

#define MS      INT64_C(1000000)
#define SECOND  (1000 * MS)
#define CHANGED (5000 * SECOND + 123 * MS)

static const anm_file_id files[2] = {
    { 1, 10, 1000, CHANGED, CHANGED },
    { 1, 11, 2000, CHANGED - 7, CHANGED },
};

static const uint8_t digest[ANM_SHA256_BYTES] = { 1, 2, 3, 0xab, 0xff };

static bool is_remembered(const char *folder, const anm_file_id *ids, size_t n,
                          const char *what)
{
    uint8_t got[ANM_SHA256_BYTES];

    if (!anm_remember_get(folder, ids, n, what, got)) return false;
    assert_memory_equal(got, digest, sizeof(got));
    return true;
}

static const char *remember_in_new_folder(void)
{
    static char folder[4096];

    snprintf(folder, sizeof(folder), "%s/made", test_temp_folder());
    anm_remember_put(folder, files, 2, "weights", CHANGED + SECOND, digest);
    return folder;
}

static void digest_comes_back_and_the_folder_is_made(void **state)
{
    (void)state;
    const char *folder = remember_in_new_folder();
    assert_true(is_remembered(folder, files, 2, "weights"));
}

static void any_other_identity_or_word_is_unknown(void **state)
{
    (void)state;
    const char *folder = remember_in_new_folder();

    assert_false(is_remembered(folder, files, 1, "weights"));
    assert_false(is_remembered(folder, files, 2, "weight"));
    assert_false(is_remembered(folder, files, 2, "weights2"));
    for (size_t field = 0; field < 5; field++) {
        anm_file_id other[2] = { files[0], files[1] };
        uint64_t *unsigned_fields[] = { &other[1].device, &other[1].inode,
                                        &other[1].size };
        if (field < 3)
            *unsigned_fields[field] += 1;
        else
            *(field == 3 ? &other[1].mtime_ns : &other[1].ctime_ns) -= 1;
        assert_false(is_remembered(folder, other, 2, "weights"));
    }
    const anm_file_id swapped[2] = { files[1], files[0] };
    assert_false(is_remembered(folder, swapped, 2, "weights"));
}

static bool is_kept(anm_file_id id, int64_t began_ns)
{
    const char *folder = test_temp_folder();

    anm_remember_put(folder, &id, 1, "w", began_ns, digest);
    return is_remembered(folder, &id, 1, "w");
}

static void reading_within_a_tick_of_the_change_is_not_kept(void **state)
{
    (void)state;
    const anm_file_id id = { 1, 1, 1, CHANGED, CHANGED };
    const anm_file_id moved = { 1, 1, 1, CHANGED, CHANGED + SECOND / 2 };

    assert_false(is_kept(id, CHANGED));
    assert_false(is_kept(id, CHANGED + 10 * MS));
    assert_true(is_kept(id, CHANGED + 30 * MS));
    assert_false(is_kept(id, CHANGED - SECOND));
    assert_false(is_kept(moved, CHANGED + 30 * MS));
}

static void stamps_of_whole_seconds_need_seconds(void **state)
{
    (void)state;
    const int64_t stamp = 5000 * SECOND;
    const anm_file_id id = { 1, 1, 1, stamp, stamp };

    assert_false(is_kept(id, stamp + 2 * SECOND));
    assert_true(is_kept(id, stamp + 3 * SECOND));
}

static const char *only_entry_of(const char *folder)
{
    static char path[4400];
    DIR *dir = opendir(folder);
    unsigned n = 0;

    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        n++;
    }
    closedir(dir);
    assert_int_equal(n, 1);
    return path;
}

static void write_bytes(const char *path, const char *data, size_t len)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void damaged_entry_counts_as_absent(void **state)
{
    (void)state;
    const char *folder = remember_in_new_folder();
    const char *path = only_entry_of(folder);
    size_t len;
    char *data = test_read(path, &len);

    for (size_t i = 0; i < len; i++) {
        data[i] ^= 1;
        write_bytes(path, data, len);
        assert_false(is_remembered(folder, files, 2, "weights"));
        data[i] ^= 1;
        write_bytes(path, data, i);
        assert_false(is_remembered(folder, files, 2, "weights"));
    }
    write_bytes(path, data, len + 1);
    assert_false(is_remembered(folder, files, 2, "weights"));
    write_bytes(path, data, len);
    assert_true(is_remembered(folder, files, 2, "weights"));
    free(data);
}

static void entry_under_another_key_counts_as_absent(void **state)
{
    (void)state;
    const char *folder = remember_in_new_folder();
    char path[4400];
    size_t len;

    snprintf(path, sizeof(path), "%s", only_entry_of(folder));
    char *data = test_read(path, &len);
    assert_int_equal(unlink(path), 0);
    anm_remember_put(folder, files, 1, "other", CHANGED + SECOND, digest);
    write_bytes(only_entry_of(folder), data, len);
    assert_false(is_remembered(folder, files, 1, "other"));
    free(data);
}

static void no_folder_remembers_nothing(void **state)
{
    (void)state;
    anm_remember_put(NULL, files, 2, "weights", CHANGED + SECOND, digest);
    assert_false(is_remembered(NULL, files, 2, "weights"));
}

static void folder_that_cannot_be_made_is_no_trouble(void **state)
{
    (void)state;
    char path[4400];

    snprintf(path, sizeof(path), "%s/file", test_temp_folder());
    write_bytes(path, "x", 1);
    anm_remember_put(path, files, 2, "weights", CHANGED + SECOND, digest);
    assert_false(is_remembered(path, files, 2, "weights"));
}

static void failed_allocation_never_gives_a_wrong_answer(void **state)
{
    (void)state;
    const char *folder = remember_in_new_folder();
    bool happened = true;

    for (uint64_t k = 1; happened; k++) {
        test_fault_arm(k);
        const bool found = is_remembered(folder, files, 2, "weights");
        happened = test_fault_disarm();
        assert_true(found || happened);
    }
    happened = true;
    for (uint64_t k = 1; happened; k++) {
        test_fault_arm(k);
        anm_remember_put(folder, files, 1, "w", CHANGED + SECOND, digest);
        happened = test_fault_disarm();
    }
    assert_true(is_remembered(folder, files, 1, "w"));
}

static void bytes_come_back_under_their_identity_only(void **state)
{
    static const char text[] = "compiled";
    const char *folder = test_temp_folder();
    anm_map map = { 0 };
    anm_bytes got;

    (void)state;
    anm_remember_keep(folder, files, 2, "made", CHANGED + SECOND,
                      anm_bytes_of(text, sizeof(text)));
    assert_true(anm_remember_map(folder, files, 2, "made", &map, &got));
    assert_int_equal(got.len, sizeof(text));
    assert_memory_equal(got.data, text, sizeof(text));
    anm_map_close(&map);
    assert_false(anm_remember_map(folder, files, 1, "made", &map, &got));
    assert_false(anm_remember_map(folder, files, 2, "other", &map, &got));
    assert_false(anm_remember_map(NULL, files, 2, "made", &map, &got));
    // Too soon after the change.
    anm_remember_keep(folder, files, 2, "soon", CHANGED + MS,
                      anm_bytes_of(text, sizeof(text)));
    assert_false(anm_remember_map(folder, files, 2, "soon", &map, &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_comes_back_and_the_folder_is_made),
        cmocka_unit_test(any_other_identity_or_word_is_unknown),
        cmocka_unit_test(reading_within_a_tick_of_the_change_is_not_kept),
        cmocka_unit_test(stamps_of_whole_seconds_need_seconds),
        cmocka_unit_test(damaged_entry_counts_as_absent),
        cmocka_unit_test(entry_under_another_key_counts_as_absent),
        cmocka_unit_test(no_folder_remembers_nothing),
        cmocka_unit_test(folder_that_cannot_be_made_is_no_trouble),
        cmocka_unit_test(failed_allocation_never_gives_a_wrong_answer),
        cmocka_unit_test(bytes_come_back_under_their_identity_only),
    };
    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
