/* band_store.c - bands kept from start to start: FOLDER/bands/<32 digits of
 * SHA-256 of the key>.json. A file that is not what this code writes counts as
 * absent.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "engine/band.h"

enum { FILE_MAX = 64 * 1024, KEY_DIGITS = 32 };

// A latency above a day is no measurement.
static const int64_t longest_ns = 86400ll * 1000000000;

/* The file's path, newly allocated, or NULL. */
static char *make_path(const char *folder, const char *key, bool make_folder)
{
    uint8_t digest[ANM_SHA256_BYTES];
    char hex[ANM_SHA256_HEX], name[ANM_SHA256_HEX + 8];
    char *path = NULL;
    anm_sha256 *h = anm_sha256_new();
    char *bands = anm_path_join(folder, "bands");

    if (h && bands && (!make_folder || !anm_folder_make(bands, NULL))) {
        anm_sha256_add(h, key, strlen(key));
        anm_sha256_read(h, digest);
        anm_sha256_hex(digest, hex);
        snprintf(name, sizeof(name), "%.*s.json", KEY_DIGITS, hex);
        path = anm_path_join(bands, name);
    }
    anm_sha256_free(h);
    anm_free(bands);
    return path;
}

/* ---- Reading -------------------------------------------------------------- */

static bool read_number(const json_t *o, const char *key, int64_t min,
                        int64_t max, int64_t *out)
{
    return !anm_json_int(o, key, "bands", min, max, out, NULL);
}

static bool read_band(const json_t *o, anm_band *out)
{
    int64_t tokens, n, first, p50, low, high;

    if (!json_is_object(o) || !read_number(o, "tokens", 1, 1 << 24, &tokens) ||
        !read_number(o, "n", 3, 1 << 20, &n) ||
        !read_number(o, "first_ns", 0, longest_ns, &first) ||
        !read_number(o, "p50_ns", 1, longest_ns, &p50) ||
        !read_number(o, "low_ns", 0, p50, &low) ||
        !read_number(o, "high_ns", p50, longest_ns, &high))
        return false;
    *out = (anm_band){ .tokens = (size_t)tokens,
                       .n = (unsigned)n,
                       .first_ns = (uint64_t)first,
                       .p50_ns = (uint64_t)p50,
                       .low_ns = (uint64_t)low,
                       .high_ns = (uint64_t)high };
    return true;
}

static bool read_bands(const json_t *doc, const char *key, anm_bands *out)
{
    const json_t *items;
    const char *found;
    int64_t version;
    size_t i;
    json_t *item;

    if (!json_is_object(doc) ||
        !read_number(doc, "anemone_bands", 1, 1, &version) ||
        anm_json_string(doc, "key", "bands", &found, NULL) ||
        strcmp(found, key) != 0 ||
        !read_number(doc, "measured_ns", 1, INT64_MAX,
                     &out->measured_wall_ns) ||
        anm_json_array(doc, "items", "bands", &items, NULL))
        return false;
    json_array_foreach(items, i, item)
    {
        anm_band band;
        if (!read_band(item, &band) || !anm_bands_put(out, &band)) return false;
    }
    return true;
}

void anm_bands_load(anm_bands *out, const char *folder, const char *key)
{
    anm_bands found = { 0 };
    json_t *doc = NULL;
    char *path = folder ? make_path(folder, key, false) : NULL;

    *out = (anm_bands){ 0 };
    if (path && !anm_json_read(&doc, path, FILE_MAX, NULL) &&
        read_bands(doc, key, &found))
        *out = found;
    json_decref(doc);
    anm_free(path);
}

/* ---- Writing -------------------------------------------------------------- */

static json_t *make_items(const anm_bands *b)
{
    json_t *items = json_array();

    for (size_t i = 0; i < b->n; i++) {
        const anm_band *band = &b->items[i];
        json_t *item = json_pack(
            "{s:I, s:I, s:I, s:I, s:I, s:I}", "tokens",
            (json_int_t)band->tokens, "n", (json_int_t)band->n, "first_ns",
            (json_int_t)band->first_ns, "p50_ns", (json_int_t)band->p50_ns,
            "low_ns", (json_int_t)band->low_ns, "high_ns",
            (json_int_t)band->high_ns);
        if (json_array_append_new(items, item)) {
            json_decref(items);
            return NULL;
        }
    }
    return items;
}

static bool write_file(const char *path, const char *text)
{
    anm_new_file f = { 0 };
    const bool written = !anm_new_file_open(&f, path, NULL) &&
                         !anm_new_file_write(&f, text, strlen(text), NULL) &&
                         !anm_new_file_commit(&f, NULL);

    anm_new_file_close(&f);
    return written;
}

bool anm_bands_store(const anm_bands *b, const char *folder, const char *key)
{
    char *text = NULL;
    bool stored = false;

    if (!folder) return true;
    char *path = make_path(folder, key, true);
    json_t *doc =
        path ? json_pack("{s:i, s:s, s:I, s:o?}", "anemone_bands", 1, "key",
                         key, "measured_ns", (json_int_t)b->measured_wall_ns,
                         "items", make_items(b))
             : NULL;
    if (!anm_json_take_string(doc, 0, &text, NULL))
        stored = write_file(path, text);
    anm_free(text);
    anm_free(path);
    return stored;
}
