/* safetensors.h - the tensors of a .safetensors file, or of the shards that a
 * model.safetensors.index.json lists.
 *
 *   offset 0   u64 little-endian: bytes of the header, H
 *   offset 8   H bytes of JSON: {"name":{"dtype":…,"shape":[…],
 *              "data_offsets":[begin,end]}, …, "__metadata__":{…}}
 *   offset 8+H data; offsets count from here
 *
 * Every length is checked before use: H and every offset against the file,
 * shape x dtype against the length of the data (overflow included), tensors
 * against each other (no overlap, no hole), names against each other.
 * Nothing is copied: data points into the map.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_SAFETENSORS_H
#define ANM_SAFETENSORS_H

#include "anemone.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/types.h"

/* Limits: header 16 MB, 100,000 tensors, 1,024 shards. Above: ANM_E_LIMIT.
 * While a header is read, its JSON takes about 20 times its bytes, and 45 times
 * where it was made to do so; the format's own limit of 100 MB would let a file
 * ask for 4.5 GB. The largest published models stay below a tenth of these. */

typedef struct anm_tensor {
    const char *name;
    anm_dtype dtype;
    unsigned rank;
    uint64_t dims[ANM_RANK_MAX];
    anm_bytes data; /* borrowed from the map */
    unsigned shard; /* which file */
} anm_tensor;

typedef struct anm_safetensors anm_safetensors;

/* Open one file, or with `path` ending in ".index.json" all shards that it
 * names (file names without any '/', each tensor exactly where the index says,
 * none missing, none twice). */
anm_status anm_safetensors_open(anm_safetensors **out, const char *path,
                                anm_error *err);
void anm_safetensors_close(anm_safetensors *f);

size_t anm_safetensors_n(const anm_safetensors *f);

/* In order of name (bytes). */
const anm_tensor *anm_safetensors_at(const anm_safetensors *f, size_t i);

/* NULL when there is none of this name. */
const anm_tensor *anm_safetensors_find(const anm_safetensors *f,
                                       const char *name);

/* The files, for identity and hashing. */
size_t anm_safetensors_n_files(const anm_safetensors *f);
const char *anm_safetensors_path(const anm_safetensors *f, size_t i);
const anm_map *anm_safetensors_map(const anm_safetensors *f, size_t i);

#endif
