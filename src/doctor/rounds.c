/* rounds.c - calls of a run, and rounds of arms.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "doctor/experiment.h"

enum { PROBES_LEAST = 6 };

// Another host than that of the rounds around: its probe is so much slower.
static const double disturbed_from = 1.35;

/* ---- Calls ------------------------------------------------------------------- */

bool anm_exam_is_over(anm_exam *x)
{
    if (!x->stopped && x->params->stop && x->params->stop(x->params->ctx))
        x->stopped = true;
    return x->stopped || anm_now_ns() >= x->end_ns;
}

uint64_t anm_exam_pause(const anm_exam *x)
{
    return x->params->quick ? ANM_PAUSE_QUICK_NS : ANM_PAUSE_NS;
}

anm_options anm_exam_options(const anm_exam *x)
{
    anm_options options = x->options;

    options.log = NULL;
    options.progress = NULL;
    return options;
}

anm_status anm_exam_ask(anm_exam *x, const anm_ask *ask, float *vector,
                        anm_receipt *receipt, anm_error *err)
{
    anm_engine *e = ask->engine ? ask->engine : x->engine;
    const anm_text *text = ask->text.len ? &ask->text : &x->text;
    // Prompts belong to queries of people; the experiment is about the call.
    static const anm_embed_params plain = { .prompt = "" };

    if (ask->pause_ns) anm_sleep_ns(ask->pause_ns);
    const anm_answers answers = { .vectors = vector, .receipt = receipt };
    if (ask->ids)
        return anm_engine_embed_ids(e, ask->ids, 1, NULL, &answers, err);
    return anm_engine_embed(e, text, 1, &plain, &answers, err);
}

static void note_ids(anm_exam *x, const anm_receipt *receipt)
{
    if (!*x->ids_sha256)
        memcpy(x->ids_sha256, receipt->input.ids_sha256, sizeof(x->ids_sha256));
    else if (strcmp(x->ids_sha256, receipt->input.ids_sha256) != 0)
        x->n_other_ids++;
}

anm_status anm_exam_keep(anm_exam *x, const anm_ask *ask,
                         const anm_receipt *receipt, anm_error *err)
{
    anm_record *r =
        anm_records_add(&x->records, receipt, anm_wall_ns() / 1000000);

    if (!r) return anm_fail(err, ANM_E_NOMEM, "records: out of memory");
    r->experiment = x->now ? x->now->name : "baseline";
    r->arm = ask->arm;
    r->imposed = ask->imposed;
    if (!ask->imposed) note_ids(x, receipt);
    return ANM_OK;
}

anm_status anm_exam_call(anm_exam *x, const anm_ask *ask, uint64_t *ns,
                         anm_error *err)
{
    anm_receipt receipt;
    const anm_status status = anm_exam_ask(x, ask, x->vector, &receipt, err);

    if (status) return status;
    *ns = receipt.total_ns;
    return anm_exam_keep(x, ask, &receipt, err);
}

anm_status anm_take_unchanged(anm_exam *x, const anm_arm_plan *arm, double *ns,
                              anm_error *err)
{
    uint64_t total = 0;
    const anm_ask ask = { .pause_ns =
                              arm->pause_ns ? arm->pause_ns : anm_exam_pause(x),
                          .arm = arm->name,
                          .imposed = arm->imposed };
    const anm_status status = anm_exam_call(x, &ask, &total, err);

    *ns = (double)total;
    if (!status && !arm->imposed && (!x->least_ns || total < x->least_ns))
        x->least_ns = total;
    return status;
}

/* ---- The host ------------------------------------------------------------------ */

static double usual_probe(const anm_exam *x)
{
    enum { RING = sizeof(x->probes_ns) / sizeof(x->probes_ns[0]) };
    const size_t n = x->n_probes < RING ? x->n_probes : RING;
    double values[RING];

    for (size_t i = 0; i < n; i++)
        values[i] = (double)x->probes_ns[i];
    return n < PROBES_LEAST ? 0 : anm_median(values, n);
}

/* True when the host is slower just now than it usually is in this run. */
static bool probe_host(anm_exam *x)
{
    enum { RING = sizeof(x->probes_ns) / sizeof(x->probes_ns[0]) };
    const uint64_t ns = anm_engine_probe(x->engine);
    const double usual = usual_probe(x);

    if (!ns) return false;
    x->probes_ns[x->n_probes++ % RING] = ns;
    return usual > 0 && (double)ns > disturbed_from * usual;
}

bool anm_exam_note_noise(anm_exam *x, double first, double second)
{
    if (!(first > 0) || !(second > 0)) return true;
    if (!anm_grow(&x->noise, &x->cap_noise, x->n_noise + 1, sizeof(*x->noise)))
        return false;
    x->noise[x->n_noise++] = fabs(log(second / first));
    return true;
}

/* ---- Rounds ------------------------------------------------------------------------ */

static void draw_order(anm_exam *x, size_t n, size_t order[ANM_ARMS_MAX])
{
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = 0; i + 1 < n; i++) {
        const size_t at = i + anm_draw_index(&x->draws, n - i);
        const size_t swapped = order[i];
        order[i] = order[at];
        order[at] = swapped;
    }
}

/* A call that nobody counts: what an arm left behind is cleared away. */
static anm_status settle(anm_exam *x, anm_error *err)
{
    uint64_t ns;
    const anm_ask ask = { .arm = "settling", .imposed = true };

    return anm_exam_call(x, &ask, &ns, err);
}

static anm_status take_round(anm_exam *x, const anm_rounds *rounds,
                             size_t number, double samples[ANM_ARMS_MAX],
                             anm_error *err)
{
    size_t order[ANM_ARMS_MAX];
    anm_status status = ANM_OK;

    draw_order(x, rounds->n_arms, order);
    for (size_t i = 0; i < rounds->n_arms && !status; i++) {
        const anm_arm_plan *arm = &rounds->arms[order[i]];
        samples[order[i]] = NAN;
        if (arm->every > 1 && number % arm->every) continue;
        status = arm->take(x, arm, &samples[order[i]], err);
        if (!status && arm->unsettles) status = settle(x, err);
    }
    return status;
}

static bool keep_round(anm_exam *x, anm_outcome *out,
                       const double samples[ANM_ARMS_MAX])
{
    for (size_t i = 0; i < out->n_arms; i++) {
        if (!anm_arm_add(&out->arms[i], samples[i])) return false;
        if (out->plain && out->arms[i].is_base_again &&
            !anm_exam_note_noise(x, samples[0], samples[i]))
            return false;
    }
    out->n_rounds++;
    return true;
}

static anm_status run_round(anm_exam *x, const anm_rounds *rounds,
                            anm_outcome *out, anm_error *err)
{
    double samples[ANM_ARMS_MAX];
    const size_t first = x->records.n;
    const bool before = probe_host(x);
    const anm_status status =
        take_round(x, rounds, out->n_rounds + out->n_disturbed, samples, err);

    if (status) return status;
    const bool after = probe_host(x);
    if (!before && !after)
        return keep_round(x, out, samples)
                   ? ANM_OK
                   : anm_fail(err, ANM_E_NOMEM, "rounds: out of memory");
    for (size_t i = first; i < x->records.n; i++)
        x->records.items[i].disturbed = true;
    out->n_disturbed++;
    return ANM_OK;
}

/* Look whether the answer is known now. */
static anm_status look(anm_exam *x, const anm_rounds *rounds, anm_outcome *out,
                       bool *decided, anm_error *err)
{
    const anm_status status = anm_outcome_compare(x, out, true, err);

    *decided = !status && (rounds->is_decided ? rounds->is_decided(out)
                                              : anm_outcome_is_decided(out));
    return status;
}

/* What is left of the time of the experiment at work. */
static uint64_t time_left(const anm_exam *x)
{
    const uint64_t now = anm_now_ns();

    return x->end_ns > now ? x->end_ns - now : 0;
}

/* One round is no answer: the second is begun where it fits, by what the first
 * took. */
static bool second_fits(const anm_exam *x, const anm_outcome *out)
{
    return out->n_rounds >= ANM_ROUNDS_LEAST || out->round_ns <= time_left(x);
}

static anm_status run_rounds(anm_exam *x, const anm_rounds *rounds,
                             anm_outcome *out, anm_error *err)
{
    anm_status status = ANM_OK;
    bool decided = false;

    while (!status && !decided && out->n_rounds < rounds->most &&
           out->n_disturbed < 2 * rounds->most && !anm_exam_is_over(x) &&
           second_fits(x, out)) {
        const size_t before = out->n_rounds;
        const uint64_t began = anm_now_ns();
        status = run_round(x, rounds, out, err);
        const uint64_t took = anm_now_ns() - began;
        if (took > out->round_ns) out->round_ns = took;
        if (!status && out->n_rounds > before &&
            anm_outcome_is_look(out->n_rounds))
            status = look(x, rounds, out, &decided, err);
    }
    return status;
}

/* The least that the rounds take without which nothing can be said: each arm
 * is a call that costs no less than the unchanged one. */
static uint64_t least_time(const anm_exam *x, const anm_rounds *rounds)
{
    uint64_t ns = 0;

    for (size_t i = 0; i < rounds->n_arms; i++) {
        const anm_arm_plan *arm = &rounds->arms[i];
        const uint64_t calls = (arm->times ? arm->times : 1) + arm->unsettles;
        if (arm->every > 1) continue;
        ns += calls * x->least_ns +
              (arm->pause_ns ? arm->pause_ns : anm_exam_pause(x));
    }
    return ANM_ROUNDS_LEAST * ns;
}

/* Time that brings no answer is better spent on those behind. */
bool anm_rounds_fit(anm_exam *x, const anm_rounds *rounds, uint64_t before_ns,
                    anm_outcome *out)
{
    const uint64_t left = time_left(x);
    const uint64_t need = before_ns + least_time(x, rounds);

    if (!x->least_ns || out->n_rounds || x->stopped || need <= left)
        return true;
    out->need_ns = need;
    out->looked = out->starved = true;
    anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                       "two rounds take %.1f s at least, and its time is "
                       "%.1f s",
                       (double)need / 1e9, (double)left / 1e9);
    return false;
}

anm_status anm_rounds_run(anm_exam *x, const anm_rounds *rounds,
                          anm_outcome *out, anm_error *err)
{
    assert(rounds->n_arms <= ANM_ARMS_MAX);
    out->looked = true;
    out->plain =
        rounds->arms[0].take == anm_take_unchanged && !rounds->arms[0].imposed;
    out->n_arms = rounds->n_arms;
    for (size_t i = 0; i < rounds->n_arms; i++) {
        out->arms[i].name = rounds->arms[i].name;
        out->arms[i].is_base_again = rounds->arms[i].is_base_again;
    }
    if (!anm_rounds_fit(x, rounds, 0, out)) return ANM_OK;
    const anm_status status = run_rounds(x, rounds, out, err);
    if (status) return status;
    if (out->n_rounds < ANM_ROUNDS_LEAST) {
        out->starved = !x->stopped;
        out->need_ns = (ANM_ROUNDS_LEAST - out->n_rounds) * out->round_ns;
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           x->stopped ? "interrupted after %zu round%s"
                                      : "only %zu round%s fit into its time",
                           out->n_rounds, out->n_rounds == 1 ? "" : "s");
        return ANM_OK;
    }
    return anm_outcome_compare(x, out, true, err);
}

const char *anm_ratio_interval(const anm_ratio *r, char *out, size_t cap)
{
    if (isfinite(r->high))
        snprintf(out, cap, "95 %% %.2f to %.2f", r->low, r->high);
    else
        snprintf(out, cap, "too few rounds to bound it");
    return out;
}
