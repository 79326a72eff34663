/* bytes.c - the only place where untrusted bytes are stepped over.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <string.h>

anm_bytes anm_bytes_of(const void *data, size_t len)
{
    return (anm_bytes){ .data = data, .len = len };
}

bool anm_bytes_slice(anm_bytes b, uint64_t offset, uint64_t n, anm_bytes *out)
{
    if (offset > b.len || n > b.len - offset) return false;
    // NULL plus 0 is undefined, and an empty run may well be NULL.
    *out = (anm_bytes){ .data = offset ? b.data + offset : b.data,
                        .len = (size_t)n };
    return true;
}

bool anm_take(anm_bytes *rest, uint64_t n, anm_bytes *out)
{
    anm_bytes behind;

    if (!anm_bytes_slice(*rest, n, rest->len - n, &behind)) return false;
    *out = (anm_bytes){ .data = rest->data, .len = (size_t)n };
    *rest = behind;
    return true;
}

/* Little-endian value of the first n <= 8 bytes. */
static bool take_le(anm_bytes *rest, size_t n, uint64_t *out)
{
    anm_bytes field;

    if (!anm_take(rest, n, &field)) return false;
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out |= (uint64_t)field.data[i] << (8 * i);
    return true;
}

bool anm_take_u8(anm_bytes *rest, uint8_t *out)
{
    uint64_t value;
    if (!take_le(rest, 1, &value)) return false;
    *out = (uint8_t)value;
    return true;
}

bool anm_take_u32le(anm_bytes *rest, uint32_t *out)
{
    uint64_t value;
    if (!take_le(rest, 4, &value)) return false;
    *out = (uint32_t)value;
    return true;
}

bool anm_take_u64le(anm_bytes *rest, uint64_t *out)
{
    return take_le(rest, 8, out);
}

bool anm_bytes_equal(anm_bytes a, anm_bytes b)
{
    return a.len == b.len && (!a.len || memcmp(a.data, b.data, a.len) == 0);
}
