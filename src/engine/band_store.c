/* band_store.c - bands kept from start to start: FOLDER/bands/<32 digits of
 * SHA-256 of the key>.json. A file that is not what this code writes counts as
 * absent.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
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
    return !anm_json_int(o, key, "bands",
                         (anm_int_rule){ .min = min, .max = max }, out, NULL);
}

/* The figures of a band and their names in the file. */
static const struct figure {
    const char *name;
    size_t offset;
} figures[] = {
    { "first_ns", offsetof(anm_band, first_ns) },
    { "p50_ns", offsetof(anm_band, p50_ns) },
    { "low_ns", offsetof(anm_band, low_ns) },
    { "high_ns", offsetof(anm_band, high_ns) },
    { "predict_p50_ns", offsetof(anm_band, predict_p50_ns) },
    { "outside_p50_ns", offsetof(anm_band, outside_p50_ns) },
    { "outside_high_ns", offsetof(anm_band, outside_high_ns) },
    { "blocked_p50_ns", offsetof(anm_band, blocked_p50_ns) },
};
enum { N_FIGURES = sizeof(figures) / sizeof(figures[0]) };

static bool read_band(const json_t *o, anm_band *out)
{
    int64_t tokens, n, value;

    if (!json_is_object(o) || !read_number(o, "tokens", 1, 1 << 24, &tokens) ||
        !read_number(o, "n", 3, 1 << 20, &n))
        return false;
    *out = (anm_band){ .tokens = (size_t)tokens, .n = (unsigned)n };
    for (size_t i = 0; i < N_FIGURES; i++) {
        if (!read_number(o, figures[i].name, 0, longest_ns, &value))
            return false;
        const uint64_t ns = (uint64_t)value;
        memcpy((char *)out + figures[i].offset, &ns, sizeof(ns));
    }
    return out->p50_ns > 0 && out->low_ns <= out->p50_ns &&
           out->p50_ns <= out->high_ns;
}

static bool read_digest(const json_t *o, const char *name, char out[33])
{
    const char *text;

    if (anm_json_string(o, name, "bands", &text, NULL) || strlen(text) > 32)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool read_base(const json_t *doc, anm_band_base *out)
{
    const json_t *extra;
    int64_t probe, probe_high, known;
    size_t i;
    json_t *item;

    if (!read_number(doc, "probe_ns", 0, longest_ns, &probe) ||
        !read_number(doc, "probe_high_ns", probe, longest_ns, &probe_high) ||
        !read_number(doc, "freq_khz", 0, INT32_MAX, &out->freq_khz) ||
        !read_number(doc, "idle_known", 0, (1 << ANM_IDLE_CLASSES) - 1,
                     &known) ||
        anm_json_array(doc, "idle_extra_ns", "bands", &extra, NULL) ||
        json_array_size(extra) != ANM_IDLE_CLASSES)
        return false;
    out->probe_ns = (uint64_t)probe;
    out->probe_high_ns = (uint64_t)probe_high;
    out->idle_known = (unsigned)known;
    json_array_foreach(extra, i, item)
    {
        const json_int_t ns = json_integer_value(item);
        if (!json_is_integer(item) || ns < 0 || ns > longest_ns) return false;
        out->idle_extra_ns[i] = (uint64_t)ns;
    }
    return read_digest(doc, "plan", out->plan) &&
           read_digest(doc, "artifact", out->artifact);
}

static bool read_bands(const json_t *doc, const char *key, anm_bands *out)
{
    const json_t *items;
    const char *found;
    int64_t version;
    size_t i;
    json_t *item;

    if (!json_is_object(doc) ||
        !read_number(doc, "anemone_bands", 4, 4, &version) ||
        anm_json_string(doc, "key", "bands", &found, NULL) ||
        strcmp(found, key) != 0 ||
        !read_number(doc, "measured_ns", 1, INT64_MAX,
                     &out->measured_wall_ns) ||
        anm_json_array(doc, "items", "bands", &items, NULL) ||
        !read_base(doc, &out->base))
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

static json_t *make_item(const anm_band *band)
{
    json_t *item = json_pack("{s:I, s:I}", "tokens", (json_int_t)band->tokens,
                             "n", (json_int_t)band->n);

    for (size_t i = 0; i < N_FIGURES; i++) {
        uint64_t ns;
        memcpy(&ns, (const char *)band + figures[i].offset, sizeof(ns));
        if (json_object_set_new(item, figures[i].name,
                                json_integer((json_int_t)ns))) {
            json_decref(item);
            return NULL;
        }
    }
    return item;
}

static json_t *make_items(const anm_bands *b)
{
    json_t *items = json_array();

    for (size_t i = 0; i < b->n; i++) {
        if (b->items[i].useless) continue;
        if (json_array_append_new(items, make_item(&b->items[i]))) {
            json_decref(items);
            return NULL;
        }
    }
    return items;
}

static json_t *make_extra(const anm_band_base *base)
{
    json_t *extra = json_array();

    for (size_t i = 0; i < ANM_IDLE_CLASSES; i++)
        if (json_array_append_new(
                extra, json_integer((json_int_t)base->idle_extra_ns[i]))) {
            json_decref(extra);
            return NULL;
        }
    return extra;
}

static json_t *make_document(const anm_bands *b, const char *key)
{
    const anm_band_base *base = &b->base;

    return json_pack(
        "{s:i, s:s, s:I, s:o?, s:I, s:I, s:I, s:I, s:o?, s:s, s:s}",
        "anemone_bands", 4, "key", key, "measured_ns",
        (json_int_t)b->measured_wall_ns, "items", make_items(b), "probe_ns",
        (json_int_t)base->probe_ns, "probe_high_ns",
        (json_int_t)base->probe_high_ns, "freq_khz", (json_int_t)base->freq_khz,
        "idle_known", (json_int_t)base->idle_known, "idle_extra_ns",
        make_extra(base), "plan", base->plan, "artifact", base->artifact);
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
    json_t *doc = path ? make_document(b, key) : NULL;
    if (!anm_json_take_string(doc, 0, &text, NULL))
        stored = write_file(path, text);
    anm_free(text);
    anm_free(path);
    return stored;
}
