/* verb_upkeep.c - `ls`, `stats`, `check`, `backup`, `compact`: the store as a
 * whole. Each is one document of the library, printed or passed on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "document.h"
#include "store.h"
#include "table.h"

#include <string.h>

/* ---- One run
 * ----------------------------------------------------------------- */

typedef struct upkeep {
    cli_store_use use;
    size_t n_args;
    const char *takes; /* what the arguments are, for people */
    anm_status (*ask)(cli_store *s, const cli *c, char **json, bool *sound,
                      anm_error *err);
    void (*print)(const cli *c, const json_t *root);
} upkeep;

static anm_status show(const cli *c, const upkeep *u, const char *json,
                       anm_error *err)
{
    if (c->json) {
        cli_document_write(stdout, json);
        return ANM_OK;
    }
    json_t *root = cli_document_read(json, err);
    if (!root) return ANM_E_INTERNAL;
    u->print(c, root);
    json_decref(root);
    return ANM_OK;
}

static int run_upkeep(cli *c, const upkeep *u, int argc, char **argv)
{
    cli_store store = { 0 };
    anm_error err;
    char *json = NULL;
    bool sound = true;

    if (!cli_begin(c, NULL, argc, argv)) return c->exit_code;
    anm_status status = cli_store_arguments(c, u->n_args, u->takes, &err);
    if (!status) status = cli_store_open(&store, c, u->use, false, &err);
    if (!status) status = u->ask(&store, c, &json, &sound, &err);
    cli_store_close(&store);
    if (!status) status = show(c, u, json, &err);
    anm_free(json);
    if (status) return cli_report(c, &err);
    return cli_finish(c, sound ? CLI_DONE : CLI_NEGATIVE);
}

static void put_member(const cli *c, const json_t *root, const char *name)
{
    const char *text = json_string_value(json_object_get(root, name));
    cli_put_text(stdout, &c->term, anm_text_of(text ? text : "-"), SIZE_MAX);
}

static void bytes_member(const json_t *root, const char *name, char out[32])
{
    cli_bytes_text(out, cli_member_number(root, name, 0.0));
}

static void count_member(const json_t *root, const char *name, char out[32])
{
    cli_count_text(out, (uint64_t)cli_member_number(root, name, 0.0));
}

/* ---- ls
 * ---------------------------------------------------------------------- */

static anm_status ask_ls(cli_store *s, const cli *c, char **json, bool *sound,
                         anm_error *err)
{
    (void)c;
    (void)sound;
    return anm_memory_ls(s->memory, json, err);
}

/* Metadata paths with blanks between; "-" for none. */
static void index_text(const json_t *one, char *out, size_t cap)
{
    const json_t *path;
    size_t used = 0, i;

    snprintf(out, cap, "-");
    json_array_foreach(json_object_get(one, "index"), i, path)
    {
        const char *text = json_string_value(path);
        const int len = snprintf(out + used, cap - used, "%s%s", i ? " " : "",
                                 text ? text : "?");
        if (len < 0 || (size_t)len >= cap - used) return;
        used += (size_t)len;
    }
}

static void print_ls(const cli *c, const json_t *root)
{
    const json_t *list = json_object_get(root, "collections"), *one;
    cli_table t = { 0 };
    size_t i;

    if (json_array_size(list) == 0) {
        fputs("no collection\n", stdout);
        return;
    }
    cli_table_add(&t, "NAME\tITEMS\tDIM\tMODEL\tFINGERPRINT\tINDEX");
    json_array_foreach(list, i, one)
    {
        char name[160], model[160], items[32], dim[32], print[128], index[512];
        cli_member_text(one, "name", name, sizeof(name));
        cli_member_text(one, "model", model, sizeof(model));
        cli_member_text(one, "fingerprint", print, sizeof(print));
        count_member(one, "items", items);
        count_member(one, "dim", dim);
        index_text(one, index, sizeof(index));
        cli_table_add(&t, "%s\t%s\t%s\t%s\t%.19s\t%s", name, items, dim, model,
                      print, index);
    }
    cli_table_print(&t, "lrrl", true, &c->term, stdout);
}

static const upkeep ls = { CLI_STORE_READ, 0, "no arguments", ask_ls,
                           print_ls };

static int run_ls(cli *c, int argc, char **argv)
{
    return run_upkeep(c, &ls, argc, argv);
}

const cli_verb cli_verb_ls = {
    .name = "ls",
    .summary = "list collections",
    .arguments = "",
    .about = "Lists the collections of the store: items, dimension, the model "
             "and the fingerprint that they were made with, and the metadata "
             "paths that have an index.",
    .example = "anemone ls -s memory.db",
    .run = run_ls,
};

/* ---- stats
 * ------------------------------------------------------------------- */

static anm_status ask_stats(cli_store *s, const cli *c, char **json,
                            bool *sound, anm_error *err)
{
    (void)c;
    (void)sound;
    return anm_memory_stats(s->memory, json, err);
}

static void print_stats(const cli *c, const json_t *root)
{
    cli_document_print(stdout, &c->term, root);
}

static const upkeep stats = { CLI_STORE_READ, 0, "no arguments", ask_stats,
                              print_stats };

static int run_stats(cli *c, int argc, char **argv)
{
    return run_upkeep(c, &stats, argc, argv);
}

const cli_verb cli_verb_stats = {
    .name = "stats",
    .summary = "print the figures of the store",
    .arguments = "",
    .about = "Prints where the store is, its version, sizes and counts.",
    .example = "anemone stats -s memory.db --json",
    .run = run_stats,
};

/* ---- check
 * ------------------------------------------------------------------- */

static anm_status ask_check(cli_store *s, const cli *c, char **json,
                            bool *sound, anm_error *err)
{
    (void)c;
    return anm_memory_check(s->memory, json, sound, err);
}

static void print_check(const cli *c, const json_t *root)
{
    const json_t *problems = json_object_get(root, "problems"), *one;
    size_t i;

    json_array_foreach(problems, i, one)
    {
        const char *text = json_string_value(one);
        cli_put_text(stdout, &c->term, anm_text_of(text ? text : "-"),
                     SIZE_MAX);
        fputc('\n', stdout);
    }
    if (i == 0) fputs("no problem found\n", stdout);
}

static const upkeep check = { CLI_STORE_READ, 0, "no arguments", ask_check,
                              print_check };

static int run_check(cli *c, int argc, char **argv)
{
    return run_upkeep(c, &check, argc, argv);
}

const cli_verb cli_verb_check = {
    .name = "check",
    .summary = "verify the store",
    .arguments = "",
    .about = "Verifies every page of the file and all that the store promises "
             "about its items, and prints what is wrong, a line each; exits "
             "with 1 when something is. Changes nothing.",
    .example = "anemone check -s memory.db",
    .run = run_check,
};

/* ---- backup
 * ------------------------------------------------------------------ */

static anm_status ask_backup(cli_store *s, const cli *c, char **json,
                             bool *sound, anm_error *err)
{
    (void)sound;
    return anm_memory_backup(s->memory, c->args[0], json, err);
}

static void print_backup(const cli *c, const json_t *root)
{
    char items[32], bytes[32];

    count_member(root, "items", items);
    bytes_member(root, "file_bytes", bytes);
    printf("%s items, %s, copied to ", items, bytes);
    put_member(c, root, "backup");
    fputc('\n', stdout);
}

static const upkeep backup = { CLI_STORE_READ, 1, "one FILE", ask_backup,
                               print_backup };

static int run_backup(cli *c, int argc, char **argv)
{
    return run_upkeep(c, &backup, argc, argv);
}

const cli_verb cli_verb_backup = {
    .name = "backup",
    .summary = "copy the store while it is in use",
    .arguments = "FILE",
    .about = "Copies the store, as it is at one moment, to FILE, which must "
             "not exist; it appears complete or not at all. Others may read "
             "and write meanwhile.",
    .example = "anemone backup memory-2026-11-25.db",
    .run = run_backup,
};

/* ---- compact
 * ----------------------------------------------------------------- */

static anm_status ask_compact(cli_store *s, const cli *c, char **json,
                              bool *sound, anm_error *err)
{
    (void)c;
    (void)sound;
    return anm_memory_compact(s->memory, json, err);
}

static void print_compact(const cli *c, const json_t *root)
{
    char before[32], after[32];

    (void)c;
    bytes_member(root, "bytes_before", before);
    bytes_member(root, "bytes_after", after);
    printf("%s before, %s now\n", before, after);
}

static const upkeep compact = { CLI_STORE_WRITE, 0, "no arguments", ask_compact,
                                print_compact };

static int run_compact(cli *c, int argc, char **argv)
{
    return run_upkeep(c, &compact, argc, argv);
}

const cli_verb cli_verb_compact = {
    .name = "compact",
    .summary = "give the space of removed items back",
    .arguments = "",
    .about = "Rewrites the file without the space of removed items. Needs room "
             "for a second copy meanwhile.",
    .example = "anemone compact -s memory.db",
    .run = run_compact,
};
