/* verb_search.c - `search`: one question over collections, its results ranked,
 * with the receipt of embedding, search and merging.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "receipt_view.h"
#include "store.h"
#include "table.h"

#include <inttypes.h>
#include <string.h>

typedef struct search_options {
    cli_list collections;
    size_t k;
    const char *where;
    bool receipt, hybrid, no_truncate;
} search_options;

static const cli_option options[] = {
    { "collection", 'c', CLI_LIST, offsetof(search_options, collections),
      "NAME", "search this one; may be given often; all by default", 0, 0 },
    { "k", 'k', CLI_COUNT, offsetof(search_options, k), "N",
      "how many results; 10 by default", 1, (size_t)1 << 30 },
    { "where", 0, CLI_STRING, offsetof(search_options, where), "EXPR",
      "only items whose metadata is so, as in: year >= 2024 and (done = false "
      "or tag in ('a', 'b'))",
      0, 0 },
    { "receipt", 0, CLI_SWITCH, offsetof(search_options, receipt), NULL,
      "add the receipt: where it ran, how long each step took", 0, 0 },
    { "hybrid", 0, CLI_SWITCH, offsetof(search_options, hybrid), NULL,
      "keywords beside vectors; not in this version", 0, 0 },
    { "no-truncate", 0, CLI_SWITCH, offsetof(search_options, no_truncate), NULL,
      "refuse a QUERY that is too long instead of cutting it (exit 8)", 0, 0 },
};

typedef struct search_job {
    cli *c;
    search_options o;
    cli_store store;
    anm_recall *found;
    anm_receipt receipt;
} search_job;

static anm_status check_options(const cli *c, const search_options *o,
                                anm_error *err)
{
    if (o->hybrid)
        return cli_fail(
            err, ANM_E_ARG,
            "--hybrid is not in this version: search compares vectors only");
    return cli_store_arguments(c, 1, "one QUERY", err);
}

static anm_status ask(search_job *job, anm_error *err)
{
    const cli_settings *settings = &job->c->settings;
    const search_options *o = &job->o;
    anm_recall_params params = {
        .collections = o->collections.values,
        .n_collections = o->collections.n,
        .k = o->k,
        .where = o->where,
    };

    if (!params.n_collections && settings->text[CLI_COLLECTION]) {
        params.collections = &settings->text[CLI_COLLECTION];
        params.n_collections = 1;
    }
    anm_status status =
        cli_store_open(&job->store, job->c, CLI_STORE_READ, true, err);
    if (!status)
        status =
            anm_memory_recall(job->store.memory, anm_text_of(job->c->args[0]),
                              &params, &job->found, &job->receipt, err);
    cli_progress_end(&job->store.session.progress);
    if (!status) cli_session_keep(&job->store.session, &job->receipt);
    return status;
}

/* ---- For programs
 * ------------------------------------------------------------ */

static void put_result(size_t rank, const anm_recalled *r)
{
    printf("%s{\"rank\":%zu,\"collection\":", rank > 1 ? "," : "", rank);
    cli_json_string(stdout, r->collection);
    fputs(",\"key\":", stdout);
    cli_json_text(stdout, r->key);
    printf(",\"score\":%.9g,\"text\":", (double)r->score);
    cli_json_text(stdout, r->text);
    fputs(",\"meta\":", stdout);
    cli_json_line(stdout, r->meta.len ? r->meta : anm_text_of("{}"));
    fputc('}', stdout);
}

static void put_searched(const anm_recall *found)
{
    for (size_t i = 0; i < anm_recall_n_searched(found); i++) {
        const anm_searched s = anm_recall_searched(found, i);
        fputs(i ? ",{\"collection\":" : "{\"collection\":", stdout);
        cli_json_string(stdout, s.collection);
        printf(",\"items\":%" PRIu64 ",\"candidates\":%" PRIu64
               ",\"ns\":%" PRIu64 "}",
               s.items, s.candidates, s.ns);
    }
}

static anm_status write_document(const search_job *job, anm_error *err)
{
    const size_t n = anm_recall_n(job->found);

    fputs("{\"anemone_search\":1,\"query\":", stdout);
    cli_json_string(stdout, job->c->args[0]);
    printf(",\"k\":%zu,\"certified\":%s,\"results\":[", job->o.k,
           anm_recall_certified(job->found) ? "true" : "false");
    for (size_t i = 0; i < n; i++) {
        const anm_recalled r = anm_recall_at(job->found, i);
        put_result(i + 1, &r);
    }
    fputs("],\"searched\":[", stdout);
    put_searched(job->found);
    fputs("],\"receipt\":", stdout);
    const anm_status status = cli_receipt_write(stdout, &job->receipt, err);
    fputs("}\n", stdout);
    return status;
}

/* ---- For people
 * -------------------------------------------------------------- */

enum { NAME_COLUMNS = 16, KEY_COLUMNS = 20, NAME_BYTES = 128 };

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Columns that are left for texts beside rank, score, collections and keys. */
static size_t text_columns(const search_job *job)
{
    enum { LEAST = 20, OTHERS = 4 + 8 + 2 + 2 };
    const cli_term *term = &job->c->term;
    size_t names = sizeof("COLLECTION") - 1, keys = sizeof("KEY") - 1;

    for (size_t i = 0; i < anm_recall_n(job->found); i++) {
        const anm_recalled r = anm_recall_at(job->found, i);
        names =
            larger(names, cli_text_columns(term, anm_text_of(r.collection)));
        keys = larger(keys, cli_text_columns(term, r.key));
    }
    if (names > NAME_COLUMNS) names = NAME_COLUMNS;
    if (keys > KEY_COLUMNS) keys = KEY_COLUMNS;
    const size_t used = OTHERS + names + keys;
    return term->columns > used + LEAST ? term->columns - used : LEAST;
}

static void draw_results(const search_job *job)
{
    const cli_term *term = &job->c->term;
    const size_t columns = text_columns(job);
    cli_table t = { 0 };

    cli_table_add(&t, "#\tSCORE\tCOLLECTION\tKEY\tTEXT");
    for (size_t i = 0; i < anm_recall_n(job->found); i++) {
        const anm_recalled r = anm_recall_at(job->found, i);
        char name[NAME_BYTES], key[NAME_BYTES], text[2048];
        cli_clip_text(name, sizeof(name), term, anm_text_of(r.collection),
                      NAME_COLUMNS);
        cli_clip_text(key, sizeof(key), term, r.key, KEY_COLUMNS);
        cli_clip_text(text, sizeof(text), term, r.text, columns);
        cli_table_add(&t, "%zu\t%.4f\t%s\t%s\t%s", i + 1, (double)r.score, name,
                      key, text);
    }
    cli_table_print(&t, "rrlll", true, term, stdout);
}

/* Beside the receipt: what each collection had to be searched for. */
static void draw_searched(const search_job *job)
{
    const cli_term *term = &job->c->term;
    cli_table t = { 0 };

    cli_table_add(&t, "SEARCHED\tITEMS\tCANDIDATES\tTIME");
    for (size_t i = 0; i < anm_recall_n_searched(job->found); i++) {
        const anm_searched s = anm_recall_searched(job->found, i);
        char name[NAME_BYTES], items[32], candidates[32], time[32];
        cli_clip_text(name, sizeof(name), term, anm_text_of(s.collection), 40);
        cli_count_text(items, s.items);
        cli_count_text(candidates, s.candidates);
        cli_ns_text(time, (double)s.ns);
        cli_table_add(&t, "%s\t%s\t%s\t%s", name, items, candidates, time);
    }
    cli_table_print(&t, "lr", true, term, stdout);
}

static void write_people(const search_job *job)
{
    if (anm_recall_n(job->found)) {
        draw_results(job);
    } else {
        fputs("no item found\n", stdout);
    }
    if (!job->o.receipt) return;
    fputc('\n', stdout);
    cli_receipt_draw(stdout, &job->c->term, &job->receipt);
    fputc('\n', stdout);
    draw_searched(job);
}

static int run_search(cli *c, int argc, char **argv)
{
    search_job job = { .c = c, .o = { .k = 10 } };
    anm_error err;

    if (!cli_begin(c, &job.o, argc, argv)) return c->exit_code;
    job.store.no_truncate = job.o.no_truncate;
    anm_status status = check_options(c, &job.o, &err);
    if (!status) status = ask(&job, &err);
    if (!status && !cli_interrupted()) {
        if (c->json) {
            status = write_document(&job, &err);
        } else {
            write_people(&job);
        }
    }
    anm_recall_free(job.found);
    cli_store_close(&job.store);
    return status ? cli_report(c, &err) : cli_finish(c, CLI_DONE);
}

const cli_verb cli_verb_search = {
    .name = "search",
    .summary = "find what is remembered, by meaning",
    .arguments = "QUERY",
    .about = "Embeds QUERY once, searches every wanted collection in parallel "
             "and ranks what is found in all of them by cosine similarity. The "
             "search is exact. Without -m the model that the collections were "
             "made with is used.",
    .example = "anemone search -c goals -k 5 --where \"quarter = 2\" "
               "\"what are my Q2 goals?\"",
    .run = run_search,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
