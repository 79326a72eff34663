/* support.h - what tests share: data that may be absent, goldens, the failing
 * allocator.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_SUPPORT_H
#define ANM_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "anemone.h"

/* "…/tests/data/name": committed with the project. Static storage, the last
 * four results stay valid. */
const char *test_data(const char *name);

/* The same under ../shared/data; NULL where that folder is absent: the test
 * then calls skip() after saying which data it lacks. */
const char *test_shared(const char *name);

/* The folder of the real all-MiniLM-L6-v2 from $ANM_TEST_MINILM (tools/
 * get-model prints it), or NULL. */
const char *test_minilm(void);

/* Whole file, NUL-terminated, length in *len (may be NULL); fails the test
 * when it cannot be read. Release with free(). */
char *test_read(const char *path, size_t *len);

/* Call fn(ctx, i, line) for each line of a JSON Lines file (gzip allowed),
 * parsed. */
void test_each_line(const char *path,
                    void (*fn)(void *ctx, size_t i, const json_t *line),
                    void *ctx);

/* A fresh empty folder that is deleted at exit. Static storage, one a call. */
const char *test_temp_folder(void);

/* ---- The failing allocator ----------------------------------------------- */

/* Fail the k-th allocation from now on (1 = the next), once; 0: never. Counts
 * only while armed. Covers the library and Jansson. Needs
 * test_fault_install() before the first use of the library.
 *
 * A failure inside Jansson may make a string of 16 bytes or more lose one (see
 * json.c), so that a reader of JSON may answer otherwise than ANM_E_NOMEM. */
void test_fault_install(void);
void test_fault_arm(uint64_t k);
/* Count the library's own allocations only: a string whose buffer Jansson
 * cannot grow loses a byte there, at worst the one that ends it, and nothing
 * outside can see that (base/json.c). */
void test_fault_spare_jansson(bool spare);
/* True when the armed failure has happened. Disarms. */
bool test_fault_disarm(void);

/* Fail each allocation in turn until none is left to fail: make(ctx) must be
 * ANM_E_NOMEM each time, and ANM_OK at last. */
void test_every_fault(anm_status (*make)(void *ctx, anm_error *err), void *ctx);
/* The same where a failure may be borne, and make(ctx) be ANM_OK: check(ctx)
 * holds what was made against what it must be, and frees it. */
void test_every_fault_borne(anm_status (*make)(void *ctx, anm_error *err),
                            void (*check)(void *ctx), void *ctx);

#endif
