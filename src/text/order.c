/* order.c - canonical ordering and the four normal forms.
 *
 * A mark with a combining class waits until a starter follows; those that wait
 * together are then sorted by class, equal ones in the order they came. The
 * sort counts, so a text of nothing but marks takes linear time.
 *
 * utf8proc gives decompositions, classes and compositions, but sees only code
 * points whose flags say that the original knows them: what Unicode assigned
 * later passes unchanged, as it does there.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <utf8proc.h>

#include "text/stages.h"

enum { FEW = 16, CLASS_SHIFT = 24, CODE_MASK = 0xffffff };

static unsigned class_of(int32_t held)
{
    return (uint32_t)held >> CLASS_SHIFT;
}

static void sort_few(int32_t *held, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const int32_t moved = held[i];
        size_t j = i;
        for (; j > 0 && class_of(held[j - 1]) > class_of(moved); j--)
            held[j] = held[j - 1];
        held[j] = moved;
    }
}

static bool sort_many(anm_codes *held, anm_codes *room)
{
    size_t first[257] = { 0 };

    room->len = 0;
    if (!anm_codes_reserve(room, held->len)) return false;
    for (size_t i = 0; i < held->len; i++)
        first[class_of(held->data[i]) + 1]++;
    for (size_t class = 1; class < 257; class ++)
        first[class] += first[class - 1];
    for (size_t i = 0; i < held->len; i++)
        room->data[first[class_of(held->data[i])]++] = held->data[i];
    memcpy(held->data, room->data, held->len * sizeof(*held->data));
    return true;
}

bool anm_order_flush(const anm_order *o)
{
    anm_codes *held = &o->e->held;
    const size_t n = held->len;

    if (!n) return true;
    if (n <= FEW)
        sort_few(held->data, n);
    else if (!sort_many(held, &o->e->sorted))
        return false;
    held->len = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t cp = (uint32_t)held->data[i] & CODE_MASK;
        if (!o->put(o, cp, anm_char_flags(&o->t->chars, cp))) return false;
    }
    return true;
}

bool anm_order_add(const anm_order *o, uint32_t cp, unsigned flags)
{
    anm_codes *held = &o->e->held;

    if (!(flags & ANM_CHAR_ORDERED))
        return (!held->len || anm_order_flush(o)) && o->put(o, cp, flags);
    const uint32_t class =
        (uint32_t)utf8proc_get_property((int32_t)cp)->combining_class;
    if (!anm_codes_reserve(held, 1)) return false;
    held->data[held->len++] = (int32_t)(class << CLASS_SHIFT | cp);
    return true;
}

bool anm_order_add_parts(const anm_order *o, uint32_t cp, unsigned without,
                         bool compatible)
{
    enum { PARTS = 32 }; // the longest decomposition has 18
    int32_t parts[PARTS];
    int boundary = 0;
    const utf8proc_ssize_t n = utf8proc_decompose_char(
        (int32_t)cp, parts, PARTS,
        compatible ? UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT : UTF8PROC_DECOMPOSE,
        &boundary);

    assert(n > 0 && n <= PARTS);
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        const uint32_t part = (uint32_t)parts[i];
        const unsigned flags = anm_char_flags(&o->t->chars, part);
        if (flags & without) continue;
        if (!anm_order_add(o, part, flags)) return false;
    }
    return true;
}

/* ---- Normal forms -------------------------------------------------------- */

static bool put_decomposed(const anm_order *o, uint32_t cp, unsigned flags)
{
    (void)flags;
    return anm_scratch_put(o->out, cp);
}

static bool put_composing(const anm_order *o, uint32_t cp, unsigned flags)
{
    anm_codes *run = &o->e->composing;

    (void)flags;
    if (!anm_codes_reserve(run, 1)) return false;
    run->data[run->len++] = (int32_t)cp;
    return true;
}

/* Compose the run that waits and write it out. */
static bool flush_composing(const anm_order *o)
{
    anm_codes *run = &o->e->composing;
    size_t n = run->len;

    run->len = 0;
    if (!n) return true;
    if (n > 1) {
        const utf8proc_ssize_t composed = utf8proc_normalize_utf32(
            run->data, (utf8proc_ssize_t)n, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
        assert(composed > 0);
        n = (size_t)composed;
    }
    for (size_t i = 0; i < n; i++)
        if (!anm_scratch_put(o->out, (uint32_t)run->data[i])) return false;
    return true;
}

/* Bytes at the front that no normal form changes: ASCII, except the last
 * before something else, with which it may compose. */
static size_t inert_len(anm_text text)
{
    size_t n = 0;

    while (n < text.len && (unsigned char)text.data[n] < 0x80)
        n++;
    return n && n < text.len ? n - 1 : n;
}

static bool add_code(const anm_order *o, uint32_t cp, unsigned decomposes)
{
    const unsigned flags = anm_char_flags(&o->t->chars, cp);
    const unsigned active = decomposes | ANM_CHAR_ORDERED | ANM_CHAR_COMPOSES;

    if (!(flags & active))
        return anm_order_flush(o) && flush_composing(o) &&
               anm_scratch_put(o->out, cp);
    if (flags & decomposes)
        return anm_order_add_parts(o, cp, 0, o->options & ANM_FORM_COMPATIBLE);
    return anm_order_add(o, cp, flags);
}

bool anm_form_run(const anm_tokenizer *t, const anm_normalizer *n,
                  anm_text text, anm_scratch *out, anm_encoding *e)
{
    const bool compatible = n->options & ANM_FORM_COMPATIBLE;
    const bool composed = n->options & ANM_FORM_COMPOSED;
    const unsigned decomposes =
        ANM_CHAR_CANONICAL | (compatible ? ANM_CHAR_COMPATIBLE : 0);
    const anm_order o = { t, composed ? put_composing : put_decomposed,
                          n->options, out, e };

    while (text.len) {
        size_t size = inert_len(text);
        if (size) {
            const anm_text same = { text.data, size };
            if (!anm_order_flush(&o) || !flush_composing(&o) ||
                !anm_scratch_append(out, same))
                return false;
        } else {
            const uint32_t cp = anm_utf8_decode(text.data, text.len, &size);
            if (!add_code(&o, cp, decomposes)) return false;
        }
        text.data += size;
        text.len -= size;
    }
    return anm_order_flush(&o) && flush_composing(&o);
}
