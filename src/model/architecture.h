/* architecture.h - the architectures that are built in, one row each. Internal
 * to model/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ARCHITECTURE_H
#define ANM_ARCHITECTURE_H

#include "base/compiler.h"
#include "base/sha256.h"
#include "model/source.h"

/* What a config.json promises about the tensors, as far as opening asks. */
typedef struct anm_extent {
    size_t hidden;     /* numbers per token */
    size_t positions;  /* longest text that the position table allows */
    size_t vocab_rows; /* rows of the token table */
    size_t layers;
} anm_extent;

/* Longest run that a checkpoint may put before canonical names, with NUL. */
enum { ANM_PREFIX_MAX = 256 };

typedef struct anm_architecture {
    const char *model_type;  /* as config.json spells it */
    const char *token_table; /* its canonical name: shows the prefix */
    const char *layers;      /* canonical path of a layer, before its number */

    /* Check every setting of s->config that changes a result. `at` names the
     * file in messages. */
    anm_status (*measure)(anm_source *s, const char *at, anm_extent *out,
                          anm_error *err);

    /* Emit the graph of an opened source; trouble sticks in g. */
    void (*build)(anm_source *s, anm_graph *g);

    /* Add to a hash what changes a vector and shows in no constant. */
    void (*digest)(const anm_source *s, anm_sha256 *h);
} anm_architecture;

/* ANM_E_UNSUPPORTED names the type and those that are built in. */
anm_status anm_architecture_find(const anm_architecture **out,
                                 const char *model_type, const char *at,
                                 anm_error *err);

/* Add a note; only memory can fail it. */
anm_status anm_source_note(anm_source *s, anm_error *err, const char *where,
                           const char *format, ...) ANM_PRINTF(4, 5);

/* The same for something that the files do not say. */
anm_status anm_source_assume(anm_source *s, anm_error *err, const char *where,
                             const char *format, ...) ANM_PRINTF(4, 5);

/* Hold the ids of s->tokenizer against s->vocab_rows. Added tokens beyond the
 * table are noted, as some models have them: a text that holds one is refused.
 *
 * @param at     Who has the tokenizer, for messages,
 * @param table  and what has the rows.
 *
 * @return ANM_OK, ANM_E_NOMEM
 *         ANM_E_FORMAT  anything else lies beyond, or a token that every text
 *                       gets: it is another model's tokenizer */
anm_status anm_source_check_ids(anm_source *s, const char *at,
                                const char *table, anm_error *err);

#endif
