/* Any bytes as a tokenizer.json, and behind a NUL byte as vocab.txt and its
 * settings; what compiles must tokenize.
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
    anm_tokenizer_info info;

    anm_tokenizer_describe(t, &info);
    if (anm_encoding_new(&e, NULL) ||
        anm_tokenizer_encode(t, (anm_text){ text, sizeof(text) - 1 }, true, e,
                             NULL))
        abort();
    for (size_t i = 0; i < anm_encoding_n(e); i++)
        if ((size_t)anm_encoding_ids(e)[i] >= info.vocab_size) abort();
    anm_encoding_free(e);
    anm_tokenizer_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    anm_tokenizer *t = NULL;
    anm_error err;
    const uint8_t *nul = len ? memchr(data, 0, len) : NULL;

    if (!nul) {
        if (!anm_tokenizer_new(&t, (anm_bytes){ data, len }, &err)) use(t);
        return 0;
    }
    const size_t n = (size_t)(nul - data);
    const anm_bytes vocab = { data, n }, config = { nul + 1, len - n - 1 };
    if (!anm_tokenizer_new_vocab(&t, vocab, config, &err)) use(t);
    return 0;
}
