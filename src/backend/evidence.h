/* evidence.h - statements about where something runs, and who said so.
 *
 * A statement is made by naming a witness, and the witness alone decides how
 * strong it is. No clock is among the witnesses and nothing here takes a
 * duration: a device cannot be derived from a latency. The members of a
 * statement are sealed: they are written in evidence.c and read through the
 * functions below (tools/check-layers holds the sources against that).
 *
 * Statements are raised by backends and by what they count, and nowhere else.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_EVIDENCE_H
#define ANM_EVIDENCE_H

#include "anemone.h"
#include "base/compiler.h"

/* Who said it. */
typedef enum anm_witness {
    ANM_WITNESS_CONFIGURATION, /* what was asked of the system: configured */
    ANM_WITNESS_PLAN,          /* what the system plans to do: planned */
    ANM_WITNESS_CPU_TIME,      /* CPU time of the computing threads: observed */
    ANM_WITNESS_DEVICE,        /* energy, busy time or memory that the device
                                  itself counted in this call: observed */
} anm_witness;

/* A zero statement says nothing: device 0 with evidence UNKNOWN. */
typedef struct anm_statement {
    struct {
        anm_device device; /* may be UNKNOWN or MIXED */
        anm_evidence evidence;
        double share; /* of the estimated work there; negative: unknown */
        char how[200];
    } sealed;
} anm_statement;

/* `how` is the witness's own words: figures of the observation, the name of
 * the plan. Cut at 199 bytes. */
anm_statement anm_statement_make(anm_witness by, anm_device device,
                                 double share, const char *how, ...)
    ANM_PRINTF(4, 5);

/* The same with words that are ready. */
anm_statement anm_statement_quote(anm_witness by, anm_device device,
                                  double share, const char *how);

/* UNKNOWN, whatever it holds, when nobody said it. */
anm_device anm_statement_device(const anm_statement *s);
anm_evidence anm_statement_evidence(const anm_statement *s);
double anm_statement_share(const anm_statement *s);
const char *anm_statement_how(const anm_statement *s);

/* Both cannot be true: they put more than all of the work on two devices. A
 * share that is not known counts as just above half; MIXED and UNKNOWN
 * contradict nothing. */
bool anm_statements_contradict(const anm_statement *a, const anm_statement *b);

enum { ANM_TESTIMONY_MAX = 4 };

/* All that was said of one call. Zero-initialised: nothing. */
typedef struct anm_testimony {
    anm_statement items[ANM_TESTIMONY_MAX];
    size_t n;
    unsigned excluded; /* bits 1u << anm_device: cannot have been used, by
                          configuration */
} anm_testimony;

/* Add a statement; when there is no room the weakest goes. */
void anm_testimony_add(anm_testimony *t, const anm_statement *s);

/* What both calls say: of chunks of one call. A device that differs between
 * the strongest of each becomes MIXED. */
void anm_testimony_join(anm_testimony *t, const anm_testimony *next);

/* The strongest, the first among equals; never NULL. */
const anm_statement *anm_testimony_strongest(const anm_testimony *t);

/* The strongest of those that contradict the strongest; NULL: none does. */
const anm_statement *anm_testimony_against(const anm_testimony *t);

#endif
