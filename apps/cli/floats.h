/* floats.h - vectors as text: JSON numbers, or base64 of little-endian
 * float32.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_FLOATS_H
#define CLI_FLOATS_H

#include "output.h"

/* Little-endian bytes of a float32. */
void cli_f32_bytes(float value, unsigned char out[4]);

/* Nine significant digits give every float32 back. */
void cli_put_floats(FILE *out, const float *values, size_t n);

/* A JSON string. */
void cli_put_base64(FILE *out, const float *values, size_t n);

void cli_put_ids(FILE *out, const int32_t *ids, size_t n);

#endif
