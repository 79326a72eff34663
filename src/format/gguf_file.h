/* gguf_file.h - a GGUF file while it is read. Internal to gguf*.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_GGUF_FILE_H
#define ANM_GGUF_FILE_H

#include "base/alloc.h"
#include "format/gguf.h"

enum {
    ANM_GGUF_ENTRIES_MAX = 65536,
    ANM_GGUF_KEY_MAX = 65535,
    ANM_GGUF_DEPTH_MAX = 4,
    ANM_GGUF_TENSORS_MAX = 100000,
    ANM_GGUF_NAME_MAX = 255,
};

struct anm_gguf {
    anm_arena arena; /* path and names */
    const char *path;
    anm_map map;
    anm_gguf_entry *entries; /* [n_entries] by key */
    size_t n_entries;
    anm_gguf_tensor *tensors; /* [n_tensors] by name */
    size_t n_tensors;
};

/* A string at the front of rest. Here and below messages name no file. */
anm_status anm_gguf_take_string(anm_bytes *rest, anm_text *out, anm_error *err);

/* Read n entries from the front of rest, and put them in order. */
anm_status anm_gguf_read_entries(anm_gguf *g, uint64_t n, anm_bytes *rest,
                                 anm_error *err);

/* Read n tensors from the front of rest; their data lies behind. Entries are
 * in order. */
anm_status anm_gguf_read_tensors(anm_gguf *g, uint64_t n, anm_bytes *rest,
                                 anm_error *err);

#endif
