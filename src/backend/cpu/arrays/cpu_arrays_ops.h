/* cpu_arrays_ops.h - the functions of the operations, for the table. Internal
 * to cpu/arrays/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CPU_ARRAYS_OPS_H
#define ANM_CPU_ARRAYS_OPS_H

#include "backend/cpu/arrays/cpu_arrays.h"

/* run, check and room of an operation; see anm_cpu_array_rule. */
#define ANM_CPU_RUN(name)                                                      \
    void anm_cpu_array_##name(const anm_cpu_array_step *s,                     \
                              const anm_cpu_turn *t)
#define ANM_CPU_CHECK(name)                                                    \
    anm_status anm_cpu_array_check_##name(const anm_cpu_array_step *s,         \
                                          anm_error *err)
#define ANM_CPU_ROOM(name)                                                     \
    size_t anm_cpu_array_room_##name(const anm_cpu_array_step *s,              \
                                     unsigned n_members)

ANM_CPU_RUN(binary); /* ADD to LOGICAL_XOR */
ANM_CPU_RUN(select);
ANM_CPU_RUN(unary);    /* LOGICAL_NOT, ABS to SCALED_TANH */
ANM_CPU_RUN(channels); /* PRELU, SOFTPLUS_PARAMETRIC */
ANM_CPU_RUN(cast);
ANM_CPU_RUN(quantize);
ANM_CPU_RUN(dequantize);

ANM_CPU_RUN(copy); /* the same cells: IDENTITY to SQUEEZE where no view */
ANM_CPU_RUN(transpose);
ANM_CPU_RUN(concat);
ANM_CPU_RUN(stack);
ANM_CPU_RUN(split);
ANM_CPU_RUN(tile);
ANM_CPU_RUN(reverse);
ANM_CPU_RUN(slice);
ANM_CPU_RUN(slice_update);
ANM_CPU_CHECK(slice_update);
ANM_CPU_RUN(pad);

ANM_CPU_RUN(gather);
ANM_CPU_CHECK(gather);
ANM_CPU_ROOM(gather);
ANM_CPU_RUN(gather_along);
ANM_CPU_CHECK(along);
ANM_CPU_RUN(gather_nd);
ANM_CPU_CHECK(nd);
ANM_CPU_RUN(scatter);
ANM_CPU_RUN(scatter_along);
ANM_CPU_RUN(scatter_nd);
ANM_CPU_RUN(one_hot);
ANM_CPU_RUN(topk);
ANM_CPU_RUN(non_zero);

ANM_CPU_RUN(fill);
ANM_CPU_RUN(range);
ANM_CPU_RUN(shape);
ANM_CPU_RUN(band);
ANM_CPU_RUN(cumsum);

ANM_CPU_RUN(softmax);
ANM_CPU_ROOM(softmax);
ANM_CPU_RUN(reduce);
ANM_CPU_RUN(arg);

ANM_CPU_RUN(linear);
ANM_CPU_RUN(matmul);
ANM_CPU_ROOM(matmul);
ANM_CPU_RUN(einsum);
ANM_CPU_ROOM(einsum);
ANM_CPU_RUN(conv);
ANM_CPU_ROOM(conv);
ANM_CPU_RUN(layer_norm);
ANM_CPU_RUN(batch_norm);
ANM_CPU_RUN(instance_norm);
ANM_CPU_RUN(l2_norm);
ANM_CPU_RUN(rms_norm);
ANM_CPU_RUN(rope);
ANM_CPU_RUN(attention); /* SDPA too */
ANM_CPU_ROOM(attention);

ANM_CPU_RUN(write_state);

#undef ANM_CPU_RUN
#undef ANM_CPU_CHECK
#undef ANM_CPU_ROOM

#endif
