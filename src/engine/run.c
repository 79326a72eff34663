/* run.c - one call: chunk by chunk tokenize, wait for the turn, predict, guard,
 * shorten; the stage clock runs through all of it.
 *
 * A call is cut into chunks of about 10 ms of estimated work, or one text, in
 * the order of its texts. Tokenizing happens outside the queue. A chunk that
 * turns out too long gives its last text to the next one.
 *
 * The turn is kept until a chunk's vectors are where they belong, since who gives
 * it back may wait for all of the next call.
 *
 * How large a chunk is depends on how fast the machine was lately; the room for
 * it must not, or a second identical call could allocate. So room is made for
 * the largest chunk that the texts of a call could ever give.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/run.h"

#include <assert.h>
#include <math.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "engine/call_log.h"
#include "engine/golden.h"
#include "engine/guard.h"
#include "engine/state.h"

enum {
    CHUNK_MS = 10,
    CHUNK_TOKENS_BLIND = 64, // while the rate is not yet known
    CHUNK_TEXTS_MAX = 256,
    CHUNK_TOKENS_MAX = 1024,
};

/* ---- The clock ------------------------------------------------------------- */

anm_run anm_run_begin(uint64_t cpu_ns)
{
    const uint64_t now = anm_now_ns();

    return (anm_run){
        .start_ns = now, .mark_ns = now, .seen_ns = now, .seen_cpu_ns = cpu_ns
    };
}

/* The time since the latest mark, which moves to now. */
static uint64_t take_lap(anm_run *run)
{
    const uint64_t lap = anm_elapsed_ns(run->mark_ns, anm_now_ns());

    run->mark_ns += lap;
    return lap;
}

void anm_run_mark(anm_run *run, anm_stage stage)
{
    run->stages_ns[stage] += take_lap(run);
}

void anm_run_end(anm_run *run)
{
    uint64_t sum = 0;

    anm_run_mark(run, ANM_STAGE_UNACCOUNTED);
    for (int s = 0; s < ANM_STAGE_UNACCOUNTED; s++)
        sum += run->stages_ns[s];
    run->total_ns = run->mark_ns - run->start_ns;
    assert(sum <= run->total_ns);
    run->stages_ns[ANM_STAGE_UNACCOUNTED] = run->total_ns - sum;
}

/* ---- Chunks ---------------------------------------------------------------- */

/* A job under way: what it is, what becomes of it, and how far it is. */
typedef struct course {
    anm_engine *e;
    const anm_job *job;
    anm_slot *slot;
    anm_run *run;
    size_t next; /* of the job's texts or rows: read when a chunk is filled */
    size_t done; /* of them, whose vectors are in slot->staged */
} course;

/* Where the vectors of the chunk at work go. */
static float *fresh_vectors(const course *c)
{
    return c->slot->staged + c->done * c->job->dims;
}

static double chunk_macs(anm_engine *e)
{
    const double rate = (double)atomic_load(&e->macs_per_ms);

    return rate > 0 ? rate * CHUNK_MS : anm_engine_macs(e, CHUNK_TOKENS_BLIND);
}

static anm_status add_input(const anm_engine *e, const anm_job *job, size_t i,
                            anm_slot *slot, anm_error *err)
{
    const anm_status status =
        job->texts
            ? anm_inputs_add(&slot->inputs, &job->input, job->texts[i], err)
            : anm_inputs_add_ids(&slot->inputs, &job->input, &job->rows[i],
                                 e->source->vocab_rows, err);

    if (!status) return ANM_OK;
    return anm_fail_prefix(err, status, "%s %zu", job->texts ? "text" : "row",
                           i);
}

/* Add what is next; *n is how many rows at the front make a chunk. */
static anm_status fill_chunk(course *c, size_t *n, anm_error *err)
{
    const anm_inputs *in = &c->slot->inputs;
    const size_t n_inputs = c->job->n;
    const double most = n_inputs > 1 ? chunk_macs(c->e) : 0;
    double work = in->n ? anm_engine_macs(c->e, in->items[0].len) : 0;

    while (c->next < n_inputs && in->n < CHUNK_TEXTS_MAX &&
           in->n_ids < CHUNK_TOKENS_MAX && (in->n == 0 || work < most)) {
        const anm_status status =
            add_input(c->e, c->job, c->next, c->slot, err);
        if (status) return status;
        work += anm_engine_macs(c->e, in->items[in->n - 1].len);
        c->next++;
    }
    const bool over = work > most || in->n_ids > CHUNK_TOKENS_MAX;
    *n = in->n > 1 && over ? in->n - 1 : in->n;
    return ANM_OK;
}

/* ---- Predict --------------------------------------------------------------- */

static int64_t add_counters(int64_t a, int64_t b)
{
    if (a == ANM_COUNTER_UNKNOWN || b == ANM_COUNTER_UNKNOWN)
        return ANM_COUNTER_UNKNOWN;
    return a + b;
}

/* The backend alone knows what of its call was binding; the rest is what a caller
 * waits for as the prediction. */
static void add_stages(anm_run *run, uint64_t bound_ns, uint64_t call_ns)
{
    const uint64_t bind = bound_ns < call_ns ? bound_ns : call_ns;

    run->stages_ns[ANM_STAGE_BIND] += bind;
    run->stages_ns[ANM_STAGE_PREDICT] += call_ns - bind;
    run->n_chunks++;
}

static void add_observed(anm_run *run, const anm_observed *seen)
{
    anm_observed *sum = &run->workers;

    sum->cpu_ns = add_counters(sum->cpu_ns, seen->cpu_ns);
    sum->run_delay_ns = add_counters(sum->run_delay_ns, seen->run_delay_ns);
    sum->run_delay_max_ns =
        add_counters(sum->run_delay_max_ns, seen->run_delay_max_ns);
    sum->device_wait_ns =
        add_counters(sum->device_wait_ns, seen->device_wait_ns);
    sum->vol_switches = add_counters(sum->vol_switches, seen->vol_switches);
    sum->invol_switches =
        add_counters(sum->invol_switches, seen->invol_switches);
    sum->minor_faults = add_counters(sum->minor_faults, seen->minor_faults);
    sum->major_faults = add_counters(sum->major_faults, seen->major_faults);
    anm_testimony_join(&sum->where, &seen->where);
}

void anm_run_observe(anm_engine *e, const anm_job *job, uint64_t cpu_ns,
                     anm_run *run)
{
    const uint64_t now = run->mark_ns - run->stages_ns[ANM_STAGE_QUEUE];
    const anm_spent spent = { .cpu_ns = cpu_ns - run->seen_cpu_ns,
                              .wall_ns = now - run->seen_ns };
    anm_observed seen;

    if (!job->counted || run->n_chunks == 0) return;
    run->seen_cpu_ns = cpu_ns;
    run->seen_ns = now;
    if (run->n_chunks == 1) {
        e->backend->observe(e->runner, &spent, &run->workers);
        return;
    }
    e->backend->observe(e->runner, &spent, &seen);
    add_observed(run, &seen);
}

/* The rate that sizes chunks follows the latest quarter by quarter. */
static void learn_rate(anm_engine *e, const anm_inputs *in, size_t n,
                       uint64_t predict_ns)
{
    const unsigned long long before = atomic_load(&e->macs_per_ms);
    double macs = 0;

    if (predict_ns == 0) return;
    for (size_t i = 0; i < n; i++)
        macs += anm_engine_macs(e, in->items[i].len);
    const double now = macs * 1e6 / (double)predict_ns;
    const double rate = before ? ((double)before * 3 + now) / 4 : now;
    atomic_store(&e->macs_per_ms, (unsigned long long)rate + 1);
}

static void degrade(anm_engine *e, const char *why)
{
    int ready = ANM_STATE_READY;

    // Of several calls that fail at once the first one tells.
    if (atomic_compare_exchange_strong(&e->state, &ready, ANM_STATE_DEGRADED))
        anm_engine_enter_state(e, ANM_STATE_DEGRADED, why);
}

/* Texts and tokens of the largest chunk that a job can give. */
typedef struct extent {
    size_t texts, tokens;
} extent;

static extent extent_of(const anm_job *job)
{
    const anm_tokenizer_frame frame =
        anm_tokenizer_frame_of(job->input.tokenizer);
    extent e = { job->n < CHUNK_TEXTS_MAX ? job->n : CHUNK_TEXTS_MAX, 0 };

    for (size_t i = 0; i < job->n && e.tokens < CHUNK_TOKENS_MAX; i++) {
        // No token is shorter than a byte.
        size_t most = job->texts ? job->texts[i].len + job->input.prompt.len +
                                       frame.n_before + frame.n_after
                                 : job->rows[i].n;
        if (most > job->input.max_tokens) most = job->input.max_tokens;
        e.tokens += most;
    }
    if (e.tokens > CHUNK_TOKENS_MAX) e.tokens = CHUNK_TOKENS_MAX;
    return e;
}

/* Under the queue's turn. What cannot be had now is asked for again by the
 * backend when it is needed. */
static void reserve_chunks(anm_engine *e, const anm_job *job)
{
    if (job->n == 1) return;
    const extent need = extent_of(job);
    if (need.texts <= e->reserved_texts && need.tokens <= e->reserved_tokens)
        return;
    if (need.texts > e->reserved_texts) e->reserved_texts = need.texts;
    if (need.tokens > e->reserved_tokens) e->reserved_tokens = need.tokens;
    (void)e->backend->reserve(e->runner, e->reserved_tokens, e->reserved_texts,
                              NULL);
}

static anm_status predict_chunk(course *c, size_t n, anm_error *err)
{
    anm_engine *e = c->e;
    anm_run *run = c->run;
    uint64_t bind_ns;
    const anm_call call = { .inputs = c->slot->inputs.items,
                            .n_inputs = n,
                            .vectors = fresh_vectors(c),
                            .counted = c->job->counted };

    // Who need not wait may be stopped here all the same, and waits for nobody.
    const bool waited = anm_queue_enter(e->queue, c->job->bulk);
    run->has_turn = true;
    anm_run_mark(run, waited ? ANM_STAGE_QUEUE : ANM_STAGE_UNACCOUNTED);
    reserve_chunks(e, c->job);
    anm_run_mark(run, ANM_STAGE_BIND);
    const anm_status status =
        e->backend->predict(e->runner, &call, &bind_ns, err);
    const uint64_t call_ns = take_lap(run);
    if (status) return status;
    learn_rate(e, &c->slot->inputs, n, call_ns);
    add_stages(run, bind_ns, call_ns);
    return ANM_OK;
}

/* Whoever is next takes every CPU at once, and the caller gets its own back when
 * that call is over: that it waits for other calls, only later than most. */
static void leave(anm_engine *e, anm_run *run)
{
    if (!run->has_turn) return;
    run->has_turn = false;
    const bool is_handed_on = anm_queue_leave(e->queue);
    anm_run_mark(run, is_handed_on ? ANM_STAGE_QUEUE : ANM_STAGE_POST);
}

void anm_run_leave(anm_engine *e, anm_run *run)
{
    const uint64_t start_ns = anm_now_ns();

    run->mark_ns = start_ns;
    leave(e, run);
    run->total_ns += run->mark_ns - start_ns;
}

/* ---- After ----------------------------------------------------------------- */

static anm_status check_vectors(const anm_engine *e, const float *vectors,
                                size_t n, size_t first, anm_error *err)
{
    const size_t dim = e->program.dim;

    for (size_t i = 0; i < n; i++) {
        const anm_status status =
            anm_guard_check(vectors + i * dim, dim, e->source->recipe.normalize,
                            first + i, err);
        if (status) return status;
    }
    return ANM_OK;
}

/* Cut a vector to its first numbers and give it unit length again. */
static anm_status shorten(float *to, const float *from, size_t dims,
                          size_t index, anm_error *err)
{
    double sum = 0;

    for (size_t i = 0; i < dims; i++)
        sum += (double)from[i] * from[i];
    if (sum == 0)
        return anm_fail(err, ANM_E_ARG,
                        "dims %zu: the vector of text %zu is 0 in all of them",
                        dims, index);
    const double norm = sqrt(sum);
    for (size_t i = 0; i < dims; i++)
        to[i] = (float)(from[i] / norm);
    return ANM_OK;
}

/* Hash ids as little-endian int32, as the receipt shows them. */
static void hash_ids(anm_sha256 *h, const anm_inputs *in, size_t n)
{
    uint8_t bytes[256];
    size_t len = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < in->infos[i].tokens; t++) {
            const uint32_t id = (uint32_t)in->items[i].ids[t];
            for (unsigned b = 0; b < 4; b++)
                bytes[len++] = (uint8_t)(id >> 8 * b);
            if (len < sizeof(bytes)) continue;
            anm_sha256_add(h, bytes, len);
            len = 0;
        }
    anm_sha256_add(h, bytes, len);
}

static void count_inputs(course *c, size_t n)
{
    const anm_inputs *in = &c->slot->inputs;

    for (size_t i = 0; i < n; i++) {
        const anm_text_info *info = &in->infos[i];
        c->slot->infos[c->done + i] = *info;
        c->run->tokens += info->tokens;
        c->run->truncated += info->truncated;
        if (info->tokens > c->run->longest) c->run->longest = info->tokens;
    }
}

/* Guard the n vectors of a chunk, and move them, shortened, to their place
 * behind those of the chunks before. */
static anm_status finish_chunk(course *c, size_t n, anm_error *err)
{
    const size_t dim = c->e->program.dim, dims = c->job->dims;
    float *fresh = fresh_vectors(c);
    anm_status status = check_vectors(c->e, fresh, n, c->done, err);

    if (status) return status;
    for (size_t i = 0; i < n && dims < dim; i++) {
        status =
            shorten(fresh + i * dims, fresh + i * dim, dims, c->done + i, err);
        if (status) return status;
    }
    count_inputs(c, n);
    if (c->job->recorded) hash_ids(c->slot->hash, &c->slot->inputs, n);
    return ANM_OK;
}

/* ---- The call -------------------------------------------------------------- */

/* The last text of a chunk may reach beyond it. */
static anm_status reserve_inputs(const anm_job *job, anm_slot *slot,
                                 anm_error *err)
{
    const extent e = extent_of(job);

    return anm_inputs_reserve(&slot->inputs, e.texts,
                              e.tokens + job->input.max_tokens, err);
}

/* Room for all results, and for the full vectors of the chunk at work. */
static anm_status make_room(const anm_engine *e, const anm_job *job,
                            anm_slot *slot, anm_error *err)
{
    size_t floats, spare;

    if (anm_mul_size(job->n, job->dims, &floats) &&
        anm_mul_size(job->n < CHUNK_TEXTS_MAX ? job->n : CHUNK_TEXTS_MAX,
                     e->program.dim, &spare) &&
        anm_add_size(floats, job->dims < e->program.dim ? spare : 0, &floats) &&
        anm_grow(&slot->staged, &slot->cap_staged, floats, sizeof(float)) &&
        anm_grow(&slot->infos, &slot->cap_infos, job->n, sizeof(*slot->infos)))
        return job->n > 1 ? reserve_inputs(job, slot, err) : ANM_OK;
    return anm_fail(err, ANM_E_NOMEM, "vectors of %zu texts: out of memory",
                    job->n);
}

/* What the next chunk must not be charged with. */
static void observe_now(anm_engine *e, const anm_job *job, anm_run *run)
{
    anm_host_thread now = { 0 };

    if (job->counted) anm_host_thread_read(&now);
    anm_run_observe(e, job, (uint64_t)now.cpu_ns, run);
    anm_run_mark(run, ANM_STAGE_PREDICT);
}

static anm_status run_chunk(course *c, anm_error *err)
{
    anm_engine *e = c->e;
    anm_run *run = c->run;
    anm_inputs *in = &c->slot->inputs;
    size_t n = 0;
    anm_status status = fill_chunk(c, &n, err);

    anm_run_mark(run, ANM_STAGE_TOKENIZE);
    if (status) return status;
    anm_log_inputs(&e->log, in, n);
    anm_run_mark(run, ANM_STAGE_UNACCOUNTED);
    status = predict_chunk(c, n, err);
    if (!status) status = finish_chunk(c, n, err);
    anm_run_mark(run, ANM_STAGE_POST);
    const bool is_last = c->done + n == c->job->n;
    if (!status && !is_last) observe_now(e, c->job, run);
    if (status || !is_last) leave(e, run);
    if (status == ANM_E_DEVICE) {
        anm_golden_explain(e, err);
        degrade(e, err ? err->message : NULL);
    }
    anm_inputs_drop(in, n);
    c->done += n;
    return status;
}

anm_status anm_run_job(anm_engine *e, const anm_job *job, anm_slot *slot,
                       anm_run *run, anm_error *err)
{
    course c = { .e = e, .job = job, .slot = slot, .run = run };
    anm_error why;
    anm_status status = make_room(e, job, slot, err);

    if (status) return status;
    anm_inputs_reset(&slot->inputs);
    while (c.done < job->n && !status)
        status = run_chunk(&c, &why);
    if (!status) return ANM_OK;
    anm_sha256_reset(slot->hash);
    return anm_fail(err, status, "%s", why.message);
}
