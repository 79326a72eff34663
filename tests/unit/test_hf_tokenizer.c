/* The tokenizer of a folder: which file, and whose settings.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/model_open.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/remember.h"
#include "model/hf.h"

static const char settings[] = "tokenizer_config.json";

typedef struct digest {
    uint8_t bytes[32];
} digest;

static digest digest_of(const char *path)
{
    anm_tokenizer *t = NULL;
    anm_error err = { .message = "" };
    digest d;

    if (anm_source_tokenizer(&t, path, NULL, &err)) fail_msg("%s", err.message);
    anm_tokenizer_digest(t, d.bytes);
    anm_tokenizer_free(t);
    return d;
}

static bool is_equal(digest a, digest b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

static bool lowers(const char *path)
{
    anm_tokenizer *t = NULL;
    anm_tokenizer_info info;
    anm_error err = { .message = "" };

    if (anm_source_tokenizer(&t, path, NULL, &err)) fail_msg("%s", err.message);
    anm_tokenizer_describe(t, &info);
    anm_tokenizer_free(t);
    return info.lowercase;
}

static void agreeing_folder_and_file_are_one_tokenizer(void **state)
{
    (void)state;
    assert_true(
        is_equal(digest_of(test_data("tiny-bert-mean")),
                 digest_of(test_data("tiny-bert-mean/tokenizer.json"))));
    assert_true(is_equal(digest_of(test_data("tiny-bert-cls")),
                         digest_of(test_data("tiny-bert-cls/tokenizer.json"))));
}

/* Verified against transformers 5.23.0: a BertTokenizer takes these settings
 * from tokenizer_config.json, absent ones by the class's defaults. */
static void bert_settings_overrule_the_normalizer_with_a_note(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");

    test_model_set(folder, settings,
                   "{\"do_lower_case\": false, \"strip_accents\": true}");
    assert_false(lowers(folder));
    assert_true(lowers(test_model_path(folder, "tokenizer.json")));
    anm_source *s = test_open(folder);
    assert_non_null(strstr(test_note(s, "tokenizer"),
                           "do_lower_case false, strip_accents true"));
    anm_source_close(s);
}

static void silent_settings_are_the_defaults_of_the_class(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-cls");

    assert_false(lowers(folder));
    test_model_unset(folder, settings, "do_lower_case");
    assert_true(lowers(folder));
    test_model_remove(folder, settings);
    assert_true(lowers(folder));
}

static void classes_other_than_bert_follow_the_file(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");

    test_model_set(folder, settings,
                   "{\"do_lower_case\": false, \"tokenizer_class\": "
                   "\"PreTrainedTokenizerFast\"}");
    assert_true(lowers(folder));
    test_model_set(folder, settings,
                   "{\"tokenizer_class\": \"BertTokenizerFast\"}");
    assert_false(lowers(folder));
    test_model_unset(folder, settings, "tokenizer_class");
    assert_false(lowers(folder)); // by model_type of config.json
    test_model_set(folder, "config.json",
                   "{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}");
    assert_true(lowers(folder));
}

/* `tokenize` shows the ids that `embed` computes with. */
static void a_tokenizer_alone_is_that_of_the_model(void **state)
{
    static const char *const files[] = {
        "config.json",
        "tokenizer.json",
        settings,
        "sentence_bert_config.json",
        "vocab.txt",
        "special_tokens_map.json",
        "model.safetensors",
    };
    uint8_t of_model[32];

    (void)state;
    const char *folder = test_model_copy("tiny-bert-cls");
    char *inner = anm_path_join(folder, "0_Transformer");
    assert_int_equal(mkdir(inner, 0777), 0);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char *from = anm_path_join(folder, files[i]);
        char *to = anm_path_join(inner, files[i]);
        assert_int_equal(rename(from, to), 0);
        anm_free(from);
        anm_free(to);
    }
    test_model_set(inner, "sentence_bert_config.json",
                   "{\"do_lower_case\": true}");
    static const char modules[] =
        "[{\"path\": \"0_Transformer\", \"type\": "
        "\"sentence_transformers.models.Transformer\"},"
        " {\"path\": \"1_Pooling\", \"type\": "
        "\"sentence_transformers.models.Pooling\"}]";
    test_model_write(folder, "modules.json", modules, strlen(modules));
    anm_source *s = test_open(folder);
    anm_tokenizer_digest(s->tokenizer, of_model);
    anm_source_close(s);
    const digest alone = digest_of(folder);
    assert_memory_equal(of_model, alone.bytes, sizeof(of_model));
    assert_true(lowers(folder));
    assert_false(lowers(inner));
    anm_free(inner);
}

static void chinese_setting_overrules_too(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    const digest before = digest_of(folder);

    test_model_set(folder, settings, "{\"tokenize_chinese_chars\": false}");
    const digest after = digest_of(folder);
    assert_false(is_equal(before, after));
    test_model_set(folder, settings, "{\"tokenize_chinese_chars\": true}");
    assert_true(is_equal(before, digest_of(folder)));
}

static void vocabulary_file_gives_the_same_ids(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    const char *text = "The kettle clicked off; [MASK] caf\xc3\xa9.";
    anm_encoding *e[2];
    anm_tokenizer *t;
    anm_error err;

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(anm_source_tokenizer(&t, folder, NULL, &err), ANM_OK);
        assert_int_equal(anm_encoding_new(&e[i], &err), ANM_OK);
        assert_int_equal(
            anm_tokenizer_encode(t, anm_text_of(text), true, e[i], &err),
            ANM_OK);
        anm_tokenizer_free(t);
        if (i == 0) test_model_remove(folder, "tokenizer.json");
    }
    assert_int_equal(anm_encoding_n(e[0]), anm_encoding_n(e[1]));
    assert_memory_equal(anm_encoding_ids(e[0]), anm_encoding_ids(e[1]),
                        anm_encoding_n(e[0]) * sizeof(int32_t));
    anm_encoding_free(e[0]);
    anm_encoding_free(e[1]);

    anm_source *s = test_open(folder);
    assert_non_null(strstr(test_note(s, "tokenizer"), "vocab.txt"));
    anm_source_close(s);
}

/* Verified against transformers 5.23.0, too: the parts of the file that the
 * class has itself do not count, and a note says so. */
static void bert_parts_overrule_those_of_the_file_with_a_note(void **state)
{
    static const struct {
        const char *patch; /* of tokenizer.json */
        const char *note;
    } rows[] = {
        { "{\"normalizer\": null}", "normalizer of BertTokenizer" },
        { "{\"normalizer\": {\"type\": \"NFC\"}}",
          "normalizer of BertTokenizer" },
        { "{\"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"}}",
          "pre_tokenizer of BertTokenizer" },
        { "{\"post_processor\": null}", "post_processor of BertTokenizer" },
        { "{\"post_processor\": {\"type\": \"BertProcessing\", \"cls\":"
          " [\"[SEP]\", 3], \"sep\": [\"[CLS]\", 2]}}",
          "post_processor of BertTokenizer" },
        { "{\"post_processor\": {\"type\": \"BertProcessing\", \"cls\":"
          " [\"[CLS]\", 2], \"sep\": [\"[SEP]\", 3]}}",
          NULL },
        { "{\"added_tokens\": []}", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *folder = test_model_copy("tiny-bert-mean");
        const digest before = digest_of(folder);

        test_model_set(folder, "tokenizer.json", rows[i].patch);
        assert_true(is_equal(before, digest_of(folder)));
        anm_source *s = test_open(folder);
        const char *note = test_note(s, "tokenizer");
        if (rows[i].note)
            assert_non_null(strstr(note, rows[i].note));
        else
            assert_string_equal(note, "");
        anm_source_close(s);
    }
}

static void
parts_that_give_way_are_refused_where_they_are_not_built_in(void **state)
{
    static const char *const parts[] = { "normalizer", "pre_tokenizer",
                                         "post_processor" };

    (void)state;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *folder = test_model_copy("tiny-bert-mean");
        char patch[128];

        snprintf(patch, sizeof(patch), "{\"%s\": {\"type\": \"Gizmo\"}}",
                 parts[i]);
        test_model_set(folder, "tokenizer.json", patch);
        test_refused(folder, ANM_E_UNSUPPORTED, "Gizmo");
    }
}

static void classes_made_of_bert_follow_their_settings(void **state)
{
    static const char *const names[] = { "ElectraTokenizer",
                                         "DistilBertTokenizerFast",
                                         "MobileBertTokenizer" };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *folder = test_model_copy("tiny-bert-mean");
        char patch[128];

        snprintf(patch, sizeof(patch),
                 "{\"do_lower_case\": false, \"tokenizer_class\": \"%s\"}",
                 names[i]);
        test_model_set(folder, settings, patch);
        assert_false(lowers(folder));
    }
}

static void
special_tokens_in_a_text_are_split_where_the_folder_says_so(void **state)
{
    static const char *const folders[][2] = {
        { "tiny-bert-mean", "[MASK]" },
        { "tiny-qwen3", "<|im_start|>" },
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *folder = test_model_copy(folders[i][0]);
        const digest before = digest_of(folder);

        test_model_set(folder, settings, "{\"split_special_tokens\": false}");
        assert_int_equal(test_count_ids(folder, folders[i][1]), 1);
        assert_true(is_equal(before, digest_of(folder)));
        test_model_set(folder, settings, "{\"split_special_tokens\": true}");
        assert_true(test_count_ids(folder, folders[i][1]) > 1);
        assert_false(is_equal(before, digest_of(folder)));
    }
    // A token that is added without being special is found all the same.
    const char *folder = test_model_copy("tiny-qwen3");
    test_model_set(folder, settings, "{\"split_special_tokens\": true}");
    assert_int_equal(test_count_ids(folder, "<think>"), 1);
}

static void further_special_tokens_of_the_settings_are_found(void **state)
{
    static const char *const patches[] = {
        "{\"additional_special_tokens\": [\"[New]\"]}",
        "{\"extra_special_tokens\": [{\"content\": \"[New]\"}]}",
        "{\"extra_special_tokens\": {\"x_token\": \"[New]\"}}",
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(patches) / sizeof(patches[0]); i++) {
        const char *folder = test_model_copy("tiny-bert-mean");
        if (i % 2) test_model_remove(folder, "tokenizer.json");
        test_model_set(folder, settings, patches[i / 2]);
        assert_int_equal(test_count_ids(folder, "[New]"), 1);
    }
}

static void settings_of_a_wrong_type_are_refused(void **state)
{
    (void)state;
    static const char *const patches[][2] = {
        { "{\"do_lower_case\": 1}", "do_lower_case" },
        { "{\"strip_accents\": \"yes\"}", "strip_accents" },
        { "{\"split_special_tokens\": 1}", "split_special_tokens" },
        { "{\"tokenizer_class\": 5}", "tokenizer_class" },
        { "{\"model_max_length\": \"64\"}", "model_max_length" },
        { "{\"model_max_length\": -1}", "model_max_length" },
    };

    for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
        const char *folder = test_model_copy("tiny-bert-mean");
        test_model_set(folder, settings, patches[i][0]);
        test_refused(folder, ANM_E_FORMAT, patches[i][1]);
        test_refused(folder, ANM_E_FORMAT, settings);
    }
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;

    while ((text = strstr(text, word)) != NULL) {
        text++;
        n++;
    }
    return n;
}

static void messages_name_their_file_once(void **state)
{
    static const char *const contents[] = { "{", "[]",
                                            "{\"model\": {\"type\": \"X\"}}" };
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");

    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        const char *file = test_model_path(folder, "tokenizer.json");
        test_model_write(folder, "tokenizer.json", contents[i],
                         strlen(contents[i]));
        const char *paths[] = { folder, file };
        for (size_t k = 0; k < 2; k++) {
            anm_tokenizer *t = NULL;
            anm_error err = { .message = "" };
            assert_int_not_equal(anm_source_tokenizer(&t, paths[k], NULL, &err),
                                 ANM_OK);
            assert_int_equal(count(err.message, "tokenizer.json"), 1);
            assert_int_equal(count(err.message, file), 1);
        }
    }
}

static void key_in_a_text_is_not_taken_for_the_normalizer(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    char *file = test_read(test_model_path(folder, "tokenizer.json"), NULL);
    char *changed = anm_alloc(strlen(file) + 64);

    // A member of another meaning, in front of the real one.
    snprintf(changed, strlen(file) + 64, "{\"\\\"normalizer\\\"\": 1,%s",
             strchr(file, '{') + 1);
    test_model_write(folder, "tokenizer.json", changed, strlen(changed));
    test_model_set(folder, settings, "{\"do_lower_case\": false}");
    assert_false(lowers(folder));
    anm_free(changed);
    free(file);
}

/* ---- Compiled tokenizers that are kept ------------------------------------ */

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* A folder with a tokenizer of these pieces, long enough ago that it may be
 * remembered. */
static char *make_folder(const char *vocab)
{
    const struct timespec moment = { 0, 60 * 1000 * 1000 };
    char json[512];
    char *folder = anm_copy_string(test_temp_folder());

    snprintf(
        json, sizeof(json),
        "{\"model\": {\"type\": \"BPE\", \"vocab\": {%s}, \"merges\": []}}",
        vocab);
    write_text(folder, "tokenizer.json", json);
    write_text(folder, "config.json", "{\"model_type\": \"qwen3\"}");
    nanosleep(&moment, NULL);
    return folder;
}

static digest open_with(const char *folder, const char *memory)
{
    anm_hf_tokenizer t;
    anm_error err;
    digest d;

    if (anm_hf_tokenizer_open(&t, folder, memory, &err))
        fail_msg("%s", err.message);
    anm_tokenizer_digest(t.tokenizer, d.bytes);
    anm_tokenizer_free(t.tokenizer);
    return d;
}

/* The one kept file of a folder. Release with free(). */
static char *find_kept(const char *memory)
{
    DIR *d = opendir(memory);
    char *path = NULL;

    assert_non_null(d);
    for (const struct dirent *entry; (entry = readdir(d));)
        if (strstr(entry->d_name, ANM_REMEMBER_KEPT))
            assert_true(asprintf(&path, "%s/%s", memory, entry->d_name) > 0);
    closedir(d);
    assert_non_null(path);
    return path;
}

/* Overwrite all behind the key's line with another file's. */
static void replace_content(const char *path, const char *other)
{
    size_t len = 0;
    char *data = test_read(other, &len);
    FILE *f = fopen(path, "r+");

    assert_non_null(f);
    fseek(f, ANM_SHA256_HEX, SEEK_SET);
    assert_int_equal(fwrite(data + ANM_SHA256_HEX, 1, len - ANM_SHA256_HEX, f),
                     len - ANM_SHA256_HEX);
    fclose(f);
    free(data);
}

static void compiled_tokenizer_is_read_and_damage_compiled_anew(void **state)
{
    char *folders[2] = { make_folder("\"a\": 0, \"b\": 1"),
                         make_folder("\"a\": 0, \"c\": 1") };
    char *memories[2] = { anm_copy_string(test_temp_folder()),
                          anm_copy_string(test_temp_folder()) };
    digest plain[2];
    char *kept[2];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        plain[i] = open_with(folders[i], NULL);
        assert_true(is_equal(open_with(folders[i], memories[i]), plain[i]));
        assert_true(is_equal(open_with(folders[i], memories[i]), plain[i]));
        kept[i] = find_kept(memories[i]);
    }
    assert_false(is_equal(plain[0], plain[1]));
    // Only a reader of the kept file can give the other's tokenizer.
    replace_content(kept[0], kept[1]);
    assert_true(is_equal(open_with(folders[0], memories[0]), plain[1]));
    FILE *f = fopen(kept[0], "r+");
    fseek(f, -1, SEEK_END);
    fputc(0x55, f);
    fclose(f);
    assert_true(is_equal(open_with(folders[0], memories[0]), plain[0]));
    for (size_t i = 0; i < 2; i++) {
        anm_free(folders[i]);
        anm_free(memories[i]);
        free(kept[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agreeing_folder_and_file_are_one_tokenizer),
        cmocka_unit_test(bert_settings_overrule_the_normalizer_with_a_note),
        cmocka_unit_test(silent_settings_are_the_defaults_of_the_class),
        cmocka_unit_test(classes_other_than_bert_follow_the_file),
        cmocka_unit_test(a_tokenizer_alone_is_that_of_the_model),
        cmocka_unit_test(chinese_setting_overrules_too),
        cmocka_unit_test(vocabulary_file_gives_the_same_ids),
        cmocka_unit_test(
            special_tokens_in_a_text_are_split_where_the_folder_says_so),
        cmocka_unit_test(bert_parts_overrule_those_of_the_file_with_a_note),
        cmocka_unit_test(
            parts_that_give_way_are_refused_where_they_are_not_built_in),
        cmocka_unit_test(classes_made_of_bert_follow_their_settings),
        cmocka_unit_test(further_special_tokens_of_the_settings_are_found),
        cmocka_unit_test(settings_of_a_wrong_type_are_refused),
        cmocka_unit_test(messages_name_their_file_once),
        cmocka_unit_test(key_in_a_text_is_not_taken_for_the_normalizer),
        cmocka_unit_test(compiled_tokenizer_is_read_and_damage_compiled_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
