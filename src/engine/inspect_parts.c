/* inspect_parts.c - what inspect says of models of every form.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/inspect_parts.h"

#include "engine/json_text.h"

json_t *anm_inspect_number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

bool anm_inspect_append(json_t **list, json_t *item)
{
    if (!json_array_append_new(*list, item)) return true;
    json_decref(*list);
    *list = NULL;
    return false;
}

bool anm_inspect_set(json_t **object, const char *key, json_t *value)
{
    if (!json_object_set_new(*object, key, value)) return true;
    json_decref(*object);
    *object = NULL;
    return false;
}

/* ---- Recipe and notes ------------------------------------------------------ */

static json_t *make_prompts(const anm_recipe *r)
{
    json_t *prompts = json_object();

    for (size_t i = 0; i < r->n_prompts; i++)
        if (!anm_inspect_set(&prompts, r->prompts[i].name,
                             anm_json_text(r->prompts[i].text)))
            break;
    return prompts;
}

json_t *anm_inspect_recipe(const anm_recipe *r)
{
    return json_pack("{s:s, s:b, s:o, s:s?, s:b}", "pooling",
                     r->is_pooled ? "none" : anm_pool_kind_name(r->pool),
                     "normalize", r->normalize, "prompts", make_prompts(r),
                     "default_prompt", r->default_prompt, "lowercase",
                     r->lowercase);
}

json_t *anm_inspect_tokenizer(const anm_tokenizer *t)
{
    anm_tokenizer_info info;

    anm_tokenizer_describe(t, &info);
    return json_pack("{s:s, s:o, s:b}", "model", info.model, "vocabulary",
                     anm_inspect_number(info.vocab_size), "lowercase",
                     info.lowercase);
}

json_t *anm_inspect_notes(const anm_source *s)
{
    json_t *notes = json_array();

    for (size_t i = 0; i < s->n_notes; i++)
        if (!anm_inspect_append(
                &notes, json_pack("{s:o, s:o, s:b}", "where",
                                  anm_json_text(s->notes[i].where), "text",
                                  anm_json_text(s->notes[i].text), "assumed",
                                  s->notes[i].assumed)))
            break;
    return notes;
}
