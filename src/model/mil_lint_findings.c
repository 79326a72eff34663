/* mil_lint_findings.c - findings while they come together: each rule once, with
 * the places that it concerns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/alloc.h"
#include "model/mil_linter.h"

static anm_lint_finding *finding_of(anm_linter *l, anm_lint_rule_id id,
                                    const char *word)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->findings[i].word, word) == 0) return &l->findings[i];
    if (!anm_grow(&l->findings, &l->cap, l->n + 1, sizeof(*l->findings))) {
        l->failed = true;
        return NULL;
    }
    anm_lint_finding *f = &l->findings[l->n++];
    *f = (anm_lint_finding){ .word = word,
                             .rule = anm_lint_rule_at(id),
                             .severity = anm_lint_rule_at(id)->severity,
                             .detail = "" };
    return f;
}

const char *anm_lint_place_of(const anm_mil_op *op)
{
    return op->n_outputs ? op->outputs[0].name : op->name;
}

static void add_place(anm_lint_finding *f, const char *place)
{
    if (!f) return;
    // Names are unique pointers: an op with two outputs is one place.
    if (f->n_places && f->n_places <= ANM_LINT_PLACES_MAX &&
        f->places[f->n_places - 1] == place)
        return;
    if (f->n_places < ANM_LINT_PLACES_MAX) f->places[f->n_places] = place;
    f->n_places++;
}

void anm_linter_report(anm_linter *l, anm_lint_rule_id id, const char *place)
{
    add_place(finding_of(l, id, anm_lint_rule_at(id)->word), place);
}

void anm_linter_report_detail(anm_linter *l, anm_lint_rule_id id,
                              const char *place, const char *detail)
{
    anm_lint_finding *f = finding_of(l, id, anm_lint_rule_at(id)->word);
    char *copy = anm_arena_copy(&l->arena, detail, strlen(detail));

    if (!copy) l->failed = true;
    if (f && copy && !f->detail[0]) f->detail = copy;
    add_place(f, place);
}

void anm_linter_report_type(anm_linter *l, const anm_mil_op *op)
{
    const char *rule = anm_lint_rule_at(ANM_LINT_RULE_OP_OFF_ANE)->word;
    const size_t len = strlen(rule) + 1 + strlen(op->type);
    char *word = anm_arena_alloc(&l->arena, len + 1);

    if (!word) {
        l->failed = true;
        return;
    }
    snprintf(word, len + 1, "%s:%s", rule, op->type);
    add_place(finding_of(l, ANM_LINT_RULE_OP_OFF_ANE, word),
              anm_lint_place_of(op));
}

void anm_linter_lower(anm_linter *l, anm_lint_rule_id id,
                      anm_lint_severity severity)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->findings[i].rule == anm_lint_rule_at(id))
            l->findings[i].severity = severity;
}

static int compare_findings(const void *a, const void *b)
{
    const anm_lint_finding *x = a, *y = b;

    if (x->severity != y->severity) return x->severity > y->severity ? -1 : 1;
    if (x->rule != y->rule) return x->rule < y->rule ? -1 : 1;
    return strcmp(x->word, y->word);
}

void anm_linter_sort(anm_linter *l)
{
    if (l->n) qsort(l->findings, l->n, sizeof(*l->findings), compare_findings);
    l->view.findings = l->findings;
    l->view.n = l->n;
}
