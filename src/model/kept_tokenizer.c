/* kept_tokenizer.c - compiled tokenizers from one start to the next.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/kept_tokenizer.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/remember.h"

enum { WORD_BYTES = 64 };

/* The word changes with what compiling makes of a file. */
static const char *name_word(const anm_kept_place *p, char out[WORD_BYTES])
{
    snprintf(out, WORD_BYTES, "compiled tokenizer 1%s%s", *p->way ? " " : "",
             p->way);
    return out;
}

bool anm_kept_tokenizer_open(anm_tokenizer **out, const anm_kept_place *place)
{
    char word[WORD_BYTES];
    anm_map map = { 0 };
    anm_bytes bytes;

    if (!anm_remember_map(place->memory, place->id, 1, name_word(place, word),
                          &map, &bytes))
        return false;
    const bool ok = !anm_tokenizer_load(out, bytes, NULL);
    anm_map_close(&map);
    return ok;
}

void anm_kept_tokenizer_put(const anm_tokenizer *t, const anm_kept_place *place,
                            int64_t began_ns)
{
    char word[WORD_BYTES];
    anm_buf saved = { 0 };

    if (place->memory && !anm_tokenizer_save(t, &saved, NULL))
        anm_remember_keep(place->memory, place->id, 1, name_word(place, word),
                          began_ns, anm_bytes_of(saved.data, saved.len));
    anm_buf_deinit(&saved);
}
