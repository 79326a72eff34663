/* warm_run.c - one timed run of a warm-up: a text of a known length through the
 * very functions that serve live calls.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "engine/examine.h"
#include "engine/history.h"
#include "engine/receipt.h"
#include "engine/warm.h"

enum {
    PAUSE_MS = 20,
    PAUSED_MOST_MS = 10, // a longer run is timed without a pause
};

static const double disturbed_share = 0.05;

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

/* A job of one text of this length; false when the tokenizer has none. */
anm_status anm_warm_prepare(anm_warm *w, size_t tokens, bool *possible,
                            anm_error *err)
{
    anm_engine *e = w->e;

    w->job = (anm_job){ .n = 1,
                        .dims = e->program.dim,
                        .counted = true,
                        .input = { .tokenizer = e->source->tokenizer,
                                   .vocab_rows = e->source->vocab_rows,
                                   .max_tokens = tokens } };
    const anm_status status =
        find_text(e, w->slot, &w->job.input, &w->text, err);
    *possible = !status;
    if (status == ANM_E_UNSUPPORTED) return ANM_OK;
    w->one = (anm_text){ w->text.data, w->text.len };
    w->job.texts = &w->one;
    return status;
}

/* ---- Runs ------------------------------------------------------------------ */

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

uint64_t anm_warm_pause_ns(uint64_t run_ns)
{
    const uint64_t ms = UINT64_C(1000000);

    return run_ns <= PAUSED_MOST_MS * ms ? PAUSE_MS * ms : 0;
}

void anm_warm_rest(uint64_t run_ns)
{
    const uint64_t ns = anm_warm_pause_ns(run_ns);

    if (ns) anm_sleep_ns(ns);
}

anm_status anm_warm_run(anm_warm *w, anm_timed *out, anm_error *err)
{
    anm_engine *e = w->e;
    const anm_job *job = &w->job;
    anm_slot *slot = w->slot;
    anm_entry entry;

    *out = (anm_timed){ 0 };
    anm_book_enter(e, job->counted, &entry);
    anm_run run = anm_run_begin((uint64_t)entry.thread.cpu_ns);
    const anm_status status = anm_run_job(e, job, slot, &run, err);
    if (status) {
        anm_book_abandon(e);
        return status;
    }
    anm_book_stop(e, job, &entry, &run, slot);
    anm_book_leave(e, job, &entry, &run, slot);
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

void anm_warm_probe(anm_warm *w)
{
    if (!w->probed || w->n_probes == ANM_WARM_PROBES_MAX) return;
    const uint64_t ns = anm_engine_probe(w->e);
    if (ns) w->probes_ns[w->n_probes++] = ns;
}
