/* fake_fields.c - objects of a scenario, read by table: whatever is wrong is
 * named with its path and what is allowed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/fake/fake.h"
#include "base/buf.h"
#include "base/error.h"

typedef struct place {
    const char *at, *name;
} place;

/* What stands between the name of an object and that of its field. */
static const char *dot(const char *at)
{
    return *at ? "." : "";
}

anm_status anm_fake_fail_value(const char *at, const char *name,
                               const json_t *v, const char *allowed,
                               anm_error *err)
{
    if (!v)
        return anm_fail(err, ANM_E_FORMAT, "%s%s%s: missing; allowed: %s", at,
                        dot(at), name, allowed);
    char *found =
        json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
    const anm_status status =
        anm_fail(err, ANM_E_FORMAT, "%s%s%s: %.80s is not allowed; allowed: %s",
                 at, dot(at), name, found ? found : "it", allowed);

    free(found);
    return status;
}

static anm_status fail_value(place p, const json_t *v, const char *allowed,
                             anm_error *err)
{
    return anm_fake_fail_value(p.at, p.name, v, allowed, err);
}

static anm_status fail_number(const anm_fake_field *f, place p, const json_t *v,
                              anm_error *err)
{
    char allowed[128];

    snprintf(allowed, sizeof(allowed), "%s from %.9g to %.9g%s",
             f->kind == ANM_FAKE_COUNT ? "a whole number" : "a number", f->low,
             f->high, f->kind == ANM_FAKE_RANGE ? ", or [low, high]" : "");
    return fail_value(p, v, allowed, err);
}

static bool take_number(const anm_fake_field *f, const json_t *v, double *out)
{
    if (!json_is_number(v)) return false;
    const double x = json_number_value(v);
    if (!(x >= f->low && x <= f->high)) return false;
    if (f->kind == ANM_FAKE_COUNT && x != floor(x)) return false;
    *out = x;
    return true;
}

static bool take_range(const anm_fake_field *f, const json_t *v,
                       anm_fake_range *out)
{
    double low, high;

    if (json_is_array(v)) {
        if (json_array_size(v) != 2 ||
            !take_number(f, json_array_get(v, 0), &low) ||
            !take_number(f, json_array_get(v, 1), &high) || low > high)
            return false;
    } else {
        if (!take_number(f, v, &low)) return false;
        high = low;
    }
    *out = (anm_fake_range){ low, high };
    return true;
}

static anm_status take_shares(place p, const json_t *v, anm_fake_shares *out,
                              anm_error *err)
{
    static const char allowed[] = "an object of cpu, gpu and ane with shares "
                                  "from 0 to 1 that add up to 1";
    const anm_fake_field share = { .low = 0, .high = 1 };
    double sum = 0;
    const char *key;
    json_t *value;
    anm_fake_shares s = { { 0 } };

    if (!json_is_object(v)) return fail_value(p, v, allowed, err);
    json_object_foreach((json_t *)v, key, value)
    {
        const size_t d = anm_fake_find_word(ANM_FAKE_DEVICES, key);
        if (d == SIZE_MAX || !take_number(&share, value, &s.of[d]))
            return fail_value(p, v, allowed, err);
        sum += s.of[d];
    }
    if (fabs(sum - 1) > 1e-6) return fail_value(p, v, allowed, err);
    *out = s;
    return ANM_OK;
}

size_t anm_fake_find_word(const char *words, const char *word)
{
    const size_t len = strlen(word);
    size_t i = 0;

    for (const char *w = words; *w; i++) {
        const size_t n = strcspn(w, "|");
        if (n == len && strncmp(w, word, n) == 0) return i;
        w += n + (w[n] == '|');
    }
    return SIZE_MAX;
}

static anm_status take_choice(const anm_fake_field *f, place p, const json_t *v,
                              size_t *out, anm_error *err)
{
    const size_t i = json_is_string(v)
                         ? anm_fake_find_word(f->words, json_string_value(v))
                         : SIZE_MAX;

    if (i == SIZE_MAX) return fail_value(p, v, f->words, err);
    *out = i;
    return ANM_OK;
}

static anm_status take(const anm_fake_field *f, place p, const json_t *v,
                       char *to, anm_error *err)
{
    switch (f->kind) {
    case ANM_FAKE_REAL:
    case ANM_FAKE_COUNT:
        return take_number(f, v, (void *)to) ? ANM_OK
                                             : fail_number(f, p, v, err);
    case ANM_FAKE_RANGE:
        return take_range(f, v, (void *)to) ? ANM_OK
                                            : fail_number(f, p, v, err);
    case ANM_FAKE_BOOL:
        if (!json_is_boolean(v)) return fail_value(p, v, "true, false", err);
        *(bool *)to = json_is_true(v);
        return ANM_OK;
    case ANM_FAKE_STRING:
        if (!json_is_string(v)) return fail_value(p, v, "a string", err);
        *(const char **)(void *)to = json_string_value(v);
        return ANM_OK;
    case ANM_FAKE_CHOICE:
        return take_choice(f, p, v, (void *)to, err);
    case ANM_FAKE_SHARES:
        return take_shares(p, v, (void *)to, err);
    case ANM_FAKE_ELSEWHERE:
        return ANM_OK;
    }
    return ANM_OK;
}

static anm_status fail_unknown(const char *at, const char *key,
                               const anm_fake_field *fields, size_t n,
                               anm_error *err)
{
    anm_buf b = { 0 };

    for (size_t i = 0; i < n; i++)
        anm_buf_printf(&b, "%s%s", i ? ", " : "", fields[i].name);
    const anm_status status =
        anm_fail(err, ANM_E_FORMAT, "%s%s%.60s: unknown field; allowed: %s", at,
                 dot(at), key, b.data ? b.data : "none");
    anm_buf_deinit(&b);
    return status;
}

anm_status anm_fake_fields_read(const json_t *o, const char *at,
                                const anm_fake_field *fields, size_t n,
                                void *into, anm_error *err)
{
    const char *key;
    json_t *v;

    if (!o) return ANM_OK;
    if (!json_is_object(o))
        return anm_fail(err, ANM_E_FORMAT, "%s: expected object, found %s",
                        *at ? at : "the document", anm_json_type_name(o));
    json_object_foreach((json_t *)o, key, v)
    {
        size_t i = 0;
        while (i < n && strcmp(fields[i].name, key) != 0)
            i++;
        if (i == n) return fail_unknown(at, key, fields, n, err);
        const anm_status status =
            take(&fields[i], (place){ at, key }, v,
                 into ? (char *)into + fields[i].offset : NULL, err);
        if (status) return status;
    }
    return ANM_OK;
}

anm_status anm_fake_list_check(const json_t *list, const char *at, size_t *n,
                               anm_error *err)
{
    *n = json_array_size(list);
    if (!list || (json_is_array(list) && *n <= ANM_FAKE_ITEMS_MAX))
        return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "%s: expected an array of at most %d objects", at,
                    ANM_FAKE_ITEMS_MAX);
}
