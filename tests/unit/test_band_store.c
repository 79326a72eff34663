/* test_band_store.c - bands from start to start.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/band.h"
#include "support/support.h"

static const char key[] = "machine x\nlevel avx2\n";

static anm_bands sample(void)
{
    return (anm_bands){
        .items = { { .tokens = 8,
                     .n = 5,
                     .first_ns = 90,
                     .p50_ns = 100,
                     .low_ns = 60,
                     .high_ns = 140 },
                   { .tokens = 16,
                     .n = 3,
                     .first_ns = 190,
                     .p50_ns = 200,
                     .high_ns = 300,
                     .predict_p50_ns = 150,
                     .outside_p50_ns = 50,
                     .outside_high_ns = 80,
                     .blocked_p50_ns = 7,
                     .today_p50_ns = 200 } },
        .n = 2,
        .base = { .probe_ns = 21000,
                  .probe_high_ns = 24000,
                  .freq_khz = 2600000,
                  .idle_extra_ns = { 1, 2, 3, 4, 5 },
                  .idle_known = 3,
                  .plan = "ab",
                  .artifact = "0123456789abcdef0123456789abcdef" },
        .measured_wall_ns = 1700000000000000000,
    };
}

/* The one file of FOLDER/bands. */
static char *stored_path(const char *folder)
{
    static char path[1024];
    char bands[512];
    anm_names names;

    snprintf(bands, sizeof(bands), "%s/bands", folder);
    assert_int_equal(anm_folder_list(bands, &names, NULL), ANM_OK);
    assert_int_equal(names.n, 1);
    snprintf(path, sizeof(path), "%s/%s", bands, names.names[0]);
    anm_names_deinit(&names);
    return path;
}

static void what_was_stored_is_found_again(void **state)
{
    const anm_bands b = sample();
    anm_bands found;
    const char *folder = test_temp_folder();
    (void)state;

    assert_true(anm_bands_store(&b, folder, key));
    anm_bands_load(&found, folder, key);
    assert_int_equal(found.n, 2);
    assert_int_equal(found.measured_wall_ns, b.measured_wall_ns);
    assert_int_equal(found.items[1].tokens, 16);
    assert_int_equal(found.items[1].n, 3);
    assert_int_equal(found.items[1].first_ns, 190);
    assert_int_equal(found.items[1].p50_ns, 200);
    assert_int_equal(found.items[1].low_ns, 0);
    assert_int_equal(found.items[1].high_ns, 300);
    assert_int_equal(found.items[1].predict_p50_ns, 150);
    assert_int_equal(found.items[1].outside_p50_ns, 50);
    assert_int_equal(found.items[1].outside_high_ns, 80);
    assert_int_equal(found.items[1].blocked_p50_ns, 7);
    // Of the start that measured it alone.
    assert_int_equal(found.items[1].today_p50_ns, 0);
    assert_memory_equal(&found.base, &b.base, sizeof(b.base));
}

static void useless_band_is_not_kept(void **state)
{
    anm_bands b = sample(), found;
    const char *folder = test_temp_folder();
    (void)state;

    b.items[0].useless = true;
    assert_true(anm_bands_store(&b, folder, key));
    anm_bands_load(&found, folder, key);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.items[0].tokens, 16);
}

static void another_key_finds_nothing(void **state)
{
    const anm_bands b = sample();
    anm_bands found;
    const char *folder = test_temp_folder();
    (void)state;

    assert_true(anm_bands_store(&b, folder, key));
    anm_bands_load(&found, folder, "machine x\nlevel scalar\n");
    assert_int_equal(found.n, 0);
}

static void storing_again_replaces(void **state)
{
    anm_bands b = sample(), found;
    const char *folder = test_temp_folder();
    (void)state;

    assert_true(anm_bands_store(&b, folder, key));
    b.n = 1;
    assert_true(anm_bands_store(&b, folder, key));
    anm_bands_load(&found, folder, key);
    assert_int_equal(found.n, 1);
}

static void without_a_folder_nothing_is_kept(void **state)
{
    const anm_bands b = sample();
    anm_bands found = b;
    (void)state;

    assert_true(anm_bands_store(&b, NULL, key));
    anm_bands_load(&found, NULL, key);
    assert_int_equal(found.n, 0);
}

/* Cut anywhere, the file is no longer a document. */
static void truncated_file_counts_as_absent(void **state)
{
    const anm_bands b = sample();
    const char *folder = test_temp_folder();
    size_t len;
    (void)state;

    assert_true(anm_bands_store(&b, folder, key));
    const char *path = stored_path(folder);
    char *text = test_read(path, &len);
    for (size_t n = 0; n < len; n++) {
        anm_bands found;
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(text, 1, n, f), n);
        fclose(f);
        anm_bands_load(&found, folder, key);
        assert_int_equal(found.n, 0);
    }
    free(text);
}

/* Replace one part of a stored file, and load it. */
static size_t load_with(const char *part, const char *by)
{
    const anm_bands b = sample();
    const char *folder = test_temp_folder();
    anm_bands found;

    assert_true(anm_bands_store(&b, folder, key));
    const char *path = stored_path(folder);
    char *text = test_read(path, NULL);
    char *at = strstr(text, part);
    if (!at) fail_msg("no %s in %s", part, text);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fprintf(f, "%.*s%s%s", (int)(at - text), text, by, at + strlen(part));
    fclose(f);
    free(text);
    anm_bands_load(&found, folder, key);
    return found.n;
}

static void senseless_values_count_as_absent(void **state)
{
    static const char *const parts[][2] = {
        { "\"tokens\":8", "\"tokens\":0" },
        { "\"n\":5", "\"n\":0" },
        { "\"low_ns\":60", "\"low_ns\":101" },
        { "\"high_ns\":140", "\"high_ns\":99" },
        { "\"p50_ns\":100", "\"p50_ns\":\"100\"" },
        { "\"p50_ns\":100", "\"p50_ns\":-1" },
        { "\"predict_p50_ns\":150", "\"predict_ns\":150" },
        { "\"items\":[", "\"items\":[7," },
        { "\"anemone_bands\":4", "\"anemone_bands\":3" },
        { "\"idle_known\":3", "\"idle_known\":64" },
        { "[1,2,3,4,5]", "[1,2,3,4]" },
        { "[1,2,3,4,5]", "[1,2,3,4,null]" },
        { "\"probe_ns\":21000", "\"probe_ns\":-5" },
        { "\"probe_high_ns\":24000", "\"probe_high_ns\":20999" },
        { "\"plan\":\"ab\"", "\"plan\":\"0123456789abcdef0123456789abcdef0\"" },
    };
    (void)state;

    assert_int_equal(load_with("\"tokens\":8", "\"tokens\":9"), 2);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert_int_equal(load_with(parts[i][0], parts[i][1]), 0);
}

static void folder_that_cannot_be_made_is_told(void **state)
{
    const anm_bands b = sample();
    char inside[600];
    (void)state;

    snprintf(inside, sizeof(inside), "%s/file", test_temp_folder());
    FILE *f = fopen(inside, "wb");
    assert_non_null(f);
    fclose(f);
    assert_false(anm_bands_store(&b, inside, key));
}

static void every_failed_allocation_leaves_old_or_new(void **state)
{
    const anm_bands b = sample();
    const char *folder = test_temp_folder();
    bool happened = true;
    (void)state;

    for (uint64_t k = 1; happened; k++) {
        anm_bands found;
        test_fault_arm(k);
        const bool stored = anm_bands_store(&b, folder, key);
        happened = test_fault_disarm();
        assert_true(stored || happened);
        test_fault_arm(k);
        anm_bands_load(&found, folder, key);
        const bool in_load = test_fault_disarm();
        assert_true(found.n == 2 || found.n == 0);
        if (!happened && !in_load) assert_int_equal(found.n, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_stored_is_found_again),
        cmocka_unit_test(useless_band_is_not_kept),
        cmocka_unit_test(another_key_finds_nothing),
        cmocka_unit_test(storing_again_replaces),
        cmocka_unit_test(without_a_folder_nothing_is_kept),
        cmocka_unit_test(truncated_file_counts_as_absent),
        cmocka_unit_test(senseless_values_count_as_absent),
        cmocka_unit_test(folder_that_cannot_be_made_is_told),
        cmocka_unit_test(every_failed_allocation_leaves_old_or_new),
    };
    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
