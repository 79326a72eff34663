/* golden.c - the golden text: what must come out before a model is ready.
 *
 * The golden vector is computed once, when the artifact is built, by the same
 * sections without any ISA level: the scalar specification of the kernels. How
 * many threads share that work does not show in its bits. Its ids are made anew
 * at each start, so tokenizer and input are proven with it. It depends on
 * nothing but the fingerprint.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/golden.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "engine/fidelity.h"
#include "engine/guard.h"
#include "engine/state.h"
#include "model/package.h"

// Several words, two scripts' worth of bytes, an accent and punctuation.
static const char golden_text[] = "The café on Łódź street opens at 7, ring "
                                  "twice: who was here first?";
static const char golden_section[] = "golden";

/* A big model proves itself on fewer of the text's tokens, special ones
 * included: each start waits for them, and the scalar kernels of the first one
 * take a hundred times as long. All of it still goes through the tokenizer. */
static const double golden_macs = 4e9;
enum { GOLDEN_TOKENS_MIN = 8 };

size_t anm_golden_length(double a_token, size_t frame, size_t max_tokens)
{
    const size_t least = frame + GOLDEN_TOKENS_MIN;
    size_t n = max_tokens;

    if (a_token * (double)n > golden_macs) n = (size_t)(golden_macs / a_token);
    if (n < least) n = least;
    return n < max_tokens ? n : max_tokens;
}

static anm_status make_input(anm_engine *e, anm_inputs *in, anm_error *err)
{
    const anm_tokenizer_frame f = anm_tokenizer_frame_of(e->source->tokenizer);
    const anm_input_params params = {
        .tokenizer = e->source->tokenizer,
        .vocab_rows = e->source->vocab_rows,
        .max_tokens = anm_golden_length(e->macs[1], f.n_before + f.n_after,
                                        e->program.max_tokens),
    };

    return anm_inputs_add(in, &params, anm_text_of(golden_text), err);
}

void anm_golden_explain(const anm_engine *e, anm_error *err)
{
    const anm_package *p = e->source->package;
    const char *factor = p ? anm_mil_infinite_factor(p->function) : NULL;
    char why[512];

    if (!err || (!factor && !(p && p->pad_left))) return;
    snprintf(why, sizeof(why), "%.480s", err->message);
    if (factor)
        anm_fail(err, ANM_E_DEVICE,
                 "%s; a product reads constant %s, which is infinite, and 0 "
                 "times that is no number",
                 why, factor);
    else
        anm_fail(err, ANM_E_DEVICE,
                 "%s; texts are padded on the left, where a causal mask leaves "
                 "the first positions nothing to attend to: a package made "
                 "with padding on the right needs --padding right",
                 why);
}

/* Who waits for a big model sees how far its proof has come. */
typedef struct teller {
    const anm_engine *e;
    uint64_t told_ns;
} teller;

static void tell(void *ctx, size_t done, size_t total)
{
    enum { EVERY_NS = 50000000 };
    teller *t = ctx;
    const uint64_t now = anm_now_ns();

    if (now - t->told_ns < EVERY_NS) return;
    t->told_ns = now;
    t->e->progress(t->e->progress_ctx, "prove", done, total);
}

/* Predict the golden text; the vector is checked but not compared. */
static anm_status predict(anm_engine *e, anm_runner *runner,
                          const anm_inputs *in, float *v, anm_error *err)
{
    uint64_t bind_ns;
    teller waiting = { e, anm_now_ns() };
    const anm_call call = {
        .inputs = in->items,
        .n_inputs = 1,
        .vectors = v,
        .told = e->progress ? tell : NULL,
        .told_ctx = &waiting,
    };
    anm_status status = e->backend->predict(runner, &call, &bind_ns, err);

    if (!status)
        status = anm_guard_check(v, e->program.dim, e->source->recipe.normalize,
                                 0, err);
    if (!status) return ANM_OK;
    if (status == ANM_E_DEVICE) anm_golden_explain(e, err);
    return anm_fail_prefix(err, status, "%s: golden text", e->source->path);
}

static anm_status predict_scalar(anm_engine *e, const anm_sections *sections,
                                 float *v, anm_error *err)
{
    const anm_load_params params = {
        .units = e->load.units,
        .threads = e->load.threads,
        .cpu = 0,
        .log = e->load.log,
    };
    anm_inputs in = { 0 };
    anm_runner *runner = NULL;
    anm_status status = make_input(e, &in, err);

    if (!status)
        status = e->backend->load(&runner, &e->program, &params, sections, err);
    if (!status) status = predict(e, runner, &in, v, err);
    if (runner) e->backend->unload(runner);
    anm_inputs_deinit(&in);
    return status;
}

/* ---- Building --------------------------------------------------------------- */

static anm_status fill(void *ctx, const anm_section_sink *sink, anm_error *err)
{
    const anm_engine *e = ((const anm_build *)ctx)->e;

    return e->backend->prepare(&e->program, &e->load, sink, err);
}

static anm_status finish(void *ctx, const anm_sections *sections,
                         const anm_section_sink *sink, anm_error *err)
{
    const anm_build *b = ctx;
    anm_engine *e = b->e;
    const size_t bytes = e->program.dim * sizeof(float);
    float *v = anm_alloc(bytes);

    if (!v) return anm_fail(err, ANM_E_NOMEM, "golden: out of memory");
    anm_status status = predict_scalar(e, sections, v, err);
    // Both look at sections that another one, begun, might move.
    if (!status && anm_fidelity_applies(e))
        status = anm_fidelity_write(e, b->options, sections, sink, err);
    if (!status) status = sink->begin(sink->ctx, golden_section, bytes, err);
    if (!status) status = sink->write(sink->ctx, v, bytes, err);
    anm_free(v);
    return status;
}

static uint64_t constant_bytes(const anm_graph *g)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < anm_graph_n_values(g); i++) {
        const anm_value *v = anm_graph_value(g, (anm_value_id)i);
        uint64_t size = 0;

        if (v->kind == ANM_VALUE_CONST &&
            anm_dtype_bytes(v->kept, anm_shape_elements(&v->shape, 0), &size))
            bytes += size;
    }
    return bytes;
}

static uint64_t array_bytes(const anm_arrays *a)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < anm_arrays_n_values(a); i++) {
        const anm_array *v = anm_arrays_value(a, (anm_value_id)i);
        uint64_t n = v->kind == ANM_ARRAY_CONST, size = 0;
        for (unsigned k = 0; k < v->type.rank; k++)
            n *= (uint64_t)v->type.dims[k];
        if (anm_dtype_bytes(v->type.dtype, n, &size)) bytes += size;
    }
    return bytes;
}

anm_artifact_builder anm_golden_builder(anm_build *b)
{
    const anm_engine *e = b->e;

    return (anm_artifact_builder){
        .fill = fill,
        .finish = finish,
        .ctx = b,
        .bytes = e->arrays ? array_bytes(e->arrays) : constant_bytes(e->graph),
    };
}

/* ---- Proving ---------------------------------------------------------------- */

static anm_status find_golden(const anm_engine *e, const float **out,
                              anm_error *err)
{
    const size_t bytes = e->program.dim * sizeof(float);
    anm_bytes found = { 0 };

    if (anm_sections_find(&e->artifact.sections, golden_section, &found) &&
        found.len == bytes) {
        *out = (const void *)found.data;
        return ANM_OK;
    }
    return anm_fail(err, ANM_E_CORRUPT,
                    "its golden vector has %zu bytes, must have %zu", found.len,
                    bytes);
}

static anm_status compare(anm_engine *e, anm_slot *slot, const float *golden,
                          anm_error *err)
{
    const size_t dim = e->program.dim;
    anm_status status = make_input(e, &slot->inputs, err);

    if (status) return status;
    if (!anm_grow(&slot->staged, &slot->cap_staged, dim, sizeof(float)))
        return anm_fail(err, ANM_E_NOMEM, "golden: out of memory");
    status = predict(e, e->runner, &slot->inputs, slot->staged, err);
    if (status) return status;
    return anm_guard_golden(slot->staged, golden, dim, err);
}

anm_status anm_golden_prove(anm_engine *e, anm_error *err)
{
    const float *golden = NULL;
    anm_status status = find_golden(e, &golden, err);

    if (status) return status;
    // The first slot is the one that a single caller will be served from.
    anm_slot *slot = anm_slot_take(&e->slots, err);
    if (!slot) return ANM_E_NOMEM;
    status = compare(e, slot, golden, err);
    anm_inputs_reset(&slot->inputs);
    anm_slot_give_back(&e->slots, slot);
    return status;
}
