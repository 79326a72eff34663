/* fingerprint.h - the identity of what a model computes. Vectors may be
 * compared only when fingerprints agree.
 *
 * SHA-256 over, in this order: a version word; the architecture and those of
 * its settings that no constant shows (heads, activation, epsilon); the digest
 * of every constant of the unoptimised graph in order of canonical name (name,
 * type, shape, bytes); the tokenizer's digest; the recipe (pooling,
 * normalisation, lower-casing, maximum length, dimensions, the prompt set and
 * its default); the precision. Not over paths, shards, tensor prefixes, unused
 * tensors or per-call prompts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_FINGERPRINT_H
#define ANM_FINGERPRINT_H

#include "model/source.h"

enum { ANM_FINGERPRINT_TEXT = 72 }; /* "sha256:" + 64 digits + NUL */

/* How the bytes are to be come by. */
typedef struct anm_fingerprint_params {
    const char *memory;       /* folder of remembered digests; NULL: none */
    bool verify;              /* hash again whatever is remembered */
    anm_progress_fn progress; /* or NULL */
    void *progress_ctx;
} anm_fingerprint_params;

/* g is the graph before passes. */
anm_status anm_fingerprint_make(const anm_source *s, const anm_graph *g,
                                anm_precision precision,
                                const anm_fingerprint_params *params,
                                char out[ANM_FINGERPRINT_TEXT], anm_error *err);

#endif
