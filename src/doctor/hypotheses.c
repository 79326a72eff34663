/* hypotheses.c - the four hypotheses of the mission's document, as claims about
 * this machine: supported when a condition of theirs was found, rejected when
 * none was found and none of their experiments costs, undecided between.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "doctor/report.h"

static const struct hypothesis {
    const char *name, *title, *claim;
    anm_cause causes[8]; /* that show it; NONE ends */
} hypotheses[] = {
    { "H1",
      "caching",
      "A handle that is kept loses its configuration, or what is prepared is "
      "not what is used.",
      { ANM_CAUSE_UNITS_NOT_HONOURED, ANM_CAUSE_STALE_ARTIFACT,
        ANM_CAUSE_FALLBACK_LOAD } },
    { "H2",
      "context",
      "Who asks, and what else runs, makes live queries slower than warm-up.",
      { ANM_CAUSE_QUEUEING, ANM_CAUSE_CPU_CONTENTION, ANM_CAUSE_NEW_THREAD,
        ANM_CAUSE_DEVICE_BUSY, ANM_CAUSE_MEMORY_PRESSURE,
        ANM_CAUSE_THROTTLED_QUOTA } },
    { "H3",
      "compile or run",
      "What loading and the first call do differs from what later calls do.",
      { ANM_CAUSE_COLD_START, ANM_CAUSE_FIRST_IN_BUCKET,
        ANM_CAUSE_SLOWER_DEVICE_BY_PLAN } },
    { "H4",
      "input",
      "Warm-up and live queries enter the model in another shape or form.",
      { ANM_CAUSE_INPUT_CHANGED, ANM_CAUSE_LONGER_INPUT } },
};
enum { N = sizeof(hypotheses) / sizeof(hypotheses[0]) };

static const anm_finding *find_shown(const anm_report *r, size_t h)
{
    for (size_t i = 0; i < r->n_findings; i++)
        for (size_t c = 0; hypotheses[h].causes[c] != ANM_CAUSE_NONE; c++)
            if (r->findings[i].cause == hypotheses[h].causes[c])
                return &r->findings[i];
    return NULL;
}

/* Its experiments by answer. */
typedef struct tally {
    size_t n[ANM_ANSWER_NOT_TESTABLE + 1];
    char costly[160]; /* names of those that cost */
} tally;

static tally count_answers(const anm_report *r, size_t h)
{
    tally t = { 0 };
    size_t used = 0;

    for (size_t i = 0; i < r->n_outcomes; i++) {
        const anm_outcome *o = &r->outcomes[i];
        if (o->of->hypothesis != h + 1) continue;
        t.n[o->answer]++;
        if (o->answer != ANM_ANSWER_SUPPORTED) continue;
        const size_t len = strlen(o->of->name);
        if (used + len + 3 > sizeof(t.costly)) continue;
        used += (size_t)snprintf(t.costly + used, sizeof(t.costly) - used,
                                 "%s%s", used ? ", " : "", o->of->name);
    }
    return t;
}

/* Of H1 the experiments themselves are the condition, unimposed: the handle
 * that is kept is the one that serves. */
static bool shows_by_itself(const anm_report *r, size_t h)
{
    static const char *const names[] = { "cached_handle", "plan", "input" };

    for (size_t i = 0; i < r->n_outcomes; i++) {
        const anm_outcome *o = &r->outcomes[i];
        if (o->of->hypothesis != h + 1 || o->answer != ANM_ANSWER_SUPPORTED)
            continue;
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            if (strcmp(o->of->name, names[k]) == 0) return true;
    }
    return false;
}

static anm_answer answer(const anm_report *r, size_t h, char *why, size_t cap)
{
    const anm_finding *shown = find_shown(r, h);
    const tally t = count_answers(r, h);

    if (shown) {
        snprintf(why, cap, "found here: %s, %zu of %zu calls",
                 anm_cause_name(shown->cause), shown->n_hits, shown->n_of);
        return ANM_ANSWER_SUPPORTED;
    }
    if (shows_by_itself(r, h)) {
        snprintf(why, cap, "measured here, nothing imposed: %s", t.costly);
        return ANM_ANSWER_SUPPORTED;
    }
    if (t.n[ANM_ANSWER_SUPPORTED]) {
        snprintf(why, cap,
                 "costs here when imposed (%s), and was not found "
                 "in calls that nothing was imposed on",
                 t.costly);
        return ANM_ANSWER_UNDECIDED;
    }
    if (t.n[ANM_ANSWER_UNDECIDED]) {
        snprintf(why, cap,
                 "not found; %zu of its experiments cannot tell what "
                 "it would cost",
                 t.n[ANM_ANSWER_UNDECIDED]);
        return ANM_ANSWER_UNDECIDED;
    }
    if (t.n[ANM_ANSWER_REJECTED]) {
        snprintf(why, cap,
                 "not found, and none of its experiments costs "
                 "anything here");
        return ANM_ANSWER_REJECTED;
    }
    snprintf(why, cap,
             r->exam ? "none of its experiments could be run"
                     : "not found in these receipts; experiments "
                       "need the model (-m)");
    return ANM_ANSWER_NOT_TESTABLE;
}

json_t *anm_report_hypotheses(const anm_report *r)
{
    json_t *list = json_array();

    for (size_t h = 0; h < N; h++) {
        char why[320];
        const anm_answer a = answer(r, h, why, sizeof(why));
        json_t *one = json_pack(
            "{s:s, s:s, s:s, s:s, s:s}", "hypothesis", hypotheses[h].name,
            "title", hypotheses[h].title, "claim", hypotheses[h].claim,
            "verdict", anm_answer_name(a), "because", why);
        if (json_array_append_new(list, one)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
