/* value_names.h - names of values, which are one of a kind. Internal to graph/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_VALUE_NAMES_H
#define ANM_VALUE_NAMES_H

#include "anemone.h"

/* ANM_E_FORMAT when two of the names are the same. Brings them in order. */
anm_status anm_value_names_check(const char **names, size_t n, anm_error *err);

#endif
