/* Any bytes as a text; the first one picks the settings. Ids stay inside the
 * vocabulary, and the same text gives the same ids again.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *bit(unsigned s, unsigned i)
{
    return s >> i & 1 ? "true" : "false";
}

static anm_tokenizer *make(unsigned s)
{
    static const char *const forms[4] = { "NFC", "NFD", "NFKC", "NFKD" };
    anm_tokenizer *t = NULL;
    char json[2048];
    snprintf(
        json, sizeof(json),
        "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": ["
        "{\"type\": \"%s\"}, {\"type\": \"BertNormalizer\", \"clean_text\": %s,"
        "\"handle_chinese_chars\": true, \"strip_accents\": %s, \"lowercase\":"
        "%s}]}, \"pre_tokenizer\": {\"type\": \"%s\"}, \"added_tokens\": ["
        "{\"id\": 1, \"content\": \"[\\u00c9]\", \"single_word\": %s,"
        "\"lstrip\": %s, \"rstrip\": true, \"normalized\": %s, \"special\":"
        "true}], \"model\": {\"type\": \"WordPiece\", \"unk_token\": \"?\","
        "\"continuing_subword_prefix\": \"##\", \"max_input_chars_per_word\":"
        "9, \"vocab\": {\"?\": 0, \"a\": 1, \"##a\": 2, \"\\u0301\": 3}}}",
        forms[s & 3], bit(s, 2), bit(s, 3), bit(s, 4),
        s >> 5 & 1 ? "Whitespace" : "BertPreTokenizer", bit(s, 6), bit(s, 7),
        bit(s, 3));
    if (anm_tokenizer_new(&t, (anm_bytes){ (uint8_t *)json, strlen(json) },
                          NULL))
        abort();
    return t;
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static anm_tokenizer *made[256];
    static anm_encoding *e[2];

    for (size_t i = 0; i < 2; i++)
        if (!e[i] && anm_encoding_new(&e[i], NULL)) abort();
    if (!len) return 0;
    anm_tokenizer *t = made[data[0]] ? made[data[0]] : make(data[0]);
    made[data[0]] = t;
    const anm_text text = { (const char *)data + 1, len - 1 };
    for (size_t i = 0; i < 2; i++)
        if (anm_tokenizer_encode(t, text, true, e[i], NULL)) return 0;
    if (anm_encoding_n(e[0]) != anm_encoding_n(e[1])) abort();
    for (size_t i = 0; i < anm_encoding_n(e[0]); i++) {
        const int32_t id = anm_encoding_ids(e[0])[i];
        if (id != anm_encoding_ids(e[1])[i] || id < 0 || id > 4) abort();
    }
    return 0;
}
