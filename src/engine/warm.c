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
 * least. Lengths take turns of four runs, so that what disturbs the machine for
 * part of a second is not all that one length has. A run is disturbed when a
 * thread of it waited for a CPU for more than a twentieth of it (a cgroup's
 * quota shows as such a wait), or when a page had to be read: disturbed runs are
 * counted and left out, and more are made in their place, up to 60 in all. Where
 * a busy machine leaves fewer than three, all serve as the band of this start
 * and nothing is kept.
 *
 * A length whose band an earlier start stored is run six times: enough to say
 * that today's median is the same. Where it seems to be slower it is run until
 * twice as many runs say so: a few slow ones in a row are no other machine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/warm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

enum {
    BUDGET_MS = 2000,
    RUNS_MIN = 3,
    RUNS_QUIET_MAX = 40,
    RUNS_AGAIN = 5,        // of a band that is known
    RUNS_AGAIN_MOVED = 11, // of one that seems to have moved
    WINDOW = 8,            // runs whose medians are compared
    TURN = 4,              // quiet runs of a length before the next length
    SHORTEST = 8,
    GAP_RUNS = 4,
    GAP_QUIET_LEAST = 3,
    GAP_FREE = 2, // calls that show that a gap costs nothing
};

static const double windows_agree = 0.05;
static const double gap_scatter = 0.05;
static const double faster_by = 1.25;

// Classes whose gap is priced when the time allows it. A warm-up that may take
// long waits for the long ones too.
enum { GAP_CLASSES = 4 };
static const uint64_t long_gap_ns = 1000000000;
static const uint64_t long_share = 4; // no more than a quarter of what is left

/* ---- Bands and time ---------------------------------------------------------- */

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

/* Into n ascending values with room for one more. */
static void insert_sorted(uint64_t *sorted, size_t n, uint64_t value)
{
    for (; n > 0 && sorted[n - 1] > value; n--)
        sorted[n] = sorted[n - 1];
    sorted[n] = value;
}

/* ---- A band that is new ----------------------------------------------------- */

/* The timed runs of one length. */
typedef struct series {
    size_t tokens;
    uint64_t first_ns; // the run that is set apart
    anm_timed runs[ANM_TIMED_MAX];
    unsigned n;
    bool over; // settled, full, or without a text
} series;

static double window_median(const anm_timed *const *runs)
{
    uint64_t sorted[WINDOW];

    for (size_t i = 0; i < WINDOW; i++)
        insert_sorted(sorted, i, runs[i]->total_ns);
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

/* The next few runs. What a live call does besides, its vector goes to the
 * caller, is below the grain of a band and not imitated. */
static anm_status take_turn(anm_warm *w, series *s, uint64_t end_ns,
                            anm_error *err)
{
    bool possible;
    unsigned n_quiet = 0;
    anm_status status = anm_warm_prepare(w, s->tokens, &possible, err);

    s->over = !possible;
    if (status || !possible) return status;
    if (s->n == 0) {
        anm_timed first;
        status = anm_warm_run(w, &first, err);
        s->first_ns = first.total_ns;
    }
    while (!status && n_quiet < TURN && s->n < ANM_TIMED_MAX &&
           (s->n < RUNS_MIN || anm_now_ns() < end_ns)) {
        anm_timed *run = &s->runs[s->n++];
        anm_warm_rest(s->first_ns);
        status = anm_warm_run(w, run, err);
        anm_warm_probe(w);
        n_quiet += !run->disturbed;
    }
    s->over = s->n == ANM_TIMED_MAX || has_settled(s->runs, s->n);
    return status;
}

static void make_band(anm_warm *w, series *s)
{
    const anm_band band = anm_band_make(s->tokens, s->first_ns, s->runs, s->n);

    anm_log_line(&w->e->log, ANM_LOG_INFO,
                 "warm-up of %zu tokens: first %.3f ms, then %u runs, %u of "
                 "them disturbed, median %.3f ms, band %.3f to %.3f ms",
                 band.tokens, (double)band.first_ns / 1e6, s->n, band.disturbed,
                 (double)band.p50_ns / 1e6, (double)band.low_ns / 1e6,
                 (double)band.high_ns / 1e6);
    put_band(w->e, &band);
}

/* ---- A band that is known ---------------------------------------------------- */

/* What a busy machine shows is no news. */
static void note_today(anm_band *known, anm_timed *runs, unsigned n)
{
    const anm_band today = anm_band_make(known->tokens, 0, runs, n);

    if (!today.useless) known->today_p50_ns = today.p50_ns;
}

/* Today's median beside the stored one. */
static anm_status look_again(anm_warm *w, uint64_t end_ns, anm_band *known,
                             anm_error *err)
{
    anm_timed runs[RUNS_AGAIN_MOVED], first;
    unsigned n = 0, most = RUNS_AGAIN;
    anm_status status = anm_warm_run(w, &first, err);

    while (!status && n < most && (n < RUNS_MIN || anm_now_ns() < end_ns)) {
        anm_warm_rest(first.total_ns);
        status = anm_warm_run(w, &runs[n++], err);
        if (!status && n >= RUNS_MIN) note_today(known, runs, n);
        if (anm_band_moved(known)) most = RUNS_AGAIN_MOVED;
    }
    if (status) return status;
    if (anm_band_moved(known) && known->today_p50_ns > known->high_ns)
        anm_log_line(&w->e->log, ANM_LOG_INFO,
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

/* One call after the gap, and what it took more than one just before with the
 * pause of a band's runs: a host that is slower for a while is so in both. */
static anm_status time_gap(anm_warm *w, const anm_band *band, uint64_t gap_ns,
                           uint64_t *extra, bool *disturbed, anm_error *err)
{
    anm_timed before, after;

    anm_warm_rest(band->p50_ns);
    anm_status status = anm_warm_run(w, &before, err);
    if (status) return status;
    anm_sleep_ns(gap_ns);
    status = anm_warm_run(w, &after, err);
    if (status) return status;
    *extra =
        after.total_ns > before.total_ns ? after.total_ns - before.total_ns : 0;
    *disturbed = before.disturbed || after.disturbed;
    return ANM_OK;
}

/* The lower middle of a few is the price; none where two calls took no more,
 * since a gap that costs something does so nearly every time, and where it is
 * within what calls scatter by. Where most were disturbed nothing is known. */
static anm_status measure_gap(anm_warm *w, const anm_band *band, int class,
                              anm_error *err)
{
    anm_engine *e = w->e;
    uint64_t extras[GAP_RUNS];
    size_t n = 0, n_free = 0;
    const uint64_t gap_ns = (uint64_t)anm_idle_gap_ns(class);

    for (size_t i = 0; i < GAP_RUNS && n_free < GAP_FREE; i++) {
        uint64_t extra;
        bool disturbed;
        const anm_status status =
            time_gap(w, band, gap_ns, &extra, &disturbed, err);
        if (status) return status;
        if (disturbed) continue;
        n_free += extra == 0;
        insert_sorted(extras, n++, extra);
    }
    if (n < GAP_QUIET_LEAST && n_free < GAP_FREE) return ANM_OK;
    const uint64_t price = extras[(n - 1) / 2];
    anm_mutex_lock(&e->book);
    e->bands.base.idle_extra_ns[class] =
        (double)price > gap_scatter * (double)band->p50_ns ? price : 0;
    e->bands.base.idle_known |= 1u << class;
    anm_mutex_unlock(&e->book);
    return ANM_OK;
}

static anm_status measure_gaps(anm_warm *w, uint64_t end_ns, anm_error *err)
{
    anm_engine *e = w->e;

    anm_mutex_lock(&e->book);
    const anm_band band = anm_bands_at(&e->bands, w->job.input.max_tokens);
    const unsigned known = e->bands.base.idle_known;
    anm_mutex_unlock(&e->book);

    for (int class = 0; class < GAP_CLASSES; class ++) {
        const uint64_t gap = (uint64_t)anm_idle_gap_ns(class);
        const uint64_t need =
            GAP_RUNS *
            (anm_warm_pause_ns(band.p50_ns) + gap + 2 * band.p50_ns) *
            (gap < long_gap_ns ? 1 : long_share);
        if (known >> class & 1) continue;
        if (band.n == 0 || anm_now_ns() + need > end_ns) break;
        const anm_status status = measure_gap(w, &band, class, err);
        if (status) return status;
    }
    return ANM_OK;
}

/* Whether this is the first measurement: what it is of is noted then, for later
 * starts to compare themselves with. */
static bool begin_base(anm_engine *e, bool again)
{
    anm_band_base *base = &e->bands.base;

    anm_mutex_lock(&e->book);
    const bool is_first = again || !*base->plan;
    if (is_first) {
        *base = (anm_band_base){ 0 };
        base->freq_khz = e->sample.freq_khz > 0 ? e->sample.freq_khz : 0;
        memcpy(base->plan, e->plan_digest, sizeof(base->plan));
        memcpy(base->artifact, e->artifact_digest, sizeof(base->artifact));
    }
    anm_mutex_unlock(&e->book);
    return is_first;
}

static void note_probes(anm_warm *w)
{
    anm_mutex_lock(&w->e->book);
    anm_band_base_probe(&w->e->bands.base, w->probes_ns, w->n_probes);
    anm_mutex_unlock(&w->e->book);
}

/* ---- Lengths --------------------------------------------------------------- */

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

/* The first turn of a length: one that is known is only looked at, and *is_new
 * says that there is more to measure. */
static anm_status begin_length(anm_warm *w, series *s, uint64_t end_ns,
                               bool *is_new, anm_error *err)
{
    bool possible = true;
    anm_band band;

    *is_new = w->again || !find_known(w->e, s->tokens, &band);
    if (!*is_new) {
        anm_status status = anm_warm_prepare(w, s->tokens, &possible, err);
        if (!status && possible) status = look_again(w, end_ns, &band, err);
        if (status || !possible) return status;
        *is_new = has_become_faster(&band);
        if (!*is_new) put_band(w->e, &band);
    }
    return *is_new ? take_turn(w, s, end_ns, err) : ANM_OK;
}

/* All lengths one after the other; *n becomes the number of those in `all` that
 * are new. */
static anm_status begin_lengths(anm_warm *w, series *all, size_t *n,
                                uint64_t end_ns, anm_error *err)
{
    const size_t n_lengths = *n;

    *n = 0;
    for (size_t i = 0; i < n_lengths; i++) {
        const uint64_t now = anm_now_ns();
        const size_t tokens = all[i].tokens;
        bool is_new;
        if (i && now >= end_ns) {
            anm_log_line(&w->e->log, ANM_LOG_WARN,
                         "warm-up: the time was up before %zu tokens", tokens);
            break;
        }
        all[*n] = (series){ .tokens = tokens };
        const anm_status status = begin_length(
            w, &all[*n], share_end(now, end_ns, n_lengths - i), &is_new, err);
        if (status) return status;
        if (is_new && all[*n].n) ++*n;
    }
    return ANM_OK;
}

static anm_status warm_lengths(anm_warm *w, series *all, size_t n,
                               uint64_t end_ns, anm_error *err)
{
    anm_status status = begin_lengths(w, all, &n, end_ns, err);

    for (bool more = true; more && !status && anm_now_ns() < end_ns;) {
        more = false;
        for (size_t i = 0; i < n && !status; i++) {
            if (all[i].over) continue;
            status = take_turn(w, &all[i], end_ns, err);
            more = true;
        }
    }
    if (status || !n) return status;
    for (size_t i = 0; i < n; i++)
        make_band(w, &all[i]);
    anm_mutex_lock(&w->e->book);
    w->e->bands.measured_wall_ns = anm_wall_ns();
    anm_mutex_unlock(&w->e->book);
    return ANM_OK;
}

static anm_status warm_all(anm_warm *w, const size_t *lengths, size_t n,
                           uint64_t end_ns, anm_error *err)
{
    series *all = anm_alloc_array(n, sizeof(*all));

    if (!all) return anm_fail(err, ANM_E_NOMEM, "warm-up: out of memory");
    for (size_t i = 0; i < n; i++)
        all[i].tokens = lengths[i];
    const anm_status status = warm_lengths(w, all, n, end_ns, err);
    anm_free(all);
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
    anm_warm w = { .e = e,
                   .again = again,
                   .slot = anm_slot_take(&e->slots, err) };
    bool possible = false;

    if (!w.slot) return ANM_E_NOMEM;
    w.probed = begin_base(e, again);
    anm_status status = warm_all(&w, chosen, n, end, err);
    if (w.probed) note_probes(&w);
    // The length of a short query stands for all: what a gap costs is extra.
    if (!status) status = anm_warm_prepare(&w, chosen[n > 1], &possible, err);
    if (!status && possible) status = measure_gaps(&w, end, err);
    anm_buf_deinit(&w.text);
    anm_slot_give_back(&e->slots, w.slot);
    if (!status) keep_bands(e);
    return status;
}
