/* Any bytes as a saved tokenizer; the first decides whether the checksum is
 * made to fit, so that damage reaches the fields. What loads must tokenize.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void use(anm_tokenizer *t)
{
    static const char text[] = "Un \xc3\xa9"
                               "a\xcc\x81 [MASK]\xe4\xb8\x80 12!";
    anm_encoding *e = NULL;

    if (anm_encoding_new(&e, NULL)) abort();
    anm_tokenizer_encode(t, (anm_text){ text, sizeof(text) - 1 }, true, e,
                         NULL);
    anm_encoding_free(e);
    anm_tokenizer_free(t);
}

/* The checksum as tokenizer_binary.c defines it. */
static uint64_t checksum(const uint8_t *data, size_t len)
{
    uint64_t h = len, word = 0;

    for (; len >= 8; data += 8, len -= 8) {
        memcpy(&word, data, 8);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, data, len);
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    anm_tokenizer *t = NULL;
    uint8_t *copy = malloc(len ? len : 1);

    if (!copy || !len) return free(copy), 0;
    memcpy(copy, data + 1, len - 1);
    if (data[0] & 1 && len > 25) {
        const uint64_t sum = checksum(copy + 24, len - 25);
        memcpy(copy + 16, &sum, 8);
    }
    if (!anm_tokenizer_load(&t, (anm_bytes){ copy, len - 1 }, NULL)) use(t);
    free(copy);
    return 0;
}
