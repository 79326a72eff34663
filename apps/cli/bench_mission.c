/* bench_mission.c - `bench --mission`: is a live query as quick as warm-up
 * said? Thirty queries at the gaps of a person, each with its receipt.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { QUERIES = 30, GAP_MS = 650, QUICK_GAP_MS = 60, GAP_MOST = 5 };

// The mission's 142 ms, give or take 10.
static const double tolerance = 0.07;

static const char *const questions[] = {
    "what are my Q2 goals?",      "what are my current goals?",
    "which meetings were there?", "what is still to be done?",
    "who works on the release?",  "when does the lease end?",
};

typedef struct live {
    double gap_ms;
    anm_receipt receipt;
} live;

typedef struct mission {
    cli *c;
    cli_session session;
    live queries[QUERIES];
    size_t n;
    float *vector;
    double p50_ms; /* of the live queries */
    size_t within; /* at most 7 % above their warm-up median */
    bool held;
} mission;

/* People pause at random: gaps are exponential, and the same in every run. */
static double next_gap_ms(uint64_t *seed, double mean)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    const double u = ((double)(*seed >> 33) + 0.5) / 2147483648.0;
    const double gap = -mean * log(u);
    return gap < GAP_MOST * mean ? gap : GAP_MOST * mean;
}

static anm_status ask_all(mission *m, bool quick, anm_error *err)
{
    uint64_t seed = 142;

    // The first of all is no live query: it is the program's own start.
    const anm_text first = anm_text_of(questions[0]);
    anm_status status =
        cli_session_embed(&m->session, &first, 1, NULL,
                          &(cli_answers){ .vectors = m->vector }, err);

    while (!status && m->n < QUERIES && !cli_interrupted()) {
        live *q = &m->queries[m->n];
        const anm_text text = anm_text_of(questions[m->n % 6]);
        q->gap_ms = next_gap_ms(&seed, quick ? QUICK_GAP_MS : GAP_MS);
        cli_sleep_ms(q->gap_ms);
        cli_progress_show(&m->session.progress, m->n, QUERIES, m->n);
        const cli_answers to = { .vectors = m->vector, .receipt = &q->receipt };
        status = cli_session_embed(&m->session, &text, 1, NULL, &to, err);
        if (!status) m->n++;
    }
    return status;
}

/* Total over the median of warm-up; 0 without a band. */
static double ratio_of(const anm_receipt *r)
{
    return r->band.n ? (double)r->total_ns / (double)r->band.p50_ns : 0.0;
}

static void judge(mission *m)
{
    double ms[QUERIES], ratios[QUERIES];

    for (size_t i = 0; i < m->n; i++) {
        const anm_receipt *r = &m->queries[i].receipt;
        ms[i] = (double)r->total_ns / 1e6;
        ratios[i] = ratio_of(r);
        if (ratios[i] > 0.0 && ratios[i] <= 1.0 + tolerance) m->within++;
    }
    cli_bench_sort(ms, m->n);
    cli_bench_sort(ratios, m->n);
    m->p50_ms = cli_bench_percentile(ms, m->n, 0.5);
    const double median = cli_bench_percentile(ratios, m->n, 0.5);
    m->held = median > 0.0 && median <= 1.0 + tolerance;
}

/* How many queries name each cause. */
static void count_causes(const mission *m, size_t counts[ANM_CAUSE_COUNT])
{
    memset(counts, 0, ANM_CAUSE_COUNT * sizeof(*counts));
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = 0; k < m->queries[i].receipt.n_causes; k++)
            counts[m->queries[i].receipt.causes[k].cause]++;
    counts[ANM_CAUSE_NONE] = 0;
}

static void write_causes(const anm_receipt *r)
{
    for (size_t k = 0; k < r->n_causes; k++)
        printf("%s\"%s\"", k ? "," : "", anm_cause_name(r->causes[k].cause));
}

static void write_document(const mission *m)
{
    const anm_receipt *first = &m->queries[0].receipt;

    fputs("{\"anemone_bench\":1,\"mode\":\"mission\",\"model\":{\"name\":",
          stdout);
    cli_json_string(stdout, first->model.name);
    fputs(",\"fingerprint\":", stdout);
    cli_json_string(stdout, first->model.fingerprint);
    printf(",\"precision\":\"%s\",\"dim\":%zu},\"queries\":[",
           anm_precision_name(first->model.precision), first->model.dim);
    for (size_t i = 0; i < m->n; i++) {
        const live *q = &m->queries[i];
        const anm_receipt *r = &q->receipt;
        printf("%s{\"gap_ms\":%.1f,\"tokens\":%zu,\"total_ms\":%.6g,"
               "\"warm_p50_ms\":%.6g,\"warm_n\":%u,\"disturbed\":%u,"
               "\"device\":\"%s\",\"evidence\":\"%s\",\"verdict\":\"%s\","
               "\"causes\":[",
               i ? "," : "", q->gap_ms, r->input.tokens,
               (double)r->total_ns / 1e6, (double)r->band.p50_ns / 1e6,
               r->band.n, r->band.disturbed, anm_device_name(r->where.device),
               anm_evidence_name(r->where.evidence),
               anm_verdict_name(r->band.verdict));
        write_causes(r);
        fputs("]}", stdout);
    }
    printf("],\"p50_ms\":%.6g,\"within\":%zu,\"tolerance\":%.2g,\"held\":%s}\n",
           m->p50_ms, m->within, tolerance, m->held ? "true" : "false");
}

static void write_table(const mission *m)
{
    cli_table t = { 0 };
    size_t counts[ANM_CAUSE_COUNT];

    cli_table_add(&t, "QUERY\tGAP\tTOKENS\tTOTAL\tWARM\tRATIO\tBAND\tDEVICE\t"
                      "CAUSE");
    for (size_t i = 0; i < m->n; i++) {
        const anm_receipt *r = &m->queries[i].receipt;
        cli_table_add(&t, "%zu\t%.0f\t%zu\t%.3f\t%.3f\t%.2f\t%s\t%s (%s)\t%s",
                      i + 1, m->queries[i].gap_ms, r->input.tokens,
                      (double)r->total_ns / 1e6, (double)r->band.p50_ns / 1e6,
                      ratio_of(r), anm_verdict_name(r->band.verdict),
                      anm_device_name(r->where.device),
                      anm_evidence_name(r->where.evidence),
                      anm_cause_name(r->causes[0].cause));
    }
    cli_table_print(&t, "rrrrrrlll", true, &m->c->term, stdout);
    printf("\nMilliseconds. %s: the median of the live queries is %.3f ms; %zu "
           "of %zu are within\n%.0f %% of the warm-up median for their length "
           "and gap.",
           m->held ? "Held" : "Not held", m->p50_ms, m->within, m->n,
           100.0 * tolerance);
    count_causes(m, counts);
    for (int c = 0; c < ANM_CAUSE_COUNT; c++)
        if (counts[c])
            printf(" %s: %zu.", anm_cause_name((anm_cause)c), counts[c]);
    fputc('\n', stdout);
}

static anm_status run(mission *m, bool quick, anm_error *err)
{
    anm_status status = cli_session_open(&m->session, m->c, true, err);
    if (status) return status;
    m->vector = calloc(anm_model_dim(m->session.model), sizeof(*m->vector));
    if (!m->vector) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    status = cli_session_warm(&m->session, err);
    if (status) return status;
    cli_progress_begin(&m->session.progress, "asking", NULL);
    status = ask_all(m, quick, err);
    cli_progress_end(&m->session.progress);
    return status;
}

int cli_bench_mission(cli *c, bool quick)
{
    mission *m = calloc(1, sizeof(*m));
    anm_error err;

    if (!m) {
        cli_fail(&err, ANM_E_NOMEM, "out of memory");
        return cli_report(c, &err);
    }
    m->c = c;
    const anm_status status = run(m, quick, &err);
    if (!status && m->n) {
        judge(m);
        if (c->json) {
            write_document(m);
        } else {
            write_table(m);
        }
    }
    cli_session_close(&m->session);
    free(m->vector);
    free(m);
    return status ? cli_report(c, &err) : cli_finish(c, CLI_DONE);
}
