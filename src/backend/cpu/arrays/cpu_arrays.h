/* cpu_arrays.h - array programs on the cpu backend, from within.
 *
 * A program is fitted to the shapes of its inputs: a fit holds the shape of
 * every value, a step per node and a place for what a step computes. What
 * depends on constants and shapes alone is computed once, when the fit is made.
 * A value whose shape depends on contents (a slice up to a number that was
 * given) is open: its shape is inferred again in each run, and it has a buffer
 * of its own that only grows. A runner keeps the last few fits, so that a
 * second call of equal shapes allocates nothing.
 *
 * Every element takes one cell of 4 bytes, float or int32_t (BOOL 0 or 1), so
 * that what only moves elements need not know their type. Constants that only a
 * product or a look-up reads stay in the type they are stored in.
 *
 *   cpu_arrays_table.c        operation -> functions
 *   cpu_arrays_sections.c     constants -> sections -> cells, panels, tables
 *   cpu_arrays_fit.c          program + shapes -> fit
 *   cpu_arrays_place.c        a place for each value, reused
 *   cpu_arrays_budget.c       how much memory all of that may take
 *   cpu_arrays_load.c         a runner's part: fits, states, plan rows
 *   cpu_arrays_run.c          a run; texts as runs
 *   cpu_arrays_walk.c         strided iteration, shares of members
 *   cpu_arrays_{binary,unary,move,slice,index,make,reduce,norm,product,conv,
 *     attention}.c            the operations
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CPU_ARRAYS_H
#define ANM_CPU_ARRAYS_H

#include "backend/cpu/cpu_backend.h"
#include "graph/arrays_shape.h"

/* ---- Values and steps ---------------------------------------------------- */

/* One element: what only moves elements copies cells and looks at no member. */
typedef union anm_cpu_cell {
    float f;
    int32_t i;
} anm_cpu_cell;

typedef struct anm_cpu_array {
    anm_array_type type; /* all dims known, but of an open value before its
                             step has run */
    void *data;          /* cells; NULL where only stored */
    /* Of a constant, in the type it is stored in: for products, for look-ups. */
    const void *panels, *table;
    anm_dtype stored_type;
    size_t room;  /* cells of an open value's buffer */
    bool settled; /* known when the fit was made: a constant or computed then */
    bool open;
} anm_cpu_array;

typedef struct anm_cpu_array_step anm_cpu_array_step;

/* One member of a step that all members run. */
typedef struct anm_cpu_turn {
    const anm_kern *kern;
    anm_pool *pool; /* may be NULL for one member */
    unsigned member, n_members;
    float *scratch; /* as much as the step's `room` said, of this member */
} anm_cpu_turn;

typedef void (*anm_cpu_array_fn)(const anm_cpu_array_step *s,
                                 const anm_cpu_turn *t);

/* What is to be known of an operation. */
typedef struct anm_cpu_array_rule {
    anm_cpu_array_fn run;
    /* Looks at contents before members start: ANM_E_ARG, without the name of
     * the node. NULL: nothing can go wrong. */
    anm_status (*check)(const anm_cpu_array_step *s, anm_error *err);
    /* Floats of scratch of each member; NULL: none. SIZE_MAX: too many. */
    size_t (*room)(const anm_cpu_array_step *s, unsigned n_members);
    /* The output may lie where input 0 or 1 lies, if that has as many elements
     * and nobody reads it any more: an element is written after what it is
     * made of has been read. */
    bool in_place;
    bool alone; /* one member does all of it */
} anm_cpu_array_rule;

struct anm_cpu_array_step {
    const anm_array_node *node;
    const anm_cpu_array_rule *rule;
    anm_cpu_array **in;  /* [n_inputs], NULL where absent */
    anm_cpu_array **out; /* [n_outputs]; of WRITE_STATE none */
    bool skip;           /* settled, or a view of its input */
    bool open;           /* shapes are inferred in each run */
    double ns; /* estimate of one thread; never a statement about speed */
};

/* NULL: none of this operation. */
const anm_cpu_array_rule *anm_cpu_array_rule_of(anm_array_op op);

/* The output is input 0 with another shape: the same cells. */
bool anm_cpu_array_is_view(const anm_array_node *node,
                           const anm_array_type *from,
                           const anm_array_type *to);

/* ---- Fits ---------------------------------------------------------------- */

typedef struct anm_cpu_fit {
    anm_arena arena;
    anm_cpu_array *values;     /* [n_values] */
    anm_cpu_array_step *steps; /* [n_nodes] */
    size_t n_values, n_steps;
    void *block;    /* cells of values that are not open */
    uint64_t cells; /* taken for it, but for buffers of open values */
    uint64_t last_used;
} anm_cpu_fit;

enum { ANM_CPU_FITS_MAX = 8 };

/* A runner's part for an array program. */
typedef struct anm_cpu_arrays {
    const anm_arrays *program;
    unsigned char *forms;  /* [n_values] of anm_cpu_array_form */
    anm_cpu_array *consts; /* [n_values]: constants and states */
    anm_cpu_fit *fits[ANM_CPU_FITS_MAX];
    size_t n_fits;
    uint64_t n_runs;
    uint64_t cells; /* taken: states, fits, scratch, feeds */
    float *scratch; /* [n_members, scratch_len] */
    size_t scratch_len;
    anm_array_view feeds[ANM_ARRAY_FEEDS_MAX]; /* of texts */
    anm_cpu_cell *fed; /* [n_feeds, batch, length] that feeds point at */
    size_t fed_cells;
} anm_cpu_arrays;

/* Fit the runner's program to inputs of these types, [n_inputs] in the order of
 * the program. Kept by the runner. */
anm_status anm_cpu_fit_get(anm_runner *r, const anm_array_type *inputs,
                           anm_cpu_fit **out, anm_error *err);
void anm_cpu_fit_free(anm_cpu_fit *fit);

/* Give a place to every value of the fit that is neither settled nor open. */
anm_status anm_cpu_fit_place(anm_cpu_arrays *a, anm_cpu_fit *fit,
                             anm_error *err);

/* Infer the shapes of an open step's outputs and make room for them. */
anm_status anm_cpu_step_open(anm_runner *r, anm_cpu_array_step *s,
                             anm_error *err);

/* Run one step on all members. */
anm_status anm_cpu_step_run(anm_runner *r, const anm_cpu_array_step *s,
                            anm_error *err);

/* ---- Budget --------------------------------------------------------------- */

/* Cells that a runner holds at once, 8 GiB of them: a few legal operations can
 * ask for any number. */
#define ANM_CPU_CELLS_MAX ((uint64_t)1 << 31)

/* Count n cells, before they are asked for. ANM_E_LIMIT with both figures when
 * they are more than ANM_CPU_CELLS_MAX in all, or than the machine has. */
anm_status anm_cpu_cells_take(anm_cpu_arrays *a, uint64_t n, anm_error *err);
void anm_cpu_cells_give(anm_cpu_arrays *a, uint64_t n);

/* ---- Constants ----------------------------------------------------------- */

enum anm_cpu_array_form {
    ANM_CPU_ARRAY_CELLS = 1,
    ANM_CPU_ARRAY_PANELS = 2, /* w of LINEAR or of a 1x1 CONV */
    ANM_CPU_ARRAY_TABLE = 4,  /* rows that GATHER alone looks up */
};

/* The forms in which constants are read, into forms [n_values]. */
void anm_cpu_array_forms(const anm_arrays *program, unsigned char *forms);

/* Whether a node takes whole rows of x by its first axis. */
bool anm_cpu_array_is_lookup(const anm_array_node *node,
                             const anm_array_type *x);

/* Whether a CONV with such weights is a product per position. */
bool anm_cpu_array_is_pointwise(const anm_array_attr *attr,
                                const anm_array_type *w);

anm_status anm_cpu_arrays_accepts(const anm_program *program, anm_error *err);
anm_status anm_cpu_arrays_prepare(const anm_program *program,
                                  const anm_kern *kern,
                                  const anm_section_sink *sink, anm_error *err);
anm_status anm_cpu_arrays_bind(anm_runner *r, const anm_sections *sections,
                               anm_error *err);

/* ---- Runners ------------------------------------------------------------- */

/* Fills in what a runner has for an array program; the rest is loaded. */
anm_status anm_cpu_arrays_load(anm_runner *r, const anm_sections *sections,
                               anm_error *err);
void anm_cpu_arrays_unload(anm_runner *r);

anm_status anm_cpu_arrays_run(anm_runner *r, const anm_arrays_call *call,
                              anm_error *err);
/* Texts of a call, one run after the other. */
anm_status anm_cpu_arrays_texts(anm_runner *r, const anm_call *call,
                                uint64_t *bind_ns, anm_error *err);
/* A fit, and its room, for texts of this many tokens. */
anm_status anm_cpu_arrays_reserve(anm_runner *r, size_t tokens, anm_error *err);

/* ---- Words of the operations --------------------------------------------- */

typedef struct anm_cpu_range {
    size_t first, n;
} anm_cpu_range;

/* A member's contiguous share of n, in whole grains. */
anm_cpu_range anm_cpu_array_share(const anm_cpu_turn *t, size_t n,
                                  size_t grain);

static inline size_t anm_cpu_array_n(const anm_cpu_array *a)
{
    return anm_array_elements(&a->type);
}

static inline const float *anm_cpu_floats(const anm_cpu_array *a)
{
    return a->data;
}

static inline const int32_t *anm_cpu_ints(const anm_cpu_array *a)
{
    return a->data;
}

static inline bool anm_cpu_is_float(const anm_cpu_array *a)
{
    return anm_array_is_float(a->type.dtype);
}

/* Input i, or NULL. */
static inline const anm_cpu_array *anm_cpu_input(const anm_cpu_array_step *s,
                                                 unsigned i)
{
    return i < s->node->n_inputs ? s->in[i] : NULL;
}

/* Wrap an integer to its declared type; BOOL is not zero. */
int32_t anm_cpu_wrap(int64_t v, anm_dtype dtype);

/* Truncated, then wrapped. */
int32_t anm_cpu_int_of(float x, anm_dtype dtype);

/* An array around one axis: [outer, mid, inner]. */
typedef struct anm_cpu_around {
    size_t outer, mid, inner;
} anm_cpu_around;

anm_cpu_around anm_cpu_around_axis(const anm_array_type *t, unsigned axis);

/* ---- Strided iteration ---------------------------------------------------- */

enum { ANM_CPU_WALK_AXES = 2 * ANM_RANK_MAX, ANM_CPU_WALK_OPERANDS = 4 };

/* Axes that several operands go along together, each with its own steps. */
typedef struct anm_cpu_walk {
    unsigned rank, n_operands;
    size_t dims[ANM_CPU_WALK_AXES];
    int64_t steps[ANM_CPU_WALK_OPERANDS][ANM_CPU_WALK_AXES];
    size_t n; /* elements */
} anm_cpu_walk;

/* Operand 0 is an array of this type without gaps. */
void anm_cpu_walk_begin(anm_cpu_walk *w, const anm_array_type *t);
/* A further operand that is broadcast to it. */
void anm_cpu_walk_add(anm_cpu_walk *w, const anm_array_type *t);
/* Make neighbouring axes one where all operands allow it. */
void anm_cpu_walk_join(anm_cpu_walk *w);

/* Runs along the last axis, of elements [first, first + n) of the walk. */
typedef struct anm_cpu_cursor {
    const anm_cpu_walk *walk;
    size_t left, run;
    size_t index[ANM_CPU_WALK_AXES];
    int64_t at[ANM_CPU_WALK_OPERANDS]; /* of the run's first element */
} anm_cpu_cursor;

void anm_cpu_cursor_begin(anm_cpu_cursor *c, const anm_cpu_walk *w,
                          anm_cpu_range range);
/* False at the end. */
bool anm_cpu_cursor_next(anm_cpu_cursor *c);

/* Copy cells along a walk of two operands, to and from, this member's share. */
void anm_cpu_walk_copy(const anm_cpu_walk *w, const anm_cpu_turn *t,
                       anm_cpu_cell *to, const anm_cpu_cell *from);

/* ---- Products ------------------------------------------------------------ */

/* c[i][j] = sum_k a[i][k] b[k][j] by steps; c's columns lie together. */
typedef struct anm_cpu_product {
    size_t m, n, k;
    const float *a, *b;
    size_t a_row, a_col, b_row, b_col;
    float *c;
    size_t c_row;
} anm_cpu_product;

/* Floats of scratch for columns [0, n) of it. */
size_t anm_cpu_product_room(size_t m, size_t n, size_t k, bool copy_a);

/* Columns [first, first + n) of the product; first is a multiple of 16. */
void anm_cpu_product_run(const anm_kern *kern, const anm_cpu_product *p,
                         size_t first, size_t n, float *scratch);

/* Rows [k][16] of panels over b, of columns [first, first + n). */
void anm_cpu_pack_columns(float *panels, const float *b, size_t row, size_t col,
                          size_t k, anm_cpu_range columns);

/* Fill rows of -inf alone with NaN, and take the softmax of the others. */
void anm_cpu_softmax_rows(const anm_kern *kern, float *x, size_t ld,
                          size_t rows, size_t n);

#endif
