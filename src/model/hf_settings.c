/* hf_settings.c - the settings of a folder's tokenizer: tokenizer_config.json,
 * and what transformers wrote before that listed the added tokens.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/hf_settings.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "model/hf_reading.h"

#define CONFIG_BYTES ((size_t)16 << 20)

anm_status anm_hf_read_file(const char *folder, const char *name, size_t limit,
                            char **data, size_t *len, anm_error *err)
{
    bool has = false;
    anm_status status = anm_hf_has(folder, name, &has, err);

    if (status || !has) return status;
    char *path = anm_path_join(folder, name);
    if (!path) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", folder);
    status = anm_file_read(path, limit, data, len, err);
    anm_free(path);
    return status;
}

/* Bytes of the string that starts at s[0] == '"', quotes included. */
static size_t skip_string(const char *s, size_t len)
{
    size_t i = 1;

    while (i < len && s[i] != '"')
        i += s[i] == '\\' ? 2 : 1;
    return i < len ? i + 1 : len;
}

/* "No limit" is written as an integer of 31 digits, which no reader of 64 bits
 * takes: integers of more than 18 digits become nines and spaces. */
static void shorten_integers(char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t digits = 0;

        if (s[i] == '"') {
            i += skip_string(s + i, len - i);
            continue;
        }
        while (i + digits < len && s[i + digits] >= '0' && s[i + digits] <= '9')
            digits++;
        const char next = i + digits < len ? s[i + digits] : ' ';
        if (digits > 18 && next != '.' && next != 'e' && next != 'E') {
            memset(s + i, '9', 18);
            memset(s + i + 18, ' ', digits - 18);
        }
        i += digits ? digits : 1;
    }
}

static anm_status open_config(anm_hf_settings *c, const char *folder,
                              anm_error *err)
{
    static const char name[] = "tokenizer_config.json";

    c->path = anm_path_join(folder, name);
    if (!c->path)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", folder);
    anm_status status =
        anm_hf_read_file(folder, name, CONFIG_BYTES, &c->data, &c->len, err);
    if (status || !c->data) return status;

    shorten_integers(c->data, c->len);
    status = anm_json_parse(&c->root, c->data, c->len, err);
    if (status) return anm_fail_prefix(err, status, "%s", c->path);
    if (!json_is_object(c->root))
        return anm_fail(err, ANM_E_FORMAT, "%s: expected object, found %s",
                        c->path, anm_json_type_name(c->root));
    return ANM_OK;
}

static bool names_token(const char *key)
{
    static const char ending[] = "_token";
    const size_t len = strlen(key), n = sizeof(ending) - 1;

    return len > n && strcmp(key + len - n, ending) == 0;
}

/* Whether a setting that ends in "_token" names it. */
static bool is_named(const json_t *root, const char *token)
{
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)root, key, v)
    {
        const char *word = json_string_value(
            json_is_object(v) ? json_object_get(v, "content") : v);
        if (names_token(key) && word && strcmp(word, token) == 0) return true;
    }
    return false;
}

/* {"token": id} becomes entries of added_tokens_decoder. */
static bool add_legacy_tokens(json_t *root, const json_t *added)
{
    json_t *decoder = json_object();
    bool ok = decoder;
    const char *name;
    json_t *id;

    json_object_foreach((json_t *)(uintptr_t)added, name, id)
    {
        const bool special = is_named(root, name);
        char number[32];
        snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
                 json_integer_value(id));
        ok =
            ok && !json_object_set_new(
                      decoder, number,
                      json_pack("{s:s, s:b, s:b, s:b, s:b, s:b}", "content",
                                name, "single_word", 0, "lstrip", 0, "rstrip",
                                0, "normalized", !special, "special", special));
    }
    ok = ok && !json_object_set(root, "added_tokens_decoder", decoder);
    json_decref(decoder);
    return ok;
}

static anm_status check_names(const anm_hf_doc *map, anm_error *err)
{
    const char *key;
    json_t *v;

    json_object_foreach(map->root, key, v)
    {
        if (!names_token(key) || json_is_string(v) || json_is_object(v) ||
            json_is_null(v))
            continue;
        return anm_fail(err, ANM_E_FORMAT, "%s: %s: expected string, found %s",
                        map->path, key, anm_json_type_name(v));
    }
    return ANM_OK;
}

static anm_status check_ids(const anm_hf_doc *added, anm_error *err)
{
    const char *name;
    json_t *id;

    json_object_foreach(added->root, name, id)
    {
        if (!json_is_integer(id))
            return anm_fail(err, ANM_E_FORMAT,
                            "%s: %s: expected integer, found %s", added->path,
                            name, anm_json_type_name(id));
    }
    return ANM_OK;
}

static anm_status merge_legacy(anm_hf_settings *c, const anm_hf_doc *map,
                               const anm_hf_doc *added, anm_error *err)
{
    bool ok = true;

    if (!map->root && !added->root) return ANM_OK;
    anm_status status = check_names(map, err);
    if (!status) status = check_ids(added, err);
    if (status) return status;
    if (!c->root) c->root = json_object();
    if (map->root) ok = c->root && !json_object_update(c->root, map->root);
    if (json_object_size(added->root))
        ok = ok && c->root && add_legacy_tokens(c->root, added->root);
    anm_free(c->data);
    c->data = NULL;
    status = anm_json_take_string(ok ? json_incref(c->root) : NULL, 17,
                                  &c->data, err);
    if (!status) c->len = strlen(c->data);
    return status;
}

/* Files that transformers wrote before tokenizer_config.json listed the added
 * tokens; they count where it does not. */
static anm_status read_legacy(anm_hf_settings *c, const char *folder,
                              anm_error *err)
{
    anm_hf_doc map = { 0 }, added = { 0 };

    if (json_object_get(c->root, "added_tokens_decoder")) return ANM_OK;
    anm_status status = anm_hf_doc_open(&map, folder, "special_tokens_map.json",
                                        JSON_OBJECT, err);
    if (!status)
        status = anm_hf_doc_open(&added, folder, "added_tokens.json",
                                 JSON_OBJECT, err);
    if (!status) status = merge_legacy(c, &map, &added, err);
    anm_hf_doc_close(&map);
    anm_hf_doc_close(&added);
    return status;
}

void anm_hf_settings_close(anm_hf_settings *c)
{
    anm_free(c->path);
    anm_free(c->data);
    json_decref(c->root);
}

anm_status anm_hf_settings_open(anm_hf_settings *c, const char *folder,
                                anm_error *err)
{
    const anm_status status = open_config(c, folder, err);

    return status ? status : read_legacy(c, folder, err);
}
