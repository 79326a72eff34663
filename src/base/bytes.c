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

const char *anm_bytes_mistaken(anm_bytes file)
{
    static const char lfs[] = "a pointer of Git LFS in place of the file; "
                              "`git lfs pull` in its folder fetches it";
    static const char page[] = "a page of a web site in place of the file; "
                               "fetch the file itself";
    static const char mark[] = "begins with a byte order mark; save it as "
                               "UTF-8 without one";
    static const char wide[] = "text in UTF-16; save it as UTF-8";
    static const struct {
        const char *start, *words;
    } known[] = {
        { "version https://git-lfs.github.com/spec/", lfs },
        { "<!DOCTYPE", page },
        { "<!doctype", page },
        { "<html", page },
        { "\xef\xbb\xbf", mark },
        { "\xff\xfe", wide },
        { "\xfe\xff", wide },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const size_t len = strlen(known[i].start);
        if (file.len >= len && memcmp(file.data, known[i].start, len) == 0)
            return known[i].words;
    }
    return NULL;
}
