/* warm.c - measuring bands: timed calls of texts of known length, on the
 * calling thread, through the very functions that serve live calls.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "engine/state.h"

enum {
    BUDGET_MS = 2000,
    RUNS_MIN = 3,
    RUNS_MAX = 40,
    WINDOW = 5, // runs whose medians are compared
    SHORTEST = 8,
};

static const double windows_agree = 0.05;

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

/* The latest WINDOW runs against those before them, by median. */
static double window_median(const uint64_t *runs)
{
    uint64_t sorted[WINDOW];

    for (size_t i = 0; i < WINDOW; i++) {
        size_t at = i;
        for (; at > 0 && sorted[at - 1] > runs[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = runs[i];
    }
    return (double)sorted[WINDOW / 2];
}

static bool has_settled(const uint64_t *runs, unsigned n)
{
    if (n < 2 * WINDOW) return false;
    const double last = window_median(runs + n - WINDOW);
    const double before = window_median(runs + n - 2 * WINDOW);
    return fabs(last - before) <= windows_agree * before;
}

static anm_status time_run(anm_engine *e, const anm_job *job, anm_slot *slot,
                           uint64_t *total_ns, anm_error *err)
{
    anm_entry entry;

    anm_book_enter(e, false, &entry);
    anm_run run = anm_run_begin();
    const anm_status status = anm_run_job(e, job, slot, &run, err);
    if (status) {
        anm_book_abandon(e);
        return status;
    }
    anm_run_end(&run);
    anm_book_leave(e, job, &entry, &run, "", slot);
    *total_ns = run.total_ns;
    anm_log_line(&e->log, ANM_LOG_DEBUG, "warm-up of %zu tokens: %.3f ms",
                 job->input.max_tokens, (double)run.total_ns / 1e6);
    return ANM_OK;
}

/* What a live call does besides: its vector goes to the caller. That copy is
 * below the grain of a band, so it is not imitated. */
static anm_status measure(anm_engine *e, const anm_job *job, anm_slot *slot,
                          uint64_t end_ns, anm_band *out, anm_error *err)
{
    uint64_t runs[RUNS_MAX], first;
    unsigned n = 0;
    anm_status status = time_run(e, job, slot, &first, err);

    while (!status && n < RUNS_MAX &&
           (n < RUNS_MIN || (anm_now_ns() < end_ns && !has_settled(runs, n))))
        status = time_run(e, job, slot, &runs[n++], err);
    if (status) return status;
    *out = anm_band_make(job->input.max_tokens, first, runs, n);
    anm_log_line(&e->log, ANM_LOG_INFO,
                 "warm-up of %zu tokens: first %.3f ms, then %u runs, median "
                 "%.3f ms, band %.3f to %.3f ms",
                 out->tokens, (double)first / 1e6, n, (double)out->p50_ns / 1e6,
                 (double)out->low_ns / 1e6, (double)out->high_ns / 1e6);
    return ANM_OK;
}

/* ---- Lengths --------------------------------------------------------------- */

/* The part of the budget that the next length may take. */
static uint64_t share_end(uint64_t now, uint64_t end, size_t lengths_left)
{
    return now >= end ? now : now + (end - now) / lengths_left;
}

static bool is_known(anm_engine *e, size_t tokens)
{
    bool known = false;

    anm_mutex_lock(&e->book);
    for (size_t i = 0; i < e->bands.n; i++)
        if (e->bands.items[i].tokens == tokens) known = true;
    anm_mutex_unlock(&e->book);
    return known;
}

static anm_status warm_length(anm_engine *e, anm_slot *slot, anm_buf *text,
                              size_t tokens, bool again, uint64_t end_ns,
                              anm_error *err)
{
    anm_band band;
    uint64_t once;
    const anm_recipe *recipe = &e->source->recipe;
    anm_job job = { .n = 1,
                    .dims = e->program.dim,
                    .input = { .tokenizer = e->source->tokenizer,
                               .recipe = recipe,
                               .max_tokens = tokens } };
    anm_status status = find_text(e, slot, &job.input, text, err);

    if (status == ANM_E_UNSUPPORTED) return ANM_OK;
    if (status) return status;
    const anm_text one = { text->data, text->len };
    job.texts = &one;
    // A band from an earlier start holds; this length's buffers are touched.
    if (!again && is_known(e, tokens))
        return time_run(e, &job, slot, &once, err);
    status = measure(e, &job, slot, end_ns, &band, err);
    if (status) return status;
    anm_mutex_lock(&e->book);
    const bool kept = anm_bands_put(&e->bands, &band);
    e->bands.measured_wall_ns = anm_wall_ns();
    anm_mutex_unlock(&e->book);
    if (!kept)
        anm_log_line(&e->log, ANM_LOG_WARN,
                     "warm-up: %d lengths have bands already, that of %zu "
                     "tokens is dropped",
                     ANM_BAND_LENGTHS_MAX, tokens);
    return ANM_OK;
}

static int compare_sizes(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
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
    if (!n_asked) out[n++] = least;
    for (size_t t = SHORTEST; !n_asked && n < ANM_BAND_LENGTHS_MAX; t *= 2) {
        out[n++] = t < most ? t : most;
        if (t >= most) break;
    }
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

anm_status anm_engine_warm(anm_engine *e, const size_t *lengths,
                           size_t n_lengths, unsigned budget_ms, bool again,
                           anm_error *err)
{
    size_t chosen[ANM_BAND_LENGTHS_MAX];
    const size_t n = choose_lengths(e, lengths, n_lengths, chosen);
    const uint64_t end =
        anm_now_ns() + (budget_ms ? budget_ms : BUDGET_MS) * UINT64_C(1000000);
    anm_buf text = { 0 };
    anm_status status = ANM_OK;
    size_t done = 0;
    anm_slot *slot = anm_slot_take(e, err);

    if (!slot) return ANM_E_NOMEM;
    for (; done < n && !status; done++) {
        const uint64_t now = anm_now_ns();
        if (done && now >= end) break;
        status = warm_length(e, slot, &text, chosen[done], again,
                             share_end(now, end, n - done), err);
    }
    anm_buf_deinit(&text);
    anm_slot_give_back(e, slot);
    if (status) return status;
    if (done < n)
        anm_log_line(&e->log, ANM_LOG_WARN,
                     "warm-up: the time was up before %zu tokens",
                     chosen[done]);
    keep_bands(e);
    return ANM_OK;
}
