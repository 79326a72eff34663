/* error.c - messages that are always one printable line, and the names of the
 * statuses.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

const char *anm_status_name(anm_status status)
{
    static const char *const names[] = {
#define X(name, exit_code, text) "ANM_" #name,
        ANM_STATUS_LIST(X)
#undef X
    };
    const size_t i = (size_t)status;
    return i < sizeof(names) / sizeof(names[0]) ? names[i] : "ANM_?";
}

/* True for code points that move the cursor, break the line or reorder what
 * stands beside them: C0, DEL, C1, separators, bidirectional controls. */
static bool is_unprintable(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) ||
           (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

/* Bytes of the printable character at s[0]; 0 when it must be escaped. */
static size_t printable_size(const char *s, size_t len)
{
    const size_t window = len < 4 ? len : 4;
    size_t size = 0;

    if (anm_utf8_invalid_at(s, window) == 0) return 0;
    const uint32_t cp = anm_utf8_decode(s, window, &size);
    return is_unprintable(cp) ? 0 : size;
}

/* Copy raw into out as one printable line; what does not fit is replaced by
 * "…" at a character boundary. */
static void write_line(char *out, size_t cap, const char *raw, size_t len)
{
    static const char cut[] = "…";
    const size_t room = cap - 1;
    const size_t room_if_cut = room - (sizeof(cut) - 1);
    size_t n = 0, keep = 0;

    for (size_t i = 0; i < len;) {
        const size_t size = printable_size(raw + i, len - i);
        const size_t needed = size ? size : 4;

        if (n <= room_if_cut) keep = n;
        if (n + needed > room) {
            memcpy(out + keep, cut, sizeof(cut));
            return;
        }
        if (size)
            memcpy(out + n, raw + i, size);
        else
            snprintf(out + n, cap - n, "\\x%02X", (unsigned char)raw[i]);
        n += needed;
        i += size ? size : 1;
    }
    out[n] = '\0';
}

/* Long enough that whatever is lost here would be cut from the message too:
 * a byte never becomes less than a byte. */
enum { RAW_BYTES = 2 * sizeof(((anm_error *)0)->message) };

/* Format into raw and return the bytes that are there. */
static size_t format_raw(char *raw, size_t cap, const char *format,
                         va_list args) ANM_PRINTF(3, 0);

static size_t format_raw(char *raw, size_t cap, const char *format,
                         va_list args)
{
    const int n = vsnprintf(raw, cap, format, args);

    if (n < 0) raw[0] = '\0';
    return n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1;
}

anm_status anm_fail(anm_error *err, anm_status status, const char *format, ...)
{
    char raw[RAW_BYTES];
    va_list args;

    if (!err) return status;
    va_start(args, format);
    const size_t len = format_raw(raw, sizeof(raw), format, args);
    va_end(args);
    err->status = status;
    write_line(err->message, sizeof(err->message), raw, len);
    return status;
}

/* Append ": tail" to raw[0..len), as far as it fits. */
static size_t append_tail(char *raw, size_t cap, size_t len, const char *tail)
{
    const int n = snprintf(raw + len, cap - len, ": %s", tail);

    return n < 0 ? len : len + (size_t)n < cap ? len + (size_t)n : cap - 1;
}

anm_status anm_fail_prefix(anm_error *err, anm_status status,
                           const char *format, ...)
{
    char raw[RAW_BYTES];
    va_list args;

    if (!err) return status;
    va_start(args, format);
    size_t len = format_raw(raw, sizeof(raw), format, args);
    va_end(args);
    len = append_tail(raw, sizeof(raw), len, err->message);
    err->status = status;
    write_line(err->message, sizeof(err->message), raw, len);
    return status;
}

static anm_status status_of_errno(int errno_value)
{
    switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
        return ANM_E_NOTFOUND;
    case ENOMEM:
        return ANM_E_NOMEM;
    default:
        return ANM_E_IO;
    }
}

// Two incompatible functions share the name strerror_r.
#if defined(__GLIBC__)
static const char *errno_text(int errno_value, char *storage, size_t cap)
{
    return strerror_r(errno_value, storage, cap);
}
#else
static const char *errno_text(int errno_value, char *storage, size_t cap)
{
    if (strerror_r(errno_value, storage, cap)) return "unknown error";
    return storage;
}
#endif

anm_status anm_fail_errno(anm_error *err, int errno_value, const char *format,
                          ...)
{
    const anm_status status = status_of_errno(errno_value);
    char raw[RAW_BYTES], storage[128];
    va_list args;

    if (!err) return status;
    va_start(args, format);
    size_t len = format_raw(raw, sizeof(raw), format, args);
    va_end(args);
    len = append_tail(raw, sizeof(raw), len,
                      errno_text(errno_value, storage, sizeof(storage)));
    err->status = status;
    write_line(err->message, sizeof(err->message), raw, len);
    return status;
}
