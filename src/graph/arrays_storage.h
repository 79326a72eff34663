/* arrays_storage.h - how an array program is kept: for the builder and the
 * passes. Internal to graph/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ARRAYS_STORAGE_H
#define ANM_ARRAYS_STORAGE_H

#include "base/alloc.h"
#include "graph/arrays.h"

typedef struct anm_array_ids {
    anm_value_id *items;
    size_t n, cap;
} anm_array_ids;

struct anm_arrays {
    anm_arena arena; /* names, arguments of nodes, small constants */
    anm_array *values;
    size_t n_values, cap_values;
    anm_array_node *nodes;
    size_t n_nodes, cap_nodes;
    anm_array_ids inputs, outputs;
    anm_error error; /* the first one sticks; status 0: none yet */
};

#endif
