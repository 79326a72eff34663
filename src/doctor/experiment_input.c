/* experiment_input.c - H4: what enters the model, and what comes before it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "doctor/experiment.h"

enum {
    IDS_MAX = 8192,
    ROUNDS = 40,
    IDLE_ROUNDS = 20,
    IDLE_RARE = 10,
};

static size_t max_tokens(const anm_exam *x)
{
    return anm_engine_source(x->engine)->recipe.max_tokens;
}

/* ---- Ids ------------------------------------------------------------------------- */

/* The ids of the unchanged text, and the same with more behind them. */
typedef struct rows {
    int32_t ids[IDS_MAX];
    size_t n; /* of the text itself */
} rows;

static anm_status find_ids(anm_exam *x, rows *r, anm_error *err)
{
    static const anm_embed_params plain = { .prompt = "" };

    anm_id_list list = { .ids = r->ids, .cap = IDS_MAX };
    const anm_status status =
        anm_engine_ids(x->engine, x->text, &plain, &list, err);

    r->n = list.n;
    return status;
}

/* Positions behind the text hold id 0, which is [PAD] in most vocabularies,
 * and count: what a caller gets who pads and forgets the mask. */
static void pad(rows *r, size_t tokens)
{
    for (size_t i = r->n; i < tokens && i < IDS_MAX; i++)
        r->ids[i] = 0;
}

/* The text once more and again, cut to a length; its last id stays last. */
static void repeat(rows *r, size_t tokens)
{
    const int32_t last = r->ids[r->n - 1];
    const size_t body = r->n > 2 ? r->n - 2 : 1;

    for (size_t i = r->n - 1; i + 1 < tokens; i++)
        r->ids[i] = r->ids[r->n > 2 ? 1 + (i - 1) % body : 0];
    r->ids[tokens - 1] = last;
}

static anm_status take_ids(anm_exam *x, const anm_arm_plan *arm, double *ns,
                           anm_error *err)
{
    const rows *r = arm->ctx;
    uint64_t total = 0;
    const anm_ids ids = { r->ids, arm->number };
    const anm_ask ask = { .ids = &ids,
                          .pause_ns = anm_exam_pause(x),
                          .arm = arm->name,
                          .imposed = arm->imposed };
    const anm_status status = anm_exam_call(x, &ask, &total, err);

    *ns = (double)total;
    return status;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- Padding ----------------------------------------------------------------------- */

ANM_RUN(padding)
{
    rows *r = anm_alloc_zero(sizeof(*r));
    anm_status status = r ? find_ids(x, r, err)
                          : anm_fail(err, ANM_E_NOMEM, "ids: out of memory");

    if (!status) {
        const size_t padded = smaller(32, smaller(max_tokens(x), IDS_MAX));
        const anm_arm_plan arms[] = {
            { .name = "canonical input", .take = anm_take_unchanged },
            { .name = "the same ids, handed in",
              .take = take_ids,
              .imposed = true,
              .number = r->n,
              .ctx = r },
            { .name = "padded to 32 without a mask",
              .take = take_ids,
              .imposed = true,
              .number = padded > r->n ? padded : r->n,
              .ctx = r },
            { .name = "canonical input, again",
              .take = anm_take_unchanged,
              .is_base_again = true },
        };
        const anm_rounds rounds = { arms, 4, ROUNDS, NULL };
        pad(r, padded);
        status = anm_rounds_run(x, &rounds, out, err);
    }
    anm_free(r);
    return status;
}

/* ---- Longer texts -------------------------------------------------------------------- */

ANM_RUN(longer)
{
    static const size_t times[] = { 2, 4, 8 };
    static const char *const names[] = { "2 times as long", "4 times as long",
                                         "8 times as long" };
    rows *r = anm_alloc_zero(3 * sizeof(*r));
    anm_status status =
        r ? ANM_OK : anm_fail(err, ANM_E_NOMEM, "ids: out of memory");
    anm_arm_plan arms[5] = {
        { .name = "text as it is", .take = anm_take_unchanged },
    };
    size_t n = 1;

    for (size_t i = 0; i < 3 && !status; i++) {
        status = find_ids(x, &r[i], err);
        const size_t tokens = r[i].n * times[i];
        if (status || tokens > smaller(max_tokens(x), IDS_MAX)) continue;
        repeat(&r[i], tokens);
        arms[n++] = (anm_arm_plan){ .name = names[i],
                                    .take = take_ids,
                                    .imposed = true,
                                    .number = tokens,
                                    .ctx = &r[i] };
    }
    arms[n++] = (anm_arm_plan){ .name = "text as it is, again",
                                .take = anm_take_unchanged,
                                .is_base_again = true };
    const anm_rounds rounds = { arms, n, ROUNDS, NULL };
    if (!status) status = anm_rounds_run(x, &rounds, out, err);
    anm_free(r);
    return status;
}

/* ---- The same input ------------------------------------------------------------------ */

ANM_RUN(input)
{
    rows *r = anm_alloc_zero(sizeof(*r));
    anm_receipt receipt;
    anm_status status = r ? find_ids(x, r, err)
                          : anm_fail(err, ANM_E_NOMEM, "ids: out of memory");

    if (!status) {
        const anm_ids ids = { r->ids, r->n };
        const anm_ask ask = { .ids = &ids, .arm = "ids", .imposed = true };
        status = anm_exam_ask(x, &ask, x->vector, &receipt, err);
        if (!status) status = anm_exam_keep(x, &ask, &receipt, err);
    }
    if (!status) {
        size_t n = 0;
        for (size_t i = 0; i < x->records.n; i++)
            n += !x->records.items[i].imposed;
        const bool same = !*x->ids_sha256 ||
                          strcmp(x->ids_sha256, receipt.input.ids_sha256) == 0;
        out->n_rounds = n;
        anm_outcome_answer(
            out,
            x->n_other_ids || !same ? ANM_ANSWER_SUPPORTED
                                    : ANM_ANSWER_REJECTED,
            "%zu of %zu live calls had other ids than the first of them, and "
            "the tokenizer alone gives %s: %zu ids, sha256 %.12s",
            x->n_other_ids, n, same ? "the same" : "others", r->n,
            receipt.input.ids_sha256);
    }
    anm_free(r);
    return status;
}

/* ---- Idle gaps ---------------------------------------------------------------------- */

ANM_RUN(idle)
{
    // A second each: a quick run shows it and cannot judge it.
    const size_t rare = x->params->quick ? IDLE_RARE : 1;
    const anm_arm_plan arms[] = {
        { .name = "back to back",
          .take = anm_take_unchanged,
          .imposed = true,
          .pause_ns = 1 },
        { .name = "after 10 ms",
          .take = anm_take_unchanged,
          .imposed = true,
          .pause_ns = UINT64_C(10000000) },
        { .name = "after 50 ms",
          .take = anm_take_unchanged,
          .imposed = true,
          .pause_ns = UINT64_C(50000000) },
        { .name = "after 250 ms",
          .take = anm_take_unchanged,
          .imposed = true,
          .pause_ns = UINT64_C(250000000) },
        { .name = "after 1000 ms",
          .take = anm_take_unchanged,
          .imposed = true,
          .pause_ns = UINT64_C(1000000000),
          .every = rare },
        { .name = "back to back, again",
          .take = anm_take_unchanged,
          .imposed = true,
          .is_base_again = true,
          .pause_ns = 1 },
    };
    const anm_rounds rounds = { arms, 6, IDLE_ROUNDS, NULL };

    return anm_rounds_run(x, &rounds, out, err);
}
