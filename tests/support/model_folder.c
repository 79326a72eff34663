/* model_folder.c - copies of a committed model that a test may change.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/model_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *test_model_path(const char *folder, const char *file)
{
    static char paths[4][4096];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, file);
    return path;
}

void test_model_write(const char *folder, const char *file, const void *data,
                      size_t len)
{
    const char *path = test_model_path(folder, file);

    // A new inode, so that a map of the old content keeps it.
    unlink(path);
    FILE *out = fopen(path, "wb");
    if (!out) fail_msg("cannot write %s", path);
    if (fwrite(data, 1, len, out) != len) fail_msg("cannot write %s", path);
    if (fclose(out)) fail_msg("cannot write %s", path);
}

void test_model_remove(const char *folder, const char *file)
{
    if (unlink(test_model_path(folder, file))) fail_msg("no %s", file);
}

static void copy_folder(const char *from, const char *to)
{
    DIR *dir = opendir(from);

    if (!dir) fail_msg("cannot read %s", from);
    for (const struct dirent *e; (e = readdir(dir));) {
        char source[2048], target[2048];
        struct stat s;

        if (e->d_name[0] == '.' || strcmp(e->d_name, "golden") == 0) continue;
        snprintf(source, sizeof(source), "%s/%s", from, e->d_name);
        snprintf(target, sizeof(target), "%s/%s", to, e->d_name);
        assert_int_equal(stat(source, &s), 0);
        if (S_ISDIR(s.st_mode)) {
            assert_int_equal(mkdir(target, 0700), 0);
            copy_folder(source, target);
            continue;
        }
        size_t len;
        char *data = test_read(source, &len);
        test_model_write(to, e->d_name, data, len);
        free(data);
    }
    closedir(dir);
}

const char *test_model_copy(const char *name)
{
    const char *folder = test_temp_folder();

    copy_folder(test_data(name), folder);
    return folder;
}

static json_t *load(const char *text)
{
    json_error_t e;
    json_t *v = json_loads(text, 0, &e);

    if (!v) fail_msg("test JSON: %s", e.text);
    return v;
}

static void store(const char *folder, const char *file, json_t *v)
{
    char *text = json_dumps(v, JSON_INDENT(2));

    assert_non_null(text);
    test_model_write(folder, file, text, strlen(text));
    free(text);
    json_decref(v);
}

static json_t *load_file(const char *folder, const char *file)
{
    const char *path = test_model_path(folder, file);
    if (access(path, F_OK) != 0) return json_object();
    char *text = test_read(path, NULL);
    json_t *v = load(text);
    free(text);
    return v;
}

void test_model_set(const char *folder, const char *file, const char *patch)
{
    json_t *v = load_file(folder, file), *changes = load(patch);

    assert_int_equal(json_object_update(v, changes), 0);
    json_decref(changes);
    store(folder, file, v);
}

void test_model_unset(const char *folder, const char *file, const char *key)
{
    json_t *v = load_file(folder, file);

    if (json_object_del(v, key)) fail_msg("%s has no %s", file, key);
    store(folder, file, v);
}

test_weights test_weights_read(const char *folder)
{
    size_t len;
    char *file = test_read(test_model_path(folder, "model.safetensors"), &len);
    uint64_t header_len = 0;

    for (size_t i = 8; i-- > 0;)
        header_len = header_len << 8 | (unsigned char)file[i];
    assert_true(header_len <= len - 8);
    json_error_t e;
    json_t *header = json_loadb(file + 8, header_len, 0, &e);
    assert_non_null(header);
    json_object_del(header, "__metadata__");
    memmove(file, file + 8 + header_len, len - 8 - header_len);
    return (test_weights){ header, file };
}

void test_weights_free(test_weights *w)
{
    json_decref(w->header);
    free(w->data);
}

static size_t offset_of(const json_t *entry, size_t which)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    return (size_t)json_integer_value(json_array_get(offsets, which));
}

static void write_file(const char *folder, const char *file, json_t *header,
                       const char *data, size_t len)
{
    char *text = json_dumps(header, JSON_COMPACT);
    const size_t header_len = strlen(text);
    char *all = malloc(8 + header_len + len + 1);

    assert_non_null(all);
    for (size_t i = 0; i < 8; i++)
        all[i] = (char)(header_len >> 8 * i);
    memcpy(all + 8, text, header_len);
    memcpy(all + 8 + header_len, data, len);
    test_model_write(folder, file, all, 8 + header_len + len);
    free(all);
    free(text);
    json_decref(header);
}

void test_weights_write(const char *folder, const char *file,
                        const test_weights *w, const char *keep,
                        const char *prefix)
{
    json_t *header = json_object();
    char *data = malloc(1 << 22);
    size_t len = 0;
    const char *name;
    json_t *entry;

    json_object_foreach(w->header, name, entry)
    {
        const size_t begin = offset_of(entry, 0);
        const size_t n = offset_of(entry, 1) - begin;
        char full[512];

        if (strncmp(name, keep, strlen(keep)) != 0) continue;
        assert_true(len + n <= 1 << 22);
        memcpy(data + len, w->data + begin, n);
        snprintf(full, sizeof(full), "%s%s", prefix, name);
        json_t *copy = json_copy(entry);
        json_object_set_new(
            copy, "data_offsets",
            json_pack("[I,I]", (json_int_t)len, (json_int_t)(len + n)));
        json_object_set_new(header, full, copy);
        len += n;
    }
    write_file(folder, file, header, data, len);
    free(data);
}

void test_weights_edit(const char *folder, const char *name,
                       const char *new_name, const char *patch)
{
    test_weights w = test_weights_read(folder);
    json_t *entry = json_object_get(w.header, name), *changes = load(patch);

    if (!entry) fail_msg("no tensor %s", name);
    json_incref(entry);
    json_object_del(w.header, name);
    json_object_update(entry, changes);
    json_object_set_new(w.header, new_name, entry);
    json_decref(changes);
    test_weights_write(folder, "model.safetensors", &w, "", "");
    test_weights_free(&w);
}
