/* artifact.h - prepared models: one file each, found by the hash of everything
 * it depends on, mapped and ready.
 *
 * File, little-endian:
 *
 *   0     "ANMART01"
 *   8     u32 format version, u32 number of sections
 *   16    u64 bytes of the file
 *   24    u64 offset of the section table
 *   32    32 bytes SHA-256 of everything from byte 64 on
 *   64    key text: what the file depends on, readable, NUL-terminated; then
 *         the model's name for people, NUL-terminated
 *   …     sections, each aligned to 4,096
 *   …     table: per section u64 offset, u64 bytes, u16 length of name, name
 *
 * Path: FOLDER/artifacts/<first 32 hex digits of SHA-256 of the key text>.anm.
 * The key text holds format version, fingerprint, backend, layout, units,
 * precision and ISA level, so that a stale file cannot be picked up.
 *
 * A file is believed when its digest was computed from exactly this state of
 * it (base/remember.h), else it is hashed first; what does not match is
 * rebuilt. It is written beside, synced and renamed; one builder at a time
 * holds FOLDER/artifacts/<hash>.lock and the others wait for its file.
 * When the folder cannot be written, or the disk is full, the sections stay in
 * memory and the model works: state "memory", one warning that names the
 * reason.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ARTIFACT_H
#define ANM_ARTIFACT_H

#include "backend/backend.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"

enum { ANM_ARTIFACT_VERSION = 2 };

/* Sections held in memory. */
typedef struct anm_artifact_memory anm_artifact_memory;

/* An open artifact: mapped, or in memory. Zero-initialised is valid to
 * close. */
typedef struct anm_artifact {
    anm_map map;
    anm_sections sections;
    const char *state; /* "hit", "built", "rebuilt", "memory" */
    char *path;        /* NULL in memory */
    uint64_t bytes;
    uint64_t ns;                 /* to find or build it */
    anm_artifact_memory *memory; /* or NULL */
    uint8_t digest[ANM_SHA256_BYTES];
} anm_artifact;

/* What an artifact depends on. */
typedef struct anm_artifact_key {
    const char *fingerprint;
    const char *backend;
    const char *layout;
    const char *level; /* ISA level */
    anm_units units;
    anm_precision precision;
    const char *model; /* name for people; not part of the key */
} anm_artifact_key;

/* How the sections of a new artifact are made: fill() writes the large ones,
 * then finish() sees them as they will be mapped and adds what can only be
 * computed from them. Both may be called again after a failure. */
typedef struct anm_artifact_builder {
    anm_status (*fill)(void *ctx, const anm_section_sink *sink, anm_error *err);
    anm_status (*finish)(void *ctx, const anm_sections *sections,
                         const anm_section_sink *sink, anm_error *err);
    void *ctx;
    uint64_t bytes; /* about what it will write, for progress; 0: unknown */
} anm_artifact_builder;

typedef struct anm_artifact_params {
    const char *folder; /* cache folder; NULL: always in memory */
    bool verify;        /* hash whatever is remembered */
    bool rebuild;       /* the one found did not fit the program: build again */
    const anm_log *log;
    anm_progress_fn progress; /* or NULL */
    void *progress_ctx;
} anm_artifact_params;

/* Find the artifact of a key or build it. */
anm_status anm_artifact_open(anm_artifact *out, const anm_artifact_key *key,
                             const anm_artifact_params *params,
                             const anm_artifact_builder *builder,
                             anm_error *err);
void anm_artifact_close(anm_artifact *a);

/* Hash an artifact that was found, whatever is remembered of it: ANM_OK,
 * ANM_E_CORRUPT, ANM_E_NOMEM. */
anm_status anm_artifact_verify(const anm_artifact *a, anm_error *err);

/* Remember the digest of a file that was built just now, so that the next
 * start need not hash it. Of use only some 20 ms after it was built: sooner, a
 * change of the file might leave no trace (base/remember.h). */
void anm_artifact_remember(const anm_artifact *a, const char *folder);

#endif
