/* merge.c - merging symbols, and the cache of words.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "text/merge.h"

/* Up to here scanning all pairs is cheaper than keeping a queue. */
enum { SHORT_WORD = 48 };

bool anm_merging_begin(anm_encoding *e, size_t n)
{
    e->merging.n = 0;
    if (n > INT32_MAX) {
        e->trouble = ANM_E_LIMIT;
        return false;
    }
    return anm_grow(&e->merging.symbols, &e->merging.cap, n,
                    sizeof(*e->merging.symbols));
}

static void look_up(const anm_merges *m, anm_symbol *a, const anm_symbol *b)
{
    const anm_merge *found = anm_merge_find(m, a->id, b->id);

    a->rank = found ? found->rank : ANM_NO_RANK;
    a->merged = found ? found->id : 0;
}

/* ---- Short words --------------------------------------------------------- */

/* The leftmost pair of the lowest rank; n - 1 when no pair has one. */
static size_t best_pair(const anm_symbol *s, size_t n)
{
    uint32_t lowest = UINT32_MAX; // what ANM_NO_RANK is without a sign
    size_t best = n - 1;

    for (size_t i = 0; i + 1 < n; i++)
        if ((uint32_t)s[i].rank < lowest) {
            lowest = (uint32_t)s[i].rank;
            best = i;
        }
    return best;
}

static size_t merge_short(const anm_merges *m, anm_symbol *s, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++)
        look_up(m, &s[i], &s[i + 1]);
    while (n > 1) {
        const size_t i = best_pair(s, n);
        if (i == n - 1) break;
        s[i].id = s[i].merged;
        memmove(&s[i + 1], &s[i + 2], (n - i - 2) * sizeof(*s));
        n--;
        if (i + 1 < n) look_up(m, &s[i], &s[i + 1]);
        if (i) look_up(m, &s[i - 1], &s[i]);
    }
    return n;
}

/* ---- Long words ---------------------------------------------------------- */

/* The queue is a heap of rank << 32 | place. A pair that has changed leaves its
 * old entry behind, which no longer agrees with the pair and is skipped. */
static void sift_down(uint64_t *queue, size_t n, size_t i)
{
    const uint64_t moved = queue[i];

    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && queue[child + 1] < queue[child]) child++;
        if (queue[child] >= moved) break;
        queue[i] = queue[child];
    }
    queue[i] = moved;
}

static void push_pair(anm_merging *w, size_t place)
{
    const uint64_t pair = (uint64_t)w->symbols[place].rank << 32 | place;
    size_t i = w->n_queued++;

    for (; i && w->queue[(i - 1) / 2] > pair; i = (i - 1) / 2)
        w->queue[i] = w->queue[(i - 1) / 2];
    w->queue[i] = pair;
}

static uint64_t pop_pair(anm_merging *w)
{
    const uint64_t first = w->queue[0];

    w->queue[0] = w->queue[--w->n_queued];
    if (w->n_queued) sift_down(w->queue, w->n_queued, 0);
    return first;
}

static void renew_pair(const anm_merges *m, anm_merging *w, int32_t place)
{
    anm_symbol *s = &w->symbols[place];

    s->rank = ANM_NO_RANK;
    if (s->next < 0) return;
    look_up(m, s, &w->symbols[s->next]);
    if (s->rank != ANM_NO_RANK) push_pair(w, (size_t)place);
}

static void merge_at(const anm_merges *m, anm_merging *w, int32_t place)
{
    anm_symbol *s = &w->symbols[place];
    anm_symbol *gone = &w->symbols[s->next];

    s->id = s->merged;
    s->next = gone->next;
    gone->rank = ANM_NO_RANK;
    if (s->next >= 0) w->symbols[s->next].prev = place;
    renew_pair(m, w, place);
    if (s->prev >= 0) renew_pair(m, w, s->prev);
}

static void link_all(const anm_merges *m, anm_merging *w)
{
    w->n_queued = 0;
    for (size_t i = 0; i < w->n; i++) {
        anm_symbol *s = &w->symbols[i];
        s->prev = (int32_t)i - 1;
        s->next = i + 1 < w->n ? (int32_t)i + 1 : -1;
        s->rank = ANM_NO_RANK;
        if (s->next >= 0) look_up(m, s, s + 1);
        if (s->rank != ANM_NO_RANK)
            w->queue[w->n_queued++] = (uint64_t)s->rank << 32 | i;
    }
    for (size_t i = w->n_queued / 2; i-- > 0;)
        sift_down(w->queue, w->n_queued, i);
}

/* Every merge takes one entry and puts at most two: 3n are enough. */
static bool merge_long(const anm_merges *m, anm_merging *w)
{
    size_t n = 0;

    if (!anm_grow(&w->queue, &w->queue_cap, 3 * w->n, sizeof(*w->queue)))
        return false;
    link_all(m, w);
    while (w->n_queued) {
        const uint64_t pair = pop_pair(w);
        const int32_t place = (int32_t)(uint32_t)pair;
        if (w->symbols[place].rank == (int32_t)(pair >> 32))
            merge_at(m, w, place);
    }
    for (int32_t i = 0; i >= 0; i = w->symbols[i].next)
        w->symbols[n++].id = w->symbols[i].id;
    w->n = n;
    return true;
}

bool anm_merging_end(const anm_merges *m, anm_encoding *e)
{
    anm_merging *w = &e->merging;

    if (!w->n) return true;
    if (w->n <= SHORT_WORD)
        w->n = merge_short(m, w->symbols, w->n);
    else if (!merge_long(m, w))
        return false;
    if (!anm_encoding_reserve(e, w->n)) return false;
    for (size_t i = 0; i < w->n; i++)
        e->ids[e->n++] = w->symbols[i].id;
    return true;
}
