/* cpu_backend.h - the cpu backend from within: a runner, its steps and its
 * workspace.
 *
 * A runner is a flat array of steps, one per node, resolved at load: kernels,
 * weights and geometry are pointers and numbers, and running looks nothing up.
 * The unmasked tokens of several texts lie packed, one row each, [rows, d];
 * bounds say where a text begins. Values without a token axis have one row per
 * text. A graph with a node that is not packable runs one text at a time.
 *
 *   cpu_backend.c    the table, plan rows
 *   cpu_accept.c     which programs can run
 *   cpu_prepare.c    constants -> sections
 *   cpu_load.c       sections + graph -> steps
 *   cpu_workspace.c  room for values, and where each one lies
 *   cpu_run.c        a call: bind, steps, taps, what was observed
 *   cpu_ops.c        packable operations;  cpu_plain.c the others
 *   cpu_measure.c    what the machine reaches
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CPU_BACKEND_H
#define ANM_CPU_BACKEND_H

#include "backend/backend.h"
#include "base/alloc.h"
#include "base/pool.h"
#include "graph/memory_plan.h"
#include "kern/kern.h"

enum {
    /* Rows of one pass over the steps: more texts make several passes, so that
     * activations stay in the caches and the workspace stays small. */
    ANM_CPU_PASS_ROWS = 512,
    /* Queries of one unit of attention. A head's keys are repacked per unit,
     * which costs as much as about ten queries. */
    ANM_CPU_QUERY_BLOCK = 96,
};

typedef enum anm_cpu_home {
    ANM_CPU_NOWHERE, /* absent, or the mask: masked positions do not exist */
    ANM_CPU_SECTION, /* a constant */
    ANM_CPU_IDS,     /* the ids of the texts */
    ANM_CPU_TEMP,    /* in the workspace */
} anm_cpu_home;

/* A value as a step sees it: row r starts at data + r * ld. int32 values lie
 * in the same memory. */
typedef struct anm_cpu_operand {
    anm_cpu_home home;
    const float *data; /* of IDS and TEMP: set when the workspace is laid out */
    anm_dtype type;    /* of SECTION: what really lies there */
    size_t offset;     /* of TEMP */
    size_t ld, width;
    bool per_text;
    const anm_shape *shape;
} anm_cpu_operand;

/* The texts of one pass. */
typedef struct anm_cpu_batch {
    size_t rows, n_texts;
    const size_t *bounds; /* [n_texts + 1] first row of each text */
    const size_t *blocks; /* [n_texts + 1] query blocks before each text */
    double pairs;         /* sum of squared lengths */
    float *scratch;       /* [n_members, scratch_len] */
    size_t scratch_len;
    anm_pool *pool;
} anm_cpu_batch;

typedef struct anm_cpu_step anm_cpu_step;

/* One member's share of a step. Which member computes a row never shows in its
 * bits: kernels are row-independent. */
typedef void (*anm_cpu_step_fn)(const anm_cpu_step *s, const anm_cpu_batch *b,
                                unsigned member, unsigned n_members);

struct anm_cpu_step {
    anm_cpu_step_fn run; /* NULL: the value is a view */
    const anm_kern *kern;
    const anm_node *node;
    anm_cpu_operand in[ANM_INPUTS_MAX], out;
    float *y;   /* out.data, writable */
    bool split; /* over members when it is worth it */
    /* Estimate of the time on one thread, to choose between one member and
     * all; never a statement about speed. */
    double ns_base, ns_row, ns_pair;
};

/* One block, grown as a whole. Zero-initialised is valid to deinit. */
typedef struct anm_cpu_workspace {
    anm_memory_plan plan;
    float *block; /* values, then scratch, ids, bounds, blocks */
    float *scratch;
    size_t scratch_len;
    int32_t *ids;   /* [rows] */
    size_t *bounds; /* [texts + 1] */
    size_t *blocks; /* [texts + 1] */
    size_t rows, texts;
} anm_cpu_workspace;

struct anm_runner {
    anm_program program;
    struct anm_cpu_arrays *arrays; /* of an array program; NULL else, and the
                                      graph's members below are set */
    anm_kern kern;
    anm_pool *pool; /* NULL: one thread */
    unsigned n_members;
    anm_arena arena;     /* steps, plan rows, sections */
    anm_cpu_step *steps; /* [n_steps], one per node */
    size_t n_steps;
    anm_plan_row *plan_rows; /* [n_steps] */
    anm_bytes *sections;     /* [n_sections] */
    size_t n_sections;
    anm_bytes table;      /* the largest that predictions look up in; or none */
    size_t probe_at;      /* the piece that the next probe reads first */
    const char *unwanted; /* why the plan is not what units name; or NULL */
    bool packed;
    size_t vocab_rows; /* ids are below it */
    size_t head_dim;   /* largest of any ATTENTION; 0: none */
    const anm_cpu_operand *result;
    anm_cpu_workspace ws;
    anm_pool_usage before; /* the latest counted call */
};

/* ---- Programs ------------------------------------------------------------ */

anm_status anm_cpu_accepts(const anm_program *program,
                           const anm_load_params *params, anm_error *err);

/* Whether several texts may run at once. */
bool anm_cpu_packable(const anm_graph *g);

/* Elements of a head, the largest of any ATTENTION; 0: none. */
size_t anm_cpu_head_dim(const anm_graph *g);

/* Rows of the smallest table that is indexed by ids. */
size_t anm_cpu_vocab_rows(const anm_graph *g);

/* ---- Sections ------------------------------------------------------------ */

/* What becomes of a constant: packed panels where it is the weight of a
 * LINEAR, rows as stored where a GATHER picks them, and else float32 in its own
 * order. */
typedef enum anm_cpu_form {
    ANM_CPU_PLAIN = 1,
    ANM_CPU_PANELS = 2,
    ANM_CPU_TABLE = 4,
} anm_cpu_form;

anm_cpu_form anm_cpu_form_of(const anm_node *node, size_t input);

/* The type it has there: the one it is kept in (graph/keep.h) in panels and tables
 * that kernels know, F32 otherwise. */
anm_dtype anm_cpu_form_type(const anm_value *v, anm_cpu_form form);
uint64_t anm_cpu_form_bytes(const anm_value *v, anm_cpu_form form);

/* "panels/NAME" and the like, newly allocated; NULL when memory is out. */
char *anm_cpu_section_name(const anm_value *v, anm_cpu_form form);

/* Bytes of all sections. */
anm_status anm_cpu_sections_bytes(const anm_program *program, uint64_t *bytes,
                                  anm_error *err);

anm_status anm_cpu_prepare(const anm_program *program,
                           const anm_load_params *params,
                           const anm_section_sink *sink, anm_error *err);

/* ---- Runners ------------------------------------------------------------- */

anm_status anm_cpu_load(anm_runner **out, const anm_program *program,
                        const anm_load_params *params,
                        const anm_sections *sections, anm_error *err);
void anm_cpu_unload(anm_runner *r);

/* Room for a pass of this many rows and texts; keeps what is larger. */
anm_status anm_cpu_workspace_grow(anm_runner *r, size_t rows, size_t texts,
                                  anm_error *err);
void anm_cpu_workspace_deinit(anm_cpu_workspace *ws);

/* Bytes of the workspace of one text of so many tokens. */
anm_status anm_cpu_room_bytes(const anm_program *program,
                              const anm_load_params *params, size_t tokens,
                              uint64_t *bytes, anm_error *err);

/* Most rows that the texts of one pass have together; one text alone may have
 * more. */
size_t anm_cpu_pass_rows(const anm_runner *r);

anm_status anm_cpu_reserve(anm_runner *r, size_t tokens, size_t texts,
                           anm_error *err);
anm_status anm_cpu_predict(anm_runner *r, const anm_call *call,
                           uint64_t *bind_ns, anm_error *err);
void anm_cpu_observe(anm_runner *r, const anm_spent *caller, anm_observed *out);
uint64_t anm_cpu_probe(anm_runner *r);
anm_status anm_cpu_measure(anm_runner *r, anm_peak *out, anm_error *err);

/* ---- Operations ---------------------------------------------------------- */

/* Elements of the last axis. */
size_t anm_cpu_last_axis(const anm_cpu_operand *o, const anm_cpu_batch *b);

/* Rows of an operand as they lie: of `width` elements, ld apart. */
typedef struct anm_cpu_rows {
    size_t n, ld, width;
} anm_cpu_rows;

anm_cpu_rows anm_cpu_rows_of(const anm_cpu_operand *o, const anm_cpu_batch *b);

/* The same memory cut into rows of the last axis. */
anm_cpu_rows anm_cpu_last_rows(const anm_cpu_operand *o,
                               const anm_cpu_batch *b);

/* y becomes a copy of input 0, rows [first, first + n). */
void anm_cpu_copy_rows(const anm_cpu_step *s, const anm_cpu_batch *b,
                       size_t first, size_t n);

/* A member's share of a product over all its panels, the step of the pool; a
 * step has one. pool may be NULL for one member. */
void anm_cpu_multiply(const anm_kern *kern, const anm_gemm_f32 *product,
                      anm_pool *pool, unsigned member, unsigned n_members);

void anm_cpu_run_position(const anm_cpu_step *s, const anm_cpu_batch *b,
                          unsigned member, unsigned n_members);
void anm_cpu_run_gather(const anm_cpu_step *s, const anm_cpu_batch *b,
                        unsigned member, unsigned n_members);
void anm_cpu_run_add(const anm_cpu_step *s, const anm_cpu_batch *b,
                     unsigned member, unsigned n_members);
void anm_cpu_run_mul(const anm_cpu_step *s, const anm_cpu_batch *b,
                     unsigned member, unsigned n_members);
void anm_cpu_run_scale(const anm_cpu_step *s, const anm_cpu_batch *b,
                       unsigned member, unsigned n_members);
void anm_cpu_run_linear(const anm_cpu_step *s, const anm_cpu_batch *b,
                        unsigned member, unsigned n_members);
void anm_cpu_run_act(const anm_cpu_step *s, const anm_cpu_batch *b,
                     unsigned member, unsigned n_members);
void anm_cpu_run_layer_norm(const anm_cpu_step *s, const anm_cpu_batch *b,
                            unsigned member, unsigned n_members);
void anm_cpu_run_rms_norm(const anm_cpu_step *s, const anm_cpu_batch *b,
                          unsigned member, unsigned n_members);
void anm_cpu_run_glu(const anm_cpu_step *s, const anm_cpu_batch *b,
                     unsigned member, unsigned n_members);
void anm_cpu_run_angles(const anm_cpu_step *s, const anm_cpu_batch *b,
                        unsigned member, unsigned n_members);
void anm_cpu_run_rope(const anm_cpu_step *s, const anm_cpu_batch *b,
                      unsigned member, unsigned n_members);
void anm_cpu_run_attention(const anm_cpu_step *s, const anm_cpu_batch *b,
                           unsigned member, unsigned n_members);
void anm_cpu_run_pool(const anm_cpu_step *s, const anm_cpu_batch *b,
                      unsigned member, unsigned n_members);
void anm_cpu_run_normalize(const anm_cpu_step *s, const anm_cpu_batch *b,
                           unsigned member, unsigned n_members);

void anm_cpu_run_transpose(const anm_cpu_step *s, const anm_cpu_batch *b,
                           unsigned member, unsigned n_members);
void anm_cpu_run_reshape(const anm_cpu_step *s, const anm_cpu_batch *b,
                         unsigned member, unsigned n_members);
void anm_cpu_run_slice(const anm_cpu_step *s, const anm_cpu_batch *b,
                       unsigned member, unsigned n_members);
void anm_cpu_run_matmul(const anm_cpu_step *s, const anm_cpu_batch *b,
                        unsigned member, unsigned n_members);
void anm_cpu_run_softmax(const anm_cpu_step *s, const anm_cpu_batch *b,
                         unsigned member, unsigned n_members);

#endif
