/* warm.c - measuring bands: timed calls of texts of known length, on the
 * calling thread, through the very functions that serve live calls.
 *
 * A live call follows a pause, and in a pause neighbours on the host take the
 * caches: a call of 8 tokens then takes half as long again as one of a series.
 * So every timed run follows a pause too, except where a run is long beside
 * what a pause costs. Calls without one may lie below the band.
 *
 * At each length the first run is set apart. Timed runs go on until two
 * windows in a row agree within 5 %, or the time is up, and there are three at
 * least. A run is disturbed when a thread of it waited for a CPU for more than
 * a twentieth of it (a cgroup's quota shows as such a wait), or when a page had
 * to be read: disturbed runs are counted and left out, and more are made in
 * their place, up to 60 in all. Where a busy machine leaves fewer than three, all
 * serve as the band of this start and nothing is kept.
 *
 * A length whose band an earlier start stored is run six times: enough to say
 * that today's median is the same. Where it seems to be slower it is run until
 * twice as many runs say so: a few slow ones in a row are no other machine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "engine/history.h"
#include "engine/receipt.h"
#include "engine/state.h"

enum {
    BUDGET_MS = 2000,
    RUNS_MIN = 3,
    RUNS_QUIET_MAX = 40,
    RUNS_AGAIN = 5,        // of a band that is known
    RUNS_AGAIN_MOVED = 11, // of one that seems to have moved
    WINDOW = 8,            // runs whose medians are compared
    PAUSE_MS = 20,
    PAUSED_MOST_MS = 10, // a longer run is timed without a pause
    SHORTEST = 8,
    PROBES = 9,
    GAP_RUNS = 4,
};

static const double windows_agree = 0.05;
static const double disturbed_share = 0.05;
static const double faster_by = 1.25;

/* Gaps whose price is measured when the time allows it; one a class. A warm-up
 * that may take long waits for the long ones too. */
static const uint64_t gaps_ns[] = { 50000000, 250000000, 2500000000,
                                    25000000000 };
static const uint64_t long_gap_ns = 1000000000;
static const uint64_t long_share = 4; // no more than a quarter of what is left

/* Plain words of one script: no word vanishes in any tokenizer, so n of them
 * give at least n tokens. */
static const char *const words[] = {
    "the", "river", "keeps", "its", "old",    "bed",  "when", "rain", "falls",
    "on",  "every", "hill",  "and", "people", "walk", "home", "by",   "night",
};

/* ---- Texts ----------------------------------------------------------------- */

static anm_status make_text(anm_buf *b, size_t n_words, anm_error *err)
{
    anm_buf_reset(b);
    for (size_t i = 0; i < n_words; i++) {
        if (i) anm_buf_append(b, " ", 1);
        anm_buf_puts(b, words[i % (sizeof(words) / sizeof(words[0]))]);
    }
    return b->failed ? anm_fail(err, ANM_E_NOMEM, "warm-up: out of memory")
                     : ANM_OK;
}

/* A text of exactly `tokens` tokens: enough words, the rest is cut off. */
static anm_status find_text(const anm_engine *e, anm_slot *slot,
                            const anm_input_params *params, anm_buf *b,
                            anm_error *err)
{
    const anm_tokenizer_frame frame =
        anm_tokenizer_frame_of(e->source->tokenizer);
    size_t n_words = params->max_tokens - frame.n_before - frame.n_after;

    for (int attempt = 0; attempt < 4; attempt++, n_words *= 2) {
        anm_status status = make_text(b, n_words, err);
        if (status) return status;
        anm_inputs_reset(&slot->inputs);
        status = anm_inputs_add(&slot->inputs, params,
                                (anm_text){ b->data, b->len }, err);
        if (status) return status;
        if (slot->inputs.infos[0].tokens == params->max_tokens) return ANM_OK;
    }
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "warm-up: no text of %zu tokens for this tokenizer",
                    params->max_tokens);
}

/* ---- Runs ------------------------------------------------------------------ */

static double window_median(const anm_timed *const *runs)
{
    uint64_t sorted[WINDOW];

    for (size_t i = 0; i < WINDOW; i++) {
        const uint64_t ns = runs[i]->total_ns;
        size_t at = i;
        for (; at > 0 && sorted[at - 1] > ns; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = ns;
    }
    return (double)(sorted[WINDOW / 2 - 1] + sorted[WINDOW / 2]) / 2;
}

/* The latest WINDOW quiet runs against those before them, by median. */
static bool has_settled(const anm_timed *runs, unsigned n)
{
    const anm_timed *quiet[ANM_TIMED_MAX];
    unsigned n_quiet = 0;

    for (unsigned i = 0; i < n; i++)
        if (!runs[i].disturbed) quiet[n_quiet++] = &runs[i];
    if (n_quiet >= RUNS_QUIET_MAX) return true;
    if (n_quiet < 2 * WINDOW) return false;
    const double last = window_median(quiet + n_quiet - WINDOW);
    const double before = window_median(quiet + n_quiet - 2 * WINDOW);
    return fabs(last - before) <= windows_agree * before;
}

static bool is_disturbed(const anm_counters *c, uint64_t total_ns)
{
    return (double)c->run_delay_max_ns > disturbed_share * (double)total_ns ||
           c->major_faults > 0;
}

/* Where the band's runs were seen; what is only planned is in the plan. */
static void note_device(anm_engine *e, const anm_testimony *t)
{
    const anm_statement *s = anm_testimony_strongest(t);

    if (anm_statement_evidence(s) != ANM_EVIDENCE_OBSERVED) return;
    anm_mutex_lock(&e->book);
    e->past.device = anm_statement_device(s);
    anm_mutex_unlock(&e->book);
}

static void rest(uint64_t run_ns)
{
    if (run_ns <= PAUSED_MOST_MS * UINT64_C(1000000))
        anm_sleep_ns(PAUSE_MS * UINT64_C(1000000));
}

static anm_status time_run(anm_engine *e, const anm_job *job, anm_slot *slot,
                           anm_timed *out, anm_error *err)
{
    anm_entry entry;

    anm_book_enter(e, job->counted, &entry);
    anm_run run = anm_run_begin();
    const anm_status status = anm_run_job(e, job, slot, &run, err);
    if (status) {
        anm_book_abandon(e);
        return status;
    }
    anm_book_stop(e, job, &entry, &run);
    anm_book_leave(e, job, &entry, &run, "", slot);
    const anm_counters c = anm_book_counters(&entry, &run);
    const uint64_t inside =
        run.stages_ns[ANM_STAGE_QUEUE] + run.stages_ns[ANM_STAGE_PREDICT];
    *out = (anm_timed){ .total_ns = run.total_ns,
                        .predict_ns = run.stages_ns[ANM_STAGE_PREDICT],
                        .outside_ns = run.total_ns - inside,
                        .blocked_ns =
                            c.blocked_ns > 0 ? (uint64_t)c.blocked_ns : 0,
                        .disturbed = is_disturbed(&c, run.total_ns) };
    note_device(e, &run.workers.where);
    anm_log_line(&e->log, ANM_LOG_DEBUG, "warm-up of %zu tokens: %.3f ms%s",
                 job->input.max_tokens, (double)run.total_ns / 1e6,
                 out->disturbed ? ", disturbed" : "");
    return ANM_OK;
}

/* What a live call does besides: its vector goes to the caller. That copy is
 * below the grain of a band, so it is not imitated. */
static anm_status measure(anm_engine *e, const anm_job *job, anm_slot *slot,
                          uint64_t end_ns, anm_band *out, anm_error *err)
{
    anm_timed runs[ANM_TIMED_MAX], first;
    unsigned n = 0;
    anm_status status = time_run(e, job, slot, &first, err);

    while (!status && n < ANM_TIMED_MAX &&
           (n < RUNS_MIN || (anm_now_ns() < end_ns && !has_settled(runs, n)))) {
        rest(first.total_ns);
        status = time_run(e, job, slot, &runs[n++], err);
    }
    if (status) return status;
    *out = anm_band_make(job->input.max_tokens, first.total_ns, runs, n);
    anm_log_line(&e->log, ANM_LOG_INFO,
                 "warm-up of %zu tokens: first %.3f ms, then %u runs, %u of "
                 "them disturbed, median %.3f ms, band %.3f to %.3f ms",
                 out->tokens, (double)first.total_ns / 1e6, n, out->disturbed,
                 (double)out->p50_ns / 1e6, (double)out->low_ns / 1e6,
                 (double)out->high_ns / 1e6);
    return ANM_OK;
}

/* ---- A band that is known ---------------------------------------------------- */

/* What a busy machine shows is no news. */
static void note_today(anm_band *known, anm_timed *runs, unsigned n)
{
    const anm_band today = anm_band_make(known->tokens, 0, runs, n);

    if (!today.useless) known->today_p50_ns = today.p50_ns;
}

/* Today's median beside the stored one. */
static anm_status look_again(anm_engine *e, const anm_job *job, anm_slot *slot,
                             uint64_t end_ns, anm_band *known, anm_error *err)
{
    anm_timed runs[RUNS_AGAIN_MOVED], first;
    unsigned n = 0, most = RUNS_AGAIN;
    anm_status status = time_run(e, job, slot, &first, err);

    while (!status && n < most && (n < RUNS_MIN || anm_now_ns() < end_ns)) {
        rest(first.total_ns);
        status = time_run(e, job, slot, &runs[n++], err);
        if (!status && n >= RUNS_MIN) note_today(known, runs, n);
        if (anm_band_moved(known)) most = RUNS_AGAIN_MOVED;
    }
    if (status) return status;
    if (anm_band_moved(known) && known->today_p50_ns > known->high_ns)
        anm_log_line(&e->log, ANM_LOG_INFO,
                     "warm-up of %zu tokens: median %.3f ms today, %.3f ms in "
                     "the stored band, which stays until it is measured again",
                     known->tokens, (double)known->today_p50_ns / 1e6,
                     (double)known->p50_ns / 1e6);
    return ANM_OK;
}

static bool has_become_faster(const anm_band *b)
{
    return b->today_p50_ns &&
           faster_by * (double)b->today_p50_ns < (double)b->p50_ns;
}

/* ---- What belongs to all bands ------------------------------------------------ */

static int compare_u64(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t calibrate_probe(anm_engine *e)
{
    uint64_t ns[PROBES];

    anm_queue_enter(e->queue, false);
    for (size_t i = 0; i < PROBES; i++)
        ns[i] = anm_host_probe(e);
    anm_queue_leave(e->queue);
    qsort(ns, PROBES, sizeof(*ns), compare_u64);
    return ns[PROBES / 2];
}

/* Calls after gaps: the least of what they take beyond p50, since a gap that
 * costs something does so every time. One that is within its band shows that it
 * costs nothing that is seen. Where all were disturbed nothing is known. */
static anm_status measure_gap(anm_engine *e, const anm_job *job, anm_slot *slot,
                              const anm_band *band, uint64_t gap_ns,
                              anm_error *err)
{
    uint64_t least = UINT64_MAX;
    const int class = anm_idle_class((int64_t)gap_ns);

    for (size_t i = 0; i < GAP_RUNS && least > 0; i++) {
        anm_timed run;
        anm_sleep_ns(gap_ns);
        const anm_status status = time_run(e, job, slot, &run, err);
        if (status) return status;
        if (run.disturbed) continue;
        const uint64_t extra =
            run.total_ns > band->high_ns ? run.total_ns - band->p50_ns : 0;
        if (extra < least) least = extra;
    }
    if (least == UINT64_MAX) return ANM_OK;
    anm_mutex_lock(&e->book);
    e->bands.base.idle_extra_ns[class] = least;
    e->bands.base.idle_known |= 1u << class;
    anm_mutex_unlock(&e->book);
    return ANM_OK;
}

static anm_status measure_gaps(anm_engine *e, const anm_job *job,
                               anm_slot *slot, uint64_t end_ns, anm_error *err)
{
    anm_mutex_lock(&e->book);
    const anm_band band = anm_bands_at(&e->bands, job->input.max_tokens);
    const unsigned known = e->bands.base.idle_known;
    anm_mutex_unlock(&e->book);

    for (size_t i = 0; i < sizeof(gaps_ns) / sizeof(gaps_ns[0]); i++) {
        if (known >> anm_idle_class((int64_t)gaps_ns[i]) & 1) continue;
        const uint64_t need = GAP_RUNS * (gaps_ns[i] + band.p50_ns) *
                              (gaps_ns[i] < long_gap_ns ? 1 : long_share);
        if (band.n == 0 || anm_now_ns() + need > end_ns) break;
        const anm_status status =
            measure_gap(e, job, slot, &band, gaps_ns[i], err);
        if (status) return status;
    }
    return ANM_OK;
}

/* Of the first measurement; later starts compare themselves with it. */
static void note_base(anm_engine *e, bool again)
{
    anm_band_base *base = &e->bands.base;
    const bool is_new = again || !*base->plan;
    const uint64_t probe_ns = is_new ? calibrate_probe(e) : 0;

    if (!is_new) return;
    anm_mutex_lock(&e->book);
    *base = (anm_band_base){ .probe_ns = probe_ns };
    base->freq_khz = e->sample.freq_khz > 0 ? e->sample.freq_khz : 0;
    memcpy(base->plan, e->plan_digest, sizeof(base->plan));
    memcpy(base->artifact, e->artifact_digest, sizeof(base->artifact));
    anm_mutex_unlock(&e->book);
}

/* ---- Lengths --------------------------------------------------------------- */

/* The part of the budget that the next length may take. */
static uint64_t share_end(uint64_t now, uint64_t end, size_t lengths_left)
{
    return now >= end ? now : now + (end - now) / lengths_left;
}

static bool find_known(anm_engine *e, size_t tokens, anm_band *out)
{
    bool known = false;

    anm_mutex_lock(&e->book);
    for (size_t i = 0; i < e->bands.n; i++) {
        if (e->bands.items[i].tokens != tokens) continue;
        *out = e->bands.items[i];
        known = true;
    }
    anm_mutex_unlock(&e->book);
    return known;
}

static void put_band(anm_engine *e, const anm_band *band)
{
    anm_mutex_lock(&e->book);
    const bool kept = anm_bands_put(&e->bands, band);
    anm_mutex_unlock(&e->book);
    if (!kept)
        anm_log_line(&e->log, ANM_LOG_WARN,
                     "warm-up: %d lengths have bands already, that of %zu "
                     "tokens is dropped",
                     ANM_BAND_LENGTHS_MAX, band->tokens);
}

/* Everything about one warm-up. */
typedef struct warm_up {
    anm_engine *e;
    anm_slot *slot;
    anm_buf text;
    anm_text one;
    anm_job job;
    bool again;
} warm_up;

/* A job of one text of this length; false when the tokenizer has none. */
static anm_status prepare(warm_up *w, size_t tokens, bool *possible,
                          anm_error *err)
{
    anm_engine *e = w->e;

    w->job = (anm_job){ .n = 1,
                        .dims = e->program.dim,
                        .counted = true,
                        .input = { .tokenizer = e->source->tokenizer,
                                   .recipe = &e->source->recipe,
                                   .max_tokens = tokens } };
    const anm_status status =
        find_text(e, w->slot, &w->job.input, &w->text, err);
    *possible = !status;
    if (status == ANM_E_UNSUPPORTED) return ANM_OK;
    w->one = (anm_text){ w->text.data, w->text.len };
    w->job.texts = &w->one;
    return status;
}

static anm_status warm_length(warm_up *w, size_t tokens, uint64_t end_ns,
                              anm_error *err)
{
    bool possible;
    anm_band band = { 0 };
    anm_status status = prepare(w, tokens, &possible, err);

    if (status || !possible) return status;
    if (!w->again && find_known(w->e, tokens, &band)) {
        status = look_again(w->e, &w->job, w->slot, end_ns, &band, err);
        if (status) return status;
        if (!has_become_faster(&band)) {
            put_band(w->e, &band);
            return ANM_OK;
        }
    }
    status = measure(w->e, &w->job, w->slot, end_ns, &band, err);
    if (status) return status;
    put_band(w->e, &band);
    anm_mutex_lock(&w->e->book);
    w->e->bands.measured_wall_ns = anm_wall_ns();
    anm_mutex_unlock(&w->e->book);
    return ANM_OK;
}

static int compare_sizes(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

/* A model with fixed lengths is measured at these, and at no other. */
static size_t usual_lengths(const anm_engine *e, size_t least, size_t most,
                            size_t out[ANM_BAND_LENGTHS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < e->text.n_lengths && n < ANM_BAND_LENGTHS_MAX; i++) {
        const size_t length = e->text.lengths[i];
        out[n++] = length < least ? least : length > most ? most : length;
    }
    if (n) return n;
    out[n++] = least;
    for (size_t t = SHORTEST; n < ANM_BAND_LENGTHS_MAX; t *= 2) {
        out[n++] = t < most ? t : most;
        if (t >= most) break;
    }
    return n;
}

/* The lengths to measure: within the model's limits, ascending, each once.
 * Unasked, the shortest text is among them, so that one of fewer tokens than
 * SHORTEST has a low end too. */
static size_t choose_lengths(const anm_engine *e, const size_t *asked,
                             size_t n_asked, size_t out[ANM_BAND_LENGTHS_MAX])
{
    const anm_tokenizer_frame frame =
        anm_tokenizer_frame_of(e->source->tokenizer);
    const size_t least = frame.n_before + frame.n_after + 1;
    const size_t most = e->program.max_tokens;
    size_t n = 0, kept = 0;

    for (size_t i = 0; i < n_asked && n < ANM_BAND_LENGTHS_MAX; i++)
        out[n++] = asked[i] < least ? least : asked[i] > most ? most : asked[i];
    if (!n_asked) n = usual_lengths(e, least, most, out);
    qsort(out, n, sizeof(*out), compare_sizes);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || out[kept - 1] != out[i]) out[kept++] = out[i];
    return kept;
}

static void keep_bands(anm_engine *e)
{
    anm_mutex_lock(&e->book);
    const anm_bands bands = e->bands;
    anm_mutex_unlock(&e->book);
    if (!anm_bands_store(&bands, e->cache, e->band_key))
        anm_log_line(&e->log, ANM_LOG_WARN,
                     "bands cannot be kept in %s and are measured again at "
                     "the next start",
                     e->cache);
}

static anm_status warm_lengths(warm_up *w, const size_t *chosen, size_t n,
                               uint64_t end, anm_error *err)
{
    anm_status status = ANM_OK;
    size_t done = 0;

    for (; done < n && !status; done++) {
        const uint64_t now = anm_now_ns();
        if (done && now >= end) break;
        status =
            warm_length(w, chosen[done], share_end(now, end, n - done), err);
    }
    if (!status && done < n)
        anm_log_line(&w->e->log, ANM_LOG_WARN,
                     "warm-up: the time was up before %zu tokens",
                     chosen[done]);
    return status;
}

anm_status anm_engine_warm(anm_engine *e, const size_t *lengths,
                           size_t n_lengths, unsigned budget_ms, bool again,
                           anm_error *err)
{
    size_t chosen[ANM_BAND_LENGTHS_MAX];
    const size_t n = choose_lengths(e, lengths, n_lengths, chosen);
    const uint64_t end =
        anm_now_ns() + (budget_ms ? budget_ms : BUDGET_MS) * UINT64_C(1000000);
    warm_up w = { .e = e,
                  .again = again,
                  .slot = anm_slot_take(&e->slots, err) };
    bool possible = false;

    if (!w.slot) return ANM_E_NOMEM;
    note_base(e, again);
    anm_status status = warm_lengths(&w, chosen, n, end, err);
    // The length of a short query stands for all: what a gap costs is extra.
    if (!status) status = prepare(&w, chosen[n > 1], &possible, err);
    if (!status && possible) status = measure_gaps(e, &w.job, w.slot, end, err);
    anm_buf_deinit(&w.text);
    anm_slot_give_back(&e->slots, w.slot);
    if (!status) keep_bands(e);
    return status;
}
