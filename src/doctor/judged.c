/* judged.c - calls that were judged, counted and put into words.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/judged.h"

#include <stdio.h>

static const int64_t moment_ms = 500;

enum { MOMENTS_FEW = 2 };

bool anm_record_is_judged(const anm_record *r)
{
    return r->p50_ns && r->verdict != ANM_VERDICT_NONE && !r->imposed &&
           !r->disturbed;
}

bool anm_is_same_moment(const anm_record *first, const anm_record *r)
{
    return first->at_ms != ANM_COUNTER_UNKNOWN &&
           r->at_ms != ANM_COUNTER_UNKNOWN && r->at_ms >= first->at_ms &&
           r->at_ms - first->at_ms < moment_ms;
}

void anm_judged_add(anm_judged *j, const anm_records *records)
{
    const anm_record *first = NULL;

    j->n_calls += records->n;
    for (size_t i = 0; i < records->n; i++) {
        const anm_record *r = &records->items[i];
        if (!anm_record_is_judged(r)) continue;
        j->n++;
        j->n_blurred += r->blurred;
        if (r->verdict != ANM_VERDICT_ABOVE) continue;
        j->n_above++;
        if (first && anm_is_same_moment(first, r)) continue;
        first = r;
        j->n_moments++;
    }
}

void anm_judged_add_log(anm_judged *j, const anm_records *log)
{
    const size_t n_own = j->n;

    j->is_both = j->n_calls > 0;
    anm_judged_add(j, log);
    j->n_log = j->n - n_own;
}

void anm_judged_say(const anm_judged *j, char *out, size_t cap)
{
    char calls[96], moments[32] = "one moment";

    if (j->is_both)
        snprintf(calls, sizeof(calls),
                 "calls, %zu of this run and %zu of the "
                 "log, were",
                 j->n - j->n_log, j->n_log);
    else
        snprintf(calls, sizeof(calls), j->n > 1 ? "calls were" : "call was");
    if (j->n_moments > 1)
        snprintf(moments, sizeof(moments), "%zu moments", j->n_moments);
    if (!j->n_calls)
        snprintf(out, cap,
                 "No call was recorded, so that there is nothing to "
                 "judge.");
    else if (!j->n)
        snprintf(out, cap,
                 "No call could be judged: there is no band yet, because "
                 "warm-up found no steady moment or none was made.");
    else if (!j->n_above)
        snprintf(out, cap, "%zu %s judged, and none lay above its band.", j->n,
                 calls);
    else if (j->n_moments <= MOMENTS_FEW)
        snprintf(out, cap,
                 "%zu %s judged; %zu of them lay above their band, in %s: "
                 "calls within half a second of each other share what "
                 "disturbs them, and so little may be chance.",
                 j->n, calls, j->n_above, moments);
    else
        snprintf(out, cap,
                 "%zu %s judged; %zu of them lay above their band, in %s. No "
                 "cause of theirs is more frequent than chance allows and "
                 "takes 10 %% and 50 us of a call.",
                 j->n, calls, j->n_above, moments);
}

void anm_judged_warn(const anm_judged *j, char *out, size_t cap)
{
    out[0] = '\0';
    if (!j->n_blurred) return;
    snprintf(out, cap,
             "%zu of %zu calls were judged by a band that fewer than three "
             "undisturbed runs of warm-up stand behind: what others took of "
             "those runs is inside the band and does not show.",
             j->n_blurred, j->n);
}
