/* meta.c - what may enter a store: metadata in one spelling, vectors of unit
 * length.
 *
 * SQLite's JSON functions compare names and strings byte by byte as they are
 * written, so escapes of characters that need none are undone here: "caf\u00e9"
 * and "café" are one name. \u0000 would end a string for SQLite early, and is
 * refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "store/statement.h"

static unsigned hex_of(char c)
{
    if (c >= '0' && c <= '9') return (unsigned)(c - '0');
    return (unsigned)((c | 0x20) - 'a') + 10;
}

static uint32_t read_hex4(const char *p)
{
    return hex_of(p[0]) << 12 | hex_of(p[1]) << 8 | hex_of(p[2]) << 4 |
           hex_of(p[3]);
}

/* The code point of the escape at p (which starts with "\u" in valid JSON),
 * and the bytes it takes. */
static uint32_t read_escape(const char *p, size_t *size)
{
    const uint32_t high = read_hex4(p + 2);

    *size = 6;
    if (high < 0xd800 || high > 0xdbff) return high;
    *size = 12;
    return 0x10000 + ((high - 0xd800) << 10) + (read_hex4(p + 8) - 0xdc00);
}

/* The escape at p into out in its one spelling; returns the bytes read, 0 for
 * U+0000. */
static size_t copy_escape(const char *p, anm_buf *out)
{
    static const char short_forms[][3] = { "\bb", "\tt",  "\nn", "\ff",
                                           "\rr", "\"\"", "\\\\" };
    size_t size = 2;
    uint32_t c = (unsigned char)p[1];
    char utf8[4];

    if (p[1] != 'u' && p[1] != '/') {
        anm_buf_append(out, p, 2);
        return 2;
    }
    if (p[1] == 'u') c = read_escape(p, &size);
    if (c == 0) return 0;
    for (size_t i = 0; i < sizeof(short_forms) / sizeof(short_forms[0]); i++) {
        if (c != (unsigned char)short_forms[i][0]) continue;
        anm_buf_printf(out, "\\%c", short_forms[i][1]);
        return size;
    }
    if (c < 0x20)
        anm_buf_printf(out, "\\u%04x", c);
    else
        anm_buf_append(out, utf8, anm_utf8_encode(c, utf8));
    return size;
}

/* How deep arrays and objects stand in each other in valid JSON. */
static size_t depth_of(anm_text json)
{
    size_t depth = 0, deepest = 0;
    bool in_string = false;

    for (size_t i = 0; i < json.len; i++) {
        const char c = json.data[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
        if (depth > deepest) deepest = depth;
    }
    return deepest;
}

/* Backslashes occur in strings only, so the JSON around them needs no care. */
static anm_status copy_json(anm_text json, anm_buf *out, anm_error *err)
{
    size_t i = 0;

    while (i < json.len) {
        const char *from = json.data + i;
        const char *next = memchr(from, '\\', json.len - i);
        const size_t plain = next ? (size_t)(next - from) : json.len - i;

        anm_buf_append(out, from, plain);
        i += plain;
        if (!next) break;
        const size_t size = copy_escape(next, out);
        if (!size)
            return anm_fail(err, ANM_E_FORMAT,
                            "metadata: \\u0000 at byte %zu, allowed is any "
                            "other character",
                            i);
        i += size;
    }
    return ANM_OK;
}

anm_status anm_meta_normal(anm_text meta, anm_buf *out, anm_error *err)
{
    json_t *v;

    anm_buf_reset(out);
    if (meta.len > ANM_STORE_META_MAX)
        return anm_fail(err, ANM_E_LIMIT, "metadata of %zu bytes, at most %d",
                        meta.len, ANM_STORE_META_MAX);
    if (meta.len == 0) meta = anm_text_from("{}");
    anm_status status = anm_json_parse(&v, meta.data, meta.len, err);
    if (status) return anm_fail_prefix(err, status, "metadata");
    if (!json_is_object(v))
        status = anm_fail(err, ANM_E_FORMAT,
                          "metadata is of type %s, needed is an object",
                          anm_json_type_name(v));
    json_decref(v);
    const size_t depth = status ? 0 : depth_of(meta);
    if (depth > ANM_STORE_META_DEPTH)
        status = anm_fail(err, ANM_E_FORMAT,
                          "metadata is nested %zu deep, at most %d", depth,
                          ANM_STORE_META_DEPTH);
    if (!status) status = copy_json(meta, out, err);
    if (!status && out->failed)
        status = anm_fail(err, ANM_E_NOMEM, "metadata: out of memory");
    return status;
}

anm_status anm_vector_check(const float *v, size_t dim, anm_error *err)
{
    double sum = 0.0;

    for (size_t i = 0; i < dim; i++)
        sum += (double)v[i] * v[i];
    // Squares of floats do not overflow in double: not finite here is not
    // finite there.
    for (size_t i = 0; !isfinite(sum) && i < dim; i++) {
        if (isfinite(v[i])) continue;
        return anm_fail(err, ANM_E_MISMATCH,
                        "vector has %g at %zu, allowed are finite numbers",
                        (double)v[i], i);
    }
    const double norm = sqrt(sum);
    if (norm == 0.0)
        return anm_fail(err, ANM_E_MISMATCH,
                        "vector has length 0, allowed is 1 within 0.001");
    if (fabs(norm - 1.0) > 1e-3)
        return anm_fail(err, ANM_E_MISMATCH,
                        "vector has length %.6g, allowed is 1 within 0.001",
                        norm);
    return ANM_OK;
}
