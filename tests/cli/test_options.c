/* Options: every spelling, and what is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/options.h"
#include "support/support.h"

typedef struct values {
    bool loud;
    const char *name, *file;
    size_t count, choice;
    cli_sizes sizes;
    cli_list also;
} values;

static const cli_option options[] = {
    { "loud", 'l', CLI_SWITCH, offsetof(values, loud), NULL, "", 0, 0 },
    { "name", 'n', CLI_STRING, offsetof(values, name), "NAME", "", 0, 0 },
    { "file", 0, CLI_OPTIONAL, offsetof(values, file), "FILE", "", 0, 0 },
    { "count", 'c', CLI_COUNT, offsetof(values, count), "N", "", 2, 9 },
    { "sizes", 0, CLI_SIZES, offsetof(values, sizes), "LIST", "", 1, 99 },
    { "also", 'a', CLI_LIST, offsetof(values, also), "NAME", "", 0, 0 },
    { "choice", 0, CLI_CHOICE, offsetof(values, choice), "one|two", "", 0, 0 },
};

static values got;
static size_t n_args;
static char *words[16];
static anm_error err;

/* Words with blanks between, as an argument vector. */
static anm_status parse(const char *line, bool stop)
{
    static char copy[256];
    const cli_options group = { options, sizeof(options) / sizeof(options[0]),
                                &got };
    const cli_parse_params params = { &group, 1, stop };
    int argc = 0;

    got = (values){ 0 };
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        words[argc++] = word;
    return cli_options_parse(&params, argc, words, &n_args, &err);
}

static void every_spelling_of_a_value_is_read(void **state)
{
    static const char *const lines[] = { "--name x", "--name=x", "-n x",
                                         "-nx",      "-ln x",    "-lnx" };
    (void)state;

    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(parse(lines[i], false), ANM_OK);
        assert_string_equal(got.name, "x");
        assert_int_equal(n_args, 0);
    }
    assert_true(got.loud);
    assert_int_equal(parse("--name=", false), ANM_OK);
    assert_string_equal(got.name, "");
}

static void arguments_keep_their_order_among_options(void **state)
{
    (void)state;

    assert_int_equal(parse("a -l - --count 3 b -- -l --c", false), ANM_OK);
    assert_int_equal(n_args, 5);
    assert_string_equal(words[0], "a");
    assert_string_equal(words[1], "-");
    assert_string_equal(words[2], "b");
    assert_string_equal(words[3], "-l");
    assert_string_equal(words[4], "--c");
    assert_int_equal(got.count, 3);
}

static void parsing_can_stop_at_the_first_argument(void **state)
{
    (void)state;

    assert_int_equal(parse("-l --name x verb --count 99", true), ANM_OK);
    assert_int_equal(n_args, 3);
    assert_string_equal(words[n_args], "verb");
    assert_int_equal(parse("-l -- verb", true), ANM_OK);
    assert_string_equal(words[n_args], "verb");
    assert_int_equal(parse("-l", true), ANM_OK);
    assert_int_equal(n_args, 1);
}

static void optional_value_needs_the_equals_sign(void **state)
{
    (void)state;

    assert_int_equal(parse("--file x", false), ANM_OK);
    assert_string_equal(got.file, "");
    assert_int_equal(n_args, 1);
    assert_int_equal(parse("--file=x", false), ANM_OK);
    assert_string_equal(got.file, "x");
}

static void what_is_not_allowed_is_named(void **state)
{
    static const char *const lines[][2] = {
        { "--cuont 3", "'--count'" },
        { "--sizs 3", "'--sizes'" },
        { "-x", "-x" },
        { "--count 1", "from 2 to 9" },
        { "--count 10", "from 2 to 9" },
        { "--count +3", "'+3'" },
        { "--count 3x", "'3x'" },
        { "--count", "needs a value" },
        { "-c", "needs a value" },
        { "--choice three", "one|two" },
        { "--choice on", "one|two" },
        { "--loud=1", "no value" },
        { "--sizes 1,,2", "1,,2" },
        { "--sizes 1,100", "1,100" },
        { "--sizes ,1", ",1" },
        { "--sizes 1,", "1," },
        { "--count 99999999999999999999", "from 2 to 9" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_int_equal(parse(lines[i][0], false), ANM_E_ARG);
        if (!strstr(err.message, lines[i][1]))
            fail_msg("%s: %s", lines[i][0], err.message);
    }
}

static void lists_are_limited(void **state)
{
    char text[4 * CLI_SIZES_MAX] = "";
    cli_sizes sizes;
    (void)state;

    for (size_t i = 0; i < CLI_SIZES_MAX; i++)
        strcat(text, i ? ",1" : "1");
    assert_true(cli_sizes_read(text, 1, 9, &sizes));
    assert_int_equal(sizes.n, CLI_SIZES_MAX);
    strcat(text, ",1");
    assert_false(cli_sizes_read(text, 1, 9, &sizes));
}

static void option_given_often_keeps_every_value_in_order(void **state)
{
    static const cli_option one[] = {
        { "also", 'a', CLI_LIST, offsetof(values, also), "NAME", "", 0, 0 },
    };
    static char name[] = "-a", value[] = "x";
    char *many[2 * CLI_LIST_MAX + 2];
    const cli_options group = { one, 1, &got };
    const cli_parse_params params = { &group, 1, false };
    (void)state;

    assert_int_equal(parse("-a x --also=y arg -la z --also w", false), ANM_OK);
    assert_int_equal(got.also.n, 4);
    assert_string_equal(got.also.values[0], "x");
    assert_string_equal(got.also.values[1], "y");
    assert_string_equal(got.also.values[2], "z");
    assert_string_equal(got.also.values[3], "w");
    assert_int_equal(n_args, 1);

    got = (values){ 0 };
    for (size_t i = 0; i <= CLI_LIST_MAX; i++) {
        many[2 * i] = name;
        many[2 * i + 1] = value;
    }
    assert_int_equal(
        cli_options_parse(&params, 2 * CLI_LIST_MAX, many, &n_args, &err),
        ANM_OK);
    got = (values){ 0 };
    assert_int_equal(
        cli_options_parse(&params, 2 * CLI_LIST_MAX + 2, many, &n_args, &err),
        ANM_E_ARG);
    assert_non_null(strstr(err.message, "--also"));
    assert_non_null(strstr(err.message, "64"));
}

static void distance_counts_single_edits(void **state)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = { { "embed", "embed", 0 }, { "embd", "embed", 1 },
                 { "emebd", "embed", 1 }, { "xembed", "embed", 1 },
                 { "enbed", "embed", 1 }, { "", "embed", 5 },
                 { "plan", "bench", 5 } };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(cli_name_distance(rows[i].a, rows[i].b),
                         rows[i].distance);
        assert_int_equal(cli_name_distance(rows[i].b, rows[i].a),
                         rows[i].distance);
    }
}

static void guess_is_near_or_none(void **state)
{
    static const char *const known[] = { "receipt-log", "receipt", "embed",
                                         "rm", NULL };
    static const char *const rows[][2] = {
        { "rec", "receipt-log" },
        { "recieve", "receipt" },
        { "embd", "embed" },
        { "nope", NULL },
        { "", NULL },
        { "r", "rm" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *nearest = NULL;
        size_t best = 0;
        for (const char *const *k = known; *k; k++)
            cli_guess(rows[i][0], *k, &nearest, &best);
        assert_int_equal(nearest != NULL, rows[i][1] != NULL);
        if (nearest) assert_string_equal(nearest, rows[i][1]);
    }
}

/* By ASCII alone, whatever the locale says of an I. */
static void words_are_read_in_any_letter_case(void **state)
{
    (void)state;
    assert_true(cli_is_word("info", "INFO"));
    assert_true(cli_is_word("CPU_ONLY", "cpu_only"));
    assert_false(cli_is_word("info", "inf"));
    assert_false(cli_is_word("info", "infos"));
    assert_false(cli_is_word("info", "\xc4\xb0nfo"));
    assert_false(cli_is_word("@", "`")); // 0x20 apart, and no letters
    assert_true(cli_is_word("", ""));
    assert_true(cli_is_word_of("gpu", "GPU:0.5", 3));
    assert_false(cli_is_word_of("gpu", "GPU:0.5", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_of_a_value_is_read),
        cmocka_unit_test(arguments_keep_their_order_among_options),
        cmocka_unit_test(parsing_can_stop_at_the_first_argument),
        cmocka_unit_test(optional_value_needs_the_equals_sign),
        cmocka_unit_test(what_is_not_allowed_is_named),
        cmocka_unit_test(lists_are_limited),
        cmocka_unit_test(option_given_often_keeps_every_value_in_order),
        cmocka_unit_test(distance_counts_single_edits),
        cmocka_unit_test(guess_is_near_or_none),
        cmocka_unit_test(words_are_read_in_any_letter_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
