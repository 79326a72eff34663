/* store.h - an open memory of this process: the store of the settings, and the
 * session that models are opened in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_STORE_H
#define CLI_STORE_H

#include "session.h"

typedef enum cli_store_use {
    CLI_STORE_READ,   /* must exist */
    CLI_STORE_WRITE,  /* must exist */
    CLI_STORE_CREATE, /* made when absent, if a model is given */
} cli_store_use;

typedef struct cli_store {
    bool no_truncate; /* a longer text or question is refused, not cut */
    cli_session session;
    anm_memory *memory;
} cli_store;

/* Open the store of the settings. Zero-initialised or failed is valid to
 * close; no_truncate of a zeroed one may be set before.
 *
 * @param with_model  Open the model of the settings too, when there is one;
 *                    without, collections name their own. */
anm_status cli_store_open(cli_store *s, cli *c, cli_store_use use,
                          bool with_model, anm_error *err);
void cli_store_close(cli_store *s);

/* The collection of the settings; ANM_E_ARG when there is none. */
anm_status cli_store_collection(const cli *c, const char **name,
                                anm_error *err);

/* ANM_E_ARG unless there are so many arguments; `what` names them. */
anm_status cli_store_arguments(const cli *c, size_t n, const char *what,
                               anm_error *err);

#endif
