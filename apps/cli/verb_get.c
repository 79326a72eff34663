/* verb_get.c - `get`: one item by its key, or all of a collection.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "floats.h"
#include "store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct get_options {
    bool all, jsonl, vectors;
} get_options;

static const cli_option options[] = {
    { "all", 0, CLI_SWITCH, offsetof(get_options, all), NULL,
      "every item, in the order in which keys came first", 0, 0 },
    { "jsonl", 0, CLI_SWITCH, offsetof(get_options, jsonl), NULL,
      "a JSON object a line, as `add --jsonl` reads them", 0, 0 },
    { "vectors", 0, CLI_SWITCH, offsetof(get_options, vectors), NULL,
      "add the vectors", 0, 0 },
};

typedef struct get_job {
    cli *c;
    get_options o;
    cli_store store;
    FILE *out;
    const char *collection;
    size_t n; /* items written */
} get_job;

static anm_status check_options(get_job *job, anm_error *err)
{
    const get_options *o = &job->o;

    if (o->jsonl && job->c->json)
        return cli_fail(err, ANM_E_ARG,
                        "--json and --jsonl exclude each other");
    const anm_status status = cli_store_arguments(
        job->c, o->all ? 0 : 1,
        o->all ? "no KEY with --all" : "one KEY, or --all", err);
    return status ? status
                  : cli_store_collection(job->c, &job->collection, err);
}

static void put_time(int64_t ms, char out[40])
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    out[0] = '\0';
    if (gmtime_r(&seconds, &utc)) strftime(out, 40, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static void put_json(const get_job *job, const anm_remembered_item *item)
{
    char updated[40];

    put_time(item->updated_ms, updated);
    fputs("{\"key\":", job->out);
    cli_json_text(job->out, item->key);
    fputs(",\"text\":", job->out);
    cli_json_text(job->out, item->text);
    fputs(",\"meta\":", job->out);
    cli_json_line(job->out, item->meta.len ? item->meta : anm_text_of("{}"));
    fprintf(job->out, ",\"seq\":%" PRId64 ",\"updated\":\"%s\"", item->seq,
            updated);
    if (job->o.vectors && item->vector) {
        fputs(",\"vector\":", job->out);
        cli_put_floats(job->out, item->vector, item->dim);
    }
    fputc('}', job->out);
}

static void put_field(const get_job *job, const char *label, anm_text value)
{
    const cli_term *term = &job->c->term;

    fprintf(job->out, "%s%-9s%s", cli_ink_on(term, CLI_FAINT), label,
            cli_ink_on(term, CLI_PLAIN));
    cli_put_text(job->out, term, value, SIZE_MAX);
    fputc('\n', job->out);
}

static void put_people(const get_job *job, const anm_remembered_item *item)
{
    char updated[40];

    if (job->n) fputc('\n', job->out);
    put_field(job, "key", item->key);
    put_field(job, "text", item->text);
    if (item->meta.len > 2) put_field(job, "meta", item->meta);
    put_time(item->updated_ms, updated);
    put_field(job, "updated", anm_text_of(updated));
    if (!job->o.vectors || !item->vector) return;
    put_field(job, "vector", (anm_text){ NULL, 0 });
    for (size_t i = 0; i < item->dim; i++)
        fprintf(job->out, "%s%10.6f",
                i % 7 ? " "
                : i   ? "\n  "
                      : "  ",
                (double)item->vector[i]);
    fputc('\n', job->out);
}

static bool put_item(void *ctx, const anm_remembered_item *item)
{
    get_job *job = ctx;
    const bool list = job->c->json && job->o.all;

    if (list && job->n) fputc(',', job->out);
    if (job->c->json || job->o.jsonl) {
        put_json(job, item);
        if (!list) fputc('\n', job->out);
    } else {
        put_people(job, item);
    }
    job->n++;
    return !cli_interrupted() && !ferror(job->out);
}

static anm_status get(get_job *job, anm_error *err)
{
    anm_status status = check_options(job, err);
    if (!status)
        status =
            cli_store_open(&job->store, job->c, CLI_STORE_READ, false, err);
    if (status) return status;

    const anm_text key =
        job->o.all ? (anm_text){ 0 } : anm_text_of(job->c->args[0]);
    return anm_memory_each(job->store.memory, job->collection,
                           job->o.all ? NULL : &key, job->o.vectors, put_item,
                           job, err);
}

/* All of a collection as one document is put together in memory, so that an
 * error on the way is a document of its own, and an interrupt leaves none that
 * looks whole. */
static anm_status get_list(get_job *job, anm_error *err)
{
    char *list = NULL;
    size_t len = 0;

    job->out = open_memstream(&list, &len);
    if (!job->out) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    const anm_status status = get(job, err);
    const bool lost = fclose(job->out) != 0;
    if (!status && !lost && !cli_interrupted()) {
        fputs("{\"collection\":", stdout);
        cli_json_string(stdout, job->collection);
        fputs(",\"items\":[", stdout);
        fwrite(list, 1, len, stdout);
        fputs("]}\n", stdout);
    }
    free(list);
    if (!status && lost) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    return status;
}

static int run_get(cli *c, int argc, char **argv)
{
    get_job job = { .c = c, .out = stdout };
    anm_error err;

    if (!cli_begin(c, &job.o, argc, argv)) return c->exit_code;
    const anm_status status =
        c->json && job.o.all ? get_list(&job, &err) : get(&job, &err);
    cli_store_close(&job.store);
    return status ? cli_report(c, &err) : cli_finish(c, CLI_DONE);
}

const cli_verb cli_verb_get = {
    .name = "get",
    .summary = "print an item, or export a collection",
    .arguments = "KEY | --all",
    .about = "Prints the item of that key from the collection of -c, or all of "
             "them from one snapshot. With --all --jsonl the collection is "
             "written as lines that `add --jsonl` reads.",
    .example = "anemone get -c notes --all --jsonl --vectors > notes.jsonl",
    .run = run_get,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
