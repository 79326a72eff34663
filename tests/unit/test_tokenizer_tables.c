/* test_tokenizer_tables.c - byte-level BPE from tables.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "support/pieces_of.h"

#define TEXT(s)                                                                \
    {                                                                          \
        s, sizeof(s) - 1                                                       \
    }

static const anm_text pieces[] = { TEXT("a"),  TEXT("b"),      TEXT("\u0120"),
                                   TEXT("ab"), TEXT("<e>"),    TEXT("<u>"),
                                   TEXT("a"),  TEXT("\u0120a") };
static const anm_piece_kind kinds[] = {
    ANM_PIECE_NORMAL,  ANM_PIECE_NORMAL, ANM_PIECE_NORMAL, ANM_PIECE_NORMAL,
    ANM_PIECE_CONTROL, ANM_PIECE_USER,   ANM_PIECE_UNUSED, ANM_PIECE_NORMAL,
};
static const anm_text merges[] = { TEXT("a b"), TEXT("\u0120 a") };

static anm_bpe_tables small_tables(const char *pre)
{
    return (anm_bpe_tables){ .pieces = pieces,
                             .kinds = kinds,
                             .n_pieces = 8,
                             .merges = merges,
                             .n_merges = 2,
                             .pre = pre,
                             .bos_id = -1,
                             .eos_id = 4,
                             .add_eos = true };
}

static void check_refused(anm_bpe_tables b, anm_status status,
                          const char *named)
{
    anm_tokenizer *t = NULL;
    anm_error err;

    assert_int_equal(anm_tokenizer_new_bpe(&t, &b, &err), status);
    assert_null(t);
    if (!strstr(err.message, named)) fail_msg("%s", err.message);
}

static void tables_tokenize_as_their_pre_says(void **state)
{
    static const char *const pres[] = { "default", "gpt-2", "llama-bpe",
                                        "qwen2" };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const anm_bpe_tables b = small_tables(pres[i]);
        anm_tokenizer *t = NULL;
        anm_error err;
        if (anm_tokenizer_new_bpe(&t, &b, &err)) fail_msg("%s", err.message);
        assert_string_equal(test_pieces_special(t, "ab ab<u>a"),
                            "ab|\u0120|ab|<u>|a|<e>");
        assert_string_equal(test_pieces(t, "a a<e>"), "a|\u0120a|<e>");
        anm_tokenizer_free(t);
    }
}

static void wrong_tables_are_refused(void **state)
{
    anm_bpe_tables b = small_tables("qwen2");

    (void)state;
    check_refused(small_tables("odd"), ANM_E_UNSUPPORTED,
                  "\"odd\" is not built in (built in: default,");
    b.eos_id = 8;
    check_refused(b, ANM_E_CORRUPT, "eos id 8, the table has 8 pieces");
    b = small_tables("qwen2");
    b.kinds = NULL;
    check_refused(b, ANM_E_CORRUPT, "pieces 0 and 6 are both \"a\"");
    b = small_tables("qwen2");
    b.n_pieces = 7;
    check_refused(b, ANM_E_CORRUPT, "lacks \"\u0120a\"");
    b = small_tables("qwen2");
    b.merges = (const anm_text[]){ TEXT("a\xff") };
    b.n_merges = 1;
    check_refused(b, ANM_E_FORMAT, "merge 0: not UTF-8 at byte 1 of 2");
}

typedef struct making {
    anm_bpe_tables tables;
    anm_tokenizer *made;
} making;

static anm_status make(void *ctx, anm_error *err)
{
    making *m = ctx;

    return anm_tokenizer_new_bpe(&m->made, &m->tables, err);
}

static void check_made(void *ctx)
{
    making *m = ctx;

    assert_string_equal(test_pieces(m->made, "a a<e>"), "a|\u0120a|<e>");
    anm_tokenizer_free(m->made);
}

static void memory_may_run_out_at_any_point(void **state)
{
    making m = { small_tables("gpt-2"), NULL };

    (void)state;
    test_every_fault_borne(make, check_made, &m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_tokenize_as_their_pre_says),
        cmocka_unit_test(wrong_tables_are_refused),
        cmocka_unit_test(memory_may_run_out_at_any_point),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
