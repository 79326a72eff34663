/* gguf.c - a GGUF file: its head, and what it owns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>

#include "base/error.h"
#include "format/gguf_file.h"

static const anm_bytes magic = { (const uint8_t *)"GGUF", 4 };

/* ---- The head ------------------------------------------------------------ */

static anm_status check_version(uint32_t version, anm_error *err)
{
    if (version == 2 || version == 3) return ANM_OK;
    // A small number with its bytes the other way round.
    if (version != 0 && (version & 0xffff) == 0)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "a big-endian file; little-endian ones are built in");
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "version %" PRIu32 " of GGUF; built in: 2 and 3", version);
}

static anm_status read_head(anm_bytes *rest, uint64_t *n_tensors,
                            uint64_t *n_entries, anm_error *err)
{
    const size_t len = rest->len;
    uint32_t version = 0;
    anm_bytes start;

    const char *mistaken = anm_bytes_mistaken(*rest);
    if (!anm_take(rest, magic.len, &start) || !anm_bytes_equal(start, magic))
        return anm_fail(err, ANM_E_FORMAT, "%s",
                        mistaken ? mistaken : "does not begin with \"GGUF\"");
    if (!anm_take_u32le(rest, &version))
        return anm_fail(err, ANM_E_FORMAT, "ends in its head, at byte %zu",
                        len);
    const anm_status status = check_version(version, err);
    if (status) return status;
    if (!anm_take_u64le(rest, n_tensors) || !anm_take_u64le(rest, n_entries))
        return anm_fail(err, ANM_E_FORMAT, "ends in its head, at byte %zu",
                        len);
    return ANM_OK;
}

static anm_status read_file(anm_gguf *g, anm_error *err)
{
    anm_bytes rest = g->map.bytes;
    uint64_t n_tensors = 0, n_entries = 0;
    anm_status status = read_head(&rest, &n_tensors, &n_entries, err);

    if (!status) status = anm_gguf_read_entries(g, n_entries, &rest, err);
    if (!status) status = anm_gguf_read_tensors(g, n_tensors, &rest, err);
    return status;
}

/* ---- Lifecycle ----------------------------------------------------------- */

anm_status anm_gguf_open(anm_gguf **out, const char *path, anm_error *err)
{
    anm_status status;

    *out = NULL;
    anm_gguf *g = anm_alloc_zero(sizeof(*g));
    if (!g) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);

    g->path = anm_arena_copy(&g->arena, path, strlen(path));
    if (!g->path) {
        status = anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
        goto done;
    }
    status = anm_map_open(&g->map, path, err);
    if (status) goto done;

    status = read_file(g, err);
    if (status) {
        anm_fail_prefix(err, status, "%s", path);
        goto done;
    }
    *out = g;
    g = NULL;

done:
    anm_gguf_close(g);
    return status;
}

void anm_gguf_close(anm_gguf *g)
{
    if (!g) return;
    anm_map_close(&g->map);
    anm_free(g->entries);
    anm_free(g->tensors);
    anm_arena_deinit(&g->arena);
    anm_free(g);
}

anm_status anm_gguf_sniff(const char *path, bool *is_gguf, anm_error *err)
{
    anm_map map = { 0 };
    anm_bytes start;
    const anm_status status = anm_map_open(&map, path, err);

    if (status) return status;
    *is_gguf = anm_bytes_slice(map.bytes, 0, magic.len, &start) &&
               anm_bytes_equal(start, magic);
    anm_map_close(&map);
    return ANM_OK;
}

const char *anm_gguf_path(const anm_gguf *g)
{
    return g->path;
}

const anm_map *anm_gguf_map(const anm_gguf *g)
{
    return &g->map;
}
