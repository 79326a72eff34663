/* session.h - an open model of this process, with its log lines, progress and
 * receipts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli.h"
#include "progress.h"
#include "receipt_log.h"

typedef struct cli_session {
    cli *c;
    anm_options options; /* how models are opened */
    anm_model *model;
    cli_progress progress;
    cli_receipt_log receipts;
    bool receipts_failed; /* warned already */
    uint64_t open_ns;     /* spent in opening */
} cli_session;

/* The library's options as the settings say, with log and progress of this
 * session, which must stay where it is. */
void cli_session_options(cli_session *s, cli *c, anm_options *out);

/* Of verbs whose argument is a model: take it, or else the setting. */
anm_status cli_session_model(const cli *c, anm_options *options,
                             anm_error *err);

/* A session without a model, yet or at all. */
anm_status cli_session_begin(cli_session *s, cli *c, anm_error *err);

/* Open the model of the settings. Zero-initialised or failed is valid to
 * close.
 *
 * @param by_argument  The verb's argument is a model. */
anm_status cli_session_open(cli_session *s, cli *c, bool by_argument,
                            anm_error *err);
void cli_session_close(cli_session *s);

/* Measure the bands of the lengths in the settings' buckets. */
anm_status cli_session_warm(cli_session *s, anm_error *err);

/* A receipt into the receipt log; a log that fails is warned of once. */
void cli_session_keep(cli_session *s, const anm_receipt *r);

/* Where anm_embed_with() puts its answers. */
typedef struct cli_answers {
    float *vectors;
    anm_text_info *infos; /* or NULL */
    anm_receipt *receipt; /* or NULL */
} cli_answers;

/* anm_embed_with(), and its receipt into the receipt log. */
anm_status cli_session_embed(cli_session *s, const anm_text *texts, size_t n,
                             const anm_embed_params *params,
                             const cli_answers *to, anm_error *err);

#endif
