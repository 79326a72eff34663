/* cpu_arrays_table.c - which functions run an operation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/cpu/arrays/cpu_arrays_ops.h"

static const anm_cpu_array_rule binary = { .run = anm_cpu_array_binary,
                                           .in_place = true };
static const anm_cpu_array_rule unary = { .run = anm_cpu_array_unary,
                                          .in_place = true };
static const anm_cpu_array_rule channels = { .run = anm_cpu_array_channels,
                                             .in_place = true };
static const anm_cpu_array_rule reduce = { .run = anm_cpu_array_reduce };

/* Those that are not of one of the families above. */
static const anm_cpu_array_rule rules[ANM_ARRAY_OP_COUNT] = {
    [ANM_ARRAY_IDENTITY] = { .run = anm_cpu_array_copy },
    [ANM_ARRAY_CAST] = { .run = anm_cpu_array_cast, .in_place = true },
    [ANM_ARRAY_RESHAPE] = { .run = anm_cpu_array_copy },
    [ANM_ARRAY_EXPAND_DIMS] = { .run = anm_cpu_array_copy },
    [ANM_ARRAY_SQUEEZE] = { .run = anm_cpu_array_copy },
    [ANM_ARRAY_TRANSPOSE] = { .run = anm_cpu_array_transpose },
    [ANM_ARRAY_CONCAT] = { .run = anm_cpu_array_concat },
    [ANM_ARRAY_STACK] = { .run = anm_cpu_array_stack },
    [ANM_ARRAY_SPLIT] = { .run = anm_cpu_array_split },
    [ANM_ARRAY_TILE] = { .run = anm_cpu_array_tile },
    [ANM_ARRAY_REVERSE] = { .run = anm_cpu_array_reverse },
    [ANM_ARRAY_SLICE_BY_INDEX] = { .run = anm_cpu_array_slice },
    [ANM_ARRAY_SLICE_BY_SIZE] = { .run = anm_cpu_array_slice },
    [ANM_ARRAY_SLICE_UPDATE] = { .run = anm_cpu_array_slice_update,
                                 .check = anm_cpu_array_check_slice_update,
                                 .alone = true },
    [ANM_ARRAY_PAD] = { .run = anm_cpu_array_pad },
    [ANM_ARRAY_GATHER] = { .run = anm_cpu_array_gather,
                           .check = anm_cpu_array_check_gather,
                           .room = anm_cpu_array_room_gather },
    [ANM_ARRAY_GATHER_ALONG_AXIS] = { .run = anm_cpu_array_gather_along,
                                      .check = anm_cpu_array_check_along },
    [ANM_ARRAY_GATHER_ND] = { .run = anm_cpu_array_gather_nd,
                              .check = anm_cpu_array_check_nd },
    [ANM_ARRAY_SCATTER] = { .run = anm_cpu_array_scatter,
                            .check = anm_cpu_array_check_gather,
                            .alone = true },
    [ANM_ARRAY_SCATTER_ALONG_AXIS] = { .run = anm_cpu_array_scatter_along,
                                       .check = anm_cpu_array_check_along,
                                       .alone = true },
    [ANM_ARRAY_SCATTER_ND] = { .run = anm_cpu_array_scatter_nd,
                               .check = anm_cpu_array_check_nd,
                               .alone = true },
    [ANM_ARRAY_ONE_HOT] = { .run = anm_cpu_array_one_hot },
    [ANM_ARRAY_TOPK] = { .run = anm_cpu_array_topk },
    [ANM_ARRAY_NON_ZERO] = { .run = anm_cpu_array_non_zero, .alone = true },
    [ANM_ARRAY_FILL] = { .run = anm_cpu_array_fill },
    [ANM_ARRAY_FILL_LIKE] = { .run = anm_cpu_array_fill },
    [ANM_ARRAY_RANGE_1D] = { .run = anm_cpu_array_range, .alone = true },
    [ANM_ARRAY_SHAPE] = { .run = anm_cpu_array_shape, .alone = true },
    [ANM_ARRAY_BAND_PART] = { .run = anm_cpu_array_band, .in_place = true },
    [ANM_ARRAY_CUMSUM] = { .run = anm_cpu_array_cumsum, .in_place = true },
    [ANM_ARRAY_SELECT] = { .run = anm_cpu_array_select },
    [ANM_ARRAY_SOFTMAX] = { .run = anm_cpu_array_softmax,
                            .room = anm_cpu_array_room_softmax,
                            .in_place = true },
    [ANM_ARRAY_REDUCE_ARGMAX] = { .run = anm_cpu_array_arg },
    [ANM_ARRAY_REDUCE_ARGMIN] = { .run = anm_cpu_array_arg },
    [ANM_ARRAY_LINEAR] = { .run = anm_cpu_array_linear },
    [ANM_ARRAY_MATMUL] = { .run = anm_cpu_array_matmul,
                           .room = anm_cpu_array_room_matmul },
    [ANM_ARRAY_EINSUM] = { .run = anm_cpu_array_einsum,
                           .room = anm_cpu_array_room_einsum },
    [ANM_ARRAY_CONV] = { .run = anm_cpu_array_conv,
                         .room = anm_cpu_array_room_conv },
    [ANM_ARRAY_LAYER_NORM] = { .run = anm_cpu_array_layer_norm,
                               .in_place = true },
    [ANM_ARRAY_BATCH_NORM] = { .run = anm_cpu_array_batch_norm,
                               .in_place = true },
    [ANM_ARRAY_INSTANCE_NORM] = { .run = anm_cpu_array_instance_norm,
                                  .in_place = true },
    [ANM_ARRAY_L2_NORM] = { .run = anm_cpu_array_l2_norm, .in_place = true },
    [ANM_ARRAY_SDPA] = { .run = anm_cpu_array_attention,
                         .room = anm_cpu_array_room_attention },
    [ANM_ARRAY_QUANTIZE] = { .run = anm_cpu_array_quantize },
    [ANM_ARRAY_DEQUANTIZE] = { .run = anm_cpu_array_dequantize },
    [ANM_ARRAY_READ_STATE] = { .run = anm_cpu_array_copy },
    [ANM_ARRAY_WRITE_STATE] = { .run = anm_cpu_array_write_state },
    [ANM_ARRAY_RMS_NORM] = { .run = anm_cpu_array_rms_norm, .in_place = true },
    [ANM_ARRAY_ROPE] = { .run = anm_cpu_array_rope },
    [ANM_ARRAY_ATTENTION] = { .run = anm_cpu_array_attention,
                              .room = anm_cpu_array_room_attention },
};

const anm_cpu_array_rule *anm_cpu_array_rule_of(anm_array_op op)
{
    if (rules[op].run) return &rules[op];
    if (op == ANM_ARRAY_PRELU || op == ANM_ARRAY_SOFTPLUS_PARAMETRIC)
        return &channels;
    if (op >= ANM_ARRAY_ADD && op <= ANM_ARRAY_LOGICAL_XOR) return &binary;
    if (op >= ANM_ARRAY_LOGICAL_NOT && op <= ANM_ARRAY_SCALED_TANH)
        return &unary;
    return &reduce;
}

bool anm_cpu_array_is_view(const anm_array_node *node,
                           const anm_array_type *from, const anm_array_type *to)
{
    switch ((int)node->op) {
    case ANM_ARRAY_IDENTITY:
    case ANM_ARRAY_RESHAPE:
    case ANM_ARRAY_EXPAND_DIMS:
    case ANM_ARRAY_SQUEEZE:
        return true;
    case ANM_ARRAY_CAST:
        return from->dtype == to->dtype ||
               (from->dtype == ANM_DTYPE_F16 && to->dtype == ANM_DTYPE_F32) ||
               (to->dtype == ANM_DTYPE_I32 && !anm_array_is_float(from->dtype));
    default:
        return false;
    }
}
