/* verb_add.c - `add`: its options, one item from arguments, the counts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "add.h"

#include <string.h>

static const cli_option options[] = {
    { "jsonl", 0, CLI_OPTIONAL, offsetof(add_options, jsonl), "FILE",
      "add lines {\"key\":…,\"text\":…,\"meta\":{…}} of FILE in bulk, or of "
      "stdin (-) one by one, each answered when it is on disk",
      0, 0 },
    { "meta", 0, CLI_STRING, offsetof(add_options, meta), "OBJECT",
      "metadata of the item, a JSON object", 0, 0 },
    { "index", 0, CLI_LIST, offsetof(add_options, index), "PATH",
      "keep an index on this path of the metadata, for --where; may be given "
      "often, and without an item",
      0, 0 },
    { "on-error", 0, CLI_CHOICE, offsetof(add_options, on_error), "stop|skip",
      "what a bad line does; either way the exit code is 4", 0, 0 },
    { "no-truncate", 0, CLI_SWITCH, offsetof(add_options, no_truncate), NULL,
      "refuse a text that is too long instead of cutting it (exit 8)", 0, 0 },
};

static anm_status check_options(const cli *c, const add_options *o,
                                anm_error *err)
{
    const bool only_index = o->index.n > 0 && c->n_args == 0;

    if (o->jsonl && c->n_args > (*o->jsonl ? 0 : 1))
        return cli_fail(
            err, ANM_E_ARG,
            "--jsonl takes one FILE, and no KEY; there are %zu arguments",
            c->n_args);
    if (o->jsonl && o->meta)
        return cli_fail(
            err, ANM_E_ARG,
            "--meta and --jsonl exclude each other: a line has its own");
    const anm_status status =
        cli_check_skip(o->on_error == ADD_SKIP, o->jsonl, err);
    if (status || o->jsonl || only_index) return status;
    return cli_store_arguments(c, 2, "KEY and TEXT, or --jsonl FILE", err);
}

static anm_status add_argument(add_job *job, anm_error *err)
{
    const anm_memo item = {
        .key = anm_text_of(job->c->args[0]),
        .text = anm_text_of(job->c->args[1]),
        .meta = job->o.meta ? anm_text_of(job->o.meta) : (anm_text){ 0 },
    };
    return cli_add_items(job, &item, 1, err);
}

static anm_status keep_indexes(add_job *job, anm_error *err)
{
    anm_status status = ANM_OK;
    for (size_t i = 0; i < job->o.index.n && !status; i++)
        status = anm_memory_index(job->store.memory, job->collection,
                                  job->o.index.values[i], err);
    return status;
}

static void write_counts(const add_job *job)
{
    const anm_remembered *n = &job->total;
    const cli_term *term = &job->c->term;

    if (job->c->json) {
        printf("{\"new\":%zu,\"updated\":%zu,\"unchanged\":%zu,"
               "\"truncated\":%zu,\"skipped\":%zu,\"collection\":",
               n->added, n->updated, n->unchanged, n->truncated, job->n_bad);
        cli_json_string(stdout, job->collection);
        fputs("}\n", stdout);
        return;
    }
    printf("%zu new, %zu updated, %zu unchanged", n->added, n->updated,
           n->unchanged);
    if (n->truncated) printf(", %zu truncated", n->truncated);
    fputs(" in ", stdout);
    cli_put_text(stdout, term, anm_text_of(job->collection), SIZE_MAX);
    for (size_t i = 0; i < job->o.index.n; i++) {
        fputs(i ? ", " : "; index on ", stdout);
        cli_put_text(stdout, term, anm_text_of(job->o.index.values[i]),
                     SIZE_MAX);
    }
    fputc('\n', stdout);
}

static anm_status add(add_job *job, const char *path, anm_error *err)
{
    anm_status status = check_options(job->c, &job->o, err);
    if (!status) status = cli_store_collection(job->c, &job->collection, err);
    if (!status)
        status =
            cli_store_open(&job->store, job->c, CLI_STORE_CREATE, true, err);
    if (status) return status;
    if (path) {
        status = cli_add_lines(job, path, err);
    } else if (job->c->n_args) {
        status = add_argument(job, err);
    }
    if (!status && !cli_interrupted()) status = keep_indexes(job, err);
    cli_progress_end(&job->store.session.progress);
    return status;
}

/* Lines were skipped: that is told beside the counts, which are the one
 * document of --json. */
static int report_skipped(const add_job *job)
{
    cli people = *job->c;
    anm_error err;

    people.json = false;
    cli_finish(&people, CLI_DONE);
    cli_fail(&err, ANM_E_FORMAT, "%zu bad lines were skipped", job->n_bad);
    return cli_report(&people, &err);
}

static int run_add(cli *c, int argc, char **argv)
{
    add_job job = { .c = c };
    anm_error err;

    if (!cli_begin(c, &job.o, argc, argv)) return c->exit_code;
    job.store.no_truncate = job.o.no_truncate;
    const char *path = !job.o.jsonl     ? NULL
                       : *job.o.jsonl   ? job.o.jsonl
                       : c->n_args == 1 ? c->args[0]
                                        : "-";
    // With --json the answer is one document, and stdin a file like any.
    job.conversation = path && !strcmp(path, "-") && !c->json;
    const anm_status status = add(&job, path, &err);
    cli_store_close(&job.store);
    if (status) return cli_report(c, &err);
    if (!job.conversation) write_counts(&job);
    return job.n_bad ? report_skipped(&job) : cli_finish(c, CLI_DONE);
}

const cli_verb cli_verb_add = {
    .name = "add",
    .summary = "remember texts in a collection",
    .arguments = "KEY TEXT | --jsonl [FILE|-]",
    .about = "Puts an item into the collection of -c: new, or in place of the "
             "one with the same key. A text that is there already is not "
             "embedded again. What is counted, or answered in a conversation, "
             "is on disk. Without -m the collection's own model is used; a new "
             "collection needs -m.",
    .example = "anemone add -m all-MiniLM-L6-v2 -c notes roof \"Per Lindqvist, "
               "roofer\"",
    .run = run_add,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
