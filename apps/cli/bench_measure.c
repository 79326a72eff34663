/* bench_measure.c - times calls of a model: back to back, after idle gaps,
 * with several callers, in bulk.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include "beside.h"

#include <stdlib.h>
#include <string.h>

enum { WARM_CALLS = 10, LEAST_CALLS = 10, MOST_CALLS = 1 << 20, ROUNDS = 8 };

// Of the time of a round, spent on the plain loop after it.
static const double loop_share = 0.25;

/* Any text serves, as long as it is long enough to be cut at every length. */
static const char passage[] =
    "The ferry leaves the northern harbour at six, and whoever carries a "
    "bicycle must be there a quarter of an hour before. We counted the boxes "
    "twice, wrote the numbers on the lids and left the key with a neighbour. ";

/* One thread that calls. */
typedef struct caller {
    cli_session *session;
    const bench_plan *plan;
    const bench_ids *ids;
    uint64_t stop_ns;
    size_t least; /* calls, whatever the clock says */
    double *ms;   /* [cap] samples */
    size_t n, cap;
    float *vectors; /* [texts, dim] */
    anm_ids *rows;  /* [texts] */
    anm_receipt receipt;
    bench_loop loop; /* between rounds of calls back to back */
    anm_error err;
    anm_status status;
} caller;

static char *repeat_passage(size_t bytes, size_t *len)
{
    const size_t one = sizeof(passage) - 1;
    const size_t times = bytes / one + 1;
    char *text = malloc(times * one);
    for (size_t i = 0; text && i < times; i++)
        memcpy(text + i * one, passage, one);
    *len = times * one;
    return text;
}

anm_status cli_bench_ids(cli_session *s, size_t tokens, bench_ids *out,
                         anm_error *err)
{
    // Eight letters a token are more than any vocabulary needs here.
    anm_text text;
    char *data = repeat_passage(tokens * 8, &text.len);
    const anm_embed_params params = { .prompt = "", .max_tokens = tokens };
    size_t n = 0;

    out->tokens = tokens;
    out->ids = calloc(BENCH_VARIANTS * tokens, sizeof(*out->ids));
    text.data = data;
    anm_status status = ANM_OK;
    if (!data || !out->ids)
        status = cli_fail(err, ANM_E_NOMEM, "out of memory");
    if (!status)
        status = anm_model_ids(s->model, text, &params, out->ids, tokens, &n,
                               NULL, err);
    if (!status && n != tokens)
        status = cli_fail(err, ANM_E_INTERNAL, "%zu ids where %zu were asked",
                          n, tokens);
    free(data);
    if (status || tokens < 4) return status;

    // The frame of special tokens stays, what it holds turns round.
    for (size_t v = 1; v < BENCH_VARIANTS; v++) {
        int32_t *row = out->ids + v * tokens;
        memcpy(row, out->ids, tokens * sizeof(*row));
        for (size_t i = 1; i + 1 < tokens; i++)
            row[i] = out->ids[1 + (i - 1 + v) % (tokens - 2)];
    }
    return ANM_OK;
}

static anm_status call_once(caller *w, size_t turn, double *ms)
{
    const size_t n = w->plan->texts ? w->plan->texts : 1;
    const anm_embed_params params = { .bulk = w->plan->texts > 0 };

    for (size_t i = 0; i < n; i++)
        w->rows[i] = (anm_ids){ w->ids->ids + (turn + i) % BENCH_VARIANTS *
                                                  w->ids->tokens,
                                w->ids->tokens };
    if (w->plan->idle_ms) cli_sleep_ms((double)w->plan->idle_ms);
    const uint64_t begin = cli_now_ns();
    const anm_status status =
        anm_embed_ids(w->session->model, w->rows, n, &params, w->vectors,
                      &w->receipt, &w->err);
    *ms = (double)(cli_now_ns() - begin) / 1e6;
    return status;
}

static bool goes_on(const caller *w)
{
    if (cli_interrupted() || w->n == MOST_CALLS) return false;
    return w->n < w->least || cli_now_ns() < w->stop_ns;
}

static void run_caller(void *ctx)
{
    caller *w = ctx;

    while (!w->status && goes_on(w)) {
        if (w->n == w->cap) {
            const size_t cap = w->cap ? 2 * w->cap : 1024;
            double *ms = realloc(w->ms, cap * sizeof(*ms));
            if (!ms) {
                w->status = cli_fail(&w->err, ANM_E_NOMEM, "out of memory");
                break;
            }
            w->ms = ms;
            w->cap = cap;
        }
        w->status = call_once(w, w->n, &w->ms[w->n]);
        if (!w->status) w->n++;
    }
}

static anm_status prepare_caller(caller *w, const caller *like, anm_error *err)
{
    const size_t texts = like->plan->texts ? like->plan->texts : 1;
    *w = *like;
    w->vectors = calloc(texts * anm_model_dim(like->session->model),
                        sizeof(*w->vectors));
    w->rows = calloc(texts, sizeof(*w->rows));
    if (w->vectors && w->rows) return ANM_OK;
    return cli_fail(err, ANM_E_NOMEM, "out of memory");
}

/* What a call takes that nobody disturbs much. */
static double quartile_ms(const caller *w)
{
    double *ms = malloc(w->n * sizeof(*ms));
    if (!ms) return 0.0;
    memcpy(ms, w->ms, w->n * sizeof(*ms));
    cli_bench_sort(ms, w->n);
    const double quartile = cli_bench_percentile(ms, w->n, 0.25);
    free(ms);
    return quartile;
}

/* Calls back to back, and the plain loop in turns with them, so that both see
 * the same minutes of the machine. */
static void run_rounds(caller *w)
{
    const double seconds = w->plan->seconds / ROUNDS;
    const uint64_t begin = cli_now_ns();
    const uint64_t end = begin + (uint64_t)(w->plan->seconds * 1.25e9);
    bench_work work = { .threads = anm_model_threads(w->session->model),
                        .bytes = (size_t)anm_model_cost(w->session->model,
                                                        w->plan->tokens)
                                     .weight_bytes };
    double unused;

    for (int i = 0; i < ROUNDS && !w->status && !cli_interrupted(); i++) {
        if (i && cli_now_ns() > end) break;
        // After the loop the workers sleep: that call is none back to back.
        w->status = call_once(w, w->n, &unused);
        w->stop_ns = cli_now_ns() + (uint64_t)(seconds * 1e9);
        if (!w->status) run_caller(w);
        if (i == 0 && w->n) work.call_ms = quartile_ms(w);
        if (work.call_ms > 0.0)
            cli_bench_loop_run(&w->loop, &work, seconds * loop_share);
    }
}

/* Warm up on the first caller alone, then let all go. */
static anm_status run_callers(caller *callers, size_t n, anm_error *err)
{
    void **ctxs = calloc(n, sizeof(*ctxs));
    double ms;

    if (!ctxs) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    const bench_plan *plan = callers[0].plan;
    for (size_t i = 0; i < WARM_CALLS && !plan->idle_ms; i++)
        if (!callers[0].status) callers[0].status = call_once(callers, i, &ms);

    const uint64_t now = cli_now_ns();
    for (size_t i = 0; i < n; i++) {
        callers[i].stop_ns = now + (uint64_t)(plan->seconds * 1e9);
        ctxs[i] = &callers[i];
    }
    anm_status status = ANM_OK;
    if (n == 1 && !plan->idle_ms)
        run_rounds(&callers[0]);
    else
        status = cli_run_beside(run_caller, ctxs, n, err);
    free(ctxs);
    if (status) return status;
    for (size_t i = 0; i < n; i++)
        if (callers[i].status)
            return cli_fail(err, callers[i].status, "%s",
                            callers[i].err.message);
    return ANM_OK;
}

static anm_status summarise(const caller *callers, size_t n, double seconds,
                            bench_row *out, anm_error *err)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        total += callers[i].n;
    out->n = total;
    if (total == 0) return ANM_OK; // interrupted before the first call
    double *ms = malloc(total * sizeof(*ms));
    if (!ms) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < callers[i].n; k++) {
            ms[at++] = callers[i].ms[k];
            sum += callers[i].ms[k];
        }
    cli_bench_sort(ms, total);
    out->min_ms = ms[0];
    out->p50_ms = cli_bench_percentile(ms, total, 0.50);
    out->p95_ms = cli_bench_percentile(ms, total, 0.95);
    out->p99_ms = cli_bench_percentile(ms, total, 0.99);
    out->max_ms = ms[total - 1];
    const size_t texts = out->plan.texts ? out->plan.texts : 1;
    // Gaps are not work: only several callers are counted by the wall clock.
    const double spent = n > 1 ? seconds : sum / 1e3;
    out->texts_per_s = (double)(total * texts) / spent;
    free(ms);
    return ANM_OK;
}

static void name_mode(bench_row *row)
{
    const bench_plan *p = &row->plan;
    if (p->texts) {
        snprintf(row->mode, sizeof(row->mode), "bulk_%zu", p->texts);
    } else if (p->callers > 1) {
        snprintf(row->mode, sizeof(row->mode), "callers_%zu", p->callers);
    } else if (p->idle_ms) {
        snprintf(row->mode, sizeof(row->mode), "idle_%zums", p->idle_ms);
    } else {
        snprintf(row->mode, sizeof(row->mode), "back_to_back");
    }
}

/* Weights are read once a call, however many texts it has. */
static double floor_ms(const cli_session *s, const bench_plan *p,
                       const anm_peak *peak)
{
    const anm_cost cost = anm_model_cost(s->model, p->tokens);
    const double texts = p->texts ? (double)p->texts : 1.0;
    const double compute = texts * cost.macs / peak->macs_per_s;
    const double memory = cost.weight_bytes / peak->bytes_per_s;
    return 1e3 * (compute > memory ? compute : memory);
}

anm_status cli_bench_measure(cli_session *s, const bench_plan *plan,
                             const anm_peak *peak, bench_row *out,
                             anm_receipt *receipt, anm_error *err)
{
    const size_t n = plan->callers > 1 ? plan->callers : 1;
    caller *callers = calloc(n, sizeof(*callers));
    bench_ids ids = { 0 };

    *out = (bench_row){ .plan = *plan };
    name_mode(out);
    if (!callers) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    anm_status status = cli_bench_ids(s, plan->tokens, &ids, err);
    const caller like = {
        .session = s, .plan = plan, .ids = &ids, .least = LEAST_CALLS
    };
    for (size_t i = 0; i < n && !status; i++)
        status = prepare_caller(&callers[i], &like, err);

    const uint64_t begin = cli_now_ns();
    if (!status) status = run_callers(callers, n, err);
    const double seconds = (double)(cli_now_ns() - begin) / 1e9;
    if (!status) status = summarise(callers, n, seconds, out, err);
    if (!status) {
        out->floor_ms = floor_ms(s, plan, peak);
        out->loop_tail = cli_bench_loop_tail(&callers[0].loop);
        *receipt = callers[0].receipt;
    }
    for (size_t i = 0; i < n; i++) {
        free(callers[i].ms);
        cli_bench_loop_deinit(&callers[i].loop);
        free(callers[i].vectors);
        free(callers[i].rows);
    }
    free(callers);
    free(ids.ids);
    return status;
}
