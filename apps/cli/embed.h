/* embed.h - the two halves of `embed`: texts from arguments (verb_embed.c) and
 * lines of JSON (embed_lines.c), over what they share (embed_answer.c).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_EMBED_H
#define CLI_EMBED_H

#include "npy.h"
#include "session.h"

typedef enum embed_encoding { EMBED_FLOAT, EMBED_BASE64 } embed_encoding;
typedef enum embed_on_error { EMBED_STOP, EMBED_SKIP } embed_on_error;
typedef enum embed_format { EMBED_TEXT, EMBED_NPY } embed_format;

typedef struct embed_options {
    const char *jsonl; /* NULL: texts are arguments */
    size_t encoding, on_error, format;
    const char *prompt, *prompt_text, *output;
    size_t dims, max_tokens;
    bool receipt, ids, no_truncate;
} embed_options;

typedef struct embed_job {
    cli *c;
    embed_options o;
    cli_session session;
    anm_embed_params params;
    size_t dim;           /* of what is written */
    size_t cap;           /* texts that the buffers hold */
    float *vectors;       /* [cap, dim] */
    anm_text_info *infos; /* [cap] */
    int32_t *ids;         /* [max_tokens] for --ids */
    anm_receipt receipt;
    cli_npy npy;
    size_t n_cut, tokens_cut; /* texts and tokens, for the warning */
} embed_job;

/* Room for n texts. */
anm_status cli_embed_reserve(embed_job *job, size_t n, anm_error *err);

/* ,"vector":…,"tokens":…,"truncated":… and what --ids asks for. */
anm_status cli_embed_put_fields(embed_job *job, size_t i, anm_text text,
                                anm_error *err);

/* Embed the file, or stdin line by line; the exit code. */
int cli_embed_lines(embed_job *job, const char *path);

#endif
