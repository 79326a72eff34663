/* Lines of JSON: every cut of the stream gives the same lines, and an answer
 * keeps the bytes of its line.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/jsonl.h"
#include "support/support.h"

static const char *write_file(const char *name, const char *data, size_t len)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", test_temp_folder(), name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
    return path;
}

/* Give the bytes to a reader through a pipe, `step` at a time. */
static void expect_lines(const char *data, size_t step, const char *const *want,
                         size_t n)
{
    cli_lines r;
    anm_text line;
    int ends[2];
    size_t at = 0, len = strlen(data), seen = 0;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(cli_lines_open(&r, "/dev/null", NULL), ANM_OK);
    close(r.fd);
    r.fd = ends[0];
    for (;;) {
        const cli_line got = cli_lines_next(&r, 0, &line, NULL);
        if (got == CLI_LINE_END) break;
        assert_int_equal(got, CLI_LINE_GIVEN);
        if (line.data) { // else it waits for more
            assert_true(seen < n);
            assert_int_equal(line.len, strlen(want[seen]));
            assert_memory_equal(line.data, want[seen], line.len);
            seen++;
        } else if (at < len) {
            const size_t part = len - at < step ? len - at : step;
            assert_int_equal(write(ends[1], data + at, part), part);
            at += part;
        } else {
            close(ends[1]);
        }
    }
    assert_int_equal(seen, n);
    cli_lines_close(&r);
}

static void every_cut_of_the_stream_gives_the_same_lines(void **state)
{
    static const char *const want[] = { "one", " two\r", "three" };
    (void)state;

    for (size_t step = 1; step < 24; step++)
        expect_lines("one\n\n \t\r\n two\r\nthree", step, want, 3);
}

static void line_over_the_limit_is_told_once_and_skipped(void **state)
{
    const size_t len = CLI_LINE_MAX + 1;
    char *data = malloc(3 * len + 64);
    cli_lines r;
    anm_text line;
    anm_error err;
    (void)state;

    assert_non_null(data);
    memset(data, 'a', 3 * len + 64);
    data[CLI_LINE_MAX] = '\n';           // exactly the limit
    data[CLI_LINE_MAX + 1 + len] = '\n'; // one more
    memcpy(data + CLI_LINE_MAX + 2 + len, "end", 3);
    const char *path = write_file("long", data, CLI_LINE_MAX + 5 + len);
    assert_int_equal(cli_lines_open(&r, path, &err), ANM_OK);
    assert_int_equal(cli_lines_next(&r, -1, &line, &err), CLI_LINE_GIVEN);
    assert_int_equal(line.len, CLI_LINE_MAX);
    assert_int_equal(cli_lines_next(&r, -1, &line, &err), CLI_LINE_BAD);
    assert_int_equal(err.status, ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "line 2"));
    assert_int_equal(cli_lines_next(&r, -1, &line, &err), CLI_LINE_GIVEN);
    assert_int_equal(line.len, 3);
    assert_int_equal(r.line, 3);
    assert_int_equal(cli_lines_given(&r), cli_lines_total(&r));
    assert_int_equal(cli_lines_next(&r, -1, &line, &err), CLI_LINE_END);
    cli_lines_close(&r);
    free(data);
}

static void missing_file_is_not_found(void **state)
{
    cli_lines r;
    anm_error err;
    (void)state;

    assert_int_equal(cli_lines_open(&r, "/nowhere/at/all", &err),
                     ANM_E_NOTFOUND);
    cli_lines_close(&r);
}

static void expect_answer(const char *line, const char *want)
{
    static const char *const added[] = { "vector", "ids", NULL };
    cli_item item;
    char *out = NULL;
    size_t len;

    assert_int_equal(cli_item_read(&item, anm_text_of(line), NULL), ANM_OK);
    FILE *memory = open_memstream(&out, &len);
    assert_non_null(memory);
    cli_item_begin(memory, &item, added);
    fclose(memory);
    assert_string_equal(out, want);
    free(out);
    cli_item_deinit(&item);
}

static void answer_begins_with_the_line_itself(void **state)
{
    (void)state;

    expect_answer("{\"text\":\"}\"}", "{\"text\":\"}\"");
    expect_answer(" { \"n\" : 1.50e1 ,\"text\":\"a\" } \t\r",
                  " { \"n\" : 1.50e1 ,\"text\":\"a\" ");
    expect_answer("{\"text\":\"a\",\"id\":123456789012345678901234567890}",
                  "{\"text\":\"a\",\"id\":123456789012345678901234567890");
}

static void fields_given_anew_are_left_out(void **state)
{
    (void)state;

    expect_answer("{\"vector\":[1],\"b\":2,\"text\":\"a\",\"ids\":null}",
                  "{\"b\":2,\"text\":\"a\"");
    expect_answer("{\"text\":\"a\",\"\\u0069ds\":[{\"b\":\"]\\\"\"}]}",
                  "{\"text\":\"a\"");
    // The others as they came, whatever they are.
    expect_answer(" { \"vector\" : [ 1 ] , \"id\" : 1 ,\"x\":1.50,"
                  "\"big\":123456789012345678901,\"text\":\"\\u00e4\"} \r",
                  "{\"id\" : 1,\"x\":1.50,\"big\":123456789012345678901,"
                  "\"text\":\"\\u00e4\"");
}

static void what_is_no_item_is_refused_without_quoting_it(void **state)
{
    static const char *const lines[] = {
        "secret",
        "[\"secret\"]",
        "{\"id\":\"secret\"}",
        "{\"text\":1}",
        "{\"text\":\"secret\"",
        "{\"text\":\"secret\"}x",
        "{\"text\":null}",
        "\"text\"",
        "{\"text\":\"\xff\"}",
        "{\"secret\" 1}",
    };
    cli_item item;
    anm_error err;
    (void)state;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_int_equal(cli_item_read(&item, anm_text_of(lines[i]), &err),
                         ANM_E_FORMAT);
        assert_null(strstr(err.message, "secret"));
        cli_item_deinit(&item);
    }
}

/* Whichever of two texts were taken, the other would be answered for. */
static void name_given_twice_is_refused(void **state)
{
    static const char *const lines[] = {
        "{\"text\":\"secret\",\"text\":\"other\"}",
        "{\"text\":\"secret\",\"id\":1,\"\\u0074ext\":\"other\"}",
        "{\"text\":\"a\",\"meta\":{\"secret\":1,\"secret\":2}}",
    };
    cli_item item;
    anm_error err;
    (void)state;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_int_equal(cli_item_read(&item, anm_text_of(lines[i]), &err),
                         ANM_E_FORMAT);
        assert_non_null(strstr(err.message, "given twice"));
        assert_null(strstr(err.message, "secret"));
        cli_item_deinit(&item);
    }
}

static void text_may_hold_nul(void **state)
{
    cli_item item;
    (void)state;

    assert_int_equal(
        cli_item_read(&item, anm_text_of("{\"text\":\"a\\u0000b\"}"), NULL),
        ANM_OK);
    assert_int_equal(item.text.len, 3);
    assert_memory_equal(item.text.data, "a\0b", 3);
    cli_item_deinit(&item);
}

/* NULL: no such value. */
static void expect_spelling(const char *line, const char *want)
{
    cli_item item;
    anm_text value;

    assert_int_equal(cli_item_read(&item, anm_text_of(line), NULL), ANM_OK);
    const bool found = cli_item_value(&item, "meta", &value);
    assert_int_equal(found, want != NULL);
    if (want) {
        assert_int_equal(value.len, strlen(want));
        assert_memory_equal(value.data, want, value.len);
    }
    cli_item_deinit(&item);
}

static void value_is_found_as_the_line_spells_it(void **state)
{
    (void)state;

    expect_spelling("{\"text\":\"\",\"meta\":{\"a\":1.50}}", "{\"a\":1.50}");
    expect_spelling(" { \"meta\" : 1e3 , \"text\":\"\"}\r", "1e3");
    expect_spelling("{\"meta\":[\"]\\\"}\"],\"text\":\"\"}", "[\"]\\\"}\"]");
    expect_spelling("{\"text\":\"\\\"meta\\\":1\",\"meta\":null}", "null");
    expect_spelling("{\"x\":{\"meta\":1},\"text\":\"\"}", NULL);
    expect_spelling("{\"text\":\"meta\"}", NULL);
    expect_spelling("{\"text\":\"\",\"m\\u0065ta\":1}", NULL);
    expect_spelling("{\"text\":\"\",\"metas\":1,\"met\":2}", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_of_the_stream_gives_the_same_lines),
        cmocka_unit_test(line_over_the_limit_is_told_once_and_skipped),
        cmocka_unit_test(missing_file_is_not_found),
        cmocka_unit_test(answer_begins_with_the_line_itself),
        cmocka_unit_test(fields_given_anew_are_left_out),
        cmocka_unit_test(what_is_no_item_is_refused_without_quoting_it),
        cmocka_unit_test(name_given_twice_is_refused),
        cmocka_unit_test(text_may_hold_nul),
        cmocka_unit_test(value_is_found_as_the_line_spells_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
