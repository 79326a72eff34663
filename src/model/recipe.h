/* recipe.h - how a text becomes a vector, as the model's files say it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_RECIPE_H
#define ANM_RECIPE_H

#include "anemone.h"
#include "graph/graph.h"

typedef struct anm_prompt {
    const char *name;
    const char *text; /* put before the user's text */
} anm_prompt;

typedef struct anm_recipe {
    anm_pool_kind pool;
    bool is_pooled;      /* what the model gives is one vector: pool does not
                          count */
    bool normalize;      /* the vector has unit length */
    bool lowercase;      /* the tokenizer drops the case for the files beside it
                          (sentence_bert_config.json do_lower_case) */
    size_t max_tokens;   /* special ones included; longer texts are cut */
    size_t dim;          /* numbers in a vector */
    bool declares_dims;  /* some file says that vectors may be shortened */
    anm_prompt *prompts; /* [n_prompts], in the file's order */
    size_t n_prompts;
    const char *default_prompt; /* a name among them; NULL: none */
} anm_recipe;

/* The text of a prompt by name; NULL when there is none of that name. */
const char *anm_recipe_prompt(const anm_recipe *r, const char *name);

#endif
