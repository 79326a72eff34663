/* alphabet.c - sets of code points divide all of them into classes.
 *
 * The ends of all spans cut the code points into intervals; every set then
 * splits each class into what is inside and what is outside.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "text/pattern.h"

enum { END = 0x110000, NO_CLASS = -1, CLASSES_MAX = 256 };

/* Interval i is [starts[i], starts[i + 1]) and in class class_of[i]. */
typedef struct division {
    uint32_t *starts; /* [n + 1]; the last is END */
    uint8_t *class_of;
    size_t n, n_classes;
} division;

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static bool cut(division *d, const anm_charset *sets, size_t n_sets)
{
    size_t n = 2, kept = 1;

    for (size_t i = 0; i < n_sets; i++)
        n += 2 * sets[i].n;
    d->starts = anm_alloc_array(n, sizeof(*d->starts));
    d->class_of = anm_alloc_array(n, sizeof(*d->class_of));
    if (!d->starts || !d->class_of) return false;
    n = 0;
    d->starts[n++] = 0;
    d->starts[n++] = END;
    for (size_t i = 0; i < n_sets; i++)
        for (size_t k = 0; k < sets[i].n; k++) {
            d->starts[n++] = sets[i].spans[k].first;
            d->starts[n++] = sets[i].spans[k].last + 1;
        }
    qsort(d->starts, n, sizeof(*d->starts), compare_numbers);
    for (size_t i = 1; i < n; i++)
        if (d->starts[i] != d->starts[i - 1]) d->starts[kept++] = d->starts[i];
    d->n = kept - 1;
    d->n_classes = 1;
    return true;
}

/* Whether the set holds interval i; *span follows i upward. */
static bool holds(const division *d, const anm_charset *s, size_t i,
                  size_t *span)
{
    while (*span < s->n && s->spans[*span].last < d->starts[i])
        ++*span;
    return *span < s->n && s->spans[*span].first <= d->starts[i];
}

/* Split the classes by one set. False: too many. */
static bool split_by(division *d, const anm_charset *s)
{
    int renamed[2][CLASSES_MAX];
    size_t span = 0, n = 0;

    for (size_t i = 0; i < CLASSES_MAX; i++)
        renamed[0][i] = renamed[1][i] = NO_CLASS;
    for (size_t i = 0; i < d->n; i++) {
        int *name = &renamed[holds(d, s, i, &span)][d->class_of[i]];
        if (*name == NO_CLASS) {
            if (n == CLASSES_MAX) return false;
            *name = (int)n++;
        }
        d->class_of[i] = (uint8_t)*name;
    }
    d->n_classes = n;
    return true;
}

static void list_members(const division *d, const anm_charset *s,
                         anm_class_set *out)
{
    size_t span = 0;

    *out = (anm_class_set){ { 0 } };
    for (size_t i = 0; i < d->n; i++) {
        const uint8_t class = d->class_of[i];
        if (holds(d, s, i, &span))
            out->bits[class / 8] =
                (uint8_t)(out->bits[class / 8] | 1u << class % 8);
    }
}

/* The block with these classes: the last one or a new one. */
static bool add_block(anm_alphabet *a, const uint8_t page[256], size_t *block)
{
    for (size_t back = 1; back <= 2 && back <= a->n_blocks; back++) {
        *block = a->n_blocks - back;
        if (memcmp(a->blocks[*block], page, 256) == 0) return true;
    }
    if (!anm_grow(&a->blocks, &a->cap, a->n_blocks + 1, sizeof(*a->blocks)))
        return false;
    *block = a->n_blocks++;
    memcpy(a->blocks[*block], page, 256);
    return true;
}

static bool spread(anm_alphabet *a, const division *d)
{
    size_t i = 0;

    for (uint32_t p = 0; p < ANM_ALPHABET_PAGES; p++) {
        uint8_t page[256];
        size_t block = 0;
        for (uint32_t at = 0; at < 256;) {
            while (d->starts[i + 1] <= p * 256 + at)
                i++;
            const uint32_t left = d->starts[i + 1] - (p * 256 + at);
            const uint32_t n = left < 256 - at ? left : 256 - at;
            memset(page + at, d->class_of[i], n);
            at += n;
        }
        if (!add_block(a, page, &block)) return false;
        a->block_of[p] = (uint16_t)block;
    }
    return true;
}

anm_status anm_alphabet_init(anm_alphabet *a, const anm_charset *sets,
                             size_t n_sets, anm_class_set *members,
                             anm_error *err)
{
    division d = { 0 };
    bool few = true, ok = cut(&d, sets, n_sets);

    for (size_t i = 0; i < n_sets && ok && few; i++)
        few = split_by(&d, &sets[i]);
    for (size_t i = 0; i < n_sets && ok && few; i++)
        list_members(&d, &sets[i], &members[i]);
    ok = ok && (!few || spread(a, &d));
    a->n_classes = d.n_classes;
    anm_free(d.starts);
    anm_free(d.class_of);
    if (!few)
        return anm_fail(err, ANM_E_LIMIT,
                        "pattern: over %d different characters and classes",
                        CLASSES_MAX);
    return ok ? ANM_OK : anm_fail(err, ANM_E_NOMEM, "pattern: out of memory");
}

void anm_alphabet_deinit(anm_alphabet *a)
{
    anm_free(a->blocks);
    a->blocks = NULL;
}
