/* value_names.c - names of values, which are one of a kind.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/value_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static int compare_names(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

anm_status anm_value_names_check(const char **names, size_t n, anm_error *err)
{
    if (n) qsort(names, n, sizeof(*names), compare_names);
    for (size_t i = 1; i < n; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return anm_fail(err, ANM_E_FORMAT, "two values are named %s",
                            names[i]);
    return ANM_OK;
}
