/* bench_lines.c - `bench --lines`: takes part in a benchmark of several
 * engines that asks each in turn.
 *
 * A line in, a line out:
 *
 *     (start)                                   {"ready":…,"load_ms":…,
 *                                                "first_ms":…,"has_ids":true}
 *     {"do":"texts","n":16,"texts":[…],"ids":[[…]]}   {}
 *     {"do":"ids"|"text","n":16,"reps":70,
 *      "seconds":2.0,"gap":50,"batch":32}       {"ms":[…],"cpu":[…],"rss_mb":…}
 *     {"do":"embed","n":16}                     {"v":[[…],…]}
 *     {"do":"end"}
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include "document.h"
#include "floats.h"
#include "jsonl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SETS_MAX = 32, ROWS_MAX = 1024, WARM_CALLS = 10, REPS_MAX = 100000 };

/* Texts of one length and their ids. */
typedef struct text_set {
    size_t tokens;
    json_t *texts;     /* owns what `strings` points into */
    anm_text *strings; /* [n] */
    anm_ids *ids;      /* [n] */
    int32_t *id_values;
    size_t n;
} text_set;

typedef struct lines_job {
    cli_session session;
    text_set sets[SETS_MAX];
    size_t n_sets;
    float *vectors; /* [ROWS_MAX, dim] */
} lines_job;

static double process_cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The library's figure: getrusage() also counts what the parent had before
 * this program was started. */
static double peak_rss_mb(void)
{
    char *json;

    if (anm_build_json(NULL, &json, NULL)) return 0.0;
    json_t *root = cli_document_read(json, NULL);
    const double bytes = cli_member_number(json_object_get(root, "process"),
                                           "peak_resident_bytes", 0.0);
    json_decref(root);
    anm_free(json);
    return bytes / 1048576.0;
}

static void free_set(text_set *set)
{
    json_decref(set->texts);
    free(set->strings);
    free(set->ids);
    free(set->id_values);
    *set = (text_set){ 0 };
}

static anm_status fill_set(text_set *set, const json_t *texts,
                           const json_t *ids, anm_error *err)
{
    size_t total = 0, i, k;
    const json_t *row, *one;

    set->n = json_array_size(texts);
    if (set->n == 0 || set->n > ROWS_MAX || json_array_size(ids) != set->n)
        return cli_fail(err, ANM_E_FORMAT,
                        "texts and ids must be lists of the same length, 1 to "
                        "%d",
                        ROWS_MAX);
    json_array_foreach(ids, i, row) total += json_array_size(row);
    set->strings = calloc(set->n, sizeof(*set->strings));
    set->ids = calloc(set->n, sizeof(*set->ids));
    set->id_values = calloc(total ? total : 1, sizeof(*set->id_values));
    if (!set->strings || !set->ids || !set->id_values)
        return cli_fail(err, ANM_E_NOMEM, "out of memory");
    set->texts = json_incref((json_t *)(uintptr_t)texts);
    int32_t *next = set->id_values;
    for (i = 0; i < set->n; i++) {
        const json_t *text = json_array_get(texts, i);
        set->strings[i] =
            (anm_text){ json_string_value(text), json_string_length(text) };
        row = json_array_get(ids, i);
        set->ids[i] = (anm_ids){ next, json_array_size(row) };
        json_array_foreach(row, k, one) *next++ =
            (int32_t)json_integer_value(one);
    }
    return ANM_OK;
}

static text_set *find_set(lines_job *job, size_t tokens)
{
    for (size_t i = 0; i < job->n_sets; i++)
        if (job->sets[i].tokens == tokens) return &job->sets[i];
    return NULL;
}

static anm_status take_texts(lines_job *job, size_t tokens,
                             const json_t *request, anm_error *err)
{
    text_set *set = find_set(job, tokens);
    if (!set && job->n_sets == SETS_MAX)
        return cli_fail(err, ANM_E_LIMIT, "more than %d lengths", SETS_MAX);
    if (!set) set = &job->sets[job->n_sets++];
    free_set(set);
    set->tokens = tokens;
    const anm_status status = fill_set(set, json_object_get(request, "texts"),
                                       json_object_get(request, "ids"), err);
    if (!status) fputs("{}", stdout);
    return status;
}

/* One call on `batch` rows from `first` on. */
static anm_status call(lines_job *job, const text_set *set, bool by_ids,
                       size_t first, size_t batch, anm_error *err)
{
    anm_ids ids[ROWS_MAX];
    anm_text texts[ROWS_MAX];

    for (size_t i = 0; i < batch; i++) {
        ids[i] = set->ids[(first + i) % set->n];
        texts[i] = set->strings[(first + i) % set->n];
    }
    if (by_ids)
        return anm_embed_ids(job->session.model, ids, batch, NULL, job->vectors,
                             NULL, err);
    return anm_embed_with(job->session.model, texts, batch, NULL, job->vectors,
                          NULL, NULL, err);
}

static void put_numbers(const char *name, const double *values, size_t n)
{
    printf("\"%s\":[", name);
    for (size_t i = 0; i < n; i++)
        printf("%s%.6f", i ? "," : "", values[i]);
    fputs("],", stdout);
}

typedef struct timing {
    bool by_ids;
    size_t reps, batch;
    double seconds, gap_ms;
    double *ms, *cpu; /* [reps] */
    size_t n;
} timing;

static anm_status run_timing(lines_job *job, const text_set *set, timing *t,
                             anm_error *err)
{
    anm_status status = ANM_OK;

    cli_sleep_ms(50.0); // the engine asked before this one may still spin
    const double second = 1e9;
    const uint64_t warm = cli_now_ns() + (uint64_t)(t->seconds * second / 4.0);
    for (size_t i = 0; i < WARM_CALLS && !status; i++) {
        status = call(job, set, t->by_ids, i, t->batch, err);
        if (cli_now_ns() > warm) break;
    }
    const uint64_t stop = cli_now_ns() + (uint64_t)(t->seconds * second);
    while (!status && t->n < t->reps && !cli_interrupted()) {
        if (t->gap_ms > 0.0) cli_sleep_ms(t->gap_ms);
        const double cpu = process_cpu_ms();
        const uint64_t begin = cli_now_ns();
        status = call(job, set, t->by_ids, t->n, t->batch, err);
        const uint64_t end = cli_now_ns();
        t->cpu[t->n] = process_cpu_ms() - cpu;
        t->ms[t->n++] = (double)(end - begin) / 1e6;
        if (end > stop && t->n > 2) break;
    }
    return status;
}

static anm_status time_calls(lines_job *job, const text_set *set, bool by_ids,
                             const json_t *request, anm_error *err)
{
    const double reps = cli_member_number(request, "reps", 100.0);
    const double batch = cli_member_number(request, "batch", 1.0);
    timing t = { .by_ids = by_ids,
                 .seconds = cli_member_number(request, "seconds", 2.0),
                 .gap_ms = cli_member_number(request, "gap", 0.0) };

    if (!(reps >= 1.0 && reps <= REPS_MAX) ||
        !(batch >= 1.0 && batch <= ROWS_MAX))
        return cli_fail(err, ANM_E_FORMAT,
                        "reps from 1 to %d and batch from 1 to %d are allowed",
                        REPS_MAX, ROWS_MAX);
    t.reps = (size_t)reps;
    t.batch = (size_t)batch;
    t.ms = calloc(t.reps, sizeof(*t.ms));
    t.cpu = calloc(t.reps, sizeof(*t.cpu));
    anm_status status = ANM_OK;
    if (!t.ms || !t.cpu) status = cli_fail(err, ANM_E_NOMEM, "out of memory");
    if (!status) status = run_timing(job, set, &t, err);
    if (!status) {
        fputc('{', stdout);
        put_numbers("ms", t.ms, t.n);
        put_numbers("cpu", t.cpu, t.n);
        printf("\"rss_mb\":%.2f}", peak_rss_mb());
    }
    free(t.ms);
    free(t.cpu);
    return status;
}

static anm_status embed_set(lines_job *job, const text_set *set, anm_error *err)
{
    const size_t dim = anm_model_dim(job->session.model);
    const anm_status status =
        anm_embed_with(job->session.model, set->strings, set->n, NULL,
                       job->vectors, NULL, NULL, err);
    if (status) return status;
    fputs("{\"v\":[", stdout);
    for (size_t i = 0; i < set->n; i++) {
        if (i) fputc(',', stdout);
        cli_put_floats(stdout, job->vectors + i * dim, dim);
    }
    fputs("]}", stdout);
    return ANM_OK;
}

/* Answer one request; *end on the last. */
static anm_status answer(lines_job *job, const json_t *request, bool *end,
                         anm_error *err)
{
    const char *what = json_string_value(json_object_get(request, "do"));
    const double tokens = cli_member_number(request, "n", 0.0);

    *end = what && !strcmp(what, "end");
    if (!what)
        return cli_fail(err, ANM_E_FORMAT, "no object with a string \"do\"");
    if (*end) return ANM_OK;
    if (!(tokens >= 1.0 && tokens <= 1e6))
        return cli_fail(err, ANM_E_FORMAT, "no length \"n\"");
    if (!strcmp(what, "texts"))
        return take_texts(job, (size_t)tokens, request, err);
    const text_set *set = find_set(job, (size_t)tokens);
    if (!set)
        return cli_fail(err, ANM_E_FORMAT, "no texts of %.0f tokens were sent",
                        tokens);
    if (!strcmp(what, "embed")) return embed_set(job, set, err);
    if (!strcmp(what, "ids") || !strcmp(what, "text"))
        return time_calls(job, set, what[0] == 'i', request, err);
    return cli_fail(err, ANM_E_FORMAT, "\"do\": '%.40s' is not known", what);
}

static void serve(lines_job *job, cli_lines *lines)
{
    bool end = false;

    while (!end && !cli_interrupted()) {
        anm_text line;
        anm_error err;
        const cli_line got = cli_lines_next(lines, -1, &line, &err);
        if (got == CLI_LINE_END || got == CLI_LINE_FAILED) break;
        if (got == CLI_LINE_INTERRUPTED) continue;
        anm_status status = got == CLI_LINE_GIVEN ? ANM_OK : err.status;
        if (!status) {
            json_t *request = json_loadb(line.data, line.len, 0, NULL);
            status = answer(job, request, &end, &err);
            json_decref(request);
        }
        if (status) {
            fputs("{\"error\":", stdout);
            cli_json_string(stdout, err.message);
            fputc('}', stdout);
        }
        if (end) break;
        fputc('\n', stdout);
        if (fflush(stdout) == EOF) break;
    }
}

static anm_status open_job(lines_job *job, cli *c, anm_error *err)
{
    const anm_text first = anm_text_of("the first call of all");

    anm_status status = cli_session_open(&job->session, c, true, err);
    if (status) return status;
    job->vectors = calloc(ROWS_MAX * anm_model_dim(job->session.model),
                          sizeof(*job->vectors));
    if (!job->vectors) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    const uint64_t begin = cli_now_ns();
    status = anm_embed(job->session.model, &first, 1, job->vectors, err);
    if (status) return status;
    printf("{\"ready\":\"%s\",\"load_ms\":%.3f,\"first_ms\":%.3f,"
           "\"has_ids\":true}\n",
           ANM_VERSION, (double)job->session.open_ns / 1e6,
           (double)(cli_now_ns() - begin) / 1e6);
    fflush(stdout);
    return ANM_OK;
}

int cli_bench_lines(cli *c)
{
    lines_job *job = calloc(1, sizeof(*job));
    cli_lines lines;
    anm_error err;

    anm_status status = job ? open_job(job, c, &err)
                            : cli_fail(&err, ANM_E_NOMEM, "out of memory");
    if (status) {
        fputs("{\"skip\":", stdout);
        cli_json_string(stdout, err.message);
        fputs("}\n", stdout);
    } else {
        status = cli_lines_open(&lines, "-", &err);
        if (!status) serve(job, &lines);
        cli_lines_close(&lines);
    }
    if (job) {
        cli_session_close(&job->session);
        for (size_t i = 0; i < job->n_sets; i++)
            free_set(&job->sets[i]);
        free(job->vectors);
        free(job);
    }
    return status ? cli_report(c, &err) : cli_finish(c, CLI_DONE);
}
