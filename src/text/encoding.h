/* encoding.h - the ids of one text, and the memory that making them needs.
 *
 * An encoding keeps its largest size, so the second identical text allocates
 * nothing. Functions that may have to grow it return false when memory is out;
 * what it held stays valid.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ENCODING_H
#define ANM_ENCODING_H

#include "anemone.h"
#include "base/alloc.h"
#include "base/utf8.h"
#include "text/tokenizer.h"

/* UTF-8 on its way through the normalizers. */
typedef struct anm_scratch {
    char *data; /* [len] */
    size_t len, cap;
} anm_scratch;

/* Code points on their way through canonical ordering and composition. */
typedef struct anm_codes {
    int32_t *data; /* [len] */
    size_t len, cap;
} anm_codes;

/* Symbols of one word while they are merged; what each array means is said in
 * merge.c. */
typedef struct anm_merging {
    struct anm_symbol *symbols; /* [n] */
    size_t n, cap;
    uint64_t *queue; /* [n_queued] */
    size_t n_queued, queue_cap;
} anm_merging;

typedef struct anm_word_cache anm_word_cache;

struct anm_encoding {
    int32_t *ids; /* [n] */
    size_t n, cap;
    anm_scratch texts[2];  /* a normalizer reads one and writes the other */
    anm_codes held;        /* marks that wait for their order */
    anm_codes sorted;      /* room to sort them */
    anm_codes composing;   /* a run that may still be composed */
    anm_scratch classes;   /* texts that patterns are looked for in, a stack */
    anm_scratch spaced;    /* a stretch behind the space that ByteLevel adds */
    anm_scratch mapped;    /* a word as ByteLevel spells it */
    anm_merging merging;   /* a word between its symbols and its pieces */
    anm_word_cache *words; /* pieces of words seen before, or NULL */
    struct anm_pattern_room *pattern_room; /* or NULL */
    anm_status trouble; /* why a stage gave up; ANM_OK: memory */
};

/* Room for n more elements. */
static inline bool anm_scratch_reserve(anm_scratch *s, size_t n)
{
    return s->cap - s->len >= n || (n <= SIZE_MAX - s->len &&
                                    anm_grow(&s->data, &s->cap, s->len + n, 1));
}

static inline bool anm_codes_reserve(anm_codes *c, size_t n)
{
    return c->cap - c->len >= n ||
           (n <= SIZE_MAX - c->len &&
            anm_grow(&c->data, &c->cap, c->len + n, sizeof(*c->data)));
}

static inline bool anm_encoding_reserve(anm_encoding *e, size_t n)
{
    return e->cap - e->n >= n ||
           (n <= SIZE_MAX - e->n &&
            anm_grow(&e->ids, &e->cap, e->n + n, sizeof(*e->ids)));
}

static inline bool anm_scratch_append(anm_scratch *s, anm_text text)
{
    if (!text.len) return true;
    if (!anm_scratch_reserve(s, text.len)) return false;
    memcpy(s->data + s->len, text.data, text.len);
    s->len += text.len;
    return true;
}

static inline bool anm_scratch_put(anm_scratch *s, uint32_t cp)
{
    if (!anm_scratch_reserve(s, 4)) return false;
    s->len += anm_utf8_encode(cp, s->data + s->len);
    return true;
}

static inline bool anm_encoding_push(anm_encoding *e, int32_t id)
{
    if (!anm_encoding_reserve(e, 1)) return false;
    e->ids[e->n++] = id;
    return true;
}

#endif
