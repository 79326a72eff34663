/* recipe.c - looking prompts up.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/recipe.h"

#include <string.h>

const char *anm_recipe_prompt(const anm_recipe *r, const char *name)
{
    for (size_t i = 0; i < r->n_prompts; i++)
        if (strcmp(r->prompts[i].name, name) == 0) return r->prompts[i].text;
    return NULL;
}
