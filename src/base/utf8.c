/* utf8.c - UTF-8 checked, decoded and written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* Bytes of the valid multi-byte sequence at s[0], 0 when there is none. The
 * second byte's range is what keeps out overlong forms, surrogates and code
 * points above U+10FFFF (RFC 3629, section 4). */
static size_t sequence_size(const unsigned char *s, size_t len)
{
    const unsigned char lead = s[0];
    unsigned char low = 0x80, high = 0xbf;
    size_t size;

    if (lead >= 0xc2 && lead <= 0xdf)
        size = 2;
    else if (lead >= 0xe0 && lead <= 0xef)
        size = 3;
    else if (lead >= 0xf0 && lead <= 0xf4)
        size = 4;
    else
        return 0;

    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
    if (len < size || s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < size; i++)
        if (!is_tail(s[i])) return 0;
    return size;
}

size_t anm_utf8_invalid_at(const char *s, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)s;
    size_t i = 0;

    while (i < len) {
        uint64_t eight = 0;
        if (len - i >= sizeof(eight)) {
            memcpy(&eight, bytes + i, sizeof(eight));
            if (!(eight & UINT64_C(0x8080808080808080))) {
                i += sizeof(eight);
                continue;
            }
        }
        const size_t size =
            bytes[i] < 0x80 ? 1 : sequence_size(bytes + i, len - i);
        if (!size) return i;
        i += size;
    }
    return len;
}

uint32_t anm_utf8_decode(const char *s, size_t len, size_t *size)
{
    const unsigned char *bytes = (const unsigned char *)s;
    const uint32_t lead = bytes[0];

    assert(len > 0);
    (void)len;
    if (lead < 0x80) {
        *size = 1;
        return lead;
    }
    if (lead < 0xe0) {
        assert(len >= 2);
        *size = 2;
        return (lead & 0x1f) << 6 | (bytes[1] & 0x3fu);
    }
    if (lead < 0xf0) {
        assert(len >= 3);
        *size = 3;
        return (lead & 0x0f) << 12 | (bytes[1] & 0x3fu) << 6 |
               (bytes[2] & 0x3fu);
    }
    assert(len >= 4);
    *size = 4;
    return (lead & 0x07) << 18 | (bytes[1] & 0x3fu) << 12 |
           (bytes[2] & 0x3fu) << 6 | (bytes[3] & 0x3fu);
}

size_t anm_utf8_encode(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}
