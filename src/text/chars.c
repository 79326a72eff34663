/* chars.c - the frozen properties, spread out for lookup.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "text/chars.h"

#include <assert.h>

/* The only code point whose lower case is two: I with a dot above. */
enum { CAPITAL_DOTTED_I = 0x130, SMALL_I = 0x69, DOT_ABOVE = 0x307 };

/* More than the data needs; an assert holds it. */
enum { BLOCKS_MAX = 512 };

static uint16_t *cell_of(const anm_chars *c, uint32_t cp)
{
    return &c->blocks[c->block_of[cp / ANM_CHAR_PAGE]][cp % ANM_CHAR_PAGE];
}

/* Does the range leave a part of the page out? */
static bool is_partial(const anm_char_range *r, uint32_t page)
{
    return r->first > page * ANM_CHAR_PAGE ||
           r->last < page * ANM_CHAR_PAGE + ANM_CHAR_PAGE - 1;
}

/* Give a page a block of its own where properties change inside it, and the
 * block of its flags where one range covers it. Returns the blocks. */
static size_t assign_blocks(anm_chars *c, uint16_t flags_of[BLOCKS_MAX])
{
    size_t n = 1; // block 0: no property at all

    for (size_t i = 0; i < anm_char_n_lowers; i++) {
        const anm_char_lower *l = &anm_char_lowers[i];
        for (uint32_t p = l->first / ANM_CHAR_PAGE;
             p <= l->last / ANM_CHAR_PAGE; p++)
            if (!c->block_of[p]) c->block_of[p] = (uint16_t)n++;
    }
    for (size_t i = 0; i < anm_char_n_ranges; i++) {
        const anm_char_range *r = &anm_char_ranges[i];
        for (uint32_t p = r->first / ANM_CHAR_PAGE;
             p <= r->last / ANM_CHAR_PAGE; p++) {
            size_t block = 1;
            if (c->block_of[p]) continue;
            while (block < n && flags_of[block] != r->flags)
                block++;
            if (is_partial(r, p)) block = n;
            if (block == n) n++;
            assert(n <= BLOCKS_MAX);
            flags_of[block] = is_partial(r, p) ? 0 : r->flags;
            c->block_of[p] = (uint16_t)block;
        }
    }
    return n;
}

/* A block that pages share is filled for the first of them. */
static void fill_range(const anm_chars *c, const anm_char_range *r)
{
    uint32_t cp = r->first;

    while (cp <= r->last) {
        const uint32_t page = cp / ANM_CHAR_PAGE;
        const uint32_t page_end = page * ANM_CHAR_PAGE + ANM_CHAR_PAGE;
        const uint32_t end = r->last < page_end ? r->last + 1 : page_end;
        if (*cell_of(c, cp) == r->flags) cp = end;
        for (; cp < end; cp++)
            *cell_of(c, cp) = r->flags;
    }
}

bool anm_chars_init(anm_chars *c, anm_arena *arena)
{
    uint16_t flags_of[BLOCKS_MAX] = { 0 };
    const size_t n = assign_blocks(c, flags_of);

    c->blocks = anm_arena_array(arena, n, sizeof(*c->blocks));
    if (!c->blocks) return false;
    for (size_t i = 0; i < anm_char_n_ranges; i++)
        fill_range(c, &anm_char_ranges[i]);
    for (size_t i = 0; i < anm_char_n_lowers; i++) {
        const anm_char_lower *l = &anm_char_lowers[i];
        for (uint32_t cp = l->first; cp <= l->last; cp += l->step)
            *cell_of(c, cp) |= ANM_CHAR_UPPER;
    }
    *cell_of(c, CAPITAL_DOTTED_I) |= ANM_CHAR_UPPER;
    c->ascii = c->blocks[c->block_of[0]];
    return true;
}

size_t anm_char_lower_of(uint32_t cp, uint32_t out[2])
{
    size_t low = 0, high = anm_char_n_lowers;

    if (cp == CAPITAL_DOTTED_I) {
        out[0] = SMALL_I;
        out[1] = DOT_ABOVE;
        return 2;
    }
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (anm_char_lowers[middle].first <= cp)
            low = middle;
        else
            high = middle;
    }
    const anm_char_lower *l = &anm_char_lowers[low];
    assert(cp >= l->first && cp <= l->last && !((cp - l->first) % l->step));
    out[0] = (uint32_t)((int32_t)cp + l->delta);
    return 1;
}
