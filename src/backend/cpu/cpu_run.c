/* cpu_run.c - a call: texts bound in passes, the steps, taps, and what was
 * observed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "backend/cpu/arrays/cpu_arrays.h"
#include "base/clock.h"
#include "base/error.h"

/* A step is split when that saves more than what starting and awaiting the
 * members costs. */
#define SPLIT_SAVES_NS 3000.0

/* ---- Bind ---------------------------------------------------------------- */

static size_t count_kept(const anm_input *in)
{
    size_t n = 0;

    for (size_t i = 0; i < in->len; i++)
        n += in->mask[i] != 0;
    return n;
}

/* The texts from `first` on that fit into one pass. */
static anm_status measure_pass(const anm_runner *r, const anm_call *call,
                               size_t first, anm_cpu_batch *b, anm_error *err)
{
    const size_t most = anm_cpu_pass_rows(r);

    *b = (anm_cpu_batch){ .pool = r->pool };
    for (size_t i = first; i < call->n_inputs; i++) {
        const size_t len = count_kept(&call->inputs[i]);

        if (len == 0 || len > r->program.max_tokens)
            return anm_fail(err, ANM_E_ARG,
                            "text %zu: %zu tokens, allowed 1 to %zu", i, len,
                            r->program.max_tokens);
        if (i > first && (!r->packed || b->rows + len > most)) break;
        b->rows += len;
        b->n_texts++;
    }
    return ANM_OK;
}

/* At least twice what there is, within what a pass can use. */
static anm_status grow_workspace(anm_runner *r, const anm_cpu_batch *b,
                                 anm_error *err)
{
    const anm_cpu_workspace *ws = &r->ws;
    size_t rows = ws->rows, texts = ws->texts;

    if (b->rows <= rows && b->n_texts <= texts) return ANM_OK;
    if (b->rows > rows) rows = b->rows > 2 * rows ? b->rows : 2 * rows;
    if (b->n_texts > texts)
        texts = b->n_texts > 2 * texts ? b->n_texts : 2 * texts;
    return anm_cpu_reserve(r, rows, texts, err);
}

/* The kept ids of one text to dst; false when one is in no table. */
static bool copy_ids(const anm_input *in, int32_t *dst, size_t limit,
                     int32_t *wrong)
{
    for (size_t i = 0; i < in->len; i++) {
        if (in->mask[i] == 0) continue;
        if (in->ids[i] < 0 || (size_t)in->ids[i] >= limit) {
            *wrong = in->ids[i];
            return false;
        }
        *dst++ = in->ids[i];
    }
    return true;
}

static anm_status bind_pass(anm_runner *r, const anm_call *call, size_t first,
                            anm_cpu_batch *b, anm_error *err)
{
    anm_status status = measure_pass(r, call, first, b, err);
    if (status) return status;

    status = grow_workspace(r, b, err);
    if (status) return status;

    const anm_cpu_workspace *ws = &r->ws;
    size_t row = 0, block = 0;

    for (size_t i = 0; i < b->n_texts; i++) {
        const anm_input *in = &call->inputs[first + i];
        const size_t len = count_kept(in);
        int32_t wrong = 0;

        if (!copy_ids(in, ws->ids + row, r->vocab_rows, &wrong))
            return anm_fail(err, ANM_E_ARG,
                            "text %zu: id %" PRId32 ", and the table has %zu "
                            "rows",
                            first + i, wrong, r->vocab_rows);
        ws->bounds[i] = row;
        ws->blocks[i] = block;
        row += len;
        block += (len + ANM_CPU_QUERY_BLOCK - 1) / ANM_CPU_QUERY_BLOCK;
        b->pairs += (double)len * (double)len;
    }
    ws->bounds[b->n_texts] = row;
    ws->blocks[b->n_texts] = block;
    b->bounds = ws->bounds;
    b->blocks = ws->blocks;
    b->scratch = ws->scratch;
    b->scratch_len = ws->scratch_len;
    return ANM_OK;
}

/* ---- Steps --------------------------------------------------------------- */

typedef struct turn {
    const anm_cpu_step *step;
    const anm_cpu_batch *batch;
} turn;

static void run_share(void *ctx, unsigned member, unsigned n_members)
{
    const turn *t = ctx;

    t->step->run(t->step, t->batch, member, n_members);
}

static bool is_worth_splitting(const anm_runner *r, const anm_cpu_step *s,
                               const anm_cpu_batch *b)
{
    if (!r->pool || !s->split) return false;
    const double rows = (double)(s->out.per_text ? b->n_texts : b->rows);
    const double ns = s->ns_base + rows * s->ns_row + b->pairs * s->ns_pair;
    return ns - ns / r->n_members > SPLIT_SAVES_NS;
}

static void run_step(const anm_runner *r, const anm_cpu_step *s,
                     const anm_cpu_batch *b)
{
    turn t = { s, b };

    if (is_worth_splitting(r, s, b))
        anm_pool_run(r->pool, run_share, &t);
    else
        s->run(s, b, 0, 1);
}

/* ---- Taps ---------------------------------------------------------------- */

static anm_status check_taps(const anm_runner *r, const anm_call *call,
                             anm_error *err)
{
    for (size_t i = 0; i < call->n_taps; i++) {
        anm_tap *tap = &call->taps[i];
        const anm_value_id id = anm_graph_find(r->program.graph, tap->name);

        tap->n = 0;
        if (id != ANM_VALUE_NONE &&
            anm_graph_value(r->program.graph, id)->kind == ANM_VALUE_TEMP)
            continue;
        return anm_fail(err, ANM_E_ARG,
                        "tap %s: no computed value has this "
                        "name after the passes",
                        tap->name);
    }
    return ANM_OK;
}

static anm_status copy_tap(const anm_cpu_step *s, const anm_cpu_batch *b,
                           anm_tap *tap, anm_error *err)
{
    const anm_cpu_rows rows = anm_cpu_rows_of(&s->out, b);
    const size_t n = rows.n * rows.width;

    if (n > tap->cap - tap->n)
        return anm_fail(err, ANM_E_ARG,
                        "tap %s: %zu floats, and there is room for %zu",
                        tap->name, tap->n + n, tap->cap);
    for (size_t i = 0; i < rows.n; i++) {
        memcpy(tap->out + tap->n, s->y + i * rows.ld,
               rows.width * sizeof(float));
        tap->n += rows.width;
    }
    return ANM_OK;
}

static anm_status copy_taps(const anm_runner *r, const anm_cpu_step *s,
                            const anm_cpu_batch *b, const anm_call *call,
                            anm_error *err)
{
    const char *name = anm_graph_value(r->program.graph, s->node->output)->name;
    anm_status status = ANM_OK;

    for (size_t i = 0; i < call->n_taps && !status; i++) {
        if (strcmp(call->taps[i].name, name) == 0)
            status = copy_tap(s, b, &call->taps[i], err);
    }
    return status;
}

/* ---- Passes -------------------------------------------------------------- */

static anm_status run_pass(anm_runner *r, const anm_call *call, size_t first,
                           const anm_cpu_batch *b, anm_error *err)
{
    const anm_cpu_operand *v = r->result;
    const size_t dim = r->program.dim;

    for (size_t i = 0; i < r->n_steps; i++) {
        const anm_cpu_step *s = &r->steps[i];

        if (s->run) run_step(r, s, b);
        if (call->told) call->told(call->told_ctx, i + 1, r->n_steps);
        if (call->n_taps == 0) continue;
        const anm_status status = copy_taps(r, s, b, call, err);
        if (status) return status;
    }
    for (size_t i = 0; i < b->n_texts; i++)
        memcpy(call->vectors + (first + i) * dim, v->data + i * v->ld,
               dim * sizeof(float));
    return ANM_OK;
}

static anm_status run_passes(anm_runner *r, const anm_call *call,
                             uint64_t *bind_ns, anm_error *err)
{
    anm_status status = ANM_OK;
    for (size_t first = 0; first < call->n_inputs && !status;) {
        const uint64_t then = anm_now_ns();
        anm_cpu_batch b;

        status = bind_pass(r, call, first, &b, err);
        *bind_ns += anm_elapsed_ns(then, anm_now_ns());
        if (!status) status = run_pass(r, call, first, &b, err);
        first += b.n_texts;
    }
    return status;
}

/* ---- Predict ------------------------------------------------------------- */

static void begin_window(anm_runner *r, bool counted)
{
    r->before = (anm_pool_usage){ 0 };
    if (r->pool) anm_pool_begin(r->pool);
    if (r->pool && counted) anm_pool_usage_mark(r->pool, &r->before);
}

static void end_window(anm_runner *r, bool counted)
{
    if (r->pool && counted)
        anm_pool_end(r->pool);
    else if (r->pool)
        anm_pool_end_uncounted(r->pool);
}

anm_status anm_cpu_predict(anm_runner *r, const anm_call *call,
                           uint64_t *bind_ns, anm_error *err)
{
    anm_status status = r->arrays ? ANM_OK : check_taps(r, call, err);

    if (status) return status;
    *bind_ns = 0;
    begin_window(r, call->counted);
    status = r->arrays ? anm_cpu_arrays_texts(r, call, bind_ns, err)
                       : run_passes(r, call, bind_ns, err);
    end_window(r, call->counted && !status);
    return status;
}

/* ---- What was observed --------------------------------------------------- */

static int64_t difference(int64_t after, int64_t before)
{
    if (after == ANM_COUNTER_UNKNOWN || before == ANM_COUNTER_UNKNOWN)
        return ANM_COUNTER_UNKNOWN;
    return after - before;
}

/* Of the pool's workers while one call ran. */
static void subtract_usage(const anm_pool_usage *after,
                           const anm_pool_usage *before, anm_observed *o)
{
    o->cpu_ns = (int64_t)(after->cpu_ns - before->cpu_ns);
    o->run_delay_ns = difference(after->run_delay_ns, before->run_delay_ns);
    o->run_delay_max_ns = after->run_delay_max_ns;
    o->device_wait_ns = ANM_COUNTER_UNKNOWN;
    o->vol_switches = difference(after->vol_switches, before->vol_switches);
    o->invol_switches =
        difference(after->invol_switches, before->invol_switches);
    o->minor_faults = difference(after->minor_faults, before->minor_faults);
    o->major_faults = difference(after->major_faults, before->major_faults);
}

static char *put_text(char *at, const char *text)
{
    while (*text)
        *at++ = *text++;
    *at = '\0';
    return at;
}

static char *put_number(char *at, uint64_t n)
{
    char digits[24];
    size_t i = sizeof(digits) - 1;

    digits[i] = '\0';
    do
        digits[--i] = (char)('0' + n % 10);
    while (n /= 10);
    return put_text(at, digits + i);
}

/* Milliseconds with two decimals. */
static char *put_ms(char *at, uint64_t ns)
{
    const uint64_t hundredths = (ns + 5000) / 10000;
    const char decimals[] = { '.', (char)('0' + hundredths / 10 % 10),
                              (char)('0' + hundredths % 10), '\0' };

    return put_text(put_number(at, hundredths / 100), decimals);
}

/* By hand: the graph's weights have pushed all code out of the caches, and to
 * fetch printf's takes 4 us, a hundred times as long as this. */
static void testify(const anm_runner *r, uint64_t cpu_ns, uint64_t wall_ns,
                    anm_testimony *where)
{
    const unsigned threads = r->pool ? anm_pool_size(r->pool) : 1;
    char how[160];
    char *at = put_text(how, "thread cpu time ");

    at = put_ms(at, cpu_ns);
    at = put_ms(put_text(at, " ms of "), wall_ns);
    at = put_number(put_text(at, " ms wall on "), threads);
    put_text(at, threads > 1 ? " threads" : " thread");
    const anm_statement seen =
        anm_statement_quote(ANM_WITNESS_CPU_TIME, ANM_DEVICE_CPU, 1.0, how);

    where->n = 0;
    where->excluded = 1u << ANM_DEVICE_GPU | 1u << ANM_DEVICE_ANE;
    anm_testimony_add(where, &seen);
}

void anm_cpu_observe(anm_runner *r, const anm_spent *caller, anm_observed *out)
{
    anm_pool_usage after = { 0 };

    if (r->pool) anm_pool_usage_read(r->pool, &after);
    subtract_usage(&after, &r->before, out);
    testify(r, caller->cpu_ns + (uint64_t)out->cpu_ns, caller->wall_ns,
            &out->where);
}
