/* remember.c - one file per digest or run of bytes, in a folder.
 *
 * An entry is named by its key, the SHA-256 of the identities and the word,
 * and is exactly four lines:
 *
 *     anemone digest 1
 *     key, 64 digits
 *     digest, 64 digits
 *     SHA-256 of the three lines above, 64 digits
 *
 * Kept bytes stand in a file of the same name with another end, behind a line
 * of the key: a file that was renamed is no answer to another question.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/remember.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum {
    KEY_AT = 17,
    DIGEST_AT = KEY_AT + ANM_SHA256_HEX,
    CHECK_AT = DIGEST_AT + ANM_SHA256_HEX,
    ENTRY_BYTES = CHECK_AT + ANM_SHA256_HEX,
};

static const char head[] = "anemone digest 1\n";
static_assert(sizeof(head) - 1 == KEY_AT, "the key follows the head");

#define SECOND_NS INT64_C(1000000000)

/* Longest time in which two changes may leave the same stamp. Linux stamps
 * with the timer tick, at most 10 ms apart; file systems that keep whole
 * seconds keep every second one at worst. */
static int64_t grain_of(int64_t stamp_ns)
{
    return stamp_ns % SECOND_NS == 0 ? 2 * SECOND_NS + SECOND_NS / 10
                                     : SECOND_NS / 50;
}

static bool is_settled(const anm_file_id *ids, size_t n, int64_t began_ns)
{
    for (size_t i = 0; i < n; i++)
        if (began_ns <= ids[i].mtime_ns + grain_of(ids[i].mtime_ns) ||
            began_ns <= ids[i].ctime_ns + grain_of(ids[i].ctime_ns))
            return false;
    return true;
}

static bool make_key(const anm_file_id *ids, size_t n, const char *what,
                     char out[ANM_SHA256_HEX])
{
    uint8_t digest[ANM_SHA256_BYTES];
    anm_sha256 *h = anm_sha256_new();

    if (!h) return false;
    anm_sha256_add_u64(h, n);
    for (size_t i = 0; i < n; i++) {
        anm_sha256_add_u64(h, ids[i].device);
        anm_sha256_add_u64(h, ids[i].inode);
        anm_sha256_add_u64(h, ids[i].size);
        anm_sha256_add_u64(h, (uint64_t)ids[i].mtime_ns);
        anm_sha256_add_u64(h, (uint64_t)ids[i].ctime_ns);
    }
    anm_sha256_add_string(h, what);
    anm_sha256_read(h, digest);
    anm_sha256_free(h);
    anm_sha256_hex(digest, out);
    return true;
}

static char *join_path(const char *folder, const char *key, const char *end)
{
    char name[ANM_SHA256_HEX + 8];

    snprintf(name, sizeof(name), "%s%s", key, end);
    return anm_path_join(folder, name);
}

static bool write_entry(char out[ENTRY_BYTES + 1], const char *key,
                        const uint8_t digest[ANM_SHA256_BYTES])
{
    char hex[ANM_SHA256_HEX], check[ANM_SHA256_HEX];
    uint8_t sum[ANM_SHA256_BYTES];
    anm_sha256 *h = anm_sha256_new();

    if (!h) return false;
    anm_sha256_hex(digest, hex);
    snprintf(out, CHECK_AT + 1, "%s%s\n%s\n", head, key, hex);
    anm_sha256_add(h, out, CHECK_AT);
    anm_sha256_read(h, sum);
    anm_sha256_free(h);
    anm_sha256_hex(sum, check);
    snprintf(out + CHECK_AT, ENTRY_BYTES - CHECK_AT + 1, "%s\n", check);
    return true;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

static bool read_hex(const char *hex, uint8_t out[ANM_SHA256_BYTES])
{
    for (size_t i = 0; i < ANM_SHA256_BYTES; i++) {
        const int high = digit_value(hex[2 * i]);
        const int low = digit_value(hex[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* The digest of an entry that is the very one that write_entry() would write
 * for this key. */
static bool read_entry(const char *data, size_t len, const char *key,
                       uint8_t out[ANM_SHA256_BYTES])
{
    char again[ENTRY_BYTES + 1];
    uint8_t digest[ANM_SHA256_BYTES];

    if (len != ENTRY_BYTES || !read_hex(data + DIGEST_AT, digest) ||
        !write_entry(again, key, digest) ||
        memcmp(again, data, ENTRY_BYTES) != 0)
        return false;
    memcpy(out, digest, sizeof(digest));
    return true;
}

bool anm_remember_get(const char *folder, const anm_file_id *ids, size_t n,
                      const char *what, uint8_t out[ANM_SHA256_BYTES])
{
    char key[ANM_SHA256_HEX];
    char *data = NULL;
    size_t len = 0;

    if (!folder || !make_key(ids, n, what, key)) return false;
    char *path = join_path(folder, key, ".digest");
    if (!path) return false;
    const bool found = !anm_file_read(path, ENTRY_BYTES, &data, &len, NULL) &&
                       read_entry(data, len, key, out);
    if (found) anm_file_touch(path);
    anm_free(data);
    anm_free(path);
    return found;
}

void anm_remember_put(const char *folder, const anm_file_id *ids, size_t n,
                      const char *what, int64_t began_ns,
                      const uint8_t digest[ANM_SHA256_BYTES])
{
    char key[ANM_SHA256_HEX], entry[ENTRY_BYTES + 1];
    anm_new_file f = { 0 };

    if (!folder || !is_settled(ids, n, began_ns) ||
        !make_key(ids, n, what, key) || !write_entry(entry, key, digest) ||
        anm_folder_make(folder, NULL))
        return;
    char *path = join_path(folder, key, ".digest");
    if (path && !anm_new_file_open(&f, path, NULL) &&
        !anm_new_file_write(&f, entry, ENTRY_BYTES, NULL))
        (void)anm_new_file_commit(&f, NULL);
    anm_new_file_close(&f);
    anm_free(path);
}

/* ---- Bytes --------------------------------------------------------------- */

bool anm_remember_map(const char *folder, const anm_file_id *ids, size_t n,
                      const char *what, anm_map *map, anm_bytes *out)
{
    char key[ANM_SHA256_HEX];
    anm_bytes line;

    if (!folder || !make_key(ids, n, what, key)) return false;
    char *path = join_path(folder, key, ANM_REMEMBER_KEPT);
    if (!path) return false;
    bool found = !anm_map_open(map, path, NULL);
    if (found) {
        *out = map->bytes;
        found = anm_take(out, ANM_SHA256_HEX, &line) &&
                memcmp(line.data, key, ANM_SHA256_HEX - 1) == 0;
        if (!found) anm_map_close(map);
    }
    if (found) anm_file_touch(path);
    anm_free(path);
    return found;
}

void anm_remember_keep(const char *folder, const anm_file_id *ids, size_t n,
                       const char *what, int64_t began_ns, anm_bytes bytes)
{
    char key[ANM_SHA256_HEX];
    anm_new_file f = { 0 };

    if (!folder || !is_settled(ids, n, began_ns) ||
        !make_key(ids, n, what, key) || anm_folder_make(folder, NULL))
        return;
    char *path = join_path(folder, key, ANM_REMEMBER_KEPT);
    key[ANM_SHA256_HEX - 1] = '\n';
    if (path && !anm_new_file_open(&f, path, NULL) &&
        !anm_new_file_write(&f, key, sizeof(key), NULL) &&
        !anm_new_file_write(&f, bytes.data, bytes.len, NULL))
        (void)anm_new_file_commit(&f, NULL);
    anm_new_file_close(&f);
    anm_free(path);
}
