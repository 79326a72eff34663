/* json.c - JSON from outside, checked on the way in.
 *
 * A defect of Jansson 2.14 that nothing here can see: when memory runs out at
 * the moment its token buffer grows (at 16, 32, 64 … bytes of one string), the
 * string loses a byte and the document is accepted.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"

/* Jansson quotes the text around an error; a message must never hold text
 * that may be a user's. */
static size_t len_without_quotation(const char *message)
{
    const char *quotation = strstr(message, " near '");
    return quotation ? (size_t)(quotation - message) : strlen(message);
}

static bool starts_with(const char *s, const char *start)
{
    return strncmp(s, start, strlen(start)) == 0;
}

/* Jansson says nothing when memory ran out, or that the string it had no
 * memory for is no token. A string that ends in its quotation mark is always
 * one: other faults of strings have messages of their own. */
static bool is_out_of_memory(const json_error_t *e, const char *data,
                             size_t len)
{
    if (!e->text[0] || json_error_code(e) == json_error_out_of_memory)
        return true;
    if (!starts_with(e->text, "invalid token") &&
        !starts_with(e->text, "string or '}' expected"))
        return false;
    const size_t end = e->position > 0 ? (size_t)e->position : 0;
    return end && end <= len && data[end - 1] == '"';
}

static anm_status fail_parse(anm_error *err, const char *name,
                             const json_error_t *e)
{
    return anm_fail(err, ANM_E_FORMAT, "%s%s%d:%d: %.*s", name,
                    name[0] ? ":" : "", e->line, e->column,
                    (int)len_without_quotation(e->text), e->text);
}

/* name: the path for messages, or "". */
static anm_status parse(json_t **out, const char *name, const char *data,
                        size_t len, anm_error *err)
{
    json_error_t e = { .line = 0 };
    json_t *v = json_loadb(
        data, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL,
        &e);

    if (!v && is_out_of_memory(&e, data, len))
        return anm_fail(err, ANM_E_NOMEM, "%s%s out of memory", name,
                        name[0] ? ":" : "JSON:");
    if (!v) {
        const char *mistaken = anm_bytes_mistaken(anm_bytes_of(data, len));
        if (!mistaken) return fail_parse(err, name, &e);
        return anm_fail(err, ANM_E_FORMAT, "%s%s%s", name, name[0] ? ": " : "",
                        mistaken);
    }
    *out = v;
    return ANM_OK;
}

anm_status anm_json_parse(json_t **out, const char *data, size_t len,
                          anm_error *err)
{
    return parse(out, "", data, len, err);
}

anm_status anm_json_read(json_t **out, const char *path, size_t limit,
                         anm_error *err)
{
    char *data = NULL;
    size_t len = 0;
    anm_status status = anm_file_read(path, limit, &data, &len, err);

    if (status) return status;
    status = parse(out, path, data, len, err);
    anm_free(data);
    return status;
}

const char *anm_json_type_name(const json_t *v)
{
    if (!v) return "nothing";
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "integer";
    case JSON_REAL:
        return "real";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL:
        return "null";
    }
    return "nothing";
}

/* One member that somebody asks for. */
typedef struct member {
    const char *key, *at;
    bool required;
} member;

static anm_status fail_type(anm_error *err, member m, const json_t *found,
                            const char *expected)
{
    return anm_fail(err, ANM_E_FORMAT, "%s: %s: expected %s, found %s", m.at,
                    m.key, expected, anm_json_type_name(found));
}

/* *out is NULL when an optional member is absent or null. */
static anm_status find(const json_t *o, member m, const char *expected,
                       const json_t **out, anm_error *err)
{
    if (!json_is_object(o))
        return anm_fail(err, ANM_E_FORMAT, "%s: expected object, found %s",
                        m.at, anm_json_type_name(o));
    const json_t *v = json_object_get(o, m.key);
    if (v && json_is_null(v) && !m.required) v = NULL;
    if (!v && m.required) return fail_type(err, m, v, expected);
    *out = v;
    return ANM_OK;
}

static anm_status find_of_type(const json_t *o, member m, json_type type,
                               const char *expected, const json_t **out,
                               anm_error *err)
{
    const json_t *v = NULL;
    const anm_status status = find(o, m, expected, &v, err);

    if (status) return status;
    if (v && json_typeof(v) != type) return fail_type(err, m, v, expected);
    *out = v;
    return ANM_OK;
}

anm_status anm_json_object(const json_t *o, const char *key, const char *at,
                           const json_t **out, anm_error *err)
{
    return find_of_type(o, (member){ key, at, true }, JSON_OBJECT, "object",
                        out, err);
}

anm_status anm_json_array(const json_t *o, const char *key, const char *at,
                          const json_t **out, anm_error *err)
{
    return find_of_type(o, (member){ key, at, true }, JSON_ARRAY, "array", out,
                        err);
}

static anm_status take_string(const json_t *o, member m, const char *otherwise,
                              const char **out, anm_error *err)
{
    const json_t *v = NULL;
    const anm_status status =
        find_of_type(o, m, JSON_STRING, "string", &v, err);

    if (status) return status;
    if (!v) {
        *out = otherwise;
        return ANM_OK;
    }
    const char *s = json_string_value(v);
    if (strlen(s) != json_string_length(v))
        return anm_fail(err, ANM_E_FORMAT, "%s: %s: holds U+0000", m.at, m.key);
    *out = s;
    return ANM_OK;
}

anm_status anm_json_string(const json_t *o, const char *key, const char *at,
                           const char **out, anm_error *err)
{
    return take_string(o, (member){ key, at, true }, NULL, out, err);
}

anm_status anm_json_string_or(const json_t *o, const char *key, const char *at,
                              const char *otherwise, const char **out,
                              anm_error *err)
{
    return take_string(o, (member){ key, at, false }, otherwise, out, err);
}

static anm_status take_int(const json_t *o, member m, anm_int_rule rule,
                           int64_t *out, anm_error *err)
{
    const json_t *v = NULL;
    const anm_status status =
        find_of_type(o, m, JSON_INTEGER, "integer", &v, err);

    if (status) return status;
    const int64_t value = v ? json_integer_value(v) : rule.otherwise;
    if (v && (value < rule.min || value > rule.max))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: %s: %" PRId64 ", allowed %" PRId64 " to %" PRId64,
                        m.at, m.key, value, rule.min, rule.max);
    *out = value;
    return ANM_OK;
}

anm_status anm_json_int(const json_t *o, const char *key, const char *at,
                        anm_int_rule rule, int64_t *out, anm_error *err)
{
    return take_int(o, (member){ key, at, true }, rule, out, err);
}

anm_status anm_json_int_or(const json_t *o, const char *key, const char *at,
                           anm_int_rule rule, int64_t *out, anm_error *err)
{
    return take_int(o, (member){ key, at, false }, rule, out, err);
}

anm_status anm_json_real_or(const json_t *o, const char *key, const char *at,
                            double otherwise, double *out, anm_error *err)
{
    const member m = { key, at, false };
    const json_t *v = NULL;
    const anm_status status = find(o, m, "number", &v, err);

    if (status) return status;
    // JSON has one kind of number: 1 is as good a real as 1.0.
    if (v && !json_is_number(v)) return fail_type(err, m, v, "number");
    *out = v ? json_number_value(v) : otherwise;
    return ANM_OK;
}

anm_status anm_json_bool_or(const json_t *o, const char *key, const char *at,
                            bool otherwise, bool *out, anm_error *err)
{
    const member m = { key, at, false };
    const json_t *v = NULL;
    const anm_status status = find(o, m, "true or false", &v, err);

    if (status) return status;
    if (v && !json_is_boolean(v)) return fail_type(err, m, v, "true or false");
    *out = v ? json_is_true(v) : otherwise;
    return ANM_OK;
}

static int append_to_buf(const char *data, size_t len, void *ctx)
{
    anm_buf *b = ctx;
    anm_buf_append(b, data, len);
    return b->failed ? -1 : 0;
}

anm_status anm_json_take_string(json_t *v, int digits, char **out,
                                anm_error *err)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY |
                         JSON_REAL_PRECISION((size_t)(digits ? digits : 9));
    anm_buf b = { 0 };
    const bool dumped =
        v && json_dump_callback(v, append_to_buf, &b, flags) == 0;

    json_decref(v);
    if (!dumped) b.failed = true;
    char *s = anm_buf_take(&b);
    if (!s) return anm_fail(err, ANM_E_NOMEM, "writing JSON: out of memory");
    *out = s;
    return ANM_OK;
}
