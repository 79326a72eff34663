/* play.c - the workload of a scenario: each caller asks its queries in turn,
 * each on a thread of its own, all in virtual time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fake/app.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/fake/fake.h"
#include "base/virtual.h"
#include "cli/session.h"
#include "cli/table.h"

enum { TEXTS_MAX = 256, CALLERS_MAX = ANM_FAKE_ITEMS_MAX };

/* What became of a query: a line for people, or JSON. */
typedef struct outcome {
    char *text;
    anm_status status;
    char message[sizeof(((anm_error *)0)->message)];
} outcome;

typedef struct play {
    cli *c;
    bool as_json;
    const anm_fake_scenario *s;
    cli_session session;
    outcome *outcomes; /* [n], by number of the query */
    size_t n, cap;
    size_t first, end; /* steps of this start */
    uint64_t began_ns;
    anm_status failed; /* of the play itself */
} play;

typedef struct caller {
    play *p;
    const char *name;
    uint64_t draws;
    char *words; /* [cap_words] */
    size_t cap_words;
    float *vectors;
    size_t cap_vectors;
} caller;

/* ---- Outcomes ------------------------------------------------------------------- */

static outcome *add_outcome(play *p)
{
    if (p->n == p->cap) {
        const size_t cap = p->cap ? 2 * p->cap : 64;
        outcome *more = reallocarray(p->outcomes, cap, sizeof(*more));
        if (!more) return NULL;
        p->outcomes = more;
        p->cap = cap;
    }
    p->outcomes[p->n] = (outcome){ 0 };
    return &p->outcomes[p->n++];
}

static char *format_line(const anm_receipt *r, const char *name)
{
    char *line = NULL;
    char causes[200] = "";
    size_t used = 0;

    for (size_t i = 0; i < r->n_causes; i++)
        used +=
            (size_t)snprintf(causes + used, sizeof(causes) - used, "%s%s",
                             i ? ", " : "", anm_cause_name(r->causes[i].cause));
    if (asprintf(&line, "%s\t%zu\t%.2f\t%s (%s)\t%s\t%s", name, r->input.tokens,
                 (double)r->total_ns / 1e6, anm_device_name(r->where.device),
                 anm_evidence_name(r->where.evidence),
                 anm_verdict_name(r->band.verdict), causes) < 0)
        return NULL;
    return line;
}

/* A document on one line. */
static char *format_json(const anm_receipt *r)
{
    char *json, *line;

    if (anm_receipt_json(r, &json, NULL)) return NULL;
    line = strdup(json);
    anm_free(json);
    for (char *at = line; at && *at; at++)
        if (*at == '\n') *at = ' ';
    return line;
}

static void keep(play *p, size_t number, const char *name, const anm_receipt *r,
                 anm_status status, const anm_error *err)
{
    outcome *o = &p->outcomes[number - 1];

    o->status = status;
    if (status) {
        snprintf(o->message, sizeof(o->message), "%s", err->message);
        return;
    }
    o->text = p->as_json ? format_json(r) : format_line(r, name);
}

/* ---- Queries -------------------------------------------------------------------- */

static bool make_room(caller *k, size_t texts, size_t tokens)
{
    const size_t words = texts * (tokens + 1) * sizeof("w30000");
    const size_t vectors = texts * anm_model_dim(k->p->session.model);

    if (words > k->cap_words) {
        free(k->words);
        k->words = calloc(words, 1);
        k->cap_words = k->words ? words : 0;
    }
    if (vectors > k->cap_vectors) {
        free(k->vectors);
        k->vectors = calloc(vectors, sizeof(*k->vectors));
        k->cap_vectors = k->vectors ? vectors : 0;
    }
    return k->words && k->vectors;
}

/* n words at `out`; the place behind them. */
static char *write_text(caller *k, const anm_fake_step *step, char *out,
                        size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned word =
            step->same_text
                ? (unsigned)i % 32
                : (unsigned)(anm_fake_draw(&k->draws) * k->p->s->model.words);
        out += sprintf(out, "%sw%u", i ? " " : "", word);
    }
    return out;
}

static void ask(caller *k, const anm_fake_step *step)
{
    const size_t frame = 2; // [CLS] and [SEP]
    anm_text texts[TEXTS_MAX];
    anm_receipt r;
    anm_error err;
    play *p = k->p;
    const size_t tokens =
        (size_t)(anm_fake_draw_range(step->tokens, &k->draws) + 0.5);
    const size_t n = (size_t)step->texts;
    const anm_embed_params params = { .prompt = step->prompt };

    if (!make_room(k, n, tokens) || !add_outcome(p)) {
        p->failed = ANM_E_NOMEM;
        return;
    }
    const size_t number = p->n;
    char *at = k->words;
    for (size_t i = 0; i < n; i++) {
        char *end = write_text(k, step, at, tokens - frame);
        texts[i] = (anm_text){ at, (size_t)(end - at) };
        at = end + 1;
    }
    anm_fake_enter_query((unsigned)number, k->name);
    const cli_answers to = { .vectors = k->vectors, .receipt = &r };
    const anm_status status =
        cli_session_embed(&p->session, texts, n, &params, &to, &err);
    keep(p, number, k->name, &r, status, &err);
}

static void run_step(caller *k, const anm_fake_step *step)
{
    const uint64_t at = k->p->began_ns + (uint64_t)(step->start_ms * 1e6);

    if (anm_virtual_now() < at) anm_virtual_wait_until(at);
    for (size_t i = 0; i < (size_t)step->queries; i++) {
        const double gap = anm_fake_draw_range(step->gap_ms, &k->draws);
        anm_virtual_spend((uint64_t)(gap * 1e6), false);
        ask(k, step);
        if (cli_interrupted() || k->p->failed) return;
    }
}

static void run_caller(void *ctx)
{
    caller *k = ctx;
    const play *p = k->p;

    for (size_t i = p->first; i < p->end; i++)
        if (strcmp(p->s->steps[i].caller, k->name) == 0)
            run_step(k, &p->s->steps[i]);
}

/* ---- Starts --------------------------------------------------------------------- */

/* Callers of this start, the main one first. */
static size_t list_callers(play *p, caller out[CALLERS_MAX + 1])
{
    static const char own[] = "main";
    size_t n = 1;

    out[0] = (caller){ .p = p, .name = own };
    for (size_t i = p->first; i < p->end; i++) {
        const char *name = p->s->steps[i].caller;
        size_t at = 0;
        while (at < n && strcmp(out[at].name, name) != 0)
            at++;
        if (at == n) out[n++] = (caller){ .p = p, .name = name };
    }
    for (size_t i = 0; i < n; i++)
        out[i].draws = anm_fake_seed() * 31 + i * 1000003 + p->first;
    return n;
}

static anm_status run_callers(play *p, anm_error *err)
{
    caller callers[CALLERS_MAX + 1];
    const size_t n = list_callers(p, callers);
    anm_status status = ANM_OK;

    anm_fake_enter_phase(ANM_FAKE_LIVE);
    p->began_ns = anm_virtual_now();
    for (size_t i = 1; i < n && !status; i++)
        status = anm_virtual_start(run_caller, &callers[i], p->began_ns, err);
    if (!status) run_caller(&callers[0]);
    anm_virtual_join();
    for (size_t i = 0; i < n; i++) {
        free(callers[i].words);
        free(callers[i].vectors);
    }
    if (!status && p->failed)
        status = cli_fail(err, p->failed, "workload: out of memory");
    return status;
}

static anm_status warm(play *p, const anm_fake_step *restart, anm_error *err)
{
    const cli_sizes *asked = &p->c->settings.buckets;
    const size_t n = asked->n ? asked->n : p->s->warm.n_lengths;
    const size_t *lengths = asked->n ? asked->values : p->s->warm.lengths;
    const bool again = restart ? restart->again : p->s->warm.again;

    if (restart ? !restart->warm : p->s->warm.skip) return ANM_OK;
    anm_fake_enter_phase(ANM_FAKE_WARM);
    anm_fake_enter_query(0, NULL);
    return anm_model_warm(p->session.model, n ? lengths : NULL, n,
                          (unsigned)p->s->warm.budget_ms, again, err);
}

static anm_status run_start(play *p, unsigned start,
                            const anm_fake_step *restart, anm_error *err)
{
    anm_fake_enter_start(start);
    anm_fake_enter_query(0, NULL);
    anm_status status = cli_session_open(&p->session, p->c, false, err);
    if (!status) status = warm(p, restart, err);
    if (!status) status = run_callers(p, err);
    cli_session_close(&p->session);
    return status;
}

static anm_status run_starts(play *p, anm_error *err)
{
    const anm_fake_step *restart = NULL;
    uint64_t pauses = anm_fake_seed();
    unsigned start = 1;
    size_t at = 0;

    for (;; start++) {
        p->first = at;
        while (at < p->s->n_steps && !p->s->steps[at].restart)
            at++;
        p->end = at;
        const anm_status status = run_start(p, start, restart, err);
        if (status || at == p->s->n_steps || cli_interrupted()) return status;
        restart = &p->s->steps[at++];
        const double gap = anm_fake_draw_range(restart->gap_ms, &pauses);
        anm_virtual_spend((uint64_t)(gap * 1e6), false);
    }
}

/* ---- Printing ------------------------------------------------------------------- */

static void print_error(const outcome *o)
{
    printf("{\"error\":{\"status\":\"%s\",\"message\":",
           anm_status_name(o->status));
    cli_json_string(stdout, o->message);
    fputs("}}", stdout);
}

static void print_json(const play *p, bool lines)
{
    if (!lines) putchar('[');
    for (size_t i = 0; i < p->n; i++) {
        const outcome *o = &p->outcomes[i];
        if (i && !lines) fputs(",\n", stdout);
        if (o->status || !o->text)
            print_error(o);
        else
            fputs(o->text, stdout);
        if (lines) putchar('\n');
    }
    if (!lines) fputs("]\n", stdout);
}

static void print_people(const play *p)
{
    cli_table t = { 0 };

    cli_table_add(&t, "QUERY\tCALLER\tTOKENS\tMS\tWHERE\tBAND\tCAUSES");
    for (size_t i = 0; i < p->n; i++) {
        const outcome *o = &p->outcomes[i];
        if (o->status || !o->text)
            cli_table_add(&t, "%zu\t\t\t\t\t\t%s", i + 1,
                          anm_status_name(o->status));
        else
            cli_table_add(&t, "%zu\t%s", i + 1, o->text);
    }
    cli_table_print(&t, "rlrrl", true, &p->c->term, stdout);
}

/* The first query that failed decides. */
static int report_failed(const play *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const outcome *o = &p->outcomes[i];
        if (!o->status) continue;
        fprintf(stderr, "anemone embed: query %zu: %s\n", i + 1, o->message);
        return anm_status_exit_code(o->status);
    }
    return CLI_DONE;
}

static void free_outcomes(play *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->outcomes[i].text);
    free(p->outcomes);
}

anm_status fake_play_silently(cli *c, anm_error *err)
{
    play p = { .c = c, .s = anm_fake_scenario_played() };
    const anm_status status = run_starts(&p, err);

    anm_fake_enter_query(0, NULL);
    free_outcomes(&p);
    return status;
}

int fake_play(cli *c, bool lines)
{
    play p = { .c = c,
               .as_json = c->json || lines,
               .s = anm_fake_scenario_played() };
    anm_error err;
    const anm_status status = run_starts(&p, &err);
    int code;

    if (status) {
        code = cli_report(c, &err);
    } else {
        if (p.as_json)
            print_json(&p, lines);
        else
            print_people(&p);
        code = cli_finish(c, report_failed(&p));
    }
    free_outcomes(&p);
    return code;
}
