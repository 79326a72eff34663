/* mil_build.h - functions of ML Programs made by hand, without a file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_MIL_BUILD_H
#define ANM_TEST_MIL_BUILD_H

#include "format/mlpackage.h"

enum { TEST_MIL_OPS = 16, TEST_MIL_ARGS = 8 };

/* A function being made. Everything lives in here. */
typedef struct test_mil {
    anm_mil_function function;
    anm_mil_var inputs[4];
    anm_feature features[4];
    anm_mil_op ops[TEST_MIL_OPS];
    anm_mil_arg args[TEST_MIL_OPS][TEST_MIL_ARGS];
    anm_mil_binding bindings[TEST_MIL_OPS][TEST_MIL_ARGS];
    anm_mil_var outputs[TEST_MIL_OPS];
    anm_mil_attribute attributes[TEST_MIL_OPS];
    anm_mil_value values[TEST_MIL_OPS];
    anm_mil_binding results[4];
    int64_t dims[TEST_MIL_OPS + 4][8];
    uint64_t sizes[TEST_MIL_OPS + 4][8];
} test_mil;

/* Function "main" of an opset: "CoreML7", 17. */
void test_mil_init(test_mil *m, const char *opset, int ios);

/* An input; dims end in 0, -1 is unknown. */
void test_mil_input(test_mil *m, const char *name, anm_mil_type type,
                    const int64_t *dims);

/* A const op of n values, all in one axis; n 0: a scalar. Data is borrowed. */
void test_mil_add_const(test_mil *m, const char *name, anm_mil_type type,
                        const void *data, size_t n);

/* An op with one output; params as "x=a y=b", ended by NULL for none. */
void test_mil_add(test_mil *m, const char *type, const char *name,
                  const char *params, anm_mil_type result, const int64_t *dims);

/* Make a name a result of the function. */
void test_mil_result(test_mil *m, const char *name);

#endif
