/* raw_array.c - reads and writes named arrays.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "raw_array.h"
#include "floats.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_float(anm_raw_type type)
{
    return type == ANM_RAW_FLOAT32 || type == ANM_RAW_FLOAT16 ||
           type == ANM_RAW_FLOAT64;
}

static const char *kind_of(const json_t *v)
{
    static const char *const kinds[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",
        [JSON_STRING] = "a string",  [JSON_INTEGER] = "an integer",
        [JSON_REAL] = "a real",      [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null",
    };

    return v ? kinds[json_typeof(v)] : "nothing";
}

static anm_status fail_member(anm_error *err, const char *name,
                              const char *member, const char *expected,
                              const json_t *found)
{
    return cli_fail(err, ANM_E_FORMAT, "input '%.200s': %s must be %s, is %s",
                    name, member, expected, kind_of(found));
}

/* ---- Shape and type -------------------------------------------------------- */

/* *n becomes the number of elements. */
static anm_status read_shape(anm_raw_array *a, const json_t *o, size_t *n,
                             anm_error *err)
{
    const json_t *shape = json_object_get(o, "shape"), *dim;
    const size_t rank = json_array_size(shape);
    size_t i;

    if (!json_is_array(shape))
        return fail_member(err, a->name, "shape", "a list of sizes", shape);
    size_t *dims = calloc(rank ? rank : 1, sizeof(*dims));
    if (!dims) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    a->dims = dims;
    a->rank = rank;
    *n = 1;
    json_array_foreach(shape, i, dim)
    {
        const json_int_t size = json_integer_value(dim);
        if (!json_is_integer(dim) || size < 0)
            return fail_member(err, a->name, "shape", "a list of sizes", dim);
        dims[i] = (size_t)size;
        if (dims[i] && *n > SIZE_MAX / sizeof(float) / dims[i])
            return cli_fail(err, ANM_E_FORMAT,
                            "input '%.200s': its shape has too many elements",
                            a->name);
        *n *= dims[i];
    }
    return ANM_OK;
}

static anm_status read_type(anm_raw_array *a, const json_t *o, anm_error *err)
{
    const json_t *dtype = json_object_get(o, "dtype");
    anm_error why;

    if (!json_is_string(dtype))
        return fail_member(err, a->name, "dtype", "a string", dtype);
    if (!anm_raw_type_parse(&a->type, json_string_value(dtype), &why))
        return ANM_OK;
    return cli_fail(err, ANM_E_FORMAT, "input '%.200s': %.700s", a->name,
                    why.message);
}

/* ---- Values ---------------------------------------------------------------- */

static bool read_float(const json_t *v, float *out)
{
    static const struct {
        const char *word;
        float value;
    } words[] = { { "nan", NAN }, { "inf", INFINITY }, { "-inf", -INFINITY } };

    if (json_is_number(v)) {
        *out = (float)json_number_value(v);
        return true;
    }
    const char *word = json_string_value(v);
    for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, word)) continue;
        *out = words[i].value;
        return true;
    }
    return false;
}

static bool read_int(const json_t *v, anm_raw_type type, int32_t *out)
{
    const json_int_t low = type == ANM_RAW_INT8 ? INT8_MIN : INT32_MIN;
    const json_int_t high = type == ANM_RAW_INT8 ? INT8_MAX : INT32_MAX;
    const json_int_t value = json_integer_value(v);

    if (!json_is_integer(v) || value < low || value > high) return false;
    *out = (int32_t)value;
    return true;
}

static anm_status read_values(anm_raw_array *a, const json_t *o, size_t n,
                              anm_error *err)
{
    const json_t *values = json_object_get(o, "values"), *v;
    const bool real = is_float(a->type);
    size_t i;

    if (!json_is_array(values))
        return fail_member(err, a->name, "values", "a list", values);
    if (json_array_size(values) != n)
        return cli_fail(
            err, ANM_E_FORMAT,
            "input '%.200s': its shape has %zu elements, its values "
            "are %zu",
            a->name, n, json_array_size(values));
    void *room = calloc(n ? n : 1, sizeof(float));
    if (!room) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    float *floats = real ? room : NULL;
    int32_t *ints = real ? NULL : room;
    a->floats = floats;
    a->ints = ints;
    json_array_foreach(values, i, v)
    {
        if (real ? read_float(v, &floats[i]) : read_int(v, a->type, &ints[i]))
            continue;
        char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
        const anm_status status =
            cli_fail(err, ANM_E_FORMAT,
                     "input '%.200s': value %zu is %.100s, not one of %s",
                     a->name, i, text ? text : "?", anm_raw_type_name(a->type));
        free(text);
        return status;
    }
    return ANM_OK;
}

static anm_status read_array(anm_raw_array *a, const json_t *o, size_t index,
                             anm_error *err)
{
    const char *name = json_string_value(json_object_get(o, "name"));
    size_t n = 0;

    if (!name)
        return cli_fail(err, ANM_E_FORMAT,
                        "input %zu: must be an object with a string \"name\"",
                        index);
    a->name = name;
    anm_status status = read_type(a, o, err);
    if (!status) status = read_shape(a, o, &n, err);
    if (!status) status = read_values(a, o, n, err);
    return status;
}

anm_status cli_arrays_read(cli_arrays *out, const json_t *list, anm_error *err)
{
    const json_t *o;
    size_t i;

    if (!json_is_array(list))
        return cli_fail(err, ANM_E_FORMAT, "inputs must be a list, is %s",
                        kind_of(list));
    out->items = calloc(json_array_size(list) + 1, sizeof(*out->items));
    if (!out->items) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    json_array_foreach(list, i, o)
    {
        out->n++;
        const anm_status status = read_array(&out->items[i], o, i, err);
        if (status) return status;
    }
    return ANM_OK;
}

void cli_arrays_deinit(cli_arrays *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free((void *)(uintptr_t)a->items[i].dims);
        free((void *)(uintptr_t)a->items[i].floats);
        free((void *)(uintptr_t)a->items[i].ints);
    }
    free(a->items);
    *a = (cli_arrays){ 0 };
}

/* ---- Writing --------------------------------------------------------------- */

static void write_float(FILE *out, float v)
{
    if (isnan(v))
        fputs("\"nan\"", out);
    else if (isinf(v))
        fputs(v < 0 ? "\"-inf\"" : "\"inf\"", out);
    else
        fprintf(out, "%.9g", (double)v);
}

void cli_array_write(FILE *out, const anm_raw_array *a)
{
    size_t n = 1;

    fputs("{\"name\":", out);
    cli_json_string(out, a->name);
    fprintf(out, ",\"dtype\":\"%s\",\"shape\":[", anm_raw_type_name(a->type));
    for (size_t i = 0; i < a->rank; i++) {
        fprintf(out, "%s%zu", i ? "," : "", a->dims[i]);
        n *= a->dims[i];
    }
    fputs("],\"values\":", out);
    if (is_float(a->type)) {
        for (size_t i = 0; i < n; i++) {
            fputc(i ? ',' : '[', out);
            write_float(out, a->floats[i]);
        }
        fputs(n ? "]}" : "[]}", out);
    } else {
        cli_put_ids(out, a->ints, n);
        fputc('}', out);
    }
}
