/* The drawn receipt: within 80 columns and plain bytes, whatever is in it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/receipt_view.h"
#include "support/support.h"

static const cli_term ascii = { .columns = 80 };

static char *draw(const anm_receipt *r)
{
    // The stream keeps these addresses; gcc 12 takes locals for dangling.
    static char *out;
    static size_t len;
    FILE *memory = open_memstream(&out, &len);

    assert_non_null(memory);
    cli_receipt_draw(memory, &ascii, r);
    fclose(memory);
    return out;
}

static void expect_within_80_columns(const anm_receipt *r)
{
    char *out = draw(r);
    for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n"))
        if (strlen(line) > 80) fail_msg("%zu: %s", strlen(line), line);
    free(out);
}

static void fill(char *field, size_t cap, const char *word)
{
    field[0] = '\0';
    while (strlen(field) + strlen(word) + 1 < cap)
        strcat(field, word);
}

static anm_receipt longest(void)
{
    anm_receipt r = { .units = ANM_UNITS_CPU_AND_GPU, .n_causes = 3 };

    fill(r.model.name, sizeof(r.model.name), "model-");
    fill(r.model.fingerprint, sizeof(r.model.fingerprint), "0123");
    strcpy(r.model.architecture, "bert");
    strcpy(r.contract.require, "gpu:0.125");
    fill(r.contract.reason, sizeof(r.contract.reason), "reason ");
    r.contract.fallback = true;
    fill(r.where.how, sizeof(r.where.how), "how it is known ");
    r.where.excluded = 7;
    fill(r.artifact.path, sizeof(r.artifact.path), "/folder");
    strcpy(r.artifact.state, "rebuilt");
    fill(r.input.ids_sha256, sizeof(r.input.ids_sha256), "f");
    r.input.texts = r.input.tokens = r.input.truncated = 100000;
    strcpy(r.input.prompt, "query");
    for (size_t i = 0; i < ANM_STAGE_COUNT; i++)
        r.stages_ns[i] = UINT64_C(123456789) << i;
    r.total_ns = UINT64_C(123456789) * 255;
    r.band.n = 20;
    r.band.low_ns = r.band.p50_ns = r.band.high_ns = 98765432101;
    r.band.verdict = ANM_VERDICT_BELOW;
    for (size_t i = 0; i < 3; i++) {
        r.causes[i].cause = ANM_CAUSE_OVERHEAD_OUTSIDE_PREDICT;
        fill(r.causes[i].evidence, sizeof(r.causes[i].evidence), "evidence ");
    }
    return r;
}

static void longest_receipt_fits(void **state)
{
    const anm_receipt r = longest();
    (void)state;
    expect_within_80_columns(&r);
}

static void empty_receipt_fits(void **state)
{
    const anm_receipt r = { 0 };
    (void)state;
    expect_within_80_columns(&r);
}

static void words_without_blanks_do_not_steer_the_terminal(void **state)
{
    anm_receipt r = { 0 };
    (void)state;

    strcpy(r.model.name, "a\x1b[31mb");
    strcpy(r.artifact.path, "/x\x1b]0;title\x07");
    strcpy(r.where.how, "how\x1b[2J");
    char *out = draw(&r);
    assert_null(strchr(out, '\x1b'));
    assert_null(strchr(out, '\x07'));
    free(out);
}

/* The line that begins with a stage's name. */
static const char *stage_line(const char *out, const char *name)
{
    const char *line = strstr(out, name);
    assert_non_null(line);
    return line;
}

static void bars_are_proportional_and_follow_each_other(void **state)
{
    anm_receipt r = { .total_ns = 1000000 };
    (void)state;

    r.stages_ns[ANM_STAGE_TOKENIZE] = 250000;
    r.stages_ns[ANM_STAGE_PREDICT] = 750000;
    char *out = draw(&r);
    const char *tokenize = stage_line(out, "tokenize");
    const char *predict = stage_line(out, "predict");
    const size_t first = strcspn(tokenize, "#"), second = strcspn(predict, "#");
    assert_int_equal(strspn(tokenize + first, "#"), 11);
    assert_int_equal(strspn(predict + second, "#"), 33);
    assert_int_equal(second, first + 11);
    assert_null(strstr(out, "bind"));
    free(out);
}

static void call_outside_its_band_stands_beside_the_ruler(void **state)
{
    anm_receipt r = { .total_ns = 3000000 };
    (void)state;

    r.band.n = 20;
    r.band.low_ns = 1000000;
    r.band.p50_ns = 1100000;
    r.band.high_ns = 1200000;
    r.band.verdict = ANM_VERDICT_ABOVE;
    char *out = draw(&r);
    const char *band = strstr(out, "above");
    assert_non_null(band);
    assert_true(strcspn(band, "*") > strcspn(band, "]") + 5);
    r.total_ns = 100000;
    free(out);
    out = draw(&r);
    band = strstr(out, "above");
    assert_true(strcspn(band, "*") + 5 < strcspn(band, "["));
    free(out);
}

static void band_of_a_search_is_about_its_embedding(void **state)
{
    anm_receipt r = { .total_ns = 9000000 };
    (void)state;

    r.stages_ns[ANM_STAGE_PREDICT] = 1100000;
    r.stages_ns[ANM_STAGE_SEARCH] = 7900000;
    r.band.n = 20;
    r.band.low_ns = 1000000;
    r.band.p50_ns = 1100000;
    r.band.high_ns = 1200000;
    r.band.verdict = ANM_VERDICT_INSIDE;
    char *out = draw(&r);
    const char *band = strstr(out, "inside");
    assert_non_null(band);
    assert_true(strcspn(band, "*") < strcspn(band, "]"));
    assert_non_null(strstr(out, "the embedding 1.10 ms"));
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longest_receipt_fits),
        cmocka_unit_test(empty_receipt_fits),
        cmocka_unit_test(words_without_blanks_do_not_steer_the_terminal),
        cmocka_unit_test(bars_are_proportional_and_follow_each_other),
        cmocka_unit_test(call_outside_its_band_stands_beside_the_ruler),
        cmocka_unit_test(band_of_a_search_is_about_its_embedding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
