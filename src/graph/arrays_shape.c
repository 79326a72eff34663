/* arrays_shape.c - words for shapes that are known.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/arrays_shape.h"

size_t anm_array_elements(const anm_array_type *t)
{
    size_t n = 1;

    for (unsigned i = 0; i < t->rank; i++)
        n *= (size_t)t->dims[i];
    return n;
}

unsigned anm_array_axes(const anm_array_attr *attr, unsigned rank)
{
    unsigned bits = 0;

    if (attr->n_axes == 0) return (1u << rank) - 1;
    for (unsigned i = 0; i < attr->n_axes; i++)
        bits |= 1u << anm_array_axis(attr->axes[i], rank);
    return bits;
}
