/* artifact_file.h - the frame of an artifact file (its format is in
 * artifact.h): reading one that may be anything, and writing one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ARTIFACT_FILE_H
#define ANM_ARTIFACT_FILE_H

#include "engine/artifact.h"

/* ---- Reading -------------------------------------------------------------- */

/* Points into the file's bytes, except for the section table, which is
 * allocated. Zero-initialised is valid to deinit. */
typedef struct anm_frame {
    const char *key, *model;
    uint8_t digest[ANM_SHA256_BYTES];
    anm_sections sections;
} anm_frame;

/* Check everything but the digest.
 *
 * @return ANM_OK, ANM_E_CORRUPT, ANM_E_MISMATCH (another format version),
 *         ANM_E_NOMEM */
anm_status anm_frame_read(anm_frame *out, anm_bytes file, anm_error *err);
void anm_frame_deinit(anm_frame *f);

/* The value of "name value" among the lines of a key text; empty when there is
 * none. */
anm_text anm_frame_field(const anm_frame *f, const char *name);

/* Hash the file and compare with its digest: ANM_OK, ANM_E_CORRUPT,
 * ANM_E_NOMEM. */
anm_status anm_frame_verify(const anm_frame *f, anm_bytes file, anm_error *err);

/* The word under which base/remember.h knows the digest of an artifact. */
#define ANM_ARTIFACT_WORD "artifact"

/* ---- Writing -------------------------------------------------------------- */

/* A new artifact, into a file or into memory. */
typedef struct anm_frame_writer anm_frame_writer;

typedef struct anm_frame_writer_params {
    const char *path; /* NULL: into memory */
    const char *key, *model;
    uint64_t bytes; /* expected, for progress */
    anm_progress_fn progress;
    void *progress_ctx;
} anm_frame_writer_params;

/* On failure, too, *out is a writer (to be asked why and freed), unless memory
 * ran out for it. */
anm_status anm_frame_writer_new(anm_frame_writer **out,
                                const anm_frame_writer_params *params,
                                anm_error *err);
void anm_frame_writer_free(anm_frame_writer *w);

anm_section_sink anm_frame_writer_sink(anm_frame_writer *w);

/* The sections written so far; valid until the next one is begun. */
anm_status anm_frame_writer_sections(anm_frame_writer *w, anm_sections *out,
                                     anm_error *err);

/* Make the file appear; of a writer into memory, check that it is whole. */
anm_status anm_frame_writer_commit(anm_frame_writer *w, anm_error *err);

/* Whether it failed because the file could not be written. */
bool anm_frame_writer_io_failed(const anm_frame_writer *w);

/* Hand over what a writer into memory holds: the table and the blocks behind
 * it. */
anm_artifact_memory *anm_frame_writer_take_memory(anm_frame_writer *w,
                                                  anm_sections *out);
void anm_artifact_memory_free(anm_artifact_memory *m);

#endif
