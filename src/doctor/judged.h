/* judged.h - which calls a window of records judges, and what can be said of
 * them before any cause is looked for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_JUDGED_H
#define ANM_JUDGED_H

#include "doctor/record.h"

/* A call that nothing was changed for, with a band beside it. */
bool anm_record_is_judged(const anm_record *r);

/* Calls within half a second of each other share their moment: what disturbs
 * one disturbs the next, and many of them are no better evidence than one. */
bool anm_is_same_moment(const anm_record *first, const anm_record *r);

typedef struct anm_judged {
    size_t n_calls;   /* that there are */
    size_t n;         /* calls that were judged */
    size_t n_above;   /* that lay above their band */
    size_t n_moments; /* in which these lay */
    size_t n_blurred; /* judged by a band of disturbed runs */
    size_t n_log;     /* of the judged ones that a log holds */
    bool is_both;     /* a log beside calls of this run */
} anm_judged;

/* Add the calls of a window. */
void anm_judged_add(anm_judged *j, const anm_records *records);

/* Add those of a log, after the calls of this run where there are any. */
void anm_judged_add_log(anm_judged *j, const anm_records *log);

/* Why nothing was found, for people. */
void anm_judged_say(const anm_judged *j, char *out, size_t cap);

/* What the bands could not show; "" for nothing. */
void anm_judged_warn(const anm_judged *j, char *out, size_t cap);

#endif
