/* embed.c - calls from outside: defaults resolved, the call run, results handed
 * over when all of it succeeded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "engine/call_log.h"
#include "engine/receipt.h"
#include "engine/state.h"

/* ---- Defaults -------------------------------------------------------------- */

static anm_status fail_prompt(const anm_recipe *r, const char *name,
                              anm_error *err)
{
    char known[400] = "";
    size_t len = 0;

    for (size_t i = 0; i < r->n_prompts && len < sizeof(known); i++)
        len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
                                i ? ", " : "", r->prompts[i].name);
    return anm_fail(err, ANM_E_ARG,
                    "prompt '%s': the model has none of that name; it has %s",
                    name, r->n_prompts ? known : "no prompts");
}

/* *name is what the receipt shows: "" for none. */
static anm_status resolve_prompt(const anm_recipe *r, const anm_embed_params *p,
                                 anm_text *text, const char **name,
                                 anm_error *err)
{
    *text = (anm_text){ NULL, 0 };
    *name = "";
    if (p->prompt_text) {
        *text = anm_text_of(p->prompt_text);
        if (text->len) *name = "(text)";
        return ANM_OK;
    }
    const char *wanted = p->prompt ? p->prompt : r->default_prompt;
    if (!wanted || !*wanted) return ANM_OK;
    const char *found = anm_recipe_prompt(r, wanted);
    if (!found) return fail_prompt(r, wanted, err);
    *text = anm_text_of(found);
    *name = wanted;
    return ANM_OK;
}

/* A model may take longer texts than are computed: those are refused, since the
 * original would not cut them, unless the call asks for a cut. */
static anm_status resolve_limit(const anm_engine *e, const anm_embed_params *p,
                                anm_input_params *out, anm_error *err)
{
    const size_t own = e->source->recipe.max_tokens;
    const size_t most = e->program.max_tokens, asked = p->max_tokens;
    const anm_tokenizer_frame frame =
        anm_tokenizer_frame_of(e->source->tokenizer);
    const size_t least = frame.n_before + frame.n_after + 1;

    out->max_tokens = asked ? asked : most;
    out->whole = p->no_truncate || (!asked && own > most);
    if (asked && (asked < least || asked > own))
        return anm_fail(err, ANM_E_ARG,
                        "max_tokens %zu: must be in [%zu, %zu] for this model",
                        asked, least, own);
    if (out->max_tokens <= most) return ANM_OK;
    return anm_fail(err, ANM_E_LIMIT,
                    "max_tokens %zu: at most %zu are computed whatever the "
                    "model allows",
                    asked, most);
}

static void warn_dims(anm_engine *e, size_t dims)
{
    if (dims == e->program.dim || e->source->recipe.declares_dims) return;
    anm_mutex_lock(&e->book);
    const bool first = !e->warned_dims;
    e->warned_dims = true;
    anm_mutex_unlock(&e->book);
    if (first)
        anm_log_line(&e->log, ANM_LOG_WARN,
                     "dims %zu: %s does not declare that its vectors of %zu "
                     "may be shortened",
                     dims, e->source->name, e->program.dim);
}

static anm_status resolve_dims(anm_engine *e, size_t asked, size_t *out,
                               anm_error *err)
{
    const size_t dim = e->program.dim;

    *out = asked ? asked : dim;
    if (*out > dim)
        return anm_fail(err, ANM_E_ARG, "dims %zu: must be in [1, %zu]", *out,
                        dim);
    warn_dims(e, *out);
    return ANM_OK;
}

static anm_status make_job(anm_engine *e, const anm_embed_params *p,
                           anm_job *job, anm_error *err)
{
    static const anm_embed_params defaults;
    const anm_recipe *recipe = &e->source->recipe;

    if (!p) p = &defaults;
    job->input.tokenizer = e->source->tokenizer;
    job->input.vocab_rows = e->source->vocab_rows;
    job->bulk = p->bulk;
    job->counted = job->recorded;
    anm_status status =
        resolve_prompt(recipe, p, &job->input.prompt, &job->prompt, err);
    if (status) return status;
    status = resolve_limit(e, p, &job->input, err);
    if (status) return status;
    return resolve_dims(e, p->dims, &job->dims, err);
}

/* ---- Calls ----------------------------------------------------------------- */

/* Results go out only when all of them are there. */
static void hand_over(const anm_job *job, const anm_slot *slot,
                      const anm_answers *to, anm_run *run)
{
    const size_t n = job->n;

    if (n) memcpy(to->vectors, slot->staged, n * job->dims * sizeof(float));
    if (to->infos && n) memcpy(to->infos, slot->infos, n * sizeof(*to->infos));
    anm_run_mark(run, ANM_STAGE_POST);
}

static anm_status run_recorded(anm_engine *e, const anm_job *job,
                               const anm_answers *to, anm_error *err)
{
    anm_entry entry;
    anm_slot *slot = anm_slot_take(&e->slots, err);

    if (!slot) return ANM_E_NOMEM;
    slot->record = to->receipt ? to->receipt : &slot->receipt;
    anm_book_enter(e, job->counted, &entry);
    anm_run run = anm_run_begin((uint64_t)entry.thread.cpu_ns);
    const anm_status status = anm_run_job(e, job, slot, &run, err);
    if (status) {
        anm_book_abandon(e);
    } else {
        hand_over(job, slot, to, &run);
        anm_book_stop(e, job, &entry, &run, slot);
        anm_book_leave(e, job, &entry, &run, slot);
        if (job->recorded) anm_log_call(&e->log, slot->record);
    }
    anm_slot_give_back(&e->slots, slot);
    return status;
}

/* A log line of a call tells what a receipt holds. */
static bool wants_record(const anm_engine *e, const anm_receipt *receipt)
{
    return receipt || anm_log_wants(&e->log, ANM_LOG_INFO);
}

anm_status anm_engine_embed(anm_engine *e, const anm_text *texts,
                            size_t n_texts, const anm_embed_params *params,
                            const anm_answers *answers, anm_error *err)
{
    anm_job job = { .texts = texts,
                    .n = n_texts,
                    .recorded = wants_record(e, answers->receipt) };
    const anm_status status = make_job(e, params, &job, err);

    return status ? status : run_recorded(e, &job, answers, err);
}

anm_status anm_engine_embed_ids(anm_engine *e, const anm_ids *rows,
                                size_t n_rows, const anm_embed_params *params,
                                const anm_answers *answers, anm_error *err)
{
    anm_job job = { .rows = rows,
                    .n = n_rows,
                    .recorded = wants_record(e, answers->receipt) };
    const anm_status status = make_job(e, params, &job, err);

    assert(!answers->infos);
    if (status) return status;
    job.prompt = ""; // ids have theirs already
    return run_recorded(e, &job, answers, err);
}

anm_status anm_engine_ids(anm_engine *e, anm_text text,
                          const anm_embed_params *params, anm_id_list *out,
                          anm_error *err)
{
    anm_job job = { .texts = &text, .n = 1 };
    anm_status status = make_job(e, params, &job, err);

    if (status) return status;
    anm_slot *slot = anm_slot_take(&e->slots, err);
    if (!slot) return ANM_E_NOMEM;
    anm_inputs *in = &slot->inputs;
    anm_inputs_reset(in);
    status = anm_inputs_add(in, &job.input, text, err);
    if (!status) {
        out->info = in->infos[0];
        out->n = out->info.tokens;
        const size_t n = out->n < out->cap ? out->n : out->cap;
        if (n) memcpy(out->ids, in->ids, n * sizeof(*out->ids));
    }
    anm_slot_give_back(&e->slots, slot);
    return status;
}

anm_status anm_engine_peak(anm_engine *e, anm_peak *out, anm_error *err)
{
    anm_queue_enter(e->queue, true);
    const anm_status status = e->backend->measure(e->runner, out, err);
    anm_queue_leave(e->queue);
    return status;
}
