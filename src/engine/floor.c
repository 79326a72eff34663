/* floor.c - what this machine reaches, measured without loading a model: a
 * program of one table is loaded instead.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/floor.h"

#include "base/error.h"
#include "engine/artifact_file.h"
#include "engine/state.h"

enum { ROWS = 2, DIM = 16, TOKENS = 8 };

static anm_status make_graph(anm_graph *g, anm_error *err)
{
    static const float table[ROWS * DIM] = { 1 };
    const anm_shape ids = { ANM_DTYPE_I32, 1, { ANM_DIM_TOKENS } };
    const anm_shape rows = { ANM_DTYPE_F32, 2, { ROWS, DIM } };
    const anm_attr mean = { .pool = ANM_POOL_MEAN };
    const anm_value_id in = anm_graph_input(g, "ids", &ids);
    const anm_value_id mask = anm_graph_input(g, "mask", &ids);
    const anm_value_id weights =
        anm_graph_const(g, "table", &rows, anm_bytes_of(table, sizeof(table)));
    const anm_value_id gather[] = { weights, in };
    const anm_value_id states =
        anm_graph_add(g, ANM_OP_GATHER, "gather", gather, 2, NULL);
    const anm_value_id pool[] = { states, mask };

    anm_graph_result(g, anm_graph_add(g, ANM_OP_POOL, "pool", pool, 2, &mean));
    return anm_graph_finish(g, err);
}

static anm_status measure(const anm_backend *b, const anm_program *program,
                          const anm_load_params *load, anm_frame_writer *w,
                          anm_peak *out, anm_error *err)
{
    const anm_section_sink sink = anm_frame_writer_sink(w);
    anm_sections sections;
    anm_runner *runner = NULL;
    anm_status status = b->prepare(program, load, &sink, err);

    if (!status) status = anm_frame_writer_sections(w, &sections, err);
    if (!status) status = b->load(&runner, program, load, &sections, err);
    if (!status) status = b->measure(runner, out, err);
    if (runner) b->unload(runner);
    return status;
}

anm_status anm_floor_measure(const anm_engine *e, anm_peak *out, anm_error *err)
{
    const anm_frame_writer_params params = { .path = NULL };
    anm_frame_writer *w = NULL;
    anm_graph *g = NULL;
    anm_status status = anm_graph_new(&g, err);

    if (!status) status = make_graph(g, err);
    if (!status) status = anm_frame_writer_new(&w, &params, err);
    if (!status) {
        const anm_program program = { .graph = g,
                                      .precision = ANM_PRECISION_F32,
                                      .max_tokens = TOKENS,
                                      .dim = DIM };
        status = measure(e->backend, &program, &e->load, w, out, err);
    }
    anm_frame_writer_free(w);
    anm_graph_free(g);
    return status;
}
