/* Maps: the whole file, read-only, and harmless hints.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "support/support.h"

static char path[512];

static void write_file(size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (size_t i = 0; i < len; i++)
        fputc((int)(i % 251), f);
    fclose(f);
}

static void expect_content(anm_bytes b, size_t len)
{
    assert_int_equal(b.len, len);
    for (size_t i = 0; i < len; i++)
        if (b.data[i] != i % 251) fail_msg("byte %zu of %zu", i, len);
}

static void map_shows_the_whole_file(void **state)
{
    static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 300000 };
    (void)state;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        anm_map map;
        anm_file_kind kind;
        anm_file_id id;
        write_file(sizes[i]);
        assert_int_equal(anm_map_open(&map, path, NULL), ANM_OK);
        expect_content(map.bytes, sizes[i]);
        anm_file_look(path, &kind, &id, NULL);
        assert_true(anm_file_id_equal(&id, &map.id));
        anm_map_close(&map);
        assert_int_equal(map.bytes.len, 0);
        anm_map_close(&map);
    }
}

static void what_is_no_file_is_refused(void **state)
{
    anm_map map = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_map_open(&map, "/dev/zero", &err), ANM_E_IO);
    assert_int_equal(anm_map_open(&map, "/", &err), ANM_E_IO);
    assert_int_equal(anm_map_open(&map, "/no/such/file", &err), ANM_E_NOTFOUND);
    assert_non_null(strstr(err.message, "/no/such/file"));
    assert_int_equal(map.bytes.len, 0);
}

static void hints_change_no_byte(void **state)
{
    anm_map map;
    anm_bytes part;
    (void)state;

    write_file(300000);
    assert_int_equal(anm_map_open(&map, path, NULL), ANM_OK);
    for (uint64_t offset = 0; offset < 280000; offset += 70001) {
        assert_true(anm_bytes_slice(map.bytes, offset, 20000, &part));
        anm_map_advise(part, ANM_MAP_SEQUENTIAL);
        anm_map_advise(part, ANM_MAP_LASTING);
        anm_map_advise(part, ANM_MAP_SPARSE);
        anm_map_populate(part);
        anm_map_advise(part, ANM_MAP_DROP);
    }
    anm_map_advise((anm_bytes){ 0 }, ANM_MAP_DROP);
    anm_map_populate((anm_bytes){ 0 });
    expect_content(map.bytes, 300000);
    anm_map_close(&map);
}

static long faults(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_minflt + r.ru_majflt;
}

static long faults_of_reading(anm_bytes b)
{
    volatile uint8_t sink;
    const long before = faults();

    for (size_t i = 0; i < b.len; i += 4096)
        sink = b.data[i];
    (void)sink;
    return faults() - before;
}

static void populated_map_is_read_without_faults(void **state)
{
    anm_map map;
    (void)state;

    write_file((size_t)4 << 20);
    assert_int_equal(anm_map_open(&map, path, NULL), ANM_OK);
    // The first reading also brings in a sanitizer's shadow of these pages.
    faults_of_reading(map.bytes);
    anm_map_advise(map.bytes, ANM_MAP_DROP);
    const long dropped = faults_of_reading(map.bytes);
    anm_map_advise(map.bytes, ANM_MAP_DROP);
    anm_map_populate(map.bytes);
    const long populated = faults_of_reading(map.bytes);
    // The system maps up to 16 pages around a fault, hence few for 1,024.
    assert_true(dropped >= 16);
    assert_true(populated < 4);
    anm_map_close(&map);
}

static void replaced_file_stays_as_mapped(void **state)
{
    anm_map map;
    char other[600];
    (void)state;

    write_file(5000);
    assert_int_equal(anm_map_open(&map, path, NULL), ANM_OK);
    snprintf(other, sizeof(other), "%s.old", path);
    assert_int_equal(rename(path, other), 0);
    write_file(10);
    expect_content(map.bytes, 5000);
    anm_map_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_shows_the_whole_file),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(hints_change_no_byte),
        cmocka_unit_test(populated_map_is_read_without_faults),
        cmocka_unit_test(replaced_file_stays_as_mapped),
    };
    snprintf(path, sizeof(path), "%s/mapped", test_temp_folder());
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
