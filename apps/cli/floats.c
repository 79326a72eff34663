/* floats.c - writes vectors and ids.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "floats.h"

#include <inttypes.h>
#include <string.h>

void cli_f32_bytes(float value, unsigned char out[4])
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(bits >> 8 * i);
}

void cli_put_floats(FILE *out, const float *values, size_t n)
{
    fputc('[', out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s%.9g", i ? "," : "", (double)values[i]);
    fputc(']', out);
}

void cli_put_base64(FILE *out, const float *values, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t group = 0;
    unsigned held = 0; // bytes in group

    fputc('"', out);
    for (size_t i = 0; i < n; i++) {
        unsigned char bytes[4];
        cli_f32_bytes(values[i], bytes);
        for (size_t b = 0; b < 4; b++) {
            group = group << 8 | bytes[b];
            if (++held < 3) continue;
            for (int shift = 18; shift >= 0; shift -= 6)
                fputc(digits[group >> shift & 63], out);
            group = 0;
            held = 0;
        }
    }
    if (held) {
        group <<= 8 * (3 - held);
        fputc(digits[group >> 18 & 63], out);
        fputc(digits[group >> 12 & 63], out);
        fputc(held == 2 ? digits[group >> 6 & 63] : '=', out);
        fputc('=', out);
    }
    fputc('"', out);
}

void cli_put_ids(FILE *out, const int32_t *ids, size_t n)
{
    fputc('[', out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s%" PRId32, i ? "," : "", ids[i]);
    fputc(']', out);
}
