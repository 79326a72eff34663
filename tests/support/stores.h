/* stores.h - stores of a test: opening, filling, and what they hold.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_STORES_H
#define ANM_TEST_STORES_H

#include "support/support.h"

#include "store/store.h"

anm_text test_text(const char *string);

/* "m.db" in a fresh folder. Static storage, the last four stay valid. */
const char *test_db_path(void);

/* Open, or fail the test with the message. Waits 2 s at most. */
anm_store *test_store_open(const char *path, anm_store_mode mode);

/* Opening must fail with this status and a message that holds `part`. */
void test_store_refused(const char *path, anm_store_mode mode,
                        anm_status status, const char *part);

/* A unit vector that depends on the seed alone; static storage of `dim` up to
 * 2,048, the last four stay valid. */
const float *test_unit_vector(size_t dim, uint64_t seed);

/* A description of fingerprint "sha256:NAME". */
anm_collection test_collection(const char *name, size_t dim);

/* need_collection() in a transaction of its own. */
anm_collection test_store_collection(anm_store *s, const char *name,
                                     size_t dim);

/* Each is a call that must succeed. */
anm_put test_store_put(anm_store *s, const anm_collection *c, const char *key,
                       const char *text, const char *meta, uint64_t seed);
bool test_store_remove(anm_store *s, const anm_collection *c, const char *key);
void test_store_begin(anm_store *s);
void test_store_commit(anm_store *s);

/* Put one item in a transaction of its own. */
anm_put test_store_add(anm_store *s, const anm_collection *c, const char *key,
                       const char *text, const char *meta, uint64_t seed);

/* "key=text key=text …" in order of id; static storage. */
const char *test_store_list(anm_store *s, const anm_collection *c);

/* A store with an empty collection "notes" of 8 numbers an item, for every test
 * of a program: set_up and tear_down of cmocka, whose state it is. What is open
 * at the end must be sound; a test that closes it clears s. */
typedef struct test_notes {
    char path[512];
    anm_store *s;
    anm_collection c;
} test_notes;

int test_notes_set_up(void **state);
int test_notes_tear_down(void **state);

/* check() must find nothing. */
void test_store_sound(anm_store *s);

/* What check() says, a finding a line; static storage. */
const char *test_store_problems(anm_store *s);

/* SQL past the store, through a connection of its own. */
void test_store_sql(const char *path, const char *sql);

/* Make the file what a program of version 1 would have left. */
void test_store_age(const char *path);

/* Bytes of a file into another; fails the test when that fails. */
void test_file_copy(const char *from, const char *to);

#endif
