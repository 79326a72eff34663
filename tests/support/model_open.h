/* model_open.h - opening a changed model folder and judging what came of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_MODEL_OPEN_H
#define ANM_TEST_MODEL_OPEN_H

#include "support/model_folder.h"

#include "model/source.h"

/* Open, or fail the test with the message. */
anm_source *test_open(const char *folder);
anm_graph *test_build(anm_source *s);

/* The text of the first note about `where`; "" when there is none. */
const char *test_note(const anm_source *s, const char *where);

/* Tokens of a text by the folder's tokenizer, without special ones. */
size_t test_count_ids(const char *folder, const char *text);

/* Opening (then building) must fail with this status and a message that holds
 * each of `words`, separated by '|'. */
void test_refused(const char *folder, anm_status status, const char *words);

#endif
