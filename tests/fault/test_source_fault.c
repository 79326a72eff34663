/* Damaged model folders: every file cut, every JSON member removed or of a
 * wrong type, every allocation failing. Each ends in a model or in a message
 * that names the file, never in a crash.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/model_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/fingerprint.h"

static const char *const files[] = {
    "config.json",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "tokenizer_config.json",
    "tokenizer.json",
    "special_tokens_map.json",
    "vocab.txt",
    "model.safetensors",
};

enum { N_FILES = sizeof(files) / sizeof(files[0]) };

static anm_status open_build_print(const char *folder, anm_error *err)
{
    const anm_fingerprint_params params = { 0 };
    char text[ANM_FINGERPRINT_TEXT];
    anm_source *s = NULL;
    anm_graph *g = NULL;
    anm_status status = anm_source_open(&s, folder, NULL, err);

    if (!status) status = anm_source_build(s, &g, err);
    if (!status)
        status =
            anm_fingerprint_make(s, g, ANM_PRECISION_F32, &params, text, err);
    anm_graph_free(g);
    anm_source_close(s);
    return status;
}

/* A model, or a refusal that names the file. */
static void judge(const char *folder, const char *file, const char *damage)
{
    anm_error err = { .message = "" };
    const anm_status status = open_build_print(folder, &err);

    if (!status) return;
    if (status == ANM_E_INTERNAL || status == ANM_E_NOMEM)
        fail_msg("%s %s: %s", file, damage, err.message);
    if (!strstr(err.message, file))
        fail_msg("%s %s: message names it not: %s", file, damage, err.message);
}

static void every_file_may_be_cut_anywhere(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");

    for (size_t f = 0; f < N_FILES; f++) {
        size_t len;
        char *data = test_read(test_model_path(folder, files[f]), &len);
        const size_t step = len / 64 + 1;

        for (size_t cut = 0; cut < len; cut += cut < 64 ? 1 : step) {
            char damage[64];
            snprintf(damage, sizeof(damage), "cut at %zu", cut);
            test_model_write(folder, files[f], data, cut);
            judge(folder, files[f], damage);
        }
        test_model_write(folder, files[f], data, len);
        free(data);
    }
    anm_error err;
    assert_int_equal(open_build_print(folder, &err), ANM_OK);
}

static void every_file_may_be_absent(void **state)
{
    (void)state;
    for (size_t f = 0; f < N_FILES; f++) {
        const char *folder = test_model_copy("tiny-bert-mean");
        test_model_remove(folder, files[f]);
        judge(folder, files[f], "absent");
    }
}

static void store_json(const char *folder, const char *file, const json_t *root)
{
    char *text = json_dumps(root, JSON_COMPACT);

    assert_non_null(text);
    test_model_write(folder, file, text, strlen(text));
    free(text);
}

typedef struct damage {
    const char *folder, *file;
    const json_t *root;
    size_t n;
} damage;

static void try_value(damage *d, json_t *o, const char *key, json_t *value)
{
    char words[300];

    snprintf(words, sizeof(words), "%s = %s", key,
             value ? anm_json_type_name(value) : "nothing");
    if (value)
        json_object_set_new(o, key, value);
    else
        json_object_del(o, key);
    store_json(d->folder, d->file, d->root);
    judge(d->folder, d->file, words);
    d->n++;
}

static void damage_members(damage *d, json_t *v);

/* The member absent and of each type in turn; order in the object changes,
 * which means nothing. */
static void damage_member(damage *d, json_t *o, const char *key)
{
    json_t *value = json_incref(json_object_get(o, key));

    damage_members(d, value);
    try_value(d, o, key, NULL);
    try_value(d, o, key, json_null());
    try_value(d, o, key, json_true());
    try_value(d, o, key, json_integer(-1));
    try_value(d, o, key, json_integer(INT64_MAX));
    try_value(d, o, key, json_real(0.5));
    try_value(d, o, key, json_string("x"));
    try_value(d, o, key, json_array());
    try_value(d, o, key, json_object());
    json_object_set_new(o, key, value);
}

/* Down to objects of a size that settings have; vocabularies are larger. */
static void damage_members(damage *d, json_t *v)
{
    char keys[64][64];
    size_t n = 0;
    const char *key;
    json_t *member;

    for (size_t i = 0; json_is_array(v) && i < json_array_size(v) && i < 8; i++)
        damage_members(d, json_array_get(v, i));
    if (!json_is_object(v) || json_object_size(v) > 64) return;
    json_object_foreach(v, key, member)
    {
        snprintf(keys[n++], sizeof(keys[0]), "%s", key);
    }
    for (size_t i = 0; i < n; i++)
        damage_member(d, v, keys[i]);
}

static void every_member_may_be_absent_or_of_any_type(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    size_t n = 0;

    for (size_t f = 0; f < N_FILES; f++) {
        if (!strstr(files[f], ".json")) continue;
        char *text = test_read(test_model_path(folder, files[f]), NULL);
        json_error_t e;
        json_t *root = json_loads(text, 0, &e);
        damage d = { folder, files[f], root, 0 };

        assert_non_null(root);
        damage_members(&d, root);
        n += d.n;
        test_model_write(folder, files[f], text, strlen(text));
        json_decref(root);
        free(text);
    }
    assert_true(n > 500);
    anm_error err;
    assert_int_equal(open_build_print(folder, &err), ANM_OK);
}

/* The folder uses what takes memory: prompts, notes, overruled settings.
 * Allocations of Jansson are let through: when its token buffer cannot grow,
 * version 2.14 loses the character and reads past the end (its issue 362). */
static void every_allocation_of_the_library_may_fail(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-cls");
    bool happened = true;

    test_model_set(folder, "config_sentence_transformers.json",
                   "{\"prompts\": {\"a\": \"b\"}, \"default_prompt_name\": "
                   "\"a\", \"similarity_fn_name\": \"dot\"}");
    test_model_set(folder, "tokenizer_config.json",
                   "{\"model_max_length\": 7, \"do_lower_case\": true}");

    json_set_alloc_funcs(malloc, free);
    for (uint64_t k = 1; happened; k++) {
        anm_error err = { .status = ANM_OK };
        test_fault_arm(k);
        const anm_status status = open_build_print(folder, &err);
        happened = test_fault_disarm();
        if (status != (happened ? ANM_E_NOMEM : ANM_OK))
            fail_msg("allocation %llu: %s: %s", (unsigned long long)k,
                     anm_status_name(status), err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_may_be_cut_anywhere),
        cmocka_unit_test(every_file_may_be_absent),
        cmocka_unit_test(every_member_may_be_absent_or_of_any_type),
        cmocka_unit_test(every_allocation_of_the_library_may_fail),
    };
    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
