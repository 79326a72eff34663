/* artifact_read.c - the frame of an artifact file, read as bytes from a
 * stranger: the folder is the user's and anything may lie there.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "base/error.h"
#include "engine/artifact_file.h"

enum {
    HEADER_BYTES = 64,
    SECTION_ALIGN = 4096,
    TEXT_MAX = 16 * 1024, // key and name
    ROW_MIN = 8 + 8 + 2,
};

static anm_status fail(anm_error *err, const char *what)
{
    return anm_fail(err, ANM_E_CORRUPT, "%s", what);
}

typedef struct header {
    uint32_t version, n_sections;
    uint64_t bytes, table_at;
} header;

static anm_status read_header(header *h, anm_bytes *rest, anm_frame *out,
                              size_t file_bytes, anm_error *err)
{
    anm_bytes magic, digest;

    if (!anm_take(rest, 8, &magic) ||
        !anm_bytes_equal(magic, anm_bytes_of("ANMART01", 8)))
        return fail(err, "not an artifact");
    if (!anm_take_u32le(rest, &h->version) ||
        !anm_take_u32le(rest, &h->n_sections) ||
        !anm_take_u64le(rest, &h->bytes) ||
        !anm_take_u64le(rest, &h->table_at) ||
        !anm_take(rest, ANM_SHA256_BYTES, &digest))
        return fail(err, "its header is cut off");
    if (h->version != ANM_ARTIFACT_VERSION)
        return anm_fail(err, ANM_E_MISMATCH,
                        "format version %lu, this program writes %d",
                        (unsigned long)h->version, ANM_ARTIFACT_VERSION);
    if (h->bytes != file_bytes)
        return anm_fail(err, ANM_E_CORRUPT, "%zu bytes, its header says %llu",
                        file_bytes, (unsigned long long)h->bytes);
    memcpy(out->digest, digest.data, sizeof(out->digest));
    return ANM_OK;
}

/* Take a NUL-terminated string. */
static bool take_string(anm_bytes *rest, const char **out)
{
    anm_bytes text;
    const size_t window = rest->len < TEXT_MAX ? rest->len : TEXT_MAX;
    const uint8_t *end = window ? memchr(rest->data, 0, window) : NULL;

    if (!end) return false;
    const uint64_t len = (uint64_t)(end - rest->data) + 1;
    *out = (const char *)rest->data;
    return anm_take(rest, len, &text);
}

static bool take_u16le(anm_bytes *rest, uint16_t *out)
{
    uint8_t low, high;

    if (!anm_take_u8(rest, &low) || !anm_take_u8(rest, &high)) return false;
    *out = (uint16_t)(low | high << 8);
    return true;
}

static bool take_row(anm_bytes *table, anm_bytes file, anm_section *out,
                     anm_bytes *name)
{
    uint64_t offset, bytes;
    uint16_t name_len;

    return anm_take_u64le(table, &offset) && anm_take_u64le(table, &bytes) &&
           take_u16le(table, &name_len) && anm_take(table, name_len, name) &&
           offset >= HEADER_BYTES && offset % SECTION_ALIGN == 0 &&
           anm_bytes_slice(file, offset, bytes, &out->bytes);
}

/* Rows lie in order of name. One block holds the sections and, behind them,
 * their names. */
static anm_status read_table(anm_frame *out, anm_bytes table, uint32_t n,
                             anm_bytes file, anm_error *err)
{
    size_t at = 0;

    if (n > table.len / ROW_MIN) return fail(err, "its table is cut off");
    anm_section *items = anm_alloc(n * sizeof(*items) + table.len);
    if (!items) return anm_fail(err, ANM_E_NOMEM, "artifact: out of memory");
    out->sections = (anm_sections){ items, 0 };
    char *names = (char *)(items + n);
    for (uint32_t i = 0; i < n; i++) {
        anm_bytes name;
        if (!take_row(&table, file, &items[i], &name))
            return fail(err, "a row of its table points outside");
        memcpy(names + at, name.data, name.len);
        names[at + name.len] = '\0';
        items[i].name = names + at;
        at += name.len + 1;
        if (i > 0 && strcmp(items[i - 1].name, items[i].name) >= 0)
            return fail(err, "its table is out of order");
        out->sections.n++;
    }
    return table.len ? fail(err, "bytes follow its table") : ANM_OK;
}

anm_status anm_frame_read(anm_frame *out, anm_bytes file, anm_error *err)
{
    anm_bytes rest = file, table;
    header h;

    *out = (anm_frame){ 0 };
    anm_status status = read_header(&h, &rest, out, file.len, err);
    if (status) return status;
    if (!take_string(&rest, &out->key) || !take_string(&rest, &out->model))
        return fail(err, "its key is cut off");
    if (h.table_at < HEADER_BYTES || h.table_at > file.len ||
        !anm_bytes_slice(file, h.table_at, file.len - h.table_at, &table))
        return fail(err, "its table lies outside");
    status = read_table(out, table, h.n_sections, file, err);
    if (status) anm_frame_deinit(out);
    return status;
}

void anm_frame_deinit(anm_frame *f)
{
    anm_free((void *)f->sections.items);
    *f = (anm_frame){ 0 };
}

anm_text anm_frame_field(const anm_frame *f, const char *name)
{
    const size_t len = strlen(name);
    const char *line = f->key;

    while (line && *line) {
        const size_t line_len = strcspn(line, "\n");
        if (line_len > len && memcmp(line, name, len) == 0 && line[len] == ' ')
            return (anm_text){ line + len + 1, line_len - len - 1 };
        line += line_len;
        if (*line) line++;
    }
    return (anm_text){ NULL, 0 };
}

anm_status anm_frame_verify(const anm_frame *f, anm_bytes file, anm_error *err)
{
    uint8_t digest[ANM_SHA256_BYTES];
    anm_sha256 *h = anm_sha256_new();

    if (!h) return anm_fail(err, ANM_E_NOMEM, "artifact: out of memory");
    anm_sha256_add(h, file.data + HEADER_BYTES, file.len - HEADER_BYTES);
    anm_sha256_read(h, digest);
    anm_sha256_free(h);
    if (memcmp(digest, f->digest, sizeof(digest)) == 0) return ANM_OK;
    return fail(err, "its bytes do not give the digest in its header");
}
