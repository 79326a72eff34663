/* verb_cache.c - `cache ls|verify|prune`: prepared models on disk.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "document.h"
#include "table.h"

#include <string.h>
#include <time.h>

typedef struct cache_options {
    size_t unused_days; /* DAYS_NOT_GIVEN: the default */
} cache_options;

enum { DAYS_DEFAULT = 30, DAYS_MAX = 36500, DAYS_NOT_GIVEN };

static const cli_option options[] = {
    { "unused-days", 0, CLI_COUNT, offsetof(cache_options, unused_days), "N",
      "prune what was not used for N days; 30 by default", 0, DAYS_MAX },
};

static void file_text(const json_t *one, char *out, size_t cap)
{
    const char *path = json_string_value(json_object_get(one, "path"));
    const char *name = path ? strrchr(path, '/') : NULL;
    snprintf(out, cap, "%s", name ? name + 1 : path ? path : "-");
}

/* "3 days ago": the machine's clock against the file's. */
static void used_text(const json_t *one, char out[32])
{
    const double used = cli_member_number(one, "used_ns", 0.0) / 1e9;
    const double ago = difftime(time(NULL), (time_t)used);
    if (used <= 0.0) {
        snprintf(out, 32, "-");
    } else if (ago < 7200.0) {
        snprintf(out, 32, "%.0f minutes ago", ago < 0.0 ? 0.0 : ago / 60.0);
    } else if (ago < 172800.0) {
        snprintf(out, 32, "%.0f hours ago", ago / 3600.0);
    } else {
        snprintf(out, 32, "%.0f days ago", ago / 86400.0);
    }
}

static void print_list(const cli *c, const json_t *list)
{
    cli_table t = { 0 };
    const json_t *one;
    size_t i;

    cli_table_add(&t, "MODEL\tSIZE\tSTATE\tUSED\tFILE");
    json_array_foreach(list, i, one)
    {
        char model[128], size[32], state[64], used[32], file[128];
        cli_member_text(one, "model", model, sizeof(model));
        cli_member_text(one, "state", state, sizeof(state));
        cli_bytes_text(size, cli_member_number(one, "bytes", 0.0));
        used_text(one, used);
        file_text(one, file, sizeof(file));
        cli_table_add(&t, "%s\t%s\t%s\t%s\t%s", model, size, state, used, file);
    }
    cli_table_print(&t, "lrlll", true, &c->term, stdout);
    fputc('\n', stdout);
}

static void print_removed(const cli *c, const json_t *list)
{
    cli_table t = { 0 };
    const json_t *one;
    size_t i;

    cli_table_add(&t, "REMOVED\tSIZE\tBECAUSE");
    json_array_foreach(list, i, one)
    {
        char size[32], reason[64], file[128];
        cli_member_text(one, "reason", reason, sizeof(reason));
        cli_bytes_text(size, cli_member_number(one, "bytes", 0.0));
        file_text(one, file, sizeof(file));
        cli_table_add(&t, "%s\t%s\t%s", file, size, reason);
    }
    cli_table_print(&t, "lrl", true, &c->term, stdout);
    fputc('\n', stdout);
}

static double sum_bytes(const json_t *list)
{
    const json_t *one;
    double sum = 0.0;
    size_t i;

    json_array_foreach(list, i, one) sum +=
        cli_member_number(one, "bytes", 0.0);
    return sum;
}

static void print_people(const cli *c, const json_t *root)
{
    const json_t *removed = json_object_get(root, "removed");
    const json_t *list = removed ? removed : json_object_get(root, "artifacts");
    const size_t n = json_array_size(list);
    char size[32], path[1024];

    if (n && removed) print_removed(c, list);
    if (n && !removed) print_list(c, list);
    cli_bytes_text(size, sum_bytes(list));
    cli_member_text(root, "path", path, sizeof(path));
    if (removed) {
        printf("%zu removed, %s; %.0f kept in ", n, size,
               cli_member_number(root, "kept", 0.0));
    } else {
        printf("%zu prepared model%s, %s, in ", n, n == 1 ? "" : "s", size);
    }
    cli_put_text(stdout, &c->term, anm_text_of(path), SIZE_MAX);
    fputc('\n', stdout);
}

static anm_status show(const cli *c, const char *json, anm_error *err)
{
    if (c->json) {
        cli_document_write(stdout, json);
        return ANM_OK;
    }
    json_t *root = cli_document_read(json, err);
    if (!root) return ANM_E_INTERNAL;
    print_people(c, root);
    json_decref(root);
    return ANM_OK;
}

static anm_status ask_library(const cli *c, const cache_options *o,
                              const char *what, char **json, bool *sound,
                              anm_error *err)
{
    const char *folder = c->settings.text[CLI_CACHE_DIR];
    const bool has_days = o->unused_days != DAYS_NOT_GIVEN;
    const size_t days = has_days ? o->unused_days : DAYS_DEFAULT;

    if (!strcmp(what, "prune"))
        return anm_cache_prune(folder, (unsigned)days, json, err);
    if (has_days)
        return cli_fail(err, ANM_E_ARG, "--unused-days is of cache prune");
    if (!strcmp(what, "ls")) return anm_cache_ls(folder, json, err);
    if (!strcmp(what, "verify"))
        return anm_cache_verify(folder, json, sound, err);
    return cli_fail(err, ANM_E_ARG,
                    "'%.60s' is not allowed; allowed: ls, verify, prune", what);
}

static int run_cache(cli *c, int argc, char **argv)
{
    cache_options o = { .unused_days = DAYS_NOT_GIVEN };
    anm_error err;
    char *json = NULL;
    bool sound = true;

    if (!cli_begin(c, &o, argc, argv)) return c->exit_code;
    anm_status status =
        c->n_args == 1
            ? ask_library(c, &o, c->args[0], &json, &sound, &err)
            : cli_fail(&err, ANM_E_ARG,
                       "takes one of ls, verify, prune; there are %zu "
                       "arguments",
                       c->n_args);
    if (status) return cli_report(c, &err);
    status = show(c, json, &err);
    anm_free(json);
    if (status) return cli_report(c, &err);
    return cli_finish(c, sound ? CLI_DONE : CLI_NEGATIVE);
}

const cli_verb cli_verb_cache = {
    .name = "cache",
    .summary = "list, verify or prune prepared models",
    .arguments = "ls|verify|prune",
    .about = "ls lists the prepared models of the cache folder, verify hashes "
             "each and exits with 1 when one is damaged, prune deletes those "
             "that are damaged, of another version or unused.",
    .example = "anemone cache prune --unused-days 7",
    .run = run_cache,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
