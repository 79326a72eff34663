/* test_merge.c - merges give what merging one pair after the other gives.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <time.h>

#include "support/support.h"
#include "text/merge.h"

enum { N_SYMBOLS = 6, N_IDS = 64 };

typedef struct rules {
    anm_merge slots[128];
    anm_merges table;
    anm_merge by_rank[64];
    int n;
} rules;

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void put(rules *r, anm_merge m)
{
    size_t i = anm_merge_home(m.left, m.right, 128);

    while (r->slots[i].left >= 0)
        i = (i + 1) % 128;
    r->slots[i] = m;
    r->by_rank[m.rank] = m;
}

/* Random pairs of symbols and of what earlier pairs gave. */
static void make_rules(rules *r, unsigned *seed)
{
    *r = (rules){ .table = { r->slots, 128 } };
    for (size_t i = 0; i < 128; i++)
        r->slots[i].left = -1;
    const int wanted = (int)(next_random(seed) % 50);
    for (int tries = 0; tries < 200 && r->n < wanted; tries++) {
        const int32_t known = N_SYMBOLS + r->n;
        anm_merge m = { .left = (int32_t)next_random(seed) % known,
                        .right = (int32_t)next_random(seed) % known,
                        .rank = r->n,
                        .id = known };
        if (anm_merge_find(&r->table, m.left, m.right)) continue;
        put(r, m);
        r->n++;
    }
}

/* The definition: the lowest rank, the leftmost, again and again. */
static size_t merge_plainly(const rules *r, int32_t *ids, size_t n)
{
    for (;;) {
        const anm_merge *best = NULL;
        size_t at = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            const anm_merge *m = anm_merge_find(&r->table, ids[i], ids[i + 1]);
            if (!m || (best && m->rank >= best->rank)) continue;
            best = m;
            at = i;
        }
        if (!best) return n;
        ids[at] = best->id;
        memmove(ids + at + 1, ids + at + 2, (n - at - 2) * sizeof(*ids));
        n--;
    }
}

static void check_word(const rules *r, const int32_t *word, size_t n,
                       anm_encoding *e)
{
    int32_t *plain = anm_alloc_array(n, sizeof(*plain));

    memcpy(plain, word, n * sizeof(*plain));
    anm_encoding_reset(e);
    assert_true(anm_merging_begin(e, n));
    for (size_t i = 0; i < n; i++)
        anm_merging_push(e, word[i]);
    assert_true(anm_merging_end(&r->table, e));
    assert_int_equal(e->n, merge_plainly(r, plain, n));
    assert_memory_equal(e->ids, plain, e->n * sizeof(*plain));
    anm_free(plain);
}

static void words_of_any_length_merge_as_defined(void **state)
{
    unsigned seed = 5;
    anm_encoding *e = NULL;
    rules r;
    int32_t word[300];

    (void)state;
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    for (int round = 0; round < 1500; round++) {
        make_rules(&r, &seed);
        const size_t n = 1 + next_random(&seed) % (round % 3 ? 60 : 300);
        const unsigned symbols = 1 + next_random(&seed) % N_SYMBOLS;
        for (size_t i = 0; i < n; i++)
            word[i] = (int32_t)(next_random(&seed) % symbols);
        check_word(&r, word, n, e);
    }
    anm_encoding_free(e);
}

static void long_word_takes_no_quadratic_time(void **state)
{
    enum { LONG = 400000 };
    unsigned seed = 9;
    anm_encoding *e = NULL;
    rules r;

    (void)state;
    make_rules(&r, &seed);
    while (r.n < 20)
        make_rules(&r, &seed);
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_true(anm_merging_begin(e, LONG));
    for (size_t i = 0; i < LONG; i++)
        anm_merging_push(e, (int32_t)(next_random(&seed) % N_SYMBOLS));
    const clock_t start = clock();
    assert_true(anm_merging_end(&r.table, e));
    // The plain way takes minutes.
    assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
    assert_true(e->n < LONG);
    anm_encoding_free(e);
}

static void empty_word_has_no_pieces(void **state)
{
    anm_encoding *e = NULL;
    rules r;
    unsigned seed = 1;

    (void)state;
    make_rules(&r, &seed);
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_true(anm_merging_begin(e, 4));
    assert_true(anm_merging_end(&r.table, e));
    assert_int_equal(e->n, 0);
    anm_encoding_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_any_length_merge_as_defined),
        cmocka_unit_test(long_word_takes_no_quadratic_time),
        cmocka_unit_test(empty_word_has_no_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
