/* demo.c - a memory of sixty texts in three collections: remembered once,
 * asked, filtered, updated, with the receipt of the last answer.
 *
 *     anemone_demo MODEL TEXTS STORE
 *
 * The library's part is open_model(), open_memory(), remember() and ask();
 * reading the texts and drawing are around it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"
#include "cli/receipt_view.h"

#include <stdlib.h>
#include <string.h>

enum { ITEMS_MAX = 128, COLLECTIONS_MAX = 8, QUESTIONS_MAX = 16, ANSWERS = 3 };

typedef struct collection {
    const char *name;
    anm_memo items[ITEMS_MAX];
    size_t n;
} collection;

typedef struct demo {
    cli_term term;
    cli_progress progress;
    anm_model *model;
    anm_memory *memory;
    char *file; /* the lines of the texts file, each ended by NUL */
    collection collections[COLLECTIONS_MAX];
    size_t n_collections;
    anm_text questions[QUESTIONS_MAX];
    size_t n_questions;
    anm_receipt receipt;
} demo;

/* ---- The texts --------------------------------------------------------------- */

static char *read_file(const char *path)
{
    enum { CAP = 1 << 20 };
    FILE *file = fopen(path, "rb");
    char *data = file ? calloc(1, CAP + 1) : NULL;
    if (data && fread(data, 1, CAP, file) == 0) {
        free(data);
        data = NULL;
    }
    if (file) fclose(file);
    return data;
}

/* key | metadata | text */
static bool read_item(collection *c, char *line)
{
    char *meta = strchr(line, '|'), *text = meta ? strchr(meta + 1, '|') : NULL;

    if (!text || text[1] != ' ' || meta == line || c->n == ITEMS_MAX)
        return false;
    c->items[c->n++] = (anm_memo){
        .key = { line, (size_t)(meta - line) - 1 },
        .text = anm_text_of(text + 2),
        .meta = { meta + 2, text - meta > 2 ? (size_t)(text - meta) - 3 : 0 },
    };
    return true;
}

static bool read_line(demo *d, char *line)
{
    const size_t len = strlen(line);

    if (line[0] == '#') return true;
    if (line[0] == '[' && line[len - 1] == ']') {
        if (d->n_collections == COLLECTIONS_MAX) return false;
        line[len - 1] = '\0';
        d->collections[d->n_collections++].name = line + 1;
        return true;
    }
    if (!strncmp(line, "? ", 2)) {
        if (d->n_questions == QUESTIONS_MAX) return false;
        d->questions[d->n_questions++] = anm_text_of(line + 2);
        return true;
    }
    return d->n_collections &&
           read_item(&d->collections[d->n_collections - 1], line);
}

static anm_status read_texts(demo *d, const char *path, anm_error *err)
{
    d->file = read_file(path);
    if (!d->file)
        return cli_fail(err, ANM_E_NOTFOUND, "%s: cannot be read", path);
    for (char *line = strtok(d->file, "\r\n"); line;
         line = strtok(NULL, "\r\n"))
        if (!read_line(d, line))
            return cli_fail(err, ANM_E_FORMAT, "%s: cannot take '%.40s'", path,
                            line);
    return ANM_OK;
}

/* ---- The memory -------------------------------------------------------------- */

static void show_step(void *ctx, const char *step, uint64_t done,
                      uint64_t total)
{
    demo *d = ctx;
    if (strncmp(d->progress.what, step, sizeof(d->progress.what) - 1))
        cli_progress_begin(&d->progress, step, NULL);
    cli_progress_show(&d->progress, done, total, done);
}

static anm_status open_model(demo *d, const char *path, anm_error *err)
{
    static const size_t lengths[] = { 8, 16 }; // those of a question
    anm_options options;
    char time[32];

    anm_options_init(&options);
    options.model = path;
    options.progress = show_step;
    options.progress_ctx = d;
    const uint64_t begin = cli_now_ns();
    anm_status status = anm_model_open(&d->model, &options, err);
    // Bands that an earlier run measured are used again.
    if (!status) status = anm_model_warm(d->model, lengths, 2, 0, false, err);
    cli_progress_end(&d->progress);
    if (status) return status;

    cli_ns_text(time, (double)(cli_now_ns() - begin));
    printf("opened      %s in %s: %zu numbers a vector, %u thread%s\n",
           anm_model_name(d->model), time, anm_model_dim(d->model),
           anm_model_threads(d->model),
           anm_model_threads(d->model) == 1 ? "" : "s");
    return ANM_OK;
}

static anm_status open_memory(demo *d, const char *store, anm_error *err)
{
    const anm_memory_options options = { .store = store, .model = d->model };
    const anm_status status = anm_memory_open(&d->memory, &options, err);
    if (!status) printf("memory      %s\n", store);
    return status;
}

/* Texts that are there already are not embedded again. */
static anm_status remember(demo *d, anm_error *err)
{
    for (size_t i = 0; i < d->n_collections; i++) {
        const collection *c = &d->collections[i];
        anm_remembered counts;
        char time[32];
        const uint64_t begin = cli_now_ns();
        const anm_status status = anm_memory_remember(
            d->memory, c->name, c->items, c->n, &counts, NULL, NULL, err);
        if (status) return status;
        cli_ns_text(time, (double)(cli_now_ns() - begin));
        printf("remembered  %-8s in %8s: %zu new, %zu updated, %zu unchanged\n",
               c->name, time, counts.added, counts.updated, counts.unchanged);
    }
    return ANM_OK;
}

static void print_answers(const demo *d, anm_text question, const char *where,
                          const anm_recall *found)
{
    enum { TEXT_COLUMNS = 60 };
    const cli_term *t = &d->term;
    const char *faint = cli_ink_on(t, CLI_FAINT);
    const char *plain = cli_ink_on(t, CLI_PLAIN);
    char time[32];

    cli_ns_text(time, (double)d->receipt.total_ns);
    printf("\n%s", cli_ink_on(t, CLI_BOLD));
    cli_put_text(stdout, t, question, TEXT_COLUMNS);
    printf("%s  %s%s%s%s%s\n", plain, faint, where ? where : "",
           where ? "  " : "", time, plain);
    for (size_t i = 0; i < anm_recall_n(found); i++) {
        const anm_recalled r = anm_recall_at(found, i);
        printf("  %s%.3f%s  %s%-8s  ", cli_ink_on(t, i ? CLI_FAINT : CLI_GREEN),
               (double)r.score, plain, i ? faint : "", r.collection);
        cli_put_text(stdout, t, r.text, TEXT_COLUMNS);
        printf("%s\n", plain);
    }
}

/* One embedding, every collection. */
static anm_status ask(demo *d, anm_text question, const char *where,
                      anm_error *err)
{
    const anm_recall_params params = { .k = ANSWERS, .where = where };
    anm_recall *found;
    const anm_status status = anm_memory_recall(d->memory, question, &params,
                                                &found, &d->receipt, err);
    if (status) return status;
    print_answers(d, question, where, found);
    anm_recall_free(found);
    return ANM_OK;
}

/* Other metadata for a goal, with the text as it was. */
static anm_status mark(demo *d, const char *key, const char *meta,
                       anm_error *err)
{
    const collection *goals = &d->collections[0];
    anm_memo item = { .key = anm_text_of(key), .meta = anm_text_of(meta) };
    anm_remembered counts;

    for (size_t i = 0; i < goals->n; i++)
        if (goals->items[i].key.len == item.key.len &&
            !memcmp(goals->items[i].key.data, key, item.key.len))
            item.text = goals->items[i].text;
    return anm_memory_remember(d->memory, goals->name, &item, 1, &counts, NULL,
                               NULL, err);
}

/* A question with a filter, before and after a goal is done. */
static anm_status filter_and_update(demo *d, anm_error *err)
{
    static const char key[] = "cradle",
                      where[] = "quarter = 2 and done = false";
    const anm_text question = anm_text_of("what must be built before summer?");

    anm_status status = ask(d, question, where, err);
    if (status) return status;
    status = mark(d, key, "{\"quarter\":2,\"done\":true}", err);
    if (status) return status;
    printf(
        "\nupdated     goal %s is done: metadata only, nothing is embedded\n",
        key);
    status = ask(d, question, where, err);
    if (status) return status;
    // As it was, so that the next run begins like this one.
    return mark(d, key, "{\"quarter\":2,\"done\":false}", err);
}

static anm_status run(demo *d, char **argv, anm_error *err)
{
    anm_status status = read_texts(d, argv[2], err);
    if (!status) status = open_model(d, argv[1], err);
    if (!status) status = open_memory(d, argv[3], err);
    if (!status) status = remember(d, err);
    for (size_t i = 0; i < d->n_questions && !status; i++)
        status = ask(d, d->questions[i], NULL, err);
    if (!status) status = filter_and_update(d, err);
    if (status) return status;
    fputc('\n', stdout);
    cli_receipt_draw(stdout, &d->term, &d->receipt);
    return ANM_OK;
}

int main(int argc, char **argv)
{
    static demo d;
    anm_error err;

    if (argc != 4) {
        fputs("usage: anemone_demo MODEL TEXTS STORE\n", stderr);
        return 2;
    }
    cli_term_init(&d.term);
    cli_progress_init(&d.progress, &d.term, false);
    const anm_status status = run(&d, argv, &err);
    cli_progress_end(&d.progress);
    if (status) fprintf(stderr, "anemone_demo: %s\n", err.message);
    anm_memory_close(d.memory);
    anm_model_close(d.model);
    free(d.file);
    return anm_status_exit_code(status);
}
