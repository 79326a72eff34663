/* gguf_entry.c - the metadata of a GGUF file: read, put in order, asked for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "format/gguf_file.h"

static const struct {
    const char *name;
    size_t bytes;
} types[ANM_GGUF_TYPE_COUNT] = {
#define X(name, text, bytes) { text, bytes },
    ANM_GGUF_TYPE_LIST(X)
#undef X
};

/* The bytes of the shortest entry: an empty key and a value of one byte. */
enum { ENTRY_BYTES_MIN = 8 + 4 + 1 };

/* What a message shows of a key. */
enum { KEY_SHOWN = 200 };

static int shown(anm_text key)
{
    return key.len < KEY_SHOWN ? (int)key.len : KEY_SHOWN;
}

/* ---- Reading ------------------------------------------------------------- */

anm_status anm_gguf_take_string(anm_bytes *rest, anm_text *out, anm_error *err)
{
    anm_bytes string;
    uint64_t len = 0;

    if (!anm_take_u64le(rest, &len))
        return anm_fail(err, ANM_E_FORMAT,
                        "the length of a string in %zu bytes", rest->len);
    if (!anm_take(rest, len, &string))
        return anm_fail(err, ANM_E_FORMAT,
                        "a string of %" PRIu64 " bytes where %zu are left", len,
                        rest->len);
    *out = (anm_text){ (const char *)string.data, string.len };
    return ANM_OK;
}

static anm_status take_type(anm_bytes *rest, anm_gguf_type *out, anm_error *err)
{
    uint32_t type = 0;

    if (!anm_take_u32le(rest, &type))
        return anm_fail(err, ANM_E_FORMAT, "a type in %zu bytes", rest->len);
    if (type >= ANM_GGUF_TYPE_COUNT)
        return anm_fail(err, ANM_E_FORMAT,
                        "type %" PRIu32 ", known: 0 (u8) to %d (f64)", type,
                        ANM_GGUF_TYPE_COUNT - 1);
    *out = (anm_gguf_type)type;
    return ANM_OK;
}

/* n values of one length. */
static anm_status skip_plain(anm_bytes *rest, anm_gguf_type type, uint64_t n,
                             anm_error *err)
{
    const size_t bytes = types[type].bytes;
    anm_bytes values;

    if (n > rest->len / bytes || !anm_take(rest, n * bytes, &values))
        return anm_fail(err, ANM_E_FORMAT,
                        "%" PRIu64 " of %s where %zu bytes are left", n,
                        types[type].name, rest->len);
    for (size_t i = 0; type == ANM_GGUF_BOOL && i < values.len; i++)
        if (values.data[i] > 1)
            return anm_fail(err, ANM_E_FORMAT, "a bool is %d, 0 or 1 expected",
                            values.data[i]);
    return ANM_OK;
}

static anm_status take_array(anm_bytes *rest, unsigned depth,
                             anm_gguf_type *element, uint64_t *n,
                             anm_bytes *elements, anm_error *err);

/* Depth is that of the array they are in. */
static anm_status skip_elements(anm_bytes *rest, anm_gguf_type type, uint64_t n,
                                unsigned depth, anm_error *err)
{
    anm_status status = ANM_OK;
    anm_gguf_type element;
    uint64_t n_inner;
    anm_bytes inner;
    anm_text string;

    if (types[type].bytes) return skip_plain(rest, type, n, err);
    // Each takes 8 bytes or more.
    if (n > rest->len / 8)
        return anm_fail(err, ANM_E_FORMAT,
                        "%" PRIu64 " of %s where %zu bytes are left", n,
                        types[type].name, rest->len);
    for (uint64_t i = 0; i < n && !status; i++)
        status =
            type == ANM_GGUF_STRING
                ? anm_gguf_take_string(rest, &string, err)
                : take_array(rest, depth + 1, &element, &n_inner, &inner, err);
    return status;
}

static anm_status take_array(anm_bytes *rest, unsigned depth,
                             anm_gguf_type *element, uint64_t *n,
                             anm_bytes *elements, anm_error *err)
{
    if (depth > ANM_GGUF_DEPTH_MAX)
        return anm_fail(err, ANM_E_LIMIT, "arrays %u deep, at most %d", depth,
                        ANM_GGUF_DEPTH_MAX);
    anm_status status = take_type(rest, element, err);
    if (status) return status;
    if (!anm_take_u64le(rest, n))
        return anm_fail(err, ANM_E_FORMAT,
                        "the length of an array in %zu bytes", rest->len);
    *elements = *rest;
    status = skip_elements(rest, *element, *n, depth, err);
    elements->len -= rest->len;
    return status;
}

static anm_status take_value(anm_bytes *rest, anm_gguf_entry *e, anm_error *err)
{
    anm_text string = { 0 };
    anm_status status = take_type(rest, &e->type, err);

    if (status) return status;
    switch (e->type) {
    case ANM_GGUF_STRING:
        status = anm_gguf_take_string(rest, &string, err);
        e->value = anm_bytes_of(string.data, string.len);
        return status;
    case ANM_GGUF_ARRAY:
        return take_array(rest, 1, &e->element, &e->n, &e->value, err);
    case ANM_GGUF_U8:
    case ANM_GGUF_I8:
    case ANM_GGUF_U16:
    case ANM_GGUF_I16:
    case ANM_GGUF_U32:
    case ANM_GGUF_I32:
    case ANM_GGUF_F32:
    case ANM_GGUF_BOOL:
    case ANM_GGUF_U64:
    case ANM_GGUF_I64:
    case ANM_GGUF_F64:
    case ANM_GGUF_TYPE_COUNT:
        break;
    }
    e->value = *rest;
    status = skip_plain(rest, e->type, 1, err);
    e->value.len -= rest->len;
    return status;
}

static anm_status take_entry(anm_bytes *rest, anm_gguf_entry *e, anm_error *err)
{
    anm_status status = anm_gguf_take_string(rest, &e->key, err);

    if (status) return anm_fail_prefix(err, status, "a key");
    if (e->key.len > ANM_GGUF_KEY_MAX)
        return anm_fail(err, ANM_E_LIMIT, "a key of %zu bytes, at most %d",
                        e->key.len, ANM_GGUF_KEY_MAX);
    status = take_value(rest, e, err);
    return status ? anm_fail_prefix(err, status, "%.*s", shown(e->key),
                                    e->key.data)
                  : ANM_OK;
}

static int compare_texts(anm_text a, anm_text b)
{
    if (a.len != b.len) return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.data, b.data, a.len) : 0;
}

static int compare_entries(const void *a, const void *b)
{
    const anm_gguf_entry *x = a, *y = b;
    return compare_texts(x->key, y->key);
}

static anm_status sort_entries(anm_gguf *g, anm_error *err)
{
    if (g->n_entries)
        qsort(g->entries, g->n_entries, sizeof(*g->entries), compare_entries);
    for (size_t i = 1; i < g->n_entries; i++) {
        const anm_text key = g->entries[i].key;

        if (compare_texts(g->entries[i - 1].key, key) != 0) continue;
        return anm_fail(err, ANM_E_FORMAT, "key %.*s is there twice",
                        shown(key), key.data);
    }
    return ANM_OK;
}

anm_status anm_gguf_read_entries(anm_gguf *g, uint64_t n, anm_bytes *rest,
                                 anm_error *err)
{
    anm_status status = ANM_OK;

    if (n > rest->len / ENTRY_BYTES_MIN)
        return anm_fail(err, ANM_E_FORMAT,
                        "%" PRIu64 " entries where %zu bytes are left", n,
                        rest->len);
    if (n > ANM_GGUF_ENTRIES_MAX)
        return anm_fail(err, ANM_E_LIMIT, "%" PRIu64 " entries, at most %d", n,
                        ANM_GGUF_ENTRIES_MAX);
    g->entries = anm_alloc_array((size_t)n, sizeof(*g->entries));
    if (!g->entries) return anm_fail(err, ANM_E_NOMEM, "out of memory");
    for (uint64_t i = 0; i < n && !status; i++) {
        status = take_entry(rest, &g->entries[i], err);
        if (status)
            anm_fail_prefix(err, status, "entry %" PRIu64 " of %" PRIu64, i, n);
    }
    if (status) return status;
    g->n_entries = (size_t)n;
    return sort_entries(g, err);
}

/* ---- Asking -------------------------------------------------------------- */

size_t anm_gguf_n_entries(const anm_gguf *g)
{
    return g->n_entries;
}

const anm_gguf_entry *anm_gguf_entry_at(const anm_gguf *g, size_t i)
{
    assert(i < g->n_entries);
    return &g->entries[i];
}

const anm_gguf_entry *anm_gguf_entry_find(const anm_gguf *g, const char *key)
{
    const anm_gguf_entry wanted = { .key = { key, strlen(key) } };

    if (!g->n_entries) return NULL;
    return bsearch(&wanted, g->entries, g->n_entries, sizeof(wanted),
                   compare_entries);
}

/* What a getter takes. */
typedef enum want {
    WANT_INT,
    WANT_REAL,
    WANT_BOOL,
    WANT_TEXT,
} want;

static bool is_int(anm_gguf_type type)
{
    return types[type].bytes && type != ANM_GGUF_F32 && type != ANM_GGUF_F64 &&
           type != ANM_GGUF_BOOL;
}

static bool fits(anm_gguf_type type, want wanted)
{
    switch (wanted) {
    case WANT_INT:
        return is_int(type);
    case WANT_REAL:
        return is_int(type) || type == ANM_GGUF_F32 || type == ANM_GGUF_F64;
    case WANT_BOOL:
        return type == ANM_GGUF_BOOL;
    case WANT_TEXT:
        return type == ANM_GGUF_STRING;
    }
    return false;
}

static anm_status fail_type(const char *key, const char *expected,
                            const anm_gguf_entry *found, anm_error *err)
{
    const bool array = found->type == ANM_GGUF_ARRAY;

    return anm_fail(err, ANM_E_FORMAT, "%s: expected %s, found %s%s", key,
                    expected, array ? "array of " : "",
                    types[array ? found->element : found->type].name);
}

/* The entry of a key, of the type wanted; NULL where it is absent. */
static anm_status find_entry(const anm_gguf *g, const char *key, want wanted,
                             const anm_gguf_entry **out, anm_error *err)
{
    static const char *const names[] = { "integer", "number", "bool",
                                         "string" };
    const anm_gguf_entry *e = anm_gguf_entry_find(g, key);

    *out = e;
    if (!e || fits(e->type, wanted)) return ANM_OK;
    return fail_type(key, names[wanted], e, err);
}

static anm_status fail_absent(const char *key, anm_error *err)
{
    return anm_fail(err, ANM_E_FORMAT, "%s: not there", key);
}

/* A little-endian integer; one above INT64_MAX is INT64_MAX. */
static int64_t int_of(anm_gguf_type type, const uint8_t *bytes)
{
    const size_t n = types[type].bytes;
    const bool has_sign = type == ANM_GGUF_I8 || type == ANM_GGUF_I16 ||
                          type == ANM_GGUF_I32 || type == ANM_GGUF_I64;
    uint64_t u = 0;
    int64_t i;

    for (size_t k = 0; k < n; k++)
        u |= (uint64_t)bytes[k] << 8 * k;
    if (!has_sign) return u > INT64_MAX ? INT64_MAX : (int64_t)u;
    if (bytes[n - 1] & 0x80 && n < sizeof(u)) u |= UINT64_MAX << 8 * n;
    memcpy(&i, &u, sizeof(i));
    return i;
}

/* The double of the shortest decimal that reads as f. */
static double shortest(float f)
{
    char text[32];

    for (int digits = 1; digits < 9; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, (double)f);
        const double d = strtod(text, NULL);
        if ((float)d == f) return d;
    }
    return (double)f;
}

static double real_of(const anm_gguf_entry *e)
{
    double d;
    float f;

    if (e->type == ANM_GGUF_F64) {
        memcpy(&d, e->value.data, sizeof(d));
        return d;
    }
    if (e->type != ANM_GGUF_F32) return (double)int_of(e->type, e->value.data);
    memcpy(&f, e->value.data, sizeof(f));
    return shortest(f);
}

anm_status anm_gguf_int_or(const anm_gguf *g, const char *key,
                           anm_int_rule rule, int64_t *out, anm_error *err)
{
    const anm_gguf_entry *e = NULL;
    const anm_status status = find_entry(g, key, WANT_INT, &e, err);

    if (status) return status;
    const int64_t value = e ? int_of(e->type, e->value.data) : rule.otherwise;
    if (e && (value < rule.min || value > rule.max))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: %" PRId64 ", allowed %" PRId64 " to %" PRId64, key,
                        value, rule.min, rule.max);
    *out = value;
    return ANM_OK;
}

anm_status anm_gguf_int(const anm_gguf *g, const char *key, anm_int_rule rule,
                        int64_t *out, anm_error *err)
{
    return anm_gguf_entry_find(g, key) ? anm_gguf_int_or(g, key, rule, out, err)
                                       : fail_absent(key, err);
}

anm_status anm_gguf_real_or(const anm_gguf *g, const char *key,
                            double otherwise, double *out, anm_error *err)
{
    const anm_gguf_entry *e = NULL;
    const anm_status status = find_entry(g, key, WANT_REAL, &e, err);

    if (!status) *out = e ? real_of(e) : otherwise;
    return status;
}

anm_status anm_gguf_real(const anm_gguf *g, const char *key, double *out,
                         anm_error *err)
{
    return anm_gguf_entry_find(g, key) ? anm_gguf_real_or(g, key, 0.0, out, err)
                                       : fail_absent(key, err);
}

anm_status anm_gguf_bool_or(const anm_gguf *g, const char *key, bool otherwise,
                            bool *out, anm_error *err)
{
    const anm_gguf_entry *e = NULL;
    const anm_status status = find_entry(g, key, WANT_BOOL, &e, err);

    if (!status) *out = e ? e->value.data[0] == 1 : otherwise;
    return status;
}

anm_status anm_gguf_text_or(const anm_gguf *g, const char *key,
                            const char *otherwise, anm_text *out,
                            anm_error *err)
{
    const anm_gguf_entry *e = NULL;
    const anm_status status = find_entry(g, key, WANT_TEXT, &e, err);

    if (!status)
        *out = e ? (anm_text){ (const char *)e->value.data, e->value.len }
                 : anm_text_of(otherwise);
    return status;
}

anm_status anm_gguf_text(const anm_gguf *g, const char *key, anm_text *out,
                         anm_error *err)
{
    return anm_gguf_entry_find(g, key) ? anm_gguf_text_or(g, key, "", out, err)
                                       : fail_absent(key, err);
}

static anm_status find_array(const anm_gguf *g, const char *key, want wanted,
                             const char *expected, anm_gguf_array *out,
                             anm_error *err)
{
    const anm_gguf_entry *e = anm_gguf_entry_find(g, key);

    if (!e) return fail_absent(key, err);
    if (e->type != ANM_GGUF_ARRAY || !fits(e->element, wanted))
        return fail_type(key, expected, e, err);
    *out = (anm_gguf_array){ e->element, e->n, e->value };
    return ANM_OK;
}

anm_status anm_gguf_texts(const anm_gguf *g, const char *key,
                          anm_gguf_array *out, anm_error *err)
{
    return find_array(g, key, WANT_TEXT, "array of string", out, err);
}

anm_status anm_gguf_ints(const anm_gguf *g, const char *key,
                         anm_gguf_array *out, anm_error *err)
{
    return find_array(g, key, WANT_INT, "array of integers", out, err);
}

bool anm_gguf_take_text(anm_gguf_array *a, anm_text *out)
{
    assert(a->element == ANM_GGUF_STRING);
    if (a->n == 0 || anm_gguf_take_string(&a->rest, out, NULL)) return false;
    a->n--;
    return true;
}

bool anm_gguf_take_int(anm_gguf_array *a, int64_t *out)
{
    anm_bytes value;

    assert(is_int(a->element));
    if (a->n == 0 || !anm_take(&a->rest, types[a->element].bytes, &value))
        return false;
    *out = int_of(a->element, value.data);
    a->n--;
    return true;
}
