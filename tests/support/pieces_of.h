/* pieces_of.h - small tokenizers for tests, and texts as spelled pieces.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_PIECES_OF_H
#define ANM_TEST_PIECES_OF_H

#include <string.h>

#include "support/support.h"
#include "text/tokenizer.h"

/* Compile a tokenizer.json written with ' for ". Fails the test when it is
 * refused. */
anm_tokenizer *test_tokenizer(const char *json);

/* A whole tokenizer.json around the parts under test, each a JSON value
 * written with '; NULL: null. The vocabulary is [UNK] and the words given,
 * separated by blanks, with ids from 1 on. */
typedef struct test_parts {
    const char *added, *normalizer, *splitter, *post, *words;
    int max_chars; /* 0: 100 */
} test_parts;

anm_tokenizer *test_tokenizer_of(test_parts parts);
anm_status test_refused_of(test_parts parts, anm_error *err);

/* The pieces of a text joined by '|'. Static storage, one a call. */
const char *test_pieces(const anm_tokenizer *t, const char *text);
const char *test_pieces_special(const anm_tokenizer *t, const char *text);

#endif
