/* verb_bench.c - `bench`: its options, the table, the document.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include "bench_search.h"
#include "table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct bench_options {
    cli_sizes tokens, idle;
    size_t callers, bulk, seconds;
    bool lines, mission, evidence, quick;
    cli_sizes items, collections;
    size_t k;
    const char *where;
} bench_options;

static const cli_option options[] = {
    { "tokens", 0, CLI_SIZES, offsetof(bench_options, tokens), "LIST",
      "lengths of the texts; 8,16,32,128 by default", 3, (size_t)1 << 20 },
    { "idle", 0, CLI_SIZES, offsetof(bench_options, idle), "LIST",
      "also after gaps of so many milliseconds", 1, 3600000 },
    { "callers", 0, CLI_COUNT, offsetof(bench_options, callers), "N",
      "also with N threads that call at once", 2, 1024 },
    { "bulk", 0, CLI_COUNT, offsetof(bench_options, bulk), "N",
      "also N texts a call, in bulk", 1, 65536 },
    { "seconds", 0, CLI_COUNT, offsetof(bench_options, seconds), "S",
      "how long to measure each row; 1 by default", 1, 3600 },
    { "lines", 0, CLI_SWITCH, offsetof(bench_options, lines), NULL,
      "answer a benchmark's requests on stdin, a JSON line each", 0, 0 },
    { "mission", 0, CLI_SWITCH, offsetof(bench_options, mission), NULL,
      "ask 30 live queries at human gaps and judge them by warm-up", 0, 0 },
    { "evidence", 0, CLI_SWITCH, offsetof(bench_options, evidence), NULL,
      "measure what a receipt costs a query of 8 tokens", 0, 0 },
    { "quick", 0, CLI_SWITCH, offsetof(bench_options, quick), NULL,
      "with these two: in a tenth of the time", 0, 0 },
    { "items", 0, CLI_SIZES, offsetof(bench_options, items), "LIST",
      "search: items of a collection; 1000,10000 by default", 1, 10000000 },
    { "collections", 0, CLI_SIZES, offsetof(bench_options, collections), "LIST",
      "search: how many collections at once; 1,2 by default", 1, 64 },
    { "k", 'k', CLI_COUNT, offsetof(bench_options, k), "N",
      "search: how many results; 10 by default", 1, (size_t)1 << 30 },
    { "where", 0, CLI_STRING, offsetof(bench_options, where), "EXPR",
      "search: only items that pass, as in: n < 100", 0, 0 },
};

typedef struct bench_job {
    cli *c;
    bench_options o;
    cli_session session;
    anm_peak peak;
    anm_receipt receipt; /* of the last call measured */
    bench_row *rows;     /* [n], room for cap */
    size_t n, cap;
    double load[3]; /* of the machine, before measuring; negative: unknown */
} bench_job;

static anm_status measure_row(bench_job *job, bench_plan plan, anm_error *err)
{
    plan.seconds = (double)job->o.seconds;
    cli_progress_show(&job->session.progress, job->n, job->cap, job->n);
    if (cli_interrupted()) return ANM_OK;
    const anm_status status =
        cli_bench_measure(&job->session, &plan, &job->peak, &job->rows[job->n],
                          &job->receipt, err);
    if (!status && job->rows[job->n].n) job->n++;
    return status;
}

static anm_status measure_length(bench_job *job, size_t tokens, anm_error *err)
{
    const bench_options *o = &job->o;
    anm_status status = measure_row(job, (bench_plan){ .tokens = tokens }, err);

    for (size_t i = 0; i < o->idle.n && !status; i++)
        status = measure_row(
            job, (bench_plan){ .tokens = tokens, .idle_ms = o->idle.values[i] },
            err);
    if (o->callers && !status)
        status = measure_row(
            job, (bench_plan){ .tokens = tokens, .callers = o->callers }, err);
    if (o->bulk && !status)
        status = measure_row(
            job, (bench_plan){ .tokens = tokens, .texts = o->bulk }, err);
    return status;
}

static anm_status measure_all(bench_job *job, anm_error *err)
{
    cli_sizes *tokens = &job->o.tokens;
    const size_t max = anm_model_max_tokens(job->session.model);
    anm_status status = ANM_OK;

    if (tokens->n == 0) {
        // Lengths above the model's are left out only where nobody named them.
        static const size_t usual[] = { 8, 16, 32, 128 };
        for (size_t i = 0; i < 4; i++)
            if (usual[i] <= max) tokens->values[tokens->n++] = usual[i];
        if (tokens->n == 0) tokens->values[tokens->n++] = max;
    }
    for (size_t i = 0; i < tokens->n; i++)
        if (tokens->values[i] > max)
            return cli_fail(
                err, ANM_E_ARG, "--tokens: %zu is above the %zu of %s",
                tokens->values[i], max, anm_model_name(job->session.model));
    job->cap = tokens->n *
               (1 + job->o.idle.n + (job->o.callers > 0) + (job->o.bulk > 0));
    job->rows = calloc(job->cap, sizeof(*job->rows));
    if (!job->rows) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    cli_progress_begin(&job->session.progress, "measuring", NULL);
    for (size_t i = 0; i < tokens->n && !status; i++)
        status = measure_length(job, tokens->values[i], err);
    cli_progress_end(&job->session.progress);
    return status;
}

static void put_date(char out[32])
{
    const time_t now = time(NULL);
    struct tm utc;
    out[0] = '\0';
    if (gmtime_r(&now, &utc)) strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* A counter of the machine's state; null where it has none. */
static void put_counter(const char *name, int64_t value)
{
    if (value == ANM_COUNTER_UNKNOWN) {
        printf(",\"%s\":null", name);
    } else {
        printf(",\"%s\":%" PRId64, name, value);
    }
}

static void write_rows(const bench_job *job)
{
    for (size_t i = 0; i < job->n; i++) {
        const bench_row *r = &job->rows[i];
        printf("%s{\"tokens\":%zu,\"mode\":\"%s\",\"n\":%zu,\"min_ms\":%.6g,"
               "\"p50_ms\":%.6g,\"p95_ms\":%.6g,\"p99_ms\":%.6g,"
               "\"max_ms\":%.6g,\"floor_ms\":%.6g,\"floor_share\":%.4g,"
               "\"texts_per_s\":%.6g,\"loop_tail\":",
               i ? "," : "", r->plan.tokens, r->mode, r->n, r->min_ms,
               r->p50_ms, r->p95_ms, r->p99_ms, r->max_ms, r->floor_ms,
               r->floor_ms / r->p50_ms, r->texts_per_s);
        if (r->loop_tail > 0.0) {
            printf("%.4g}", r->loop_tail);
        } else {
            fputs("null}", stdout);
        }
    }
}

/* The level that the model runs at: the one asked for, or the best. */
static const char *level_name(const cli *c)
{
    const char *const *level = anm_cpu_levels();
    while (level[1])
        level++;
    return c->settings.options.cpu ? c->settings.options.cpu : *level;
}

static void write_document(const bench_job *job, const char *build)
{
    const anm_receipt *r = &job->receipt;
    const anm_counters *counters = &r->counters;
    char date[32];

    put_date(date);
    printf("{\"anemone_bench\":1,\"date\":\"%s\",\"machine\":{\"level\":\"%s\","
           "\"build\":",
           date, level_name(job->c));
    for (const char *s = build; *s; s++)
        if (*s != '\n') fputc(*s, stdout);
    fputs("},\"state\":{\"load_1min\":", stdout);
    if (job->load[0] < 0.0) {
        fputs("null", stdout);
    } else {
        printf("%.2f", job->load[0]);
    }
    put_counter("psi_cpu_us", counters->psi_cpu_us);
    put_counter("psi_memory_us", counters->psi_memory_us);
    put_counter("psi_io_us", counters->psi_io_us);
    put_counter("throttled_ns", counters->throttled_ns);
    put_counter("freq_khz", counters->freq_khz);
    fputs("},\"model\":{\"name\":", stdout);
    cli_json_string(stdout, r->model.name);
    fputs(",\"fingerprint\":", stdout);
    cli_json_string(stdout, r->model.fingerprint);
    printf(",\"precision\":\"%s\",\"dim\":%zu},\"threads\":%u,"
           "\"peak\":{\"macs_per_s\":%.6g,\"bytes_per_s\":%.6g},\"rows\":[",
           anm_precision_name(r->model.precision), r->model.dim,
           anm_model_threads(job->session.model), job->peak.macs_per_s,
           job->peak.bytes_per_s);
    write_rows(job);
    fputs("]}\n", stdout);
}

static void write_table(const bench_job *job)
{
    const anm_receipt *r = &job->receipt;
    cli_table t = { 0 };
    char date[32];

    put_date(date);
    printf("%s  %s, %u thread%s, %s\n", r->model.name,
           anm_precision_name(r->model.precision),
           anm_model_threads(job->session.model),
           anm_model_threads(job->session.model) == 1 ? "" : "s",
           level_name(job->c));
    printf("measured here: %.1f Gmac/s, %.1f GB/s; load %.2f; %s\n\n",
           job->peak.macs_per_s / 1e9, job->peak.bytes_per_s / 1e9,
           job->load[0], date);
    cli_table_add(&t, "TOKENS\tMODE\tCALLS\tMIN\tP50\tP95\tP99\tMAX\tFLOOR\t"
                      "SHARE\tTEXTS/S\tTAIL\tLOOP");
    for (size_t i = 0; i < job->n; i++) {
        const bench_row *row = &job->rows[i];
        char loop[16] = "-";
        if (row->loop_tail > 0.0)
            snprintf(loop, sizeof(loop), "%.2f", row->loop_tail);
        cli_table_add(&t,
                      "%zu\t%s\t%zu\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t"
                      "%.0f %%\t%.0f\t%.2f\t%s",
                      row->plan.tokens, row->mode, row->n, row->min_ms,
                      row->p50_ms, row->p95_ms, row->p99_ms, row->max_ms,
                      row->floor_ms, 100.0 * row->floor_ms / row->p50_ms,
                      row->texts_per_s, row->p99_ms / row->p50_ms, loop);
    }
    cli_table_print(&t, "rlr", true, &job->c->term, stdout);
    fputs("\nMilliseconds a call, from ids. The floor is what the operations "
          "and bytes of a\ncall need at these rates; the share is floor / "
          "p50. The tail is p99 / p50; loop\nis that of a plain loop as long "
          "as a call, which reads as many bytes, in turns\nwith them: the "
          "machine's own.\n",
          stdout);
}

static anm_status run_job(bench_job *job, anm_error *err)
{
    char *build = NULL;

    if (getloadavg(job->load, 3) < 1) job->load[0] = -1.0;
    anm_status status = cli_session_open(&job->session, job->c, true, err);
    if (!status) status = cli_session_warm(&job->session, err);
    if (!status) status = anm_model_peak(job->session.model, &job->peak, err);
    if (!status)
        status = anm_build_json(job->c->settings.options.cpu, &build, err);
    if (!status) status = measure_all(job, err);
    if (!status && job->n) {
        if (job->c->json) {
            write_document(job, build);
        } else {
            write_table(job);
        }
    }
    anm_free(build);
    return status;
}

static int run_search(cli *c, const bench_options *o)
{
    bench_search_options s = { .items = o->items,
                               .collections = o->collections,
                               .where = o->where,
                               .k = o->k,
                               .seconds = o->seconds };
    anm_error err;

    if (c->n_args > 1) {
        cli_fail(&err, ANM_E_ARG,
                 "search takes no arguments, the model is that of -m; there "
                 "are %zu",
                 c->n_args - 1);
        return cli_report(c, &err);
    }
    if (s.items.n == 0) s.items = (cli_sizes){ 2, { 1000, 10000 } };
    if (s.collections.n == 0) s.collections = (cli_sizes){ 2, { 1, 2 } };
    return cli_bench_search(c, &s);
}

/* What is measured is one thing, and what was asked beside it counts for it. */
static anm_status check_options(const cli *c, const bench_options *o,
                                anm_error *err)
{
    const bool search = c->n_args && !strcmp(c->args[0], "search");
    const struct {
        const char *name;
        bool on;
    } modes[] = { { "--lines", o->lines },
                  { "--mission", o->mission },
                  { "--evidence", o->evidence },
                  { "search", search } };
    const char *first = NULL;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (!modes[i].on) continue;
        if (first)
            return cli_fail(err, ANM_E_ARG, "%s and %s exclude each other",
                            first, modes[i].name);
        first = modes[i].name;
    }
    if (!search && (o->items.n || o->collections.n || o->where))
        return cli_fail(err, ANM_E_ARG, "--%s is of bench search",
                        o->items.n         ? "items"
                        : o->collections.n ? "collections"
                                           : "where");
    if (o->quick && !o->mission && !o->evidence)
        return cli_fail(err, ANM_E_ARG,
                        "--quick is of --mission and --evidence; elsewhere "
                        "--seconds says how long");
    if (o->lines && c->json)
        return cli_fail(err, ANM_E_ARG,
                        "--json and --lines exclude each other: the answers "
                        "are lines of JSON");
    return ANM_OK;
}

static int run_bench(cli *c, int argc, char **argv)
{
    bench_job job = { .c = c, .o = { .seconds = 1, .k = 10 } };
    anm_error err;

    if (!cli_begin(c, &job.o, argc, argv)) return c->exit_code;
    if (check_options(c, &job.o, &err)) return cli_report(c, &err);
    if (job.o.lines) return cli_bench_lines(c);
    if (job.o.mission) return cli_bench_mission(c, job.o.quick);
    if (job.o.evidence) return cli_bench_evidence(c, job.o.quick);
    if (c->n_args && !strcmp(c->args[0], "search"))
        return run_search(c, &job.o);

    const anm_status status = run_job(&job, &err);
    cli_session_close(&job.session);
    free(job.rows);
    return status ? cli_report(c, &err) : cli_finish(c, CLI_DONE);
}

const cli_verb cli_verb_bench = {
    .name = "bench",
    .summary = "measure latency, and how near to the machine's floor it is",
    .arguments = "[MODEL] | search",
    .about = "Measures calls of one text for each length: back to back, and "
             "where asked after idle gaps, with several callers and in bulk. "
             "Beside each row stands the least time that its operations and "
             "bytes need at the rates measured on this machine. `search` "
             "measures questions to a memory instead: embedding, search and "
             "merging, for collections of given sizes, in a store that is "
             "removed afterwards unless -s names one.",
    .example = "anemone bench -m all-MiniLM-L6-v2 --tokens 8,32 --idle 50 "
               "--callers 4",
    .run = run_bench,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
