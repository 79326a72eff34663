/* part.c - reading the object of one part of a tokenizer.json.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "text/part.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/utf8.h"

anm_status anm_part_nomem(anm_error *err)
{
    return anm_fail(err, ANM_E_NOMEM, "tokenizer: out of memory");
}

anm_status anm_part_bool(const json_t *o, const char *key, const char *at,
                         bool *out, anm_error *err)
{
    const json_t *v = json_object_get(o, key);

    if (!json_is_boolean(v))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: %s: expected true or false, found %s", at, key,
                        anm_json_type_name(v));
    *out = json_is_true(v);
    return ANM_OK;
}

anm_status anm_part_text(anm_arena *arena, const json_t *o, const char *key,
                         const char *at, anm_text *out, anm_error *err)
{
    const json_t *v = json_object_get(o, key);

    if (!json_is_string(v))
        return anm_fail(err, ANM_E_FORMAT, "%s: %s: expected string, found %s",
                        at, key, anm_json_type_name(v));
    out->len = json_string_length(v);
    out->data = anm_arena_copy(arena, json_string_value(v), out->len);
    return out->data ? ANM_OK : anm_part_nomem(err);
}

/* Rows start with their name. */
static const char *name_of(const anm_part_kinds *k, size_t row)
{
    const char *name = NULL;
    memcpy(&name, (const char *)k->rows + row * k->size, sizeof(name));
    return name;
}

size_t anm_part_kind(const anm_part_kinds *k, anm_text name)
{
    size_t row = 0;

    while (row < k->n && !anm_text_is(name, name_of(k, row)))
        row++;
    return row;
}

static anm_status fail_unknown(const char *type, const char *at,
                               const anm_part_kinds *k, anm_error *err)
{
    anm_buf names = { 0 };

    for (size_t i = 0; i < k->n; i++)
        anm_buf_printf(&names, "%s%s", i ? ", " : "", name_of(k, i));
    const anm_status status =
        anm_fail(err, ANM_E_UNSUPPORTED,
                 "%s \"%s\" is not built in (built in: "
                 "%s)",
                 at, type, names.failed ? "…" : names.data);
    anm_buf_deinit(&names);
    return status;
}

anm_status anm_part_find(const json_t *o, const char *at,
                         const anm_part_kinds *k, size_t *row, anm_error *err)
{
    const char *type = NULL;
    const anm_status status = anm_json_string(o, "type", at, &type, err);

    if (status) return status;
    *row = anm_part_kind(k, (anm_text){ type, strlen(type) });
    return *row < k->n ? ANM_OK : fail_unknown(type, at, k, err);
}
