/* mil_lint_rules.h - the rules of the lint, one row each. Internal to the
 * lint: mil_lint*.c.
 *
 * Columns: name, word, severity, how it is known, why, what to do. Figures of
 * a package go into the detail of a finding, not in here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MIL_LINT_RULES_H
#define ANM_MIL_LINT_RULES_H

#include "model/mil_lint.h"

/* clang-format off */
#define ANM_LINT_RULE_LIST(X)                                                  \
    X(FLEXIBLE_RANGE, "flexible-shape-range", ERROR, VENDOR,                   \
      "a model whose shapes are ranges runs on CPU or GPU, but for its default shape at best", \
      "convert with fixed shapes: one model, or one function, for each length") \
    X(FLEXIBLE_ENUM, "flexible-shape-enumerated", WARN, REPORTED,              \
      "of enumerated shapes only the default one reliably gets the engine, others were seen at 2 % of it and with wrong strides", \
      "convert one model, or one function, for each length")                   \
    X(FP32_COMPUTE, "fp32-compute", ERROR, VENDOR,                             \
      "the engine computes in float16 only; a typed float32 operation cannot go there", \
      "convert with compute_precision FLOAT16, and keep float32 for what overflows") \
    X(RANK, "rank>5", ERROR, REPORTED,                                         \
      "tensors of more than five axes are refused by the engine",              \
      "merge axes with reshape before the operation")                          \
    X(BLOCKWISE, "blockwise-quantisation", ERROR, REPORTED,                    \
      "the engine takes one scale a tensor or one an output channel; weights in blocks along other axes stay off it", \
      "quantise per channel or per tensor, or use a palette")                  \
    X(CONTROL_FLOW, "control-flow", ERROR, REPORTED,                           \
      "control flow, recurrent and custom layers never run on the engine and cut the model in parts", \
      "unroll or replace them before conversion")                              \
    X(WEIGHTS_2G, "weights>2GiB", ERROR, REPORTED,                             \
      "a program of the engine holds about 2 GB of weights: 1.5 GB loaded, 3.4 GB failed, and a failure may be silent or kill the process at the first prediction", \
      "split the model, or use a palette of 4 or 6 bits")                      \
    X(INF_CONSTANT, "inf-constant", ERROR, MEASURED,                           \
      "an infinite constant gives not-a-number as soon as it meets a zero: (1 - mask) * -inf", \
      "build the mask with a finite number such as -1e4")                      \
    X(OP_OFF_ANE, "op-off-ane", WARN, REPORTED,                                \
      "operations of this type were not seen on the engine: the work goes to the CPU and back", \
      "replace it, or move it to the very beginning or end of the model")      \
    X(RUNTIME_SLICE, "runtime-slice", WARN, REPORTED,                          \
      "a slice whose place is computed at run time is not seen on the engine", \
      "slice at constant places, or select with a mask")                       \
    X(UNKNOWN_DIM, "unknown-dim", WARN, VENDOR,                                \
      "a size that is only known at run time keeps the operation off the engine", \
      "convert with fixed shapes")                                             \
    X(UNKNOWN_RANK, "unknown-rank", WARN, REPORTED,                            \
      "the number of axes is not known before the model runs",                 \
      "convert with fixed shapes")                                             \
    X(DIM, "dim>16384", WARN, REPORTED,                                        \
      "an axis above 16,384 is beyond engines up to M3 and A15; A16 and M4 take 65,536", \
      "split the axis, as vocabulary projections are, or leave it to the CPU at the end") \
    X(WEIGHTS_1G, "weights>1GiB", WARN, VENDOR,                                \
      "on an iPhone a model of the engine should stay below 1 GB; first loads take minutes", \
      "use a palette of 4 or 6 bits, or split the model")                      \
    X(STATE, "state", WARN, REPORTED,                                          \
      "stateful models were refused by the engine, or failed only there; states need iOS 18", \
      "for embeddings convert without a state")                                \
    X(STATE_DIM, "state-dim-not-32", WARN, REPORTED,                           \
      "states with a size that is no multiple of 32 were refused by the engine", \
      "pad the state to a multiple of 32")                                     \
    X(GROUPED_PALETTE, "grouped-palettisation", WARN, VENDOR,                  \
      "a palette for each group of channels runs slower than one for the tensor", \
      "use one palette a tensor unless quality needs more")                    \
    X(VECTOR_PALETTE, "vector-palettisation", WARN, REPORTED,                  \
      "palettes of vectors need iOS 18 and were not seen on the engine",       \
      "use palettes of single numbers")                                        \
    X(CONV_KERNEL, "conv-kernel>13", WARN, REPORTED,                           \
      "convolutions wider than 13 stay off the engine",                        \
      "split the kernel")                                                      \
    X(ARGMAX, "argmax-axis>2048", WARN, REPORTED,                              \
      "argmax over more than 2,048 is not taken",                              \
      "take it outside of the model")                                          \
    X(HUGE_CONSTANT, "huge-constant", WARN, REPORTED,                          \
      "a constant of this size is copied or split when the model is loaded, and slows the first load", \
      "split it, compress it, or gather from it outside of the model")         \
    X(FP16_OVERFLOW, "fp16-overflow", WARN, REPORTED,                          \
      "squares are averaged in float16: from 256 on a square is above 65,504, which gives infinite norms and zero or nan vectors", \
      "scale before squaring, as newer converters do for RMSNorm, or keep this norm in float32") \
    X(BANDWIDTH, "bandwidth-floor", NOTE, MEASURED,                            \
      "each prediction reads its weights once: a latency below bytes over bandwidth was not reached by that device", \
      "hold measured latencies against these floors; fewer bits lower them")   \
    X(SMALL_MODEL, "small-model-likely-cpu", NOTE, REPORTED,                   \
      "models of a few megabytes are usually planned on the CPU, where they are faster: a call of the engine costs 0.2 to 0.4 ms", \
      "run it on the CPU, or make batches")                                    \
    X(GATHER, "gather", NOTE, MEASURED,                                        \
      "looking up embeddings by id runs on the CPU in every recorded plan",    \
      "expect it; keep it at the beginning of the model")                      \
    X(INT_OPS, "int-ops", NOTE, REPORTED,                                      \
      "arithmetic on integers and truth values runs on the CPU",               \
      "compute masks outside of the model, or in float16")                     \
    X(CAST, "cast-on-cpu", NOTE, MEASURED,                                     \
      "casts at the edges of a model run on the CPU",                          \
      "expect it; with iOS 16 inputs and outputs can be float16")              \
    X(OUTPUT_CAST, "output-cast", NOTE, VENDOR,                                \
      "an output is widened to float32 at the end: one more step, and no more precision", \
      "convert for iOS 16 or later with outputs of float16")                   \
    X(LINEAR, "linear-not-conv", NOTE, VENDOR,                                 \
      "the engine's own layout is [batch, channels, 1, length] with convolutions of 1x1; linear is turned into that, with copies", \
      "convert in that layout when every millisecond counts")                  \
    X(LAST_DIM, "last-dim-padded", NOTE, VENDOR,                               \
      "the last axis is padded to 64 bytes in the engine's memory: a short one wastes up to 32 times the memory", \
      "put the longest axis last")                                             \
    X(BATCH, "batch-not-1", NOTE, REPORTED,                                    \
      "several texts in one prediction gained little on the engine and cost latency", \
      "convert with a batch of 1, and another function for bulk")              \
    X(INT8_AS_F16, "int8-runs-as-f16", NOTE, VENDOR,                           \
      "weights of 8 or fewer bits are widened to float16 before they are used: fewer bytes to read, no faster arithmetic", \
      "expect smaller files and shorter reads, not int8 speed")                \
    X(W8A8, "quantised-activations", NOTE, VENDOR,                             \
      "8-bit activations are faster only from A17 Pro and M4 on",              \
      "keep float16 activations for older machines")                           \
    X(EPSILON, "epsilon-below-fp16", NOTE, MEASURED,                           \
      "a constant below the range of float16 became its smallest number, 6e-8, at conversion", \
      "expect differences of about 5e-5 against the original")                 \
    X(INF_MASK, "inf-mask", NOTE, MEASURED,                                    \
      "a table holds infinities, usually a mask: a row of them alone gives not-a-number in softmax, as left padding does", \
      "pad on the right, or use a finite number such as -1e4")                 \
    X(PINNED, "intended-backend", NOTE, REPORTED,                              \
      "operations carry a wish for a backend; systems that do not know it ignore it", \
      "look at a recorded plan: anemone plan --from FILE")                     \
    X(NOT_PROGRAM, "not-an-ml-program", NOTE, FORMAT,                          \
      "only ML Programs are looked at operation by operation",                 \
      "convert with a deployment target of iOS 15 or later")
/* clang-format on */

typedef enum anm_lint_rule_id {
#define X(name, word, severity, known, why, what) ANM_LINT_RULE_##name,
    ANM_LINT_RULE_LIST(X)
#undef X
        ANM_LINT_RULE_COUNT,
} anm_lint_rule_id;

/* Bytes that one prediction of the default function reads: every stored
 * constant once, also where several ops share it, but not tables of which rows
 * are gathered. False when memory is out. */
bool anm_lint_bytes_read(const anm_mil_function *f, uint64_t *out);

/* Devices and what they read, slowest first; ms is 0. */
const anm_lint_floor *anm_lint_bandwidths(size_t *n);

#endif
