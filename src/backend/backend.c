/* backend.c - finding a section by name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/backend.h"

#include <string.h>

bool anm_sections_find(const anm_sections *s, const char *name, anm_bytes *out)
{
    size_t low = 0, high = s->n;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(s->items[middle].name, name);

        if (order == 0) {
            *out = s->items[middle].bytes;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
