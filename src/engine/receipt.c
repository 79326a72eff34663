/* receipt.c - the book that is kept over calls, and the record of one call.
 *
 * Whatever a receipt says of a device is the backend's statement, copied.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/receipt.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "engine/history.h"
#include "engine/state.h"

// Dear counters are read at most ten times a second.
static const uint64_t sample_every_ns = 100000000;

/* ---- The dear counters ------------------------------------------------------ */

static void read_sample(anm_engine *e)
{
    e->sample_before = e->sample;
    anm_host_sample(&e->host, &e->sample);
    e->sample_ns = anm_now_ns();
    if (e->n_samples < 2) e->n_samples++;
}

static int64_t difference(int64_t after, int64_t before)
{
    if (after == ANM_COUNTER_UNKNOWN || before == ANM_COUNTER_UNKNOWN)
        return ANM_COUNTER_UNKNOWN;
    return after - before;
}

static int64_t sum(int64_t a, int64_t b)
{
    if (a == ANM_COUNTER_UNKNOWN || b == ANM_COUNTER_UNKNOWN)
        return ANM_COUNTER_UNKNOWN;
    return a + b;
}

/* What the system counted between the last two samples. A call that left its
 * band gets a fresh one. */
static void fill_sample(anm_engine *e, bool fresh, anm_counters *c)
{
    const anm_host_state *a = &e->sample, *b = &e->sample_before;

    if (fresh || e->n_samples < 2 ||
        anm_now_ns() - e->sample_ns >= sample_every_ns)
        read_sample(e);
    c->throttled_ns = a->group == b->group
                          ? difference(a->throttled_ns, b->throttled_ns)
                          : ANM_COUNTER_UNKNOWN;
    c->psi_cpu_us = difference(a->psi_cpu_us, b->psi_cpu_us);
    c->psi_memory_us = difference(a->psi_memory_us, b->psi_memory_us);
    c->psi_io_us = difference(a->psi_io_us, b->psi_io_us);
    c->freq_khz = a->freq_khz;
    c->sample_age_ms = (int64_t)((anm_now_ns() - e->sample_ns) / 1000000);
}

/* ---- Firsts ----------------------------------------------------------------- */

/* A small number that no other thread of this process ever has. */
static uint64_t thread_number(void)
{
    static atomic_ullong last;
    static _Thread_local uint64_t number;

    if (!number) number = atomic_fetch_add(&last, 1) + 1;
    return number;
}

/* When the set cannot grow, the thread stays new. */
static bool is_new_thread(anm_engine *e)
{
    const uint64_t n = thread_number();
    const size_t word = (size_t)(n / 64);
    const uint64_t bit = UINT64_C(1) << n % 64;
    const size_t before = e->cap_threads;

    if (!anm_grow(&e->threads_seen, &e->cap_threads, word + 1,
                  sizeof(*e->threads_seen)))
        return true;
    for (size_t i = before; i < e->cap_threads; i++)
        e->threads_seen[i] = 0;
    const bool is_new = !(e->threads_seen[word] & bit);
    e->threads_seen[word] |= bit;
    return is_new;
}

/* Lengths of one class lie between two powers of two. */
static bool is_new_length(anm_engine *e, size_t tokens)
{
    unsigned class = 0;

    while (class < 63 && (size_t)1 << class < tokens)
        class ++;
    const uint64_t bit = UINT64_C(1) << class;
    const bool is_new = !(e->lengths_seen & bit);
    e->lengths_seen |= bit;
    return is_new;
}

static unsigned note_firsts(anm_engine *e, const anm_run *run)
{
    unsigned first = 0;

    if (!e->was_called) first |= ANM_FIRST_CALL;
    if (run->longest && is_new_length(e, run->longest))
        first |= ANM_FIRST_LENGTH;
    if (is_new_thread(e)) first |= ANM_FIRST_THREAD;
    e->was_called = true;
    return first;
}

/* ---- Filling in ------------------------------------------------------------- */

/* What does not fit is cut between two characters. */
static void put_text(char *out, size_t cap, const char *text)
{
    size_t n = strnlen(text, cap - 1);

    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    memcpy(out, text, n);
    out[n] = '\0';
}

/* The names of what was assumed, with commas between. */
static void list_assumed(const anm_source *s, char *out, size_t cap)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < s->n_notes && len < cap; i++)
        if (s->notes[i].assumed)
            len += (size_t)snprintf(out + len, cap - len, "%s%s",
                                    len ? ", " : "", s->notes[i].where);
}

/* What all receipts of an open model have in common. */
static void fill_model(const anm_engine *e, anm_receipt *r)
{
    *r = (anm_receipt){ 0 };
    put_text(r->model.name, sizeof(r->model.name), e->source->name);
    snprintf(r->model.fingerprint, sizeof(r->model.fingerprint), "%s",
             e->fingerprint);
    snprintf(r->model.architecture, sizeof(r->model.architecture), "%s",
             e->source->architecture);
    r->model.precision = e->program.precision;
    r->model.dim = e->program.dim;
    list_assumed(e->source, r->model.assumed, sizeof(r->model.assumed));
    r->units = e->load.units;
    snprintf(r->contract.require, sizeof(r->contract.require), "%s",
             e->contract.require);
    r->contract.met = e->contract.met;
    r->contract.fallback = e->contract.fallback;
    snprintf(r->contract.reason, sizeof(r->contract.reason), "%.*s",
             (int)sizeof(r->contract.reason) - 1, e->contract.reason);
    snprintf(r->artifact.state, sizeof(r->artifact.state), "%s",
             e->artifact.state);
    if (e->artifact.path)
        put_text(r->artifact.path, sizeof(r->artifact.path), e->artifact.path);
    r->artifact.load_ns = e->artifact.ns;
}

static void fill_where(const anm_run *run, anm_receipt *r)
{
    const anm_testimony *t = &run->workers.where;
    const anm_statement *s = anm_testimony_strongest(t);
    const anm_statement *against = anm_testimony_against(t);

    r->where.device = anm_statement_device(s);
    r->where.evidence = anm_statement_evidence(s);
    r->where.share = anm_statement_share(s);
    r->where.excluded = t->excluded;
    if (run->n_chunks > 1)
        snprintf(r->where.how, sizeof(r->where.how),
                 "last of %zu chunks: %.150s", run->n_chunks,
                 anm_statement_how(s));
    else
        put_text(r->where.how, sizeof(r->where.how), anm_statement_how(s));
    if (!against) return;
    r->where.conflict.device = anm_statement_device(against);
    r->where.conflict.evidence = anm_statement_evidence(against);
    r->where.conflict.share = anm_statement_share(against);
    put_text(r->where.conflict.how, sizeof(r->where.conflict.how),
             anm_statement_how(against));
}

static void fill_input(const anm_engine *e, const anm_job *job,
                       const anm_run *run, anm_slot *slot, anm_receipt *r)
{
    uint8_t digest[ANM_SHA256_BYTES];
    bool padded;
    const size_t length = anm_engine_length(e, run->longest, &padded);

    r->bulk = job->bulk;
    r->input.texts = job->n;
    r->input.tokens = run->tokens;
    r->input.bucket = padded ? length : job->input.bucket;
    r->input.truncated = run->truncated;
    put_text(r->input.prompt, sizeof(r->input.prompt), job->prompt);
    anm_sha256_read(slot->hash, digest);
    // Here its code is in the caches; before the next call it is no longer.
    anm_sha256_reset(slot->hash);
    anm_sha256_hex(digest, r->input.ids_sha256);
}

static int64_t larger(int64_t a, int64_t b)
{
    if (a == ANM_COUNTER_UNKNOWN || b == ANM_COUNTER_UNKNOWN)
        return ANM_COUNTER_UNKNOWN;
    return a > b ? a : b;
}

/* What of the call the calling thread neither computed nor waited for a CPU,
 * and not for its turn. */
static int64_t blocked_of(const anm_run *run, int64_t cpu_ns, int64_t delay_ns)
{
    if (cpu_ns == ANM_COUNTER_UNKNOWN || delay_ns == ANM_COUNTER_UNKNOWN)
        return ANM_COUNTER_UNKNOWN;
    const int64_t ns = (int64_t)run->total_ns -
                       (int64_t)run->stages_ns[ANM_STAGE_QUEUE] - cpu_ns -
                       delay_ns;
    return ns > 0 ? ns : 0;
}

anm_counters anm_book_counters(const anm_entry *entry, const anm_run *run)
{
    const anm_host_thread *a = &entry->thread, *b = &entry->after;
    const anm_observed *w = &run->workers;
    const int64_t cpu = difference(b->cpu_ns, a->cpu_ns);
    const int64_t delay = difference(b->run_delay_ns, a->run_delay_ns);

    return (anm_counters){
        .idle_before = entry->idle_ns,
        .in_flight = entry->in_flight,
        .cpu_ns = sum(cpu, w->cpu_ns),
        .run_delay_ns = sum(delay, w->run_delay_ns),
        .run_delay_max_ns = larger(delay, w->run_delay_max_ns),
        .blocked_ns = blocked_of(run, cpu, delay),
        .device_wait_ns = w->device_wait_ns,
        .probe_ns =
            run->probe_ns ? (int64_t)run->probe_ns : ANM_COUNTER_UNKNOWN,
        .vol_switches =
            sum(difference(b->vol_switches, a->vol_switches), w->vol_switches),
        .invol_switches = sum(difference(b->invol_switches, a->invol_switches),
                              w->invol_switches),
        .minor_faults =
            sum(difference(b->minor_faults, a->minor_faults), w->minor_faults),
        .major_faults =
            sum(difference(b->major_faults, a->major_faults), w->major_faults),
    };
}

static anm_band band_of(const anm_engine *e, const anm_job *job,
                        const anm_run *run, int64_t idle_ns)
{
    if (job->bulk || job->n != 1) return (anm_band){ .tokens = run->longest };
    anm_band band =
        anm_bands_at(&e->bands, anm_engine_length(e, run->longest, NULL));
    anm_band_after_gap(&band, anm_idle_extra(&e->bands.base, idle_ns));
    anm_band_of_today(&band);
    return band;
}

static void fill_band(const anm_band *band, const anm_run *run, anm_receipt *r)
{
    r->band.tokens = band->tokens;
    r->band.n = band->n;
    r->band.disturbed = band->disturbed;
    r->band.blurred = band->useless;
    r->band.p50_ns = band->p50_ns;
    r->band.low_ns = band->low_ns;
    r->band.high_ns = band->high_ns;
    r->band.predict_p50_ns = band->predict_p50_ns;
    r->band.outside_p50_ns = band->outside_p50_ns;
    r->band.today_p50_ns = band->today_p50_ns;
    r->band.gap_ns = band->gap_ns;
    r->band.verdict = anm_band_judge(band, run->total_ns);
}

/* ---- The book ----------------------------------------------------------------- */

void anm_book_begin(anm_engine *e)
{
    anm_mutex_lock(&e->book);
    fill_model(e, &e->blank);
    read_sample(e);
    e->last_end_ns = anm_now_with_sleep_ns();
    anm_mutex_unlock(&e->book);
}

void anm_book_enter(anm_engine *e, bool counted, anm_entry *entry)
{
    anm_mutex_lock(&e->book);
    entry->in_flight = ++e->n_calls;
    entry->idle_ns =
        e->n_calls > 1
            ? 0
            : (int64_t)anm_elapsed_ns(e->last_end_ns, anm_now_with_sleep_ns());
    anm_mutex_unlock(&e->book);
    entry->thread = (anm_host_thread){ 0 };
    if (counted) anm_host_thread_read(&entry->thread);
}

/* All of a receipt that waits for no counter. */
static void begin_record(anm_engine *e, const anm_job *job, const anm_run *run,
                         anm_entry *entry, anm_slot *slot)
{
    anm_mutex_lock(&e->book);
    *slot->record = e->blank;
    fill_input(e, job, run, slot, slot->record);
    entry->band = band_of(e, job, run, entry->idle_ns);
    anm_mutex_unlock(&e->book);
}

void anm_book_stop(anm_engine *e, const anm_job *job, anm_entry *entry,
                   anm_run *run, anm_slot *slot)
{
    entry->after = (anm_host_thread){ 0 };
    if (job->counted) {
        // A quota stops a thread as it leaves the system, which it does here for
        // the first time since it began to predict: that is waited for.
        anm_host_thread_read(&entry->after);
        anm_run_mark(run, ANM_STAGE_PREDICT);
    }
    anm_run_end(run);
    if (job->recorded) begin_record(e, job, run, entry, slot);
    anm_run_observe(e, job, (uint64_t)entry->after.cpu_ns, run);
    // Nobody is kept waiting for a probe, and no probe measures company.
    if (job->recorded && run->has_turn &&
        anm_band_judge(&entry->band, run->total_ns) == ANM_VERDICT_ABOVE &&
        anm_queue_in_flight(e->queue) == 1)
        run->probe_ns = anm_host_probe(e);
    anm_run_leave(e, run);
}

void anm_book_leave(anm_engine *e, const anm_job *job, const anm_entry *entry,
                    const anm_run *run, const anm_slot *slot)
{
    anm_receipt *r = slot->record;

    anm_mutex_lock(&e->book);
    e->n_calls--;
    e->last_end_ns = anm_now_with_sleep_ns();
    const unsigned first = note_firsts(e, run);
    if (job->recorded) {
        fill_where(run, r);
        memcpy(r->stages_ns, run->stages_ns, sizeof(r->stages_ns));
        r->total_ns = run->total_ns;
        r->at_ms = anm_wall_ns() / 1000000;
        fill_band(&entry->band, run, r);
        r->counters = anm_book_counters(entry, run);
        fill_sample(e, r->band.verdict == ANM_VERDICT_ABOVE, &r->counters);
        r->first = first;
        const anm_history history = r->band.verdict == ANM_VERDICT_ABOVE
                                        ? anm_past_view(e, &entry->band, r)
                                        : (anm_history){ 0 };
        anm_cause_explain(r, &history);
        if (!job->bulk && job->n == 1) anm_past_note(e, r);
    }
    anm_mutex_unlock(&e->book);
}

void anm_book_abandon(anm_engine *e)
{
    anm_mutex_lock(&e->book);
    e->n_calls--;
    e->last_end_ns = anm_now_with_sleep_ns();
    anm_mutex_unlock(&e->book);
}
