/* verb_rm.c - `rm`: items go, by key or by a filter.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <stdlib.h>

typedef struct rm_options {
    const char *where;
} rm_options;

static const cli_option options[] = {
    { "where", 0, CLI_STRING, offsetof(rm_options, where), "EXPR",
      "remove the items whose metadata is so", 0, 0 },
};

static anm_status check_options(const cli *c, const rm_options *o,
                                anm_error *err)
{
    if (o->where && c->n_args)
        return cli_fail(
            err, ANM_E_ARG,
            "KEY and --where exclude each other; there are %zu keys",
            c->n_args);
    if (!o->where && !c->n_args)
        return cli_fail(err, ANM_E_ARG, "no item: give KEY, or --where EXPR");
    return ANM_OK;
}

static anm_status forget(cli_store *store, const char *collection,
                         const rm_options *o, size_t *removed, anm_error *err)
{
    const cli *c = store->session.c;

    if (o->where)
        return anm_memory_forget(store->memory, collection, NULL, 0, o->where,
                                 removed, err);
    anm_text *keys = calloc(c->n_args, sizeof(*keys));
    if (!keys) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    for (size_t i = 0; i < c->n_args; i++)
        keys[i] = anm_text_of(c->args[i]);
    const anm_status status = anm_memory_forget(store->memory, collection, keys,
                                                c->n_args, NULL, removed, err);
    free(keys);
    return status;
}

static int run_rm(cli *c, int argc, char **argv)
{
    rm_options o = { 0 };
    cli_store store = { 0 };
    const char *collection;
    size_t removed = 0;
    anm_error err;

    if (!cli_begin(c, &o, argc, argv)) return c->exit_code;
    anm_status status = check_options(c, &o, &err);
    if (!status) status = cli_store_collection(c, &collection, &err);
    if (!status)
        status = cli_store_open(&store, c, CLI_STORE_WRITE, false, &err);
    if (!status) status = forget(&store, collection, &o, &removed, &err);
    cli_store_close(&store);
    if (status) return cli_report(c, &err);
    if (c->json) {
        printf("{\"removed\":%zu}\n", removed);
    } else {
        printf("%zu removed\n", removed);
    }
    return cli_finish(c, CLI_DONE);
}

const cli_verb cli_verb_rm = {
    .name = "rm",
    .summary = "remove items",
    .arguments = "KEY... | --where EXPR",
    .about = "Removes items of the collection of -c, by key or by a filter on "
             "their metadata, all or none. What is counted is on disk. A key "
             "that does not exist is not counted.",
    .example = "anemone rm -c notes --where \"year < 2020\"",
    .run = run_rm,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
