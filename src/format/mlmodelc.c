/* mlmodelc.c - what a compiled model says of itself.
 *
 *   X.mlmodelc/coremldata.bin   binary, closed; its presence is the mark
 *   X.mlmodelc/metadata.json    an array of one object: schemas of inputs and
 *                               outputs with every number as text, a histogram
 *                               of op types, metadata
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "base/json.h"
#include "format/mlpackage_parts.h"

static const char *copy_text(anm_mlpackage_reading *r, const char *text)
{
    return text[0] ? anm_reading_copy(r, anm_bytes_of(text, strlen(text))) : "";
}

static anm_mil_type type_of_name(const char *name)
{
    if (strcmp(name, "Float16") == 0) return ANM_MIL_FLOAT16;
    if (strcmp(name, "Float32") == 0) return ANM_MIL_FLOAT32;
    if (strcmp(name, "Double") == 0) return ANM_MIL_FLOAT64;
    if (strcmp(name, "Int32") == 0) return ANM_MIL_INT32;
    if (strcmp(name, "Int8") == 0) return ANM_MIL_INT8;
    return ANM_MIL_NONE;
}

/* A member that is text holding JSON: "[1, 32]". NULL when it is absent or
 * holds none. */
static json_t *parse_member(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    json_t *parsed = NULL;

    if (!text || !text[0]) return NULL;
    if (anm_json_parse(&parsed, text, strlen(text), NULL)) return NULL;
    if (json_is_array(parsed) && json_array_size(parsed) <= ANM_MIL_RANK_MAX)
        return parsed;
    json_decref(parsed);
    return NULL;
}

static anm_status read_shape(anm_mlpackage_reading *r, const json_t *o,
                             anm_feature *out, anm_error *err)
{
    json_t *shape = parse_member(o, "shape");
    const size_t n = json_array_size(shape);
    uint64_t *dims = anm_reading_array(r, n, sizeof(*dims));

    for (size_t i = 0; dims && i < n; i++) {
        const json_int_t d = json_integer_value(json_array_get(shape, i));
        dims[i] = d > 0 ? (uint64_t)d : 0;
    }
    json_decref(shape);
    if (!dims) return anm_reading_fail(r, err);
    out->dims = dims;
    out->rank = (unsigned)n;
    return ANM_OK;
}

/* "[[1, 1], [1, 512]]"; -1 above is no bound. */
static anm_status read_ranges(anm_mlpackage_reading *r, const json_t *o,
                              anm_feature *out, anm_error *err)
{
    json_t *ranges = parse_member(o, "shapeRange");
    const size_t n = json_array_size(ranges);
    anm_feature_range *copy = anm_reading_array(r, n, sizeof(*copy));

    for (size_t i = 0; copy && i < n; i++) {
        const json_t *range = json_array_get(ranges, i);
        const json_int_t low = json_integer_value(json_array_get(range, 0));
        const json_int_t high = json_integer_value(json_array_get(range, 1));

        copy[i].low = low > 0 ? (uint64_t)low : 0;
        copy[i].high = high < 0 ? -1 : high;
    }
    json_decref(ranges);
    if (!copy) return anm_reading_fail(r, err);
    out->ranges = copy;
    out->n_ranges = n;
    return ANM_OK;
}

static anm_status read_feature(anm_mlpackage_reading *r, const json_t *o,
                               anm_feature_kind kind, anm_feature *out,
                               anm_error *err)
{
    const char *name = "", *about = "", *type = "", *optional = "";
    anm_status status = anm_json_string(o, "name", "schema", &name, err);

    if (!status)
        status =
            anm_json_string_or(o, "shortDescription", name, "", &about, err);
    if (!status)
        status = anm_json_string_or(o, "dataType", name, "", &type, err);
    if (!status)
        status = anm_json_string_or(o, "isOptional", name, "0", &optional, err);
    if (status) return status;
    out->name = copy_text(r, name);
    out->about = copy_text(r, about);
    if (!out->name || !out->about) return anm_reading_fail(r, err);
    out->kind = kind;
    out->type = type_of_name(type);
    out->optional = strcmp(optional, "1") == 0;
    status = read_shape(r, o, out, err);
    return status ? status : read_ranges(r, o, out, err);
}

typedef struct schema {
    const char *key;
    anm_feature_kind kind;
} schema;

/* A schema that is absent is empty. */
static anm_status read_schema(anm_mlpackage_reading *r, const json_t *o,
                              schema s, const anm_feature **out, size_t *n,
                              anm_error *err)
{
    const json_t *list = json_object_get(o, s.key);
    const size_t len = json_array_size(list);
    anm_feature *features = anm_reading_array(r, len, sizeof(*features));

    if (!features) return anm_reading_fail(r, err);
    *out = features;
    *n = len;
    for (size_t i = 0; i < len; i++) {
        const anm_status status =
            read_feature(r, json_array_get(list, i), s.kind, &features[i], err);

        if (status) return anm_fail_prefix(err, status, "%s", s.key);
    }
    return ANM_OK;
}

/* An object of texts and numbers. */
static anm_status read_pairs(anm_mlpackage_reading *r, const json_t *o,
                             const char *key, const anm_mlpackage_pair **out,
                             size_t *n, anm_error *err)
{
    const json_t *object = json_object_get(o, key);
    anm_mlpackage_pair *pairs =
        anm_reading_array(r, json_object_size(object), sizeof(*pairs));
    const char *name;
    json_t *v;
    char number[32];

    if (!pairs) return anm_reading_fail(r, err);
    *out = pairs;
    json_object_foreach((json_t *)object, name, v)
    {
        const char *text = json_string_value(v);

        if (json_is_integer(v)) {
            snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
                     json_integer_value(v));
            text = number;
        }
        pairs[*n].key = copy_text(r, name);
        pairs[*n].value = text ? copy_text(r, text) : "";
        if (!pairs[*n].key || !pairs[*n].value) return anm_reading_fail(r, err);
        ++*n;
    }
    return ANM_OK;
}

static anm_status read_texts(anm_mlpackage_reading *r, const json_t *o,
                             anm_error *err)
{
    static const char prefix[] = "MLModelType_";
    const char *about = "", *version = "", *author = "", *license = "";
    const char *kind = json_string_value(
        json_object_get(json_object_get(o, "modelType"), "name"));
    anm_status status =
        anm_json_string_or(o, "shortDescription", "metadata", "", &about, err);

    if (!status)
        status =
            anm_json_string_or(o, "version", "metadata", "", &version, err);
    if (!status)
        status = anm_json_string_or(o, "author", "metadata", "", &author, err);
    if (!status)
        status =
            anm_json_string_or(o, "license", "metadata", "", &license, err);
    if (!status)
        status = anm_json_int_or(o, "specificationVersion", "metadata",
                                 (anm_int_rule){ .max = INT32_MAX },
                                 &r->view.spec_version, err);
    if (status) return status;
    if (!kind) kind = "unknown";
    if (strncmp(kind, prefix, sizeof(prefix) - 1) == 0)
        kind += sizeof(prefix) - 1;
    r->view.about = copy_text(r, about);
    r->view.version = copy_text(r, version);
    r->view.author = copy_text(r, author);
    r->view.license = copy_text(r, license);
    r->view.kind = copy_text(r, kind);
    if (r->view.about && r->view.version && r->view.author && r->view.license &&
        r->view.kind)
        return ANM_OK;
    return anm_reading_fail(r, err);
}

static anm_status read_object(anm_mlpackage_reading *r, const json_t *o,
                              anm_error *err)
{
    anm_features *x = &r->view.features;
    anm_status status = read_texts(r, o, err);

    if (!status)
        status = read_schema(r, o, (schema){ "inputSchema", ANM_FEATURE_ARRAY },
                             &x->inputs, &x->n_inputs, err);
    if (!status)
        status =
            read_schema(r, o, (schema){ "outputSchema", ANM_FEATURE_ARRAY },
                        &x->outputs, &x->n_outputs, err);
    if (!status)
        status = read_schema(r, o, (schema){ "stateSchema", ANM_FEATURE_STATE },
                             &x->states, &x->n_states, err);
    if (!status)
        status = read_pairs(r, o, "mlProgramOperationTypeHistogram",
                            &r->view.histogram, &r->view.n_histogram, err);
    if (!status)
        status = read_pairs(r, o, "userDefinedMetadata", &r->view.user_defined,
                            &r->view.n_user_defined, err);
    return status;
}

/* The first bytes of the whole: what is mapped is counted. */
static anm_status map_mark(anm_mlpackage_reading *r, anm_error *err)
{
    unsigned index = 0;
    const anm_status status = anm_reading_file(
        r, r->view.path, anm_bytes_of("coremldata.bin", 14), &index, err);

    return status ? anm_fail_prefix(err, status, "no compiled model") : ANM_OK;
}

anm_status anm_reading_compiled(anm_mlpackage_reading *r, anm_error *err)
{
    json_t *json = NULL;
    unsigned index = 0;
    anm_status status = map_mark(r, err);

    if (!status)
        status = anm_reading_file(
            r, r->view.path, anm_bytes_of("metadata.json", 13), &index, err);
    if (status) return status;
    const anm_mlpackage_file *file = &r->files[index];
    const anm_bytes text = file->map.bytes;
    if (text.len > ANM_MLPACKAGE_METADATA_MAX)
        return anm_fail(err, ANM_E_LIMIT, "%s: %zu bytes, at most %d",
                        file->path, text.len, ANM_MLPACKAGE_METADATA_MAX);
    status = anm_json_parse(&json, (const char *)text.data, text.len, err);
    if (!status && (!json_is_array(json) || json_array_size(json) != 1))
        status = anm_fail(err, ANM_E_FORMAT, "must be an array of one object");
    if (!status) status = read_object(r, json_array_get(json, 0), err);
    json_decref(json);
    return status ? anm_fail_prefix(err, status, "%s", file->path) : ANM_OK;
}
