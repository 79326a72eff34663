/* artifact.c - find the artifact of a key, or build it once for everybody.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/artifact.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/remember.h"
#include "engine/artifact_file.h"

enum { NAME_DIGITS = 32 };

/* How long another process may take to build what this one waits for. After
 * that it is prepared in memory: a hung builder must not hang everybody. */
static const uint64_t wait_ns = 600000000000;
static const uint64_t wait_slice_ns = 200000000;

/* One search for an artifact. */
typedef struct search {
    const anm_artifact_key *key;
    const anm_artifact_params *params;
    const anm_artifact_builder *builder;
    char *key_text;
    char *artifacts, *remembered; /* folders; NULL without a cache */
    char *path, *lock_path;
    bool damaged; /* a file was there and did not fit */
} search;

static anm_status fail_nomem(anm_error *err)
{
    return anm_fail(err, ANM_E_NOMEM, "artifact: out of memory");
}

/* ---- Names ---------------------------------------------------------------- */

static char *make_key_text(const anm_artifact_key *k)
{
    anm_buf b = { 0 };

    anm_buf_printf(&b,
                   "format %d\nfingerprint %s\nbackend %s\nlayout %s\n"
                   "units %s\nprecision %s\nlevel %s\n",
                   ANM_ARTIFACT_VERSION, k->fingerprint, k->backend, k->layout,
                   anm_units_name(k->units), anm_precision_name(k->precision),
                   k->level);
    return anm_buf_take(&b);
}

static bool make_paths(search *s)
{
    uint8_t digest[ANM_SHA256_BYTES];
    char hex[ANM_SHA256_HEX], name[NAME_DIGITS + 8];
    anm_sha256 *h = anm_sha256_new();

    if (!h) return false;
    anm_sha256_add(h, s->key_text, strlen(s->key_text));
    anm_sha256_read(h, digest);
    anm_sha256_free(h);
    anm_sha256_hex(digest, hex);
    s->artifacts = anm_path_join(s->params->folder, "artifacts");
    s->remembered = anm_path_join(s->params->folder, "remembered");
    if (!s->artifacts || !s->remembered) return false;
    snprintf(name, sizeof(name), "%.*s.anm", NAME_DIGITS, hex);
    s->path = anm_path_join(s->artifacts, name);
    snprintf(name, sizeof(name), "%.*s.lock", NAME_DIGITS, hex);
    s->lock_path = anm_path_join(s->artifacts, name);
    return s->path && s->lock_path;
}

static void deinit_search(search *s)
{
    anm_free(s->key_text);
    anm_free(s->artifacts);
    anm_free(s->remembered);
    anm_free(s->path);
    anm_free(s->lock_path);
}

/* ---- A file that is there --------------------------------------------------- */

/* Believe the digest when it was computed from exactly this file, else hash. */
static anm_status check_digest(const search *s, const anm_map *map,
                               const anm_frame *frame, anm_error *err)
{
    uint8_t digest[ANM_SHA256_BYTES];

    if (!s->params->verify &&
        anm_remember_get(s->remembered, &map->id, 1, ANM_ARTIFACT_WORD,
                         digest) &&
        memcmp(digest, frame->digest, sizeof(digest)) == 0)
        return ANM_OK;
    const int64_t began = anm_wall_ns();
    const anm_status status = anm_frame_verify(frame, map->bytes, err);
    if (!status)
        anm_remember_put(s->remembered, &map->id, 1, ANM_ARTIFACT_WORD, began,
                         frame->digest);
    return status;
}

/* Map the file and check it; with `trust` its digest is known to be right.
 * ANM_E_NOTFOUND when there is none; ANM_E_NOMEM; anything else says why it
 * cannot be used. */
static anm_status open_file(anm_artifact *a, const search *s, bool trust,
                            anm_error *err)
{
    anm_map map = { 0 };
    anm_frame frame = { 0 };
    anm_file_kind kind;
    anm_file_id id;
    anm_status status = anm_file_look(s->path, &kind, &id, err);

    if (status) return status;
    if (kind == ANM_FILE_ABSENT)
        return anm_fail(err, ANM_E_NOTFOUND, "%s: no such file", s->path);
    status = anm_map_open(&map, s->path, err);
    if (!status) anm_map_advise(map.bytes, ANM_MAP_LASTING);
    if (!status) status = anm_frame_read(&frame, map.bytes, err);
    if (!status && strcmp(frame.key, s->key_text) != 0)
        status = anm_fail(err, ANM_E_CORRUPT, "made for something else");
    if (!status && !trust) status = check_digest(s, &map, &frame, err);
    char *path = status ? NULL : anm_copy_string(s->path);
    if (!status && !path) status = fail_nomem(err);
    if (status) {
        anm_frame_deinit(&frame);
        anm_map_close(&map);
        return status;
    }
    a->map = map;
    a->sections = frame.sections;
    a->path = path;
    a->bytes = map.bytes.len;
    memcpy(a->digest, frame.digest, sizeof(a->digest));
    return ANM_OK;
}

/* ANM_OK with a->state "hit" when a fitting file is there, ANM_OK without
 * state when it must be built. */
static anm_status find(anm_artifact *a, search *s, anm_error *err)
{
    anm_error why;

    if (s->params->rebuild) {
        s->damaged = true;
        return ANM_OK;
    }
    const anm_status status = open_file(a, s, false, &why);
    if (status == ANM_E_NOMEM) return anm_fail(err, status, "%s", why.message);
    if (!status) {
        a->state = "hit";
        // Not the file itself: that would change its ctime, and with it the
        // identity under which its digest is remembered.
        anm_file_touch(s->lock_path);
    } else if (status != ANM_E_NOTFOUND && !s->damaged) {
        s->damaged = true;
        anm_log_line(s->params->log, ANM_LOG_WARN,
                     "artifact %s cannot be used and is built again: %s",
                     s->path, why.message);
    }
    return ANM_OK;
}

/* ---- Building --------------------------------------------------------------- */

static anm_status write_sections(anm_frame_writer *w, const search *s,
                                 anm_error *err)
{
    const anm_artifact_builder *b = s->builder;
    const anm_section_sink sink = anm_frame_writer_sink(w);
    anm_sections so_far;
    anm_status status = b->fill(b->ctx, &sink, err);

    if (status) return status;
    status = anm_frame_writer_sections(w, &so_far, err);
    if (status) return status;
    status = b->finish(b->ctx, &so_far, &sink, err);
    if (status) return status;
    return anm_frame_writer_commit(w, err);
}

static anm_frame_writer_params writer_params(const search *s, const char *path)
{
    return (anm_frame_writer_params){
        .path = path,
        .key = s->key_text,
        .model = s->key->model,
        .bytes = s->builder->bytes,
        .progress = s->params->progress,
        .progress_ctx = s->params->progress_ctx,
    };
}

static anm_status build_in_memory(anm_artifact *a, const search *s,
                                  anm_error *err)
{
    const anm_frame_writer_params params = writer_params(s, NULL);
    anm_frame_writer *w;
    anm_status status = anm_frame_writer_new(&w, &params, err);

    if (!status) status = write_sections(w, s, err);
    if (!status) {
        a->memory = anm_frame_writer_take_memory(w, &a->sections);
        if (!a->memory) status = fail_nomem(err);
    }
    anm_frame_writer_free(w);
    if (status) return status;
    for (size_t i = 0; i < a->sections.n; i++)
        a->bytes += a->sections.items[i].bytes.len;
    a->state = "memory";
    return ANM_OK;
}

/* *io_failed: the file could not be written, and memory may do instead. */
static anm_status build_file(anm_artifact *a, const search *s, bool *io_failed,
                             anm_error *err)
{
    const anm_frame_writer_params params = writer_params(s, s->path);
    anm_frame_writer *w;
    anm_status status = anm_frame_writer_new(&w, &params, err);

    if (!status) status = write_sections(w, s, err);
    *io_failed = anm_frame_writer_io_failed(w);
    anm_frame_writer_free(w);
    if (status) return status;
    status = open_file(a, s, true, err);
    // Somebody may have pruned it in between.
    *io_failed = status && status != ANM_E_NOMEM;
    if (status) return status;
    a->state = s->damaged ? "rebuilt" : "built";
    return ANM_OK;
}

/* Whoever holds the lock of a name is its only builder: other files that begin
 * with the artifact's name are what dead builders left. */
static void remove_leftovers(const search *s)
{
    anm_names names;
    const char *base = strrchr(s->path, '/') + 1;
    const size_t len = strlen(base);

    if (anm_folder_list(s->artifacts, &names, NULL)) return;
    for (size_t i = 0; i < names.n; i++) {
        const char *name = names.names[i];
        if (strncmp(name, base, len) != 0 || name[len] != '.') continue;
        char *path = anm_path_join(s->artifacts, name);
        if (path) (void)anm_file_remove(path, NULL);
        anm_free(path);
    }
    anm_names_deinit(&names);
}

/* Wait for the lock in slices, so that progress can be told. */
static anm_status lock_name(anm_lock *lock, const search *s, anm_error *err)
{
    const uint64_t start = anm_now_ns();
    anm_status status;

    do {
        status = anm_lock_open(lock, s->lock_path, wait_slice_ns, err);
        if (status == ANM_E_BUSY && s->params->progress)
            s->params->progress(s->params->progress_ctx,
                                "wait for another builder", 0, 0);
    } while (status == ANM_E_BUSY && anm_now_ns() - start < wait_ns);
    if (status != ANM_E_BUSY) return status;
    return anm_fail(err, status, "lock %s: held by another for %" PRIu64 " s",
                    s->lock_path, wait_ns / 1000000000);
}

/* Build under the lock, unless another did so meanwhile. *elsewhere: the folder
 * is of no use and memory may do instead. */
static anm_status build_once(anm_artifact *a, search *s, bool *elsewhere,
                             anm_error *err)
{
    anm_lock lock = { 0 };
    anm_status status = anm_folder_make(s->artifacts, err);

    if (!status) status = lock_name(&lock, s, err);
    *elsewhere = status && status != ANM_E_NOMEM;
    if (status) return status;
    status = find(a, s, err);
    if (!status && !a->state) {
        remove_leftovers(s);
        status = build_file(a, s, elsewhere, err);
    }
    anm_lock_close(&lock);
    return status;
}

static anm_status find_or_build(anm_artifact *a, search *s, anm_error *err)
{
    anm_error why;
    bool elsewhere = false;

    s->key_text = make_key_text(s->key);
    if (!s->key_text) return fail_nomem(err);
    if (!s->params->folder) return build_in_memory(a, s, err);
    if (!make_paths(s)) return fail_nomem(err);
    anm_status status = find(a, s, err);
    if (status || a->state) return status;
    status = build_once(a, s, &elsewhere, &why);
    if (!status) return ANM_OK;
    if (!elsewhere) return anm_fail(err, status, "%s", why.message);
    anm_log_line(s->params->log, ANM_LOG_WARN,
                 "artifact is prepared in memory, which every start repeats: "
                 "%s",
                 why.message);
    return build_in_memory(a, s, err);
}

anm_status anm_artifact_open(anm_artifact *out, const anm_artifact_key *key,
                             const anm_artifact_params *params,
                             const anm_artifact_builder *builder,
                             anm_error *err)
{
    search s = { .key = key, .params = params, .builder = builder };
    anm_artifact a = { 0 };
    const uint64_t start = anm_now_ns();
    const anm_status status = find_or_build(&a, &s, err);

    deinit_search(&s);
    if (status) {
        anm_artifact_close(&a);
        return status;
    }
    a.ns = anm_now_ns() - start;
    *out = a;
    return ANM_OK;
}

void anm_artifact_close(anm_artifact *a)
{
    // The table of a mapped artifact is its own block; in memory it belongs
    // to the memory.
    if (!a->memory) anm_free((void *)a->sections.items);
    anm_artifact_memory_free(a->memory);
    anm_map_close(&a->map);
    anm_free(a->path);
    *a = (anm_artifact){ 0 };
}

anm_status anm_artifact_verify(const anm_artifact *a, anm_error *err)
{
    anm_frame frame = { 0 };

    if (!a->path) return ANM_OK;
    memcpy(frame.digest, a->digest, sizeof(frame.digest));
    return anm_frame_verify(&frame, a->map.bytes, err);
}

void anm_artifact_remember(const anm_artifact *a, const char *folder)
{
    const int64_t began = anm_wall_ns();
    anm_file_kind kind;
    anm_file_id id;

    if (!a->path || !folder || strcmp(a->state, "hit") == 0) return;
    // Still the file that was mapped when it was built.
    if (anm_file_look(a->path, &kind, &id, NULL) || kind != ANM_FILE_REGULAR ||
        !anm_file_id_equal(&id, &a->map.id))
        return;
    char *remembered = anm_path_join(folder, "remembered");
    if (remembered)
        anm_remember_put(remembered, &id, 1, ANM_ARTIFACT_WORD, began,
                         a->digest);
    anm_free(remembered);
}
