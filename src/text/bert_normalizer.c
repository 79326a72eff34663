/* bert_normalizer.c - BertNormalizer: clean, set ideographs apart, strip accents, lower
 * the case, in that order, in one pass.
 *
 * ASCII goes through a loop of its own; everything else is looked up a code
 * point at a time. Accents are marks that a canonical decomposition sets free,
 * so what remains of it must be put into canonical order.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "text/stages.h"

static bool put(const anm_order *o, uint32_t cp, unsigned flags)
{
    uint32_t lower[2];

    if (!(flags & ANM_CHAR_UPPER) || !(o->options & ANM_BERT_LOWER))
        return anm_scratch_put(o->out, cp);
    const size_t n = anm_char_lower_of(cp, lower);
    return anm_scratch_put(o->out, lower[0]) &&
           (n == 1 || anm_scratch_put(o->out, lower[1]));
}

/* Accents fall before they are ordered: the result is the same, and less
 * waits. */
static bool add_stripped(const anm_order *o, uint32_t cp, unsigned flags)
{
    if (flags & ANM_CHAR_NONSPACING) return true;
    if (flags & ANM_CHAR_CANONICAL)
        return anm_order_add_parts(o, cp, ANM_CHAR_NONSPACING, false);
    return anm_order_add(o, cp, flags);
}

static bool add_one(const anm_order *o, uint32_t cp, unsigned flags)
{
    if (o->options & ANM_BERT_STRIP) return add_stripped(o, cp, flags);
    return put(o, cp, flags);
}

static bool add_code(const anm_order *o, uint32_t cp)
{
    const unsigned flags = anm_char_flags(&o->t->chars, cp);

    if (o->options & ANM_BERT_CLEAN) {
        if (flags & ANM_CHAR_DROP) return true;
        if (flags & ANM_CHAR_SPACE) return add_one(o, ' ', ANM_CHAR_SPACE);
    }
    if (flags & ANM_CHAR_CJK && o->options & ANM_BERT_CJK)
        return add_one(o, ' ', ANM_CHAR_SPACE) && add_one(o, cp, flags) &&
               add_one(o, ' ', ANM_CHAR_SPACE);
    return add_one(o, cp, flags);
}

/* What becomes of the ASCII codes; keep is 0 for one that is dropped. */
typedef struct ascii_map {
    char to[128];
    unsigned char keep[128];
} ascii_map;

static ascii_map map_ascii(const anm_chars *c, unsigned options)
{
    ascii_map m;

    for (uint32_t cp = 0; cp < 128; cp++) {
        const unsigned flags = anm_char_flags(c, cp);
        const bool cleans = options & ANM_BERT_CLEAN;
        uint32_t to = cp;
        if (cleans && flags & ANM_CHAR_SPACE) to = ' ';
        if (options & ANM_BERT_LOWER && flags & ANM_CHAR_UPPER) to = cp + 32;
        m.to[cp] = (char)to;
        m.keep[cp] = !(cleans && flags & ANM_CHAR_DROP);
    }
    return m;
}

/* Append the ASCII that text starts with; returns its length. out has room. */
static size_t add_ascii(const ascii_map *m, anm_text text, anm_scratch *out)
{
    char *to = out->data + out->len;
    size_t i = 0;

    for (; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.data[i];
        if (c >= 0x80) break;
        *to = m->to[c];
        to += m->keep[c];
    }
    out->len = (size_t)(to - out->data);
    return i;
}

bool anm_bert_run(const anm_tokenizer *t, const anm_normalizer *n,
                  anm_text text, anm_scratch *out, anm_encoding *e)
{
    const anm_order o = { t, put, n->options, out, e };
    const ascii_map map = map_ascii(&t->chars, n->options);

    while (text.len) {
        size_t size = 0;
        if ((unsigned char)text.data[0] < 0x80) {
            if (!anm_order_flush(&o) || !anm_scratch_reserve(out, text.len))
                return false;
            size = add_ascii(&map, text, out);
        } else {
            const uint32_t cp = anm_utf8_decode(text.data, text.len, &size);
            if (!add_code(&o, cp)) return false;
        }
        text.data += size;
        text.len -= size;
    }
    return anm_order_flush(&o);
}
