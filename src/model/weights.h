/* weights.h - the tensors of a model by canonical name, whatever container
 * they came in.
 *
 * A canonical name is what an architecture's builder asks for: the name that
 * its authors gave the tensor, without anything that a checkpoint puts before
 * it ("layers.0.self_attn.q_proj.weight"). Containers fill the table when a
 * source is opened; builders, fingerprint, preparing and `inspect` read it and
 * know no container. Dimensions are row-major, the outermost first: a matrix is
 * [rows, columns] and its rows lie one after the other. Nothing is copied: data
 * points into the maps of the container, which the source owns and which must
 * outlive the table.
 *
 * To fill one: anm_weights_reset(), anm_weights_add_file() for each file, then
 * anm_weights_add() for each tensor, then anm_weights_finish(). A tensor that
 * no architecture may ask for gets the name "".
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_WEIGHTS_H
#define ANM_WEIGHTS_H

#include "anemone.h"
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/types.h"

typedef struct anm_weight {
    const char *name;   /* canonical; "": none */
    const char *stored; /* as the container spells it; for messages */
    anm_dtype dtype;
    unsigned rank;
    uint64_t dims[ANM_RANK_MAX];
    anm_bytes data; /* borrowed from a map; as long as type and dims say */
    unsigned file;  /* index of the file it lies in */
    bool used;      /* the graph reads it; set by anm_source_build() */
} anm_weight;

typedef struct anm_weight_file {
    const char *path;
    const anm_map *map;
} anm_weight_file;

/* Arrays belong to the arena of reset. Zero-initialised is an empty table. */
typedef struct anm_weights {
    anm_arena *arena;
    anm_weight *tensors; /* [n] in order of name, then of stored name */
    size_t n, cap;
    anm_weight_file *files; /* [n_files] */
    size_t n_files, cap_files;
} anm_weights;

/* ---- Filling ------------------------------------------------------------- */

/* Empty, with room for n tensors and n_files files and no more. False when
 * memory is out. */
bool anm_weights_reset(anm_weights *w, anm_arena *arena, size_t n,
                       size_t n_files);

/* Strings and map are borrowed; the map's address identifies a file. */
void anm_weights_add_file(anm_weights *w, const char *path, const anm_map *map);
void anm_weights_add(anm_weights *w, const anm_weight *tensor);

/* Put the tensors in order. Two of one canonical name are ANM_E_FORMAT, which
 * names both as they are stored. */
anm_status anm_weights_finish(anm_weights *w, anm_error *err);

/* ---- Reading ------------------------------------------------------------- */

/* NULL when there is none of this name. */
anm_weight *anm_weights_find(const anm_weights *w, const char *name);

/* The path of the file that a tensor lies in. */
const char *anm_weights_path(const anm_weights *w, const anm_weight *tensor);

/* The floating or block type with most bytes: what the model is stored as. */
anm_dtype anm_weights_main_type(const anm_weights *w);

/* Bytes of all files. */
uint64_t anm_weights_bytes(const anm_weights *w);

#endif
