/* packages.h - the Core ML packages of the shared data, one after the other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_PACKAGES_H
#define ANM_TEST_PACKAGES_H

#include "format/mlpackage.h"
#include "support/support.h"

/* A package and what its makers say of it. */
typedef struct test_package {
    const char *name;
    char path[4096];
    json_t *info, *ref;
} test_package;

/* Call fn for each package of ../shared/data/coreml that is there; returns how
 * many. 0 where the folder is absent: the test then skips. */
size_t test_each_package(void (*fn)(const test_package *p, void *ctx),
                         void *ctx);

/* The same of another folder that is laid out alike. */
size_t test_each_package_in(const char *folder,
                            void (*fn)(const test_package *p, void *ctx),
                            void *ctx);

/* Open one, or fail the test. */
anm_mlpackage *test_open_package(const char *path);

/* A copy of tests/data/coreml/NAME.mlpackage that may be changed, with the
 * folder weights/ that git does not keep. Static storage. */
const char *test_package_copy(const char *name);

/* True when text holds word, letters of either case. */
bool test_holds(const char *text, const char *word);

#endif
