/* add.h - the two halves of `add`: one item from arguments (verb_add.c) and
 * lines of JSON (add_lines.c), over what they share (add_items.c).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ADD_H
#define CLI_ADD_H

#include "store.h"

typedef enum add_on_error { ADD_STOP, ADD_SKIP } add_on_error;

typedef struct add_options {
    const char *jsonl; /* NULL: the item is in the arguments */
    const char *meta;
    cli_list index;
    size_t on_error;
    bool no_truncate;
} add_options;

typedef struct add_job {
    cli *c;
    add_options o;
    cli_store store;
    const char *collection;
    bool conversation;    /* lines of stdin, each answered */
    anm_remembered total; /* of all calls */
    size_t last_cut;      /* tokens cut from the last item of the last call */
    size_t n_bad;         /* lines skipped */
} add_job;

/* Remember items, add to the counts, warn of those that were cut. */
anm_status cli_add_items(add_job *job, const anm_memo *items, size_t n,
                         anm_error *err);

/* Remember the lines of a file, or of stdin ("-"). */
anm_status cli_add_lines(add_job *job, const char *path, anm_error *err);

#endif
