/* bench_search.c - `bench search`: questions against collections of given
 * sizes; embedding, search and merging apart, from the receipts.
 *
 * Items are short texts made of a fixed list of words, embedded by the model:
 * a size costs its embedding once. With -s the store stays, and the next run
 * finds its items in it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_search.h"
#include "store.h"
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    FILL_ITEMS = 1024, /* of one call that fills */
    WRITE_ITEMS = 64,  /* of one commit that is timed */
    WRITE_CALLS = 8,   /* so many of them */
    SINGLE_CALLS = 64, /* commits of one item */
    TEXT_BYTES = 128,
    COLLECTIONS_MAX = 64,
    THREADS_MAX = 2, /* measured when none are given */
    LEAST_QUESTIONS = 20,
    MOST_QUESTIONS = 1 << 20,
};

typedef enum part { EMBED, SEARCH, MERGE, TOTAL, N_PARTS } part;
static const char *const part_names[] = { "embed", "search", "merge", "total" };

typedef struct search_row {
    size_t items, collections, n;
    unsigned threads;
    uint64_t candidates;
    double first_ms; /* the first search: vectors are read from the store */
    double p50_ms[N_PARTS], p99_ms[N_PARTS];
    double bytes_per_s; /* of vectors, in the median search */
    double peak_bytes_per_s;
} search_row;

/* What writing costs beside embedding: metadata changes, texts do not. */
typedef struct write_row {
    size_t items;
    double items_per_s;   /* in commits of WRITE_ITEMS */
    double single_p50_ms; /* a commit of one item */
} write_row;

typedef struct search_job {
    cli *c;
    const bench_search_options *o;
    cli_store store;
    anm_peak peak;
    char folder[1024]; /* of a store that goes at the end; "" for none */
    char path[1100];
    search_row *rows; /* [n_rows] */
    size_t n_rows, cap_rows;
    write_row writes[CLI_SIZES_MAX]; /* [n_writes] */
    size_t n_writes;
    anm_receipt receipt; /* of the last question */
} search_job;

/* ---- Texts --------------------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9u;
    return x ^ x >> 32;
}

/* Eight words, chosen by the number of the text. */
static void make_text(uint64_t number, char out[TEXT_BYTES])
{
    static const char *const words[] = {
        "harbour", "ladder", "winter",  "copper",  "letter", "garden",
        "engine",  "bridge", "market",  "window",  "river",  "blanket",
        "teacher", "lamp",   "orchard", "ticket",  "kettle", "mountain",
        "violin",  "basket", "station", "paper",   "candle", "forest",
        "pencil",  "island", "compass", "curtain", "saddle", "meadow",
        "anchor",  "bottle",
    };
    enum { WORDS = 8, N = sizeof(words) / sizeof(words[0]) };
    uint64_t state = mix(number + 1);
    size_t used = 0;

    for (size_t i = 0; i < WORDS; i++) {
        used += (size_t)snprintf(out + used, TEXT_BYTES - used, "%s%s",
                                 i ? " " : "", words[state % N]);
        state = mix(state);
    }
}

/* Items of one call, with the storage of their strings. */
typedef struct batch {
    anm_memo memos[FILL_ITEMS];
    char keys[FILL_ITEMS][24];
    char texts[FILL_ITEMS][TEXT_BYTES];
    char metas[FILL_ITEMS][64];
} batch;

static void make_batch(batch *b, size_t collection, size_t first, size_t n,
                       size_t round)
{
    for (size_t i = 0; i < n; i++) {
        const size_t at = first + i;
        snprintf(b->keys[i], sizeof(b->keys[i]), "%zu", at);
        make_text((uint64_t)collection << 40 | at, b->texts[i]);
        snprintf(b->metas[i], sizeof(b->metas[i]), "{\"n\":%zu,\"round\":%zu}",
                 at, round);
        b->memos[i] =
            (anm_memo){ anm_text_of(b->keys[i]), anm_text_of(b->texts[i]),
                        anm_text_of(b->metas[i]) };
    }
}

/* ---- Filling and writing ------------------------------------------------- */

static void name_collection(char out[64], size_t items, size_t index)
{
    snprintf(out, 64, "bench-%zu-%zu", items, index);
}

static anm_status remember(search_job *job, const char *name, const batch *b,
                           size_t n, anm_error *err)
{
    return anm_memory_remember(job->store.memory, name, b->memos, n, NULL, NULL,
                               NULL, err);
}

static anm_status fill(search_job *job, batch *b, size_t items, size_t index,
                       anm_error *err)
{
    cli_progress *progress = &job->store.session.progress;
    char name[64];
    anm_status status = ANM_OK;

    name_collection(name, items, index);
    cli_progress_begin(progress, name, "items/s");
    for (size_t at = 0; at < items && !status && !cli_interrupted();
         at += FILL_ITEMS) {
        const size_t n = items - at < FILL_ITEMS ? items - at : FILL_ITEMS;
        make_batch(b, index, at, n, 0);
        status = remember(job, name, b, n, err);
        cli_progress_show(progress, at + n, items, at + n);
    }
    cli_progress_end(progress);
    return status;
}

/* Every call changes metadata that no call before it wrote, so that each is a
 * write and none an embedding. */
static anm_status measure_writes(search_job *job, batch *b, size_t items,
                                 anm_error *err)
{
    const size_t n = items < WRITE_ITEMS ? items : WRITE_ITEMS;
    const size_t round = (size_t)time(NULL);
    double ms[SINGLE_CALLS];
    char name[64];
    anm_status status = ANM_OK;

    name_collection(name, items, 0);
    uint64_t spent = 0;
    for (size_t i = 0; i < WRITE_CALLS && !status; i++) {
        make_batch(b, 0, 0, n, round + i);
        const uint64_t begin = cli_now_ns();
        status = remember(job, name, b, n, err);
        spent += cli_now_ns() - begin;
    }
    for (size_t i = 0; i < SINGLE_CALLS && !status; i++) {
        make_batch(b, 0, i % items, 1, round + WRITE_CALLS + i);
        const uint64_t begin = cli_now_ns();
        status = remember(job, name, b, 1, err);
        ms[i] = (double)(cli_now_ns() - begin) / 1e6;
    }
    if (status) return status;
    cli_bench_sort(ms, SINGLE_CALLS);
    job->writes[job->n_writes++] = (write_row){
        .items = items,
        .items_per_s = (double)(n * WRITE_CALLS) * 1e9 / (double)spent,
        .single_p50_ms = cli_bench_percentile(ms, SINGLE_CALLS, 0.5),
    };
    return ANM_OK;
}

static size_t largest(const cli_sizes *s)
{
    size_t most = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->values[i] > most) most = s->values[i];
    return most;
}

static anm_status fill_all(search_job *job, anm_error *err)
{
    batch *b = calloc(1, sizeof(*b));
    anm_status status = ANM_OK;

    if (!b) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    for (size_t i = 0; i < job->o->items.n && !status; i++) {
        const size_t items = job->o->items.values[i];
        for (size_t k = 0; k < largest(&job->o->collections) && !status; k++)
            status = fill(job, b, items, k, err);
        if (!status && !cli_interrupted())
            status = measure_writes(job, b, items, err);
    }
    free(b);
    return status;
}

/* ---- Asking -------------------------------------------------------------- */

typedef struct samples {
    double *ms[N_PARTS]; /* [cap] each */
    size_t n, cap;
} samples;

static bool reserve(samples *s)
{
    if (s->n < s->cap) return true;
    const size_t cap = s->cap ? 2 * s->cap : 1024;
    for (int p = 0; p < N_PARTS; p++) {
        double *ms = realloc(s->ms[p], cap * sizeof(*ms));
        if (!ms) return false;
        s->ms[p] = ms;
    }
    s->cap = cap;
    return true;
}

static void add_sample(samples *s, const anm_receipt *r)
{
    const uint64_t *ns = r->stages_ns;
    uint64_t embed = 0;

    for (int i = ANM_STAGE_QUEUE; i <= ANM_STAGE_POST; i++)
        embed += ns[i];
    s->ms[EMBED][s->n] = (double)embed / 1e6;
    s->ms[SEARCH][s->n] = (double)ns[ANM_STAGE_SEARCH] / 1e6;
    s->ms[MERGE][s->n] = (double)ns[ANM_STAGE_MERGE] / 1e6;
    s->ms[TOTAL][s->n] = (double)r->total_ns / 1e6;
    s->n++;
}

static anm_status ask(search_job *job, const anm_recall_params *params,
                      uint64_t number, search_row *row, anm_error *err)
{
    char question[TEXT_BYTES];
    anm_recall *found = NULL;

    make_text(UINT64_MAX - number, question);
    const anm_status status =
        anm_memory_recall(job->store.memory, anm_text_of(question), params,
                          &found, &job->receipt, err);
    if (status) return status;
    row->candidates = 0;
    for (size_t i = 0; i < anm_recall_n_searched(found); i++)
        row->candidates += anm_recall_searched(found, i).candidates;
    anm_recall_free(found);
    return ANM_OK;
}

static anm_status ask_often(search_job *job, const anm_recall_params *params,
                            samples *s, search_row *row, anm_error *err)
{
    anm_status status = ask(job, params, 0, row, err);
    if (status) return status;
    row->first_ms = (double)job->receipt.stages_ns[ANM_STAGE_SEARCH] / 1e6;
    const uint64_t stop =
        cli_now_ns() + (uint64_t)job->o->seconds * 1000000000u;
    while (!status && !cli_interrupted() && s->n < MOST_QUESTIONS &&
           (s->n < LEAST_QUESTIONS || cli_now_ns() < stop)) {
        if (!reserve(s)) return cli_fail(err, ANM_E_NOMEM, "out of memory");
        status = ask(job, params, s->n + 1, row, err);
        if (!status) add_sample(s, &job->receipt);
    }
    return status;
}

static void summarise(samples *s, search_row *row, size_t dim)
{
    row->n = s->n;
    if (s->n == 0) return; // interrupted before the first
    for (int p = 0; p < N_PARTS; p++) {
        cli_bench_sort(s->ms[p], s->n);
        row->p50_ms[p] = cli_bench_percentile(s->ms[p], s->n, 0.50);
        row->p99_ms[p] = cli_bench_percentile(s->ms[p], s->n, 0.99);
    }
    row->bytes_per_s = (double)row->candidates * (double)dim * sizeof(float) *
                       1e3 / row->p50_ms[SEARCH];
}

static anm_status measure_row(search_job *job, size_t items, size_t collections,
                              anm_error *err)
{
    char names[COLLECTIONS_MAX][64];
    const char *pointers[COLLECTIONS_MAX];
    samples s = { 0 };
    search_row *row = &job->rows[job->n_rows];
    const anm_recall_params params = { .collections = pointers,
                                       .n_collections = collections,
                                       .k = job->o->k,
                                       .where = job->o->where };

    for (size_t i = 0; i < collections; i++) {
        name_collection(names[i], items, i);
        pointers[i] = names[i];
    }
    *row = (search_row){ .items = items,
                         .collections = collections,
                         .threads = anm_model_threads(job->store.session.model),
                         .peak_bytes_per_s = job->peak.bytes_per_s };
    const anm_status status = ask_often(job, &params, &s, row, err);
    if (!status) summarise(&s, row, anm_model_dim(job->store.session.model));
    if (!status && row->n) job->n_rows++;
    for (int p = 0; p < N_PARTS; p++)
        free(s.ms[p]);
    return status;
}

/* The search beside that of one collection of the same size on one thread, the
 * fair measure of several on as many threads: where memory gives each its
 * bandwidth it stays near 1. 0: one on one was not measured. */
static double beside_one(const search_job *job, const search_row *row)
{
    for (size_t i = 0; i < job->n_rows; i++) {
        const search_row *one = &job->rows[i];
        if (one->items == row->items && one->collections == 1 &&
            one->threads == 1)
            return row->p50_ms[SEARCH] / one->p50_ms[SEARCH];
    }
    return 0.0;
}

static anm_status measure_threads(search_job *job, anm_error *err)
{
    const bench_search_options *o = job->o;
    cli_progress *progress = &job->store.session.progress;
    anm_status status =
        anm_model_peak(job->store.session.model, &job->peak, err);

    for (size_t i = 0; i < o->items.n; i++)
        for (size_t k = 0; k < o->collections.n; k++) {
            if (status || cli_interrupted()) return status;
            cli_progress_begin(progress, "asking", NULL);
            status = measure_row(job, o->items.values[i],
                                 o->collections.values[k], err);
            cli_progress_end(progress);
        }
    return status;
}

/* ---- Threads ------------------------------------------------------------- */

static anm_status open_store(search_job *job, unsigned threads, anm_error *err)
{
    job->c->settings.options.threads = threads;
    return cli_store_open(&job->store, job->c, CLI_STORE_CREATE, true, err);
}

/* The number given, or one and two where the machine has two. */
static anm_status measure_all(search_job *job, anm_error *err)
{
    const unsigned given = job->c->settings.options.threads;
    anm_status status = open_store(job, given, err);
    if (!status) status = fill_all(job, err);

    unsigned most = 0;
    if (!status) most = anm_model_threads(job->store.session.model);
    if (given && !status) status = measure_threads(job, err);
    if (given || status) return status;
    for (unsigned t = 1; t <= most && t <= THREADS_MAX && !status; t++) {
        if (cli_interrupted()) break;
        cli_store_close(&job->store);
        status = open_store(job, t, err);
        if (!status) status = measure_threads(job, err);
    }
    return status;
}

/* ---- The store ----------------------------------------------------------- */

static anm_status choose_store(search_job *job, anm_error *err)
{
    cli_settings *settings = &job->c->settings;
    const char *temp = getenv("TMPDIR");

    // Only a store that was named for this is filled and kept.
    if (settings->origin[CLI_STORE] == CLI_ORIGIN_FLAG) return ANM_OK;
    snprintf(job->folder, sizeof(job->folder), "%.900s/anemone-bench-XXXXXX",
             temp && *temp ? temp : "/tmp");
    if (!mkdtemp(job->folder)) {
        const int why = errno;
        cli_fail(err, ANM_E_IO, "%s: %s", job->folder, strerror(why));
        job->folder[0] = '\0';
        return ANM_E_IO;
    }
    snprintf(job->path, sizeof(job->path), "%s/bench.db", job->folder);
    settings->text[CLI_STORE] = job->path;
    return ANM_OK;
}

static void remove_store(const search_job *job)
{
    static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
    char path[1200];

    if (!job->folder[0]) return;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", job->path, suffixes[i]);
        unlink(path);
    }
    rmdir(job->folder);
}

/* ---- Results ------------------------------------------------------------- */

static void write_rows(const search_job *job)
{
    for (size_t i = 0; i < job->n_rows; i++) {
        const search_row *r = &job->rows[i];
        printf("%s{\"items\":%zu,\"dim\":%zu,\"collections\":%zu,\"threads\":%"
               "u,\"n\":%zu,\"candidates\":%" PRIu64 ",\"first_ms\":%.6g",
               i ? "," : "", r->items, job->receipt.model.dim, r->collections,
               r->threads, r->n, r->candidates, r->first_ms);
        for (int p = 0; p < N_PARTS; p++)
            printf(",\"%s_p50_ms\":%.6g,\"%s_p99_ms\":%.6g", part_names[p],
                   r->p50_ms[p], part_names[p], r->p99_ms[p]);
        printf(",\"bytes_per_s\":%.6g,\"peak_bytes_per_s\":%.6g,\"peak_share\":"
               "%.4g,\"beside_one\":",
               r->bytes_per_s, r->peak_bytes_per_s,
               r->bytes_per_s / r->peak_bytes_per_s);
        const double ratio = beside_one(job, r);
        if (ratio > 0.0)
            printf("%.4g}", ratio);
        else
            fputs("null}", stdout);
    }
}

static void write_document(const search_job *job, const char *build)
{
    fputs("{\"anemone_bench_search\":1,\"machine\":{\"build\":", stdout);
    for (const char *s = build; *s; s++)
        if (*s != '\n') fputc(*s, stdout);
    fputs("},\"model\":{\"name\":", stdout);
    cli_json_string(stdout, job->receipt.model.name);
    fputs(",\"fingerprint\":", stdout);
    cli_json_string(stdout, job->receipt.model.fingerprint);
    printf(",\"dim\":%zu},\"k\":%zu,\"where\":", job->receipt.model.dim,
           job->o->k);
    cli_json_string(stdout, job->o->where);
    fputs(",\"rows\":[", stdout);
    write_rows(job);
    fputs("],\"writes\":[", stdout);
    for (size_t i = 0; i < job->n_writes; i++)
        printf("%s{\"items\":%zu,\"items_per_s\":%.6g,\"single_p50_ms\":%.6g}",
               i ? "," : "", job->writes[i].items, job->writes[i].items_per_s,
               job->writes[i].single_p50_ms);
    fputs("]}\n", stdout);
}

static void write_tables(const search_job *job)
{
    cli_table t = { 0 };

    printf("%s  %zu numbers, %zu results%s%s\n\n", job->receipt.model.name,
           job->receipt.model.dim, job->o->k, job->o->where ? ", where " : "",
           job->o->where ? job->o->where : "");
    cli_table_add(&t, "ITEMS\tCOLL\tTHR\tASKED\tFIRST\tEMBED\tP99\tSEARCH\tP99"
                      "\tMERGE\tP99\tTOTAL\tP99\tGB/S\tSHARE\tX ONE");
    for (size_t i = 0; i < job->n_rows; i++) {
        const search_row *r = &job->rows[i];
        const double ratio = beside_one(job, r);
        char parts[256], beside[16] = "-";
        size_t used = 0;
        if (ratio > 0.0) snprintf(beside, sizeof(beside), "%.2f", ratio);
        for (int p = 0; p < N_PARTS; p++)
            used +=
                (size_t)snprintf(parts + used, sizeof(parts) - used,
                                 "\t%.3f\t%.3f", r->p50_ms[p], r->p99_ms[p]);
        cli_table_add(&t, "%zu\t%zu\t%u\t%zu\t%.2f%s\t%.1f\t%.0f %%\t%s",
                      r->items, r->collections, r->threads, r->n, r->first_ms,
                      parts, r->bytes_per_s / 1e9,
                      100.0 * r->bytes_per_s / r->peak_bytes_per_s, beside);
    }
    cli_table_print(&t, "r", true, &job->c->term, stdout);
    fputs("\nMilliseconds from receipts: median and 99th percentile. FIRST is "
          "the first\nsearch, which reads the vectors from the store. GB/S is "
          "what the median search\nreads of them, SHARE its part of the read "
          "bandwidth measured here.\n\n",
          stdout);
    cli_table_add(&t, "ITEMS\tWRITTEN/S\tONE ITEM");
    for (size_t i = 0; i < job->n_writes; i++)
        cli_table_add(&t, "%zu\t%.0f\t%.3f ms", job->writes[i].items,
                      job->writes[i].items_per_s, job->writes[i].single_p50_ms);
    cli_table_print(&t, "r", true, &job->c->term, stdout);
    printf("\nWriting beside embedding: %d items a commit, and one (median).\n",
           (int)WRITE_ITEMS);
}

static anm_status run_job(search_job *job, anm_error *err)
{
    const bench_search_options *o = job->o;
    char *build = NULL;

    if (!job->c->settings.options.model)
        return cli_fail(err, ANM_E_ARG,
                        "no model: give -m MODEL or set ANEMONE_MODEL");
    if (largest(&o->collections) > COLLECTIONS_MAX)
        return cli_fail(
            err, ANM_E_ARG,
            "--collections: %zu is not allowed; allowed: at most %d",
            largest(&o->collections), (int)COLLECTIONS_MAX);
    job->cap_rows = o->items.n * o->collections.n * THREADS_MAX;
    job->rows = calloc(job->cap_rows, sizeof(*job->rows));
    if (!job->rows) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    anm_status status = choose_store(job, err);
    if (!status) status = measure_all(job, err);
    if (!status)
        status = anm_build_json(job->c->settings.options.cpu, &build, err);
    if (!status && job->n_rows) {
        if (job->c->json) {
            write_document(job, build);
        } else {
            write_tables(job);
        }
    }
    anm_free(build);
    return status;
}

int cli_bench_search(cli *c, const bench_search_options *o)
{
    search_job *job = calloc(1, sizeof(*job));
    anm_error err;

    if (!job) {
        cli_fail(&err, ANM_E_NOMEM, "out of memory");
        return cli_report(c, &err);
    }
    job->c = c;
    job->o = o;
    const anm_status status = run_job(job, &err);
    cli_store_close(&job->store);
    remove_store(job);
    free(job->rows);
    free(job);
    return status ? cli_report(c, &err) : cli_finish(c, CLI_DONE);
}
