/* packed.h - the Core ML packages that are committed, packed into one archive
 * (tests/data/coreml/README.md).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_PACKED_H
#define ANM_TEST_PACKED_H

#include "support/packages.h"

/* The folder with all of them, unpacked once and deleted at exit. */
const char *test_packed_folder(void);

/* The path of one, "bert_c_pal2.mlpackage". Static storage, one a call. */
const char *test_packed(const char *name);

/* As test_each_package(), of these. */
size_t test_each_packed(void (*fn)(const test_package *p, void *ctx),
                        void *ctx);

#endif
