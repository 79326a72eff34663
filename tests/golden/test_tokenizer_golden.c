/* test_tokenizer_golden.c - ids as the original gives them, all of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"
#include "text/tokenizer.h"

/* ---- What every test does ------------------------------------------------ */

static void check_ids_of(const anm_tokenizer *t, const json_t *text,
                         const json_t *ids, bool special, const char *where,
                         size_t line)
{
    anm_encoding *e = NULL;
    anm_error err;
    const anm_text s = { json_string_value(text), json_string_length(text) };

    assert_int_equal(anm_encoding_new(&e, &err), ANM_OK);
    if (anm_tokenizer_encode(t, s, special, e, &err))
        fail_msg("%s:%zu: %s", where, line + 1, err.message);
    const size_t n = json_array_size(ids);
    if (anm_encoding_n(e) != n)
        fail_msg("%s:%zu: %zu ids, expected %zu", where, line + 1,
                 anm_encoding_n(e), n);
    for (size_t i = 0; i < n; i++)
        if (anm_encoding_ids(e)[i] !=
            json_integer_value(json_array_get(ids, i)))
            fail_msg("%s:%zu: id %zu is %d", where, line + 1, i,
                     anm_encoding_ids(e)[i]);
    anm_encoding_free(e);
}

static void check_ids(const anm_tokenizer *t, const json_t *text,
                      const json_t *ids, const char *where, size_t line)
{
    check_ids_of(t, text, ids, true, where, line);
}

static char *read_in(const char *folder, const char *name, size_t *len)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return test_read(path, len);
}

static anm_tokenizer *open_json(const char *folder)
{
    size_t len = 0;
    char *json = read_in(folder, "tokenizer.json", &len);
    anm_tokenizer *t = NULL;
    anm_error err;

    if (anm_tokenizer_new(&t, anm_bytes_of(json, len), &err))
        fail_msg("%s", err.message);
    free(json);
    return t;
}

static anm_tokenizer *open_vocab(const char *folder)
{
    size_t len[2] = { 0 };
    char *vocab = read_in(folder, "vocab.txt", &len[0]);
    char *config = read_in(folder, "tokenizer_config.json", &len[1]);
    anm_tokenizer *t = NULL;
    anm_error err;

    if (anm_tokenizer_new_vocab(&t, anm_bytes_of(vocab, len[0]),
                                anm_bytes_of(config, len[1]), &err))
        fail_msg("%s", err.message);
    free(vocab);
    free(config);
    return t;
}

/* Both forms of a folder's tokenizer, which are one. */
typedef struct forms {
    anm_tokenizer *json, *vocab;
    size_t n_texts;
    json_t *texts; /* what a file of ids refers to by line */
} forms;

static forms open_forms(const char *folder)
{
    const forms f = { .json = open_json(folder), .vocab = open_vocab(folder) };
    uint8_t digests[2][32];

    anm_tokenizer_digest(f.json, digests[0]);
    anm_tokenizer_digest(f.vocab, digests[1]);
    assert_memory_equal(digests[0], digests[1], 32);
    return f;
}

static void free_forms(forms *f)
{
    json_decref(f->texts);
    anm_tokenizer_free(f->json);
    anm_tokenizer_free(f->vocab);
}

static void keep_text(void *ctx, size_t i, const json_t *line)
{
    forms *f = ctx;

    (void)i;
    json_array_append(f->texts, json_object_get(line, "text"));
}

static void check_line(void *ctx, size_t i, const json_t *line)
{
    forms *f = ctx;
    const json_t *text = json_array_get(f->texts, i);
    const json_t *ids = json_object_get(line, "ids");

    assert_non_null(text);
    check_ids(f->json, text, ids, "tokenizer.json, line", i);
    check_ids(f->vocab, text, ids, "vocab.txt, line", i);
    f->n_texts++;
}

/* Texts of one file against the ids of another, line by line. */
static void check_files(const char *folder, const char *texts, const char *ids,
                        size_t n)
{
    forms f = open_forms(folder);

    f.texts = json_array();
    test_each_line(texts, keep_text, &f);
    test_each_line(ids, check_line, &f);
    assert_int_equal(f.n_texts, n);
    free_forms(&f);
}

/* ---- Committed data ------------------------------------------------------ */

static void tiny_models_give_the_original_ids(void **state)
{
    (void)state;
    check_files(test_data("tiny-bert-mean"), test_data("tiny-texts.jsonl"),
                test_data("tiny-bert-mean/golden/ids.jsonl"), 110);
    check_files(test_data("tiny-bert-cls"), test_data("tiny-texts.jsonl"),
                test_data("tiny-bert-cls/golden/ids.jsonl"), 110);
}

static void check_hard_text(void *ctx, size_t i, const json_t *line)
{
    anm_tokenizer **tiny = ctx;

    for (size_t k = 0; k < 2; k++)
        check_ids(tiny[k], json_object_get(line, "text"),
                  json_array_get(json_object_get(line, "ids"), k),
                  "hard-texts.jsonl", i);
}

static void hard_texts_give_the_original_ids(void **state)
{
    anm_tokenizer *tiny[2] = { open_json(test_data("tiny-bert-mean")),
                               open_json(test_data("tiny-bert-cls")) };

    (void)state;
    test_each_line(test_data("tokenizers/hard-texts.jsonl"), check_hard_text,
                   tiny);
    anm_tokenizer_free(tiny[0]);
    anm_tokenizer_free(tiny[1]);
}

static void check_setting(void *ctx, size_t i, const json_t *line)
{
    const json_t *cases = json_object_get(line, "cases");
    char *json = json_dumps(json_object_get(line, "tokenizer"), 0);
    anm_tokenizer *t = NULL;
    anm_error err;

    (void)ctx;
    if (anm_tokenizer_new(&t, anm_bytes_of(json, strlen(json)), &err))
        fail_msg("settings.jsonl:%zu: %s", i + 1, err.message);
    for (size_t k = 0; k < json_array_size(cases); k++) {
        const json_t *pair = json_array_get(cases, k);
        check_ids(t, json_array_get(pair, 0), json_array_get(pair, 1),
                  "settings.jsonl", i);
    }
    anm_tokenizer_free(t);
    free(json);
}

static void random_settings_give_the_original_ids(void **state)
{
    (void)state;
    test_each_line(test_data("tokenizers/settings.jsonl"), check_setting, NULL);
}

static void random_merges_and_patterns_give_the_original_ids(void **state)
{
    (void)state;
    test_each_line(test_data("tokenizers/bpe-settings.jsonl.gz"), check_setting,
                   NULL);
}

/* ---- Data that may be absent --------------------------------------------- */

/* Says what is missing, once for both. */
static bool lacks_minilm(void)
{
    if (test_minilm() && test_shared("golden/adversarial")) return false;
    print_message("skipped: all-MiniLM-L6-v2 or ../shared/data/golden is not "
                  "there\n");
    return true;
}

static void minilm_gives_the_original_ids(void **state)
{
    (void)state;
    if (lacks_minilm()) skip();
    check_files(test_minilm(), test_shared("golden/texts.jsonl"),
                test_shared("golden/all-MiniLM-L6-v2/ids.jsonl"), 417);
}

static void minilm_gives_the_original_ids_of_adversarial_texts(void **state)
{
    (void)state;
    if (lacks_minilm()) skip();
    check_files(test_minilm(),
                test_shared("golden/adversarial/strings.jsonl.gz"),
                test_shared("golden/adversarial/minilm.jsonl.gz"), 2000);
}

/* One tokenizer.json and the texts of a file. */
typedef struct single {
    anm_tokenizer *tokenizer;
    json_t *texts;
    size_t n_texts;
    const json_t *prefix; /* borrowed; NULL: none */
} single;

static void keep_single_text(void *ctx, size_t i, const json_t *line)
{
    single *s = ctx;

    (void)i;
    json_array_append(s->texts, json_object_get(line, "text"));
}

/* Where the post-processor adds nothing, with and without it. */
static void check_plain_line(void *ctx, size_t i, const json_t *line)
{
    single *s = ctx;
    const json_t *text = json_array_get(s->texts, i);
    const json_t *ids = json_object_get(line, "ids");

    check_ids_of(s->tokenizer, text, ids, false, "plain, line", i);
    check_ids_of(s->tokenizer, text, ids, true, "special, line", i);
    s->n_texts++;
}

static void check_special_line(void *ctx, size_t i, const json_t *line)
{
    single *s = ctx;

    check_ids(s->tokenizer, json_array_get(s->texts, i),
              json_object_get(line, "ids"), "special, line", i);
    s->n_texts++;
}

/* The ids of prefix + text, which the data closes with an end token. */
static void check_prefixed_line(void *ctx, size_t i, const json_t *line)
{
    single *s = ctx;
    json_t *ids = json_deep_copy(json_object_get(line, "prefixed"));
    const char *text = json_string_value(json_array_get(s->texts, i));
    const size_t len = json_string_length(json_array_get(s->texts, i));
    const char *prefix = json_string_value(s->prefix);
    const size_t prefix_len = strlen(prefix);
    char *both = malloc(prefix_len + len + 1);

    memcpy(both, prefix, prefix_len);
    memcpy(both + prefix_len, text, len);
    json_array_remove(ids, json_array_size(ids) - 1);
    json_t *joined = json_stringn(both, prefix_len + len);
    check_ids(s->tokenizer, joined, ids, "prefixed, line", i);
    json_decref(joined);
    json_decref(ids);
    free(both);
}

static single open_single(const char *folder, const char *texts)
{
    single s = { .tokenizer = open_json(folder), .texts = json_array() };

    test_each_line(texts, keep_single_text, &s);
    return s;
}

static void close_single(single *s, size_t n)
{
    assert_int_equal(s->n_texts, n);
    json_decref(s->texts);
    anm_tokenizer_free(s->tokenizer);
}

static bool lacks_shared(void)
{
    if (test_shared("golden/tokenizer-qwen3")) return false;
    print_message("skipped: ../shared/data is not there\n");
    return true;
}

static void qwen3_gives_the_original_ids(void **state)
{
    json_error_t at;

    (void)state;
    if (lacks_shared()) skip();
    single s = open_single(test_shared("tokenizers/qwen3"),
                           test_shared("golden/texts.jsonl"));
    json_t *meta =
        json_load_file(test_shared("golden/tokenizer-qwen3/meta.json"), 0, &at);
    s.prefix = json_object_get(meta, "prefix");
    test_each_line(test_shared("golden/tokenizer-qwen3/ids.jsonl"),
                   check_plain_line, &s);
    test_each_line(test_shared("golden/tokenizer-qwen3/ids.jsonl"),
                   check_prefixed_line, &s);
    close_single(&s, 417);
    json_decref(meta);
}

static void qwen3_gives_the_original_ids_of_adversarial_texts(void **state)
{
    (void)state;
    if (lacks_shared()) skip();
    single s = open_single(test_shared("tokenizers/qwen3"),
                           test_shared("golden/adversarial/strings.jsonl.gz"));
    test_each_line(test_shared("golden/adversarial/qwen3.jsonl.gz"),
                   check_plain_line, &s);
    close_single(&s, 2000);
}

static void tiny_qwen3_gives_the_original_ids(void **state)
{
    (void)state;
    if (lacks_shared()) skip();
    single s = open_single(test_shared("tiny/tiny-qwen3"),
                           test_shared("tiny/texts.jsonl"));
    test_each_line(test_shared("tiny/tiny-qwen3/golden/ids.jsonl"),
                   check_special_line, &s);
    close_single(&s, 110);
}

/* ---- Tables, as a GGUF holds them ---------------------------------------- */

typedef struct table_room {
    anm_text *pieces, *merges;
    anm_piece_kind *kinds;
    char **joined; /* merges that the file has in two parts */
} table_room;

static anm_text text_of(const json_t *v)
{
    return (anm_text){ json_string_value(v), json_string_length(v) };
}

static void list_merges(table_room *room, const json_t *merges)
{
    for (size_t i = 0; i < json_array_size(merges); i++) {
        const json_t *m = json_array_get(merges, i);
        const int len = asprintf(&room->joined[i], "%s %s",
                                 json_string_value(json_array_get(m, 0)),
                                 json_string_value(json_array_get(m, 1)));
        assert_true(len > 0);
        room->merges[i] = (anm_text){ room->joined[i], (size_t)len };
    }
}

static anm_bpe_tables list_tables(table_room *room, json_t *root)
{
    json_t *vocab = json_object_get(json_object_get(root, "model"), "vocab");
    const json_t *merges =
        json_object_get(json_object_get(root, "model"), "merges");
    const json_t *added = json_object_get(root, "added_tokens");
    const size_t n = json_object_size(vocab) + json_array_size(added);
    const size_t n_merges = json_array_size(merges);

    room->pieces = calloc(n, sizeof(*room->pieces));
    room->kinds = calloc(n, sizeof(*room->kinds));
    room->merges = calloc(n_merges, sizeof(*room->merges));
    room->joined = calloc(n_merges, sizeof(*room->joined));
    for (void *i = json_object_iter(vocab); i;
         i = json_object_iter_next(vocab, i))
        room->pieces[json_integer_value(json_object_iter_value(i))] =
            (anm_text){ json_object_iter_key(i), json_object_iter_key_len(i) };
    for (size_t i = 0; i < json_array_size(added); i++) {
        const json_t *o = json_array_get(added, i);
        const json_int_t id = json_integer_value(json_object_get(o, "id"));
        room->pieces[id] = text_of(json_object_get(o, "content"));
        room->kinds[id] = json_is_true(json_object_get(o, "special"))
                              ? ANM_PIECE_CONTROL
                              : ANM_PIECE_USER;
    }
    list_merges(room, merges);
    return (anm_bpe_tables){ .pieces = room->pieces,
                             .kinds = room->kinds,
                             .n_pieces = n,
                             .merges = room->merges,
                             .n_merges = n_merges,
                             .pre = "qwen2",
                             .bos_id = -1,
                             .eos_id = (int32_t)json_object_size(vocab),
                             .add_eos = true };
}

static void tables_give_the_ids_of_their_tokenizer_json(void **state)
{
    table_room room = { 0 };
    json_error_t at;
    anm_error err;

    (void)state;
    if (lacks_shared()) skip();
    single s = { .texts = json_array() };
    json_t *root =
        json_load_file(test_shared("tiny/tiny-qwen3/tokenizer.json"), 0, &at);
    const anm_bpe_tables tables = list_tables(&room, root);
    if (anm_tokenizer_new_bpe(&s.tokenizer, &tables, &err))
        fail_msg("%s", err.message);
    test_each_line(test_shared("tiny/texts.jsonl"), keep_single_text, &s);
    test_each_line(test_shared("tiny/tiny-qwen3/golden/ids.jsonl"),
                   check_special_line, &s);
    close_single(&s, 110);
    for (size_t i = 0; i < tables.n_merges; i++)
        free(room.joined[i]);
    free(room.joined);
    free(room.merges);
    free(room.kinds);
    free(room.pieces);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_models_give_the_original_ids),
        cmocka_unit_test(hard_texts_give_the_original_ids),
        cmocka_unit_test(random_settings_give_the_original_ids),
        cmocka_unit_test(minilm_gives_the_original_ids),
        cmocka_unit_test(minilm_gives_the_original_ids_of_adversarial_texts),
        cmocka_unit_test(random_merges_and_patterns_give_the_original_ids),
        cmocka_unit_test(qwen3_gives_the_original_ids),
        cmocka_unit_test(qwen3_gives_the_original_ids_of_adversarial_texts),
        cmocka_unit_test(tiny_qwen3_gives_the_original_ids),
        cmocka_unit_test(tables_give_the_ids_of_their_tokenizer_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
