/* mil_names.c - which op a name leads to, while a function is read.
 *
 * Chained buckets that double with the names. A name that left its block stays
 * in its chain, hidden, so that the same text later is the same pointer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/mil_names.h"

#include "base/error.h"

enum { BUCKETS_MIN = 64 };

/* FNV-1a. */
static uint64_t hash_of(anm_bytes text)
{
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < text.len; i++)
        h = (h ^ text.data[i]) * 0x100000001b3;
    return h ^ h >> 32;
}

static anm_mil_name *look_up(const anm_mil_names *names, anm_bytes text,
                             uint64_t hash)
{
    if (!names->n_buckets) return NULL;
    anm_mil_name *x = names->buckets[hash & (names->n_buckets - 1)];
    while (x && (x->hash != hash ||
                 !anm_bytes_equal(anm_bytes_of(x->text, x->len), text)))
        x = x->next;
    return x;
}

static bool make_room(anm_mlpackage_reading *r, anm_mil_names *names)
{
    if (names->n < names->n_buckets) return true;
    const size_t n = names->n_buckets ? names->n_buckets * 2 : BUCKETS_MIN;
    anm_mil_name **buckets = anm_reading_array(r, n, sizeof(anm_mil_name *));

    if (!buckets) return false;
    for (size_t i = 0; i < names->n_buckets; i++) {
        anm_mil_name *x = names->buckets[i];
        while (x) {
            anm_mil_name *next = x->next;
            anm_mil_name **to = &buckets[x->hash & (n - 1)];

            x->next = *to;
            *to = x;
            x = next;
        }
    }
    names->buckets = buckets;
    names->n_buckets = n;
    return true;
}

static anm_mil_name *add(anm_mlpackage_reading *r, anm_mil_names *names,
                         anm_bytes text, uint64_t hash)
{
    if (!make_room(r, names)) return NULL;
    anm_mil_name *x = anm_reading_array(r, 1, sizeof(*x));
    const char *copy = x ? anm_reading_copy(r, text) : NULL;
    if (!copy) return NULL;
    anm_mil_name **to = &names->buckets[hash & (names->n_buckets - 1)];
    *x = (anm_mil_name){
        .next = *to, .hash = hash, .text = copy, .len = text.len
    };
    *to = x;
    names->n++;
    return x;
}

anm_status anm_mil_names_define(anm_mlpackage_reading *r, anm_mil_names *names,
                                anm_bytes text, anm_mil_origin origin,
                                const char **out, anm_error *err)
{
    const uint64_t hash = hash_of(text);
    anm_mil_name *x = look_up(names, text, hash);

    if (!text.len) return anm_fail(err, ANM_E_FORMAT, "an empty name");
    if (!x) x = add(r, names, text, hash);
    if (!x) return anm_reading_fail(r, err);
    if (x->is_visible)
        return anm_fail(err, ANM_E_FORMAT, "%s is defined twice", x->text);
    x->is_visible = true;
    x->origin = origin;
    x->before = names->last;
    names->last = x;
    *out = x->text;
    return ANM_OK;
}

const anm_mil_name *anm_mil_names_find(const anm_mil_names *names,
                                       anm_bytes text)
{
    const anm_mil_name *x = look_up(names, text, hash_of(text));

    return x && x->is_visible ? x : NULL;
}

void anm_mil_names_leave(anm_mil_names *names, anm_mil_name *last)
{
    while (names->last != last) {
        names->last->is_visible = false;
        names->last = names->last->before;
    }
}
