/* demo.c - sixty texts and four questions: embedded in bulk, ranked in memory,
 * answered live, with the receipt of the last answer.
 *
 *     anemone_demo MODEL TEXTS
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"
#include "cli/receipt_view.h"

#include <stdlib.h>
#include <string.h>

enum { TEXTS_MAX = 256, QUESTIONS_MAX = 16, ANSWERS = 3, CHUNK = 8 };

typedef struct demo {
    cli_term term;
    cli_progress progress;
    anm_model *model;
    size_t dim;
    char *file; /* the lines of the texts file, each ended by NUL */
    anm_text texts[TEXTS_MAX];
    size_t n_texts;
    anm_text questions[QUESTIONS_MAX];
    size_t n_questions;
    float *vectors;  /* [n_texts, dim] */
    float *question; /* [dim] */
    anm_receipt receipt;
} demo;

static void show_step(void *ctx, const char *step, uint64_t done,
                      uint64_t total)
{
    demo *d = ctx;
    if (strncmp(d->progress.what, step, sizeof(d->progress.what) - 1))
        cli_progress_begin(&d->progress, step, NULL);
    cli_progress_show(&d->progress, done, total, done);
}

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

static anm_status read_texts(demo *d, const char *path, anm_error *err)
{
    d->file = read_file(path);
    if (!d->file)
        return cli_fail(err, ANM_E_NOTFOUND, "%s: cannot be read", path);
    for (char *line = strtok(d->file, "\r\n"); line;
         line = strtok(NULL, "\r\n")) {
        if (line[0] == '#') continue;
        if (!strncmp(line, "? ", 2) && d->n_questions < QUESTIONS_MAX)
            d->questions[d->n_questions++] = anm_text_of(line + 2);
        else if (d->n_texts < TEXTS_MAX)
            d->texts[d->n_texts++] = anm_text_of(line);
    }
    if (d->n_texts >= ANSWERS && d->n_questions) return ANM_OK;
    return cli_fail(err, ANM_E_FORMAT, "%s: %zu texts and %zu questions", path,
                    d->n_texts, d->n_questions);
}

static anm_status open_model(demo *d, const char *path, anm_error *err)
{
    anm_options options;
    char time[32];

    anm_options_init(&options);
    options.model = path;
    options.progress = show_step;
    options.progress_ctx = d;
    const uint64_t begin = cli_now_ns();
    const anm_status status = anm_model_open(&d->model, &options, err);
    cli_progress_end(&d->progress);
    if (status) return status;

    d->dim = anm_model_dim(d->model);
    d->vectors = calloc(d->n_texts * d->dim, sizeof(*d->vectors));
    d->question = calloc(d->dim, sizeof(*d->question));
    if (!d->vectors || !d->question)
        return cli_fail(err, ANM_E_NOMEM, "out of memory");
    cli_ns_text(time, (double)(cli_now_ns() - begin));
    printf("opened   %s in %s: %zu numbers a vector, %u thread%s\n",
           anm_model_name(d->model), time, d->dim, anm_model_threads(d->model),
           anm_model_threads(d->model) == 1 ? "" : "s");
    return ANM_OK;
}

static anm_status embed_texts(demo *d, anm_error *err)
{
    const anm_embed_params params = { .bulk = true };
    char time[32];
    const uint64_t begin = cli_now_ns();

    cli_progress_begin(&d->progress, "embedding", "texts/s");
    for (size_t i = 0; i < d->n_texts; i += CHUNK) {
        const size_t n = d->n_texts - i < CHUNK ? d->n_texts - i : CHUNK;
        const anm_status status =
            anm_embed_with(d->model, d->texts + i, n, &params,
                           d->vectors + i * d->dim, NULL, NULL, err);
        if (status) return status;
        cli_progress_show(&d->progress, i + n, d->n_texts, i + n);
    }
    cli_progress_end(&d->progress);
    const double ns = (double)(cli_now_ns() - begin);
    cli_ns_text(time, ns);
    printf("embedded %zu texts in %s: %.0f texts a second\n", d->n_texts, time,
           (double)d->n_texts * 1e9 / ns);
    return ANM_OK;
}

static anm_status warm_up(demo *d, anm_error *err)
{
    static const size_t lengths[] = { 8, 16 };
    char time[32];
    const uint64_t begin = cli_now_ns();
    const anm_status status =
        anm_model_warm(d->model, lengths, 2, 0, false, err);
    cli_progress_end(&d->progress);
    if (status) return status;
    cli_ns_text(time, (double)(cli_now_ns() - begin));
    printf("warmed   up in %s: the bands of a question are measured\n", time);
    return ANM_OK;
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* The best answers, best first. */
static void rank(const demo *d, size_t *best, double *scores)
{
    for (size_t k = 0; k < ANSWERS; k++)
        scores[k] = -2.0;
    for (size_t i = 0; i < d->n_texts; i++) {
        const double score = dot(d->question, d->vectors + i * d->dim, d->dim);
        size_t at = ANSWERS;
        while (at > 0 && score > scores[at - 1])
            at--;
        if (at == ANSWERS) continue;
        for (size_t k = ANSWERS - 1; k > at; k--) {
            scores[k] = scores[k - 1];
            best[k] = best[k - 1];
        }
        scores[at] = score;
        best[at] = i;
    }
}

static void print_answers(const demo *d, anm_text question)
{
    enum { TEXT_COLUMNS = 70 };
    const cli_term *t = &d->term;
    size_t best[ANSWERS] = { 0 };
    double scores[ANSWERS];
    char time[32];

    rank(d, best, scores);
    cli_ns_text(time, (double)d->receipt.total_ns);
    printf("\n%s", cli_ink_on(t, CLI_BOLD));
    cli_put_text(stdout, t, question, TEXT_COLUMNS);
    printf("%s  %s%s%s\n", cli_ink_on(t, CLI_PLAIN), cli_ink_on(t, CLI_FAINT),
           time, cli_ink_on(t, CLI_PLAIN));
    for (size_t k = 0; k < ANSWERS; k++) {
        printf("  %s%.3f%s  %s", cli_ink_on(t, k ? CLI_FAINT : CLI_GREEN),
               scores[k], cli_ink_on(t, CLI_PLAIN),
               k ? cli_ink_on(t, CLI_FAINT) : "");
        cli_put_text(stdout, t, d->texts[best[k]], TEXT_COLUMNS);
        printf("%s\n", cli_ink_on(t, CLI_PLAIN));
    }
}

static anm_status run(demo *d, const char *model, const char *texts,
                      anm_error *err)
{
    anm_status status = read_texts(d, texts, err);
    if (!status) status = open_model(d, model, err);
    if (!status) status = embed_texts(d, err);
    if (!status) status = warm_up(d, err);
    for (size_t i = 0; i < d->n_questions && !status; i++) {
        status = anm_embed_with(d->model, &d->questions[i], 1, NULL,
                                d->question, NULL, &d->receipt, err);
        if (!status) print_answers(d, d->questions[i]);
    }
    if (status) return status;
    fputc('\n', stdout);
    cli_receipt_draw(stdout, &d->term, &d->receipt);
    return ANM_OK;
}

int main(int argc, char **argv)
{
    demo d = { 0 };
    anm_error err;

    if (argc != 3) {
        fputs("usage: anemone_demo MODEL TEXTS\n", stderr);
        return 2;
    }
    cli_term_init(&d.term);
    cli_progress_init(&d.progress, &d.term, false);
    const anm_status status = run(&d, argv[1], argv[2], &err);
    cli_progress_end(&d.progress);
    if (status) fprintf(stderr, "anemone_demo: %s\n", err.message);
    anm_model_close(d.model);
    free(d.vectors);
    free(d.question);
    free(d.file);
    return anm_status_exit_code(status);
}
