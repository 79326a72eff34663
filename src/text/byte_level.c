/* byte_level.c - the pre-tokenizer ByteLevel: every byte becomes a visible
 * character of its own.
 *
 * Bytes that are visible characters of Latin-1 stand for themselves; the others
 * become U+0100 and up, in order. Where the model takes bytes as they are
 * (anm_bpe.reads_bytes) nothing is spelled out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "text/stages.h"

static bool is_visible(unsigned byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
}

/* Code points of all bytes. */
static void list_codes(uint16_t codes[256])
{
    uint16_t next = 0x100;

    for (unsigned byte = 0; byte < 256; byte++)
        codes[byte] = is_visible(byte) ? (uint16_t)byte : next++;
}

void anm_byte_level_list(char spelled[256][ANM_BYTE_SPELLED_MAX + 1])
{
    uint16_t codes[256];

    list_codes(codes);
    for (size_t byte = 0; byte < 256; byte++)
        spelled[byte][anm_utf8_encode(codes[byte], spelled[byte])] = '\0';
}

bool anm_byte_level_spell(anm_text text, anm_scratch *out)
{
    uint16_t codes[256];

    list_codes(codes);
    if (text.len > SIZE_MAX / ANM_BYTE_SPELLED_MAX ||
        !anm_scratch_reserve(out, text.len * ANM_BYTE_SPELLED_MAX))
        return false;
    for (size_t i = 0; i < text.len; i++)
        out->len += anm_utf8_encode(codes[(unsigned char)text.data[i]],
                                    out->data + out->len);
    return true;
}

/* ---- The pre-tokenizer --------------------------------------------------- */

enum { ADDS_SPACE = 1 };

/* What the original splits by when it is asked to. */
#define WORDS                                                                  \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"       \
    "\\s+(?!\\S)|\\s+"

anm_status anm_byte_level_compile(anm_tokenizer *t, const json_t *o,
                                  const char *at, anm_splitter *s,
                                  anm_error *err)
{
    bool adds = false, splits = true;
    anm_status status = anm_part_bool(o, "add_prefix_space", at, &adds, err);

    if (!status)
        status = anm_json_bool_or(o, "use_regex", at, true, &splits, err);
    if (status) return status;
    // Both would write into the same memory of an encoding.
    for (size_t i = 0; i + 1 < t->n_splitters; i++)
        if (t->splitters[i].row == s->row)
            return anm_fail(err, ANM_E_UNSUPPORTED,
                            "%s: a second ByteLevel is not built in", at);
    s->flags = adds ? ADDS_SPACE : 0;
    if (!splits) return ANM_OK;
    s->pattern = (anm_text){ WORDS, sizeof(WORDS) - 1 };
    s->how = ANM_SPLIT_ISOLATED;
    return anm_pattern_compile(&s->compiled, s->pattern, false, at, err);
}

static bool hand_on(const anm_tokenizer *t, size_t next, anm_text word,
                    anm_encoding *e)
{
    if (next == t->n_splitters && t->model.bpe.reads_bytes)
        return anm_split(t, next, word, e);
    e->mapped.len = 0;
    if (!anm_byte_level_spell(word, &e->mapped)) return false;
    return anm_split(t, next, (anm_text){ e->mapped.data, e->mapped.len }, e);
}

static bool add_space(anm_text *text, anm_encoding *e)
{
    e->spaced.len = 0;
    if (!anm_scratch_put(&e->spaced, ' ') ||
        !anm_scratch_append(&e->spaced, *text))
        return false;
    *text = (anm_text){ e->spaced.data, e->spaced.len };
    return true;
}

bool anm_byte_level_run(const anm_tokenizer *t, const anm_splitter *s,
                        size_t next, anm_text text, anm_encoding *e)
{
    if (s->flags & ADDS_SPACE && text.data[0] != ' ' && !add_space(&text, e))
        return false;
    if (!s->pattern.len) return hand_on(t, next, text, e);
    return anm_split_by_pattern(t, s, next, text, hand_on, e);
}
