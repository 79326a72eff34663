/* memories.h - opening stores with a model, and filling them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_MEMORIES_H
#define ANM_TEST_MEMORIES_H

#include "support/models.h"

/* "FOLDER/memory.db" in a fresh folder. Static storage, the last four stay
 * valid. */
const char *test_store_path(void);

/* Open or fail the test with the message; model may be NULL. */
anm_memory *test_memory_open(const char *store, anm_model *model);

/* One item, or fail the test; meta may be NULL. Returns the counts. */
anm_remembered test_remember(anm_memory *m, const char *collection,
                             const char *key, const char *text,
                             const char *meta);

/* Recall or fail the test: k best of all collections that pass `where`. */
anm_recall *test_recall(anm_memory *m, const char *question, size_t k,
                        const char *where);

/* The key of hit i is this. */
bool test_key_is(const anm_recall *r, size_t i, const char *key);

/* The status must be `status` and the message hold each of `words`, separated
 * by '|'. */
void test_failed(anm_status got, const anm_error *err, anm_status status,
                 const char *words);

struct anm_archive;

/* An archive (memory/memory.h) on a store, made if absent, with kernels and no
 * model; threads of a search. */
struct anm_archive *test_archive_open(const char *store, unsigned threads);

#endif
