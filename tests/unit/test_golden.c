/* test_golden.c - ready means proven: an artifact that passes every check of a
 * file and yet gives another vector is not served.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/remember.h"
#include "base/sha256.h"
#include "engine/artifact_file.h"
#include "engine/golden.h"
#include "engine/state.h"
#include "support/models.h"

enum { DIM = 48 };

static void find_artifact(const char *folder, char *out, size_t cap)
{
    char artifacts[600];
    anm_names names;

    snprintf(artifacts, sizeof(artifacts), "%s/artifacts", folder);
    assert_int_equal(anm_folder_list(artifacts, &names, NULL), ANM_OK);
    for (size_t i = 0; i < names.n; i++)
        if (strstr(names.names[i], ".anm"))
            snprintf(out, cap, "%s/%s", artifacts, names.names[i]);
    anm_names_deinit(&names);
}

static uint64_t read_le(const char *p, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)(unsigned char)p[i] << 8 * i;
    return value;
}

/* Where the row of a section begins in the table. */
static char *find_row(char *data, size_t len, const char *name)
{
    char *row = data + read_le(data + 24, 8);

    while (row < data + len) {
        const size_t n = (size_t)read_le(row + 16, 2);
        if (n == strlen(name) && memcmp(row + 18, name, n) == 0) return row;
        row += 18 + n;
    }
    fail_msg("no section %s", name);
    return NULL;
}

static void write_bytes(const char *path, const char *data, size_t len)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
}

/* Give a changed file the digest that makes it sound again. */
static void write_sound(const char *path, char *data, size_t len)
{
    anm_sha256 *h = anm_sha256_new();

    anm_sha256_add(h, data + 64, len - 64);
    anm_sha256_read(h, (uint8_t *)data + 32);
    anm_sha256_free(h);
    write_bytes(path, data, len);
}

typedef struct prepared {
    anm_options options;
    char path[1024];
    char *data;
    size_t len;
} prepared;

static prepared prepare(test_log *log)
{
    prepared p = { .options = test_options("tiny-bert-mean") };

    p.options.cache_dir = test_temp_folder();
    p.options.log = test_log_line;
    p.options.log_ctx = log;
    anm_model_close(test_model_open(&p.options));
    find_artifact(p.options.cache_dir, p.path, sizeof(p.path));
    p.data = test_read(p.path, &p.len);
    return p;
}

static void artifact_with_another_vector_is_a_device_error(void **state)
{
    test_log log = { 0 };
    prepared p = prepare(&log);
    anm_model *m;
    anm_error err;
    (void)state;

    char *golden = p.data + read_le(find_row(p.data, p.len, "golden"), 8);
    golden[3] ^= 0x40; // the exponent of the first number
    write_sound(p.path, p.data, p.len);
    assert_int_equal(anm_model_open(&m, &p.options, &err), ANM_E_DEVICE);
    assert_non_null(strstr(err.message, "golden vector: number 0"));
    assert_null(m);
    free(p.data);
}

/* As a disk that gives other bytes back: nothing tells but what comes out. */
static void artifact_that_rotted_unseen_is_built_again(void **state)
{
    test_log log = { 0 };
    prepared p = prepare(&log);
    char remembered[600];
    anm_file_kind kind;
    anm_file_id id;
    (void)state;

    char *golden = p.data + read_le(find_row(p.data, p.len, "golden"), 8);
    golden[3] ^= 0x40;
    write_bytes(p.path, p.data, p.len);
    assert_int_equal(anm_file_look(p.path, &kind, &id, NULL), ANM_OK);
    anm_sleep_ns(60000000); // the grain of remember.h
    snprintf(remembered, sizeof(remembered), "%s/remembered",
             p.options.cache_dir);
    anm_remember_put(remembered, &id, 1, ANM_ARTIFACT_WORD, anm_wall_ns(),
                     (const uint8_t *)p.data + 32);
    anm_model_close(test_model_open(&p.options));
    assert_int_equal(test_log_count(&log, ANM_LOG_WARN, "is built again"), 1);
    log.n = 0;
    anm_model_close(test_model_open(&p.options));
    assert_int_equal(log.n, 0);
    free(p.data);
}

static void golden_vector_of_another_size_is_built_again(void **state)
{
    test_log log = { 0 };
    prepared p = prepare(&log);
    (void)state;

    char *row = find_row(p.data, p.len, "golden");
    row[8] = 8; // two numbers are left
    row[9] = 0;
    write_sound(p.path, p.data, p.len);
    anm_model_close(test_model_open(&p.options));
    assert_int_equal(test_log_count(&log, ANM_LOG_WARN, "is built again"), 1);
    log.n = 0;
    anm_model_close(test_model_open(&p.options));
    assert_int_equal(log.n, 0);
    free(p.data);
}

/* A section that the backend misses: sound as a file, useless to the program. */
static void section_that_the_backend_misses_is_built_again(void **state)
{
    test_log log = { 0 };
    prepared p = prepare(&log);
    (void)state;

    // Another name for the first or the last one keeps the table in order.
    char *row = p.data + read_le(p.data + 24, 8), *next = row;
    if (memcmp(row + 18, "golden", 6) != 0) {
        row[18] = ' ';
    } else {
        while ((next += 18 + read_le(next + 16, 2)) < p.data + p.len)
            row = next;
        row[18] = '~';
    }
    write_sound(p.path, p.data, p.len);
    anm_model_close(test_model_open(&p.options));
    assert_int_equal(
        test_log_count(&log, ANM_LOG_WARN, "does not fit this program"), 1);
    free(p.data);
}

/* ---- How much of the text ---------------------------------------------------- */

static void small_models_prove_all_of_the_golden_text(void **state)
{
    (void)state;
    assert_int_equal(anm_golden_length(0, 2, 512), 512);
    assert_int_equal(anm_golden_length(1e4, 2, 64), 64);
    // MiniLM: 10.6 M multiply-adds a token of 256.
    assert_int_equal(anm_golden_length(10.6e6, 2, 256), 256);
}

static void big_models_prove_as_many_tokens_as_the_work_allows(void **state)
{
    (void)state;
    // bge-base: 85 M a token, 47 of them are 4 G.
    assert_int_equal(anm_golden_length(85e6, 2, 512), 47);
    size_t before = 512;
    for (double a_token = 1e6; a_token < 1e11; a_token *= 1.5) {
        const size_t n = anm_golden_length(a_token, 2, 512);
        assert_true(n <= before);
        assert_true(n >= 10);
        assert_true(n == 10 || a_token * (double)n <= 4e9);
        before = n;
    }
    assert_int_equal(before, 10);
}

static void special_tokens_come_beside_eight_of_the_text(void **state)
{
    (void)state;
    assert_int_equal(anm_golden_length(1e12, 0, 8192), 8);
    assert_int_equal(anm_golden_length(1e12, 1, 8192), 9);
    assert_int_equal(anm_golden_length(1e12, 3, 8192), 11);
    // Never more than the model takes.
    assert_int_equal(anm_golden_length(1e12, 2, 5), 5);
    assert_int_equal(anm_golden_length(1, 2, 3), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_models_prove_all_of_the_golden_text),
        cmocka_unit_test(big_models_prove_as_many_tokens_as_the_work_allows),
        cmocka_unit_test(special_tokens_come_beside_eight_of_the_text),
        cmocka_unit_test(artifact_with_another_vector_is_a_device_error),
        cmocka_unit_test(artifact_that_rotted_unseen_is_built_again),
        cmocka_unit_test(golden_vector_of_another_size_is_built_again),
        cmocka_unit_test(section_that_the_backend_misses_is_built_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
