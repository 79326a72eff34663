/* model_folder.h - copies of a committed model that a test may change.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_MODEL_FOLDER_H
#define ANM_TEST_MODEL_FOLDER_H

#include "support/support.h"

/* A fresh copy of tests/data/NAME without its goldens. */
const char *test_model_copy(const char *name);

/* "folder/file"; static storage, the last four stay valid. */
const char *test_model_path(const char *folder, const char *file);

void test_model_write(const char *folder, const char *file, const void *data,
                      size_t len);
void test_model_remove(const char *folder, const char *file);

/* Set the members of `patch` (a JSON object) in a JSON file of the folder,
 * which is made when absent. */
void test_model_set(const char *folder, const char *file, const char *patch);
void test_model_unset(const char *folder, const char *file, const char *key);

/* The header and the data of model.safetensors. */
typedef struct test_weights {
    json_t *header; /* name -> {dtype, shape, data_offsets} */
    char *data;
} test_weights;

test_weights test_weights_read(const char *folder);
void test_weights_free(test_weights *w);

/* Write the tensors whose names start with `keep` ("" for all), laid out
 * afresh, each under prefix + name. */
void test_weights_write(const char *folder, const char *file,
                        const test_weights *w, const char *keep,
                        const char *prefix);

/* Change one tensor of model.safetensors: another name, and the members of
 * `patch` in its entry. Its bytes stay. */
void test_weights_edit(const char *folder, const char *name,
                       const char *new_name, const char *patch);

#endif
