/* models.h - opening the models of tests/data, and their golden vectors.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_MODELS_H
#define ANM_TEST_MODELS_H

#include "support/support.h"

/* Options for a model of tests/data (or a path), without a cache, one thread,
 * silent. */
anm_options test_options(const char *model);

/* Open or fail the test with the message. */
anm_model *test_model_open(const anm_options *options);

/* Embed one text as a live call or fail the test. [dim], release with free(). */
float *test_embed(anm_model *m, const char *text);

/* Texts of a JSON Lines file, in order. */
typedef struct test_texts {
    anm_text *items; /* [n] */
    size_t n;
} test_texts;

test_texts test_texts_read(const char *path);
void test_texts_free(test_texts *t);

/* Lines that a model logged. */
typedef struct test_log {
    char lines[64][512];
    anm_log_level levels[64];
    size_t n;
} test_log;

void test_log_line(void *ctx, anm_log_level level, const char *line);
/* How many lines of a level hold `part`. */
size_t test_log_count(const test_log *log, anm_log_level level,
                      const char *part);

/* Parse a document that the library handed out, and release it. */
json_t *test_take_json(char *json);

#endif
