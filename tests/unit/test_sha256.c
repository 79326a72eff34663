/* SHA-256 against the vectors of FIPS 180-4, and unambiguous fields.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/sha256.h"

#include <string.h>

#include "base/alloc.h"
#include "support/support.h"

static const char hex_abc[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char hex_empty[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static void read_hex(anm_sha256 *h, char hex[ANM_SHA256_HEX])
{
    uint8_t digest[ANM_SHA256_BYTES];
    anm_sha256_read(h, digest);
    anm_sha256_hex(digest, hex);
}

static void known_digests_come_out(void **state)
{
    char hex[ANM_SHA256_HEX];
    anm_sha256 *h = anm_sha256_new();
    (void)state;

    read_hex(h, hex);
    assert_string_equal(hex, hex_empty);
    anm_sha256_reset(h);
    anm_sha256_add(h, "a", 1);
    anm_sha256_add(h, NULL, 0);
    anm_sha256_add(h, "bc", 2);
    read_hex(h, hex);
    assert_string_equal(hex, hex_abc);
    anm_sha256_free(h);
    anm_sha256_free(NULL);
}

static void reset_allocates_nothing_and_forgets(void **state)
{
    anm_alloc_stats before, after;
    char hex[ANM_SHA256_HEX];
    anm_sha256 *h = anm_sha256_new();
    (void)state;

    anm_sha256_add(h, "never finished", 14);
    anm_alloc_stats_read(&before);
    for (int i = 0; i < 3; i++) {
        anm_sha256_reset(h);
        anm_sha256_add(h, "abc", 3);
        read_hex(h, hex);
        assert_string_equal(hex, hex_abc);
    }
    anm_alloc_stats_read(&after);
    assert_int_equal(before.n_allocs, after.n_allocs);
    anm_sha256_free(h);
}

static void fields_do_not_run_into_each_other(void **state)
{
    static const char *const pairs[][2] = {
        { "ab", "c" }, { "a", "bc" }, { "abc", "" }, { "", "abc" }
    };
    char hex[4][ANM_SHA256_HEX];
    anm_sha256 *h = anm_sha256_new();
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        anm_sha256_reset(h);
        anm_sha256_add_string(h, pairs[i][0]);
        anm_sha256_add_string(h, pairs[i][1]);
        read_hex(h, hex[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(hex[i], hex[j]);
    }
    anm_sha256_free(h);
}

static void integers_are_eight_little_endian_bytes(void **state)
{
    char a[ANM_SHA256_HEX], b[ANM_SHA256_HEX];
    anm_sha256 *h = anm_sha256_new();
    (void)state;

    anm_sha256_add_u64(h, UINT64_C(0x0102030405060708));
    read_hex(h, a);
    anm_sha256_reset(h);
    anm_sha256_add(h, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
    read_hex(h, b);
    assert_string_equal(a, b);
    anm_sha256_free(h);
}

static void failure_gives_null(void **state)
{
    (void)state;

    test_fault_arm(1);
    assert_null(anm_sha256_new());
    assert_true(test_fault_disarm());
}

int main(void)
{
    test_fault_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_digests_come_out),
        cmocka_unit_test(reset_allocates_nothing_and_forgets),
        cmocka_unit_test(fields_do_not_run_into_each_other),
        cmocka_unit_test(integers_are_eight_little_endian_bytes),
        cmocka_unit_test(failure_gives_null),
    };
    return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
