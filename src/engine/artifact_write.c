/* artifact_write.c - a new artifact, streamed into a file under a temporary
 * name or collected in memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "engine/artifact_file.h"

/* A system that keeps files in large pages makes them of what one write covers:
 * in blocks of a huge page weights are found in fewer steps ever after. */
enum { HEADER_BYTES = 64, SECTION_ALIGN = 4096, BLOCK_BYTES = 2 << 20 };

static const uint64_t progress_every_ns = 50000000;

typedef struct written {
    char *name;
    uint64_t offset, bytes;
    uint8_t *block; /* in memory; NULL in a file */
} written;

struct anm_artifact_memory {
    written *sections; /* [n] */
    size_t n;
    anm_section *items;
};

struct anm_frame_writer {
    anm_frame_writer_params params; /* key and model are not used after _new */
    anm_new_file file;
    uint8_t *block; /* [BLOCK_BYTES]: */
    size_t held;    /* bytes there, which the file lacks still */
    anm_map map;    /* of the sections so far */
    anm_sha256 *hash;
    written *sections; /* [n] in the order written */
    size_t n, cap;
    uint64_t left;      /* bytes the last section still lacks */
    uint64_t done;      /* bytes written in all */
    anm_section *items; /* [n] sorted view, made by _sections */
    uint64_t progress_ns;
    bool io_failed;
};

static anm_status fail_nomem(anm_error *err)
{
    return anm_fail(err, ANM_E_NOMEM, "artifact: out of memory");
}

/* ---- Bytes ---------------------------------------------------------------- */

static uint64_t position(const anm_frame_writer *w)
{
    return w->file.written + w->held;
}

static anm_status flush(anm_frame_writer *w, anm_error *err)
{
    const anm_status status =
        anm_new_file_write(&w->file, w->block, w->held, err);

    // Memory is no trouble of the file, and would be none the less there.
    if (status) w->io_failed = status != ANM_E_NOMEM;
    w->held = 0;
    return status;
}

static anm_status put(anm_frame_writer *w, const void *data, size_t len,
                      anm_error *err)
{
    const uint8_t *rest = data;

    if (w->hash) anm_sha256_add(w->hash, data, len);
    while (len) {
        const size_t room = BLOCK_BYTES - (size_t)(position(w) % BLOCK_BYTES);
        const size_t n = len < room ? len : room;
        memcpy(w->block + w->held, rest, n);
        w->held += n;
        rest += n;
        len -= n;
        if (n < room) continue;
        const anm_status status = flush(w, err);
        if (status) return status;
    }
    return ANM_OK;
}

static anm_status put_number(anm_frame_writer *w, uint64_t value, size_t bytes,
                             anm_error *err)
{
    uint8_t le[8];

    for (size_t i = 0; i < bytes; i++)
        le[i] = (uint8_t)(value >> 8 * i);
    return put(w, le, bytes, err);
}

static anm_status pad(anm_frame_writer *w, anm_error *err)
{
    static const uint8_t zeros[SECTION_ALIGN];
    const size_t over = (size_t)(position(w) % SECTION_ALIGN);

    return over ? put(w, zeros, SECTION_ALIGN - over, err) : ANM_OK;
}

static void report(anm_frame_writer *w)
{
    const uint64_t now = anm_now_ns();

    if (!w->params.progress || now - w->progress_ns < progress_every_ns) return;
    w->progress_ns = now;
    const uint64_t total = w->params.bytes;
    w->params.progress(w->params.progress_ctx, "prepare",
                       total && w->done > total ? total : w->done, total);
}

/* ---- Sections ------------------------------------------------------------- */

static anm_status check_whole(const anm_frame_writer *w, anm_error *err)
{
    if (!w->left) return ANM_OK;
    return anm_fail(err, ANM_E_INTERNAL, "section %s: %llu bytes missing",
                    w->sections[w->n - 1].name, (unsigned long long)w->left);
}

static anm_status begin(void *ctx, const char *name, uint64_t bytes,
                        anm_error *err)
{
    anm_frame_writer *w = ctx;
    anm_status status = check_whole(w, err);

    if (status) return status;
    if (!anm_grow(&w->sections, &w->cap, w->n + 1, sizeof(*w->sections)))
        return fail_nomem(err);
    written s = { .name = anm_copy_string(name), .bytes = bytes };
    if (!s.name) return fail_nomem(err);
    if (w->params.path) {
        status = pad(w, err);
        s.offset = position(w);
    } else {
        s.block = bytes <= SIZE_MAX - SECTION_ALIGN
                      ? anm_alloc_aligned(SECTION_ALIGN, (size_t)bytes + 1)
                      : NULL;
        if (!s.block) status = fail_nomem(err);
    }
    if (status) {
        anm_free(s.name);
        return status;
    }
    w->sections[w->n++] = s;
    w->left = bytes;
    return ANM_OK;
}

static anm_status write_bytes(void *ctx, const void *data, size_t len,
                              anm_error *err)
{
    anm_frame_writer *w = ctx;

    if (len > w->left)
        return anm_fail(err, ANM_E_INTERNAL, "%zu bytes more than announced",
                        len - (size_t)w->left);
    // The bytes of an array without elements lie nowhere.
    if (len == 0) return ANM_OK;
    written *s = &w->sections[w->n - 1];
    if (s->block) {
        memcpy(s->block + (s->bytes - w->left), data, len);
    } else {
        const anm_status status = put(w, data, len, err);
        if (status) return status;
    }
    w->left -= len;
    w->done += len;
    report(w);
    return ANM_OK;
}

anm_section_sink anm_frame_writer_sink(anm_frame_writer *w)
{
    return (anm_section_sink){ begin, write_bytes, w };
}

static int compare_names(const void *a, const void *b)
{
    const anm_section *x = a, *y = b;

    return strcmp(x->name, y->name);
}

anm_status anm_frame_writer_sections(anm_frame_writer *w, anm_sections *out,
                                     anm_error *err)
{
    anm_status status = check_whole(w, err);

    if (status) return status;
    anm_map_close(&w->map);
    if (w->params.path) {
        status = flush(w, err);
        if (status) return status;
        status = anm_map_open(&w->map, w->file.temp_path, err);
        if (status) {
            w->io_failed = status != ANM_E_NOMEM;
            return status;
        }
    }
    anm_free(w->items);
    w->items = anm_alloc_array(w->n ? w->n : 1, sizeof(*w->items));
    if (!w->items) return fail_nomem(err);
    for (size_t i = 0; i < w->n; i++) {
        const written *s = &w->sections[i];
        w->items[i].name = s->name;
        if (s->block)
            w->items[i].bytes = anm_bytes_of(s->block, (size_t)s->bytes);
        else if (!anm_bytes_slice(w->map.bytes, s->offset, s->bytes,
                                  &w->items[i].bytes))
            return anm_fail(err, ANM_E_IO, "%s: shorter than was written",
                            w->file.temp_path);
    }
    qsort(w->items, w->n, sizeof(*w->items), compare_names);
    *out = (anm_sections){ w->items, w->n };
    return ANM_OK;
}

/* ---- The frame ------------------------------------------------------------ */

static anm_status put_start(anm_frame_writer *w, anm_error *err)
{
    static const uint8_t header[HEADER_BYTES];

    w->block = anm_alloc(BLOCK_BYTES);
    if (!w->block) return fail_nomem(err);
    anm_status status = put(w, header, sizeof(header), err);
    if (status) return status;
    // The digest begins behind the header, which is written last.
    w->hash = anm_sha256_new();
    if (!w->hash) return fail_nomem(err);
    status = put(w, w->params.key, strlen(w->params.key) + 1, err);
    if (status) return status;
    return put(w, w->params.model, strlen(w->params.model) + 1, err);
}

static int compare_written(const void *a, const void *b)
{
    const written *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static anm_status put_table(anm_frame_writer *w, anm_error *err)
{
    anm_status status = ANM_OK;

    qsort(w->sections, w->n, sizeof(*w->sections), compare_written);
    for (size_t i = 0; i < w->n && !status; i++) {
        const written *s = &w->sections[i];
        const size_t len = strlen(s->name);
        assert(len <= UINT16_MAX);
        status = put_number(w, s->offset, 8, err);
        if (!status) status = put_number(w, s->bytes, 8, err);
        if (!status) status = put_number(w, len, 2, err);
        if (!status) status = put(w, s->name, len, err);
    }
    return status;
}

static void write_le(uint8_t *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

static anm_status patch_header(anm_frame_writer *w, uint64_t table_at,
                               anm_error *err)
{
    uint8_t header[HEADER_BYTES] = "ANMART01";

    write_le(header + 8, ANM_ARTIFACT_VERSION, 4);
    write_le(header + 12, w->n, 4);
    write_le(header + 16, w->file.written, 8);
    write_le(header + 24, table_at, 8);
    anm_sha256_read(w->hash, header + 32);
    return anm_new_file_patch(&w->file, 0, header, sizeof(header), err);
}

anm_status anm_frame_writer_new(anm_frame_writer **out,
                                const anm_frame_writer_params *params,
                                anm_error *err)
{
    anm_frame_writer *w = anm_alloc_zero(sizeof(*w));

    *out = NULL;
    if (!w) return fail_nomem(err);
    w->params = *params;
    *out = w;
    if (!params->path) return ANM_OK;
    const anm_status status = anm_new_file_open(&w->file, params->path, err);
    if (status) {
        w->io_failed = status != ANM_E_NOMEM;
        return status;
    }
    return put_start(w, err);
}

static void free_written(written *sections, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        anm_free(sections[i].name);
        anm_free_aligned(sections[i].block);
    }
    anm_free(sections);
}

void anm_frame_writer_free(anm_frame_writer *w)
{
    if (!w) return;
    anm_map_close(&w->map);
    anm_new_file_close(&w->file);
    anm_free(w->block);
    anm_sha256_free(w->hash);
    free_written(w->sections, w->n);
    anm_free(w->items);
    anm_free(w);
}

anm_status anm_frame_writer_commit(anm_frame_writer *w, anm_error *err)
{
    anm_status status = check_whole(w, err);

    if (status || !w->params.path) return status;
    const uint64_t table_at = position(w);
    anm_map_close(&w->map);
    status = put_table(w, err);
    if (!status) status = flush(w, err);
    if (!status) status = patch_header(w, table_at, err);
    if (!status) status = anm_new_file_commit(&w->file, err);
    if (status) w->io_failed = status != ANM_E_NOMEM;
    return status;
}

bool anm_frame_writer_io_failed(const anm_frame_writer *w)
{
    return w && w->io_failed;
}

/* ---- In memory ------------------------------------------------------------ */

anm_artifact_memory *anm_frame_writer_take_memory(anm_frame_writer *w,
                                                  anm_sections *out)
{
    anm_artifact_memory *m = anm_alloc_zero(sizeof(*m));

    assert(!w->params.path);
    if (!m || anm_frame_writer_sections(w, out, NULL)) {
        anm_free(m);
        return NULL;
    }
    *m = (anm_artifact_memory){ w->sections, w->n, w->items };
    w->sections = NULL;
    w->n = w->cap = 0;
    w->items = NULL;
    return m;
}

void anm_artifact_memory_free(anm_artifact_memory *m)
{
    if (!m) return;
    free_written(m->sections, m->n);
    anm_free(m->items);
    anm_free(m);
}
