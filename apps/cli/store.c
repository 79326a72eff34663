/* store.c - opens the store that the settings name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static anm_status check_path(const cli *c, cli_store_use use, anm_error *err)
{
    const char *path = c->settings.text[CLI_STORE];

    if (!path)
        return cli_fail(err, ANM_E_ARG,
                        "no store: give -s FILE or set ANEMONE_STORE");
    // The library makes a store that is absent, which only a model can fill.
    if (use == CLI_STORE_CREATE && c->settings.options.model) return ANM_OK;
    if (!access(path, F_OK)) return ANM_OK;
    return cli_fail(
        err, errno == ENOENT ? ANM_E_NOTFOUND : ANM_E_IO, "store %.600s: %s%s",
        path, strerror(errno),
        use == CLI_STORE_CREATE ? "; to create it give a model with -m" : "");
}

anm_status cli_store_open(cli_store *s, cli *c, cli_store_use use,
                          bool with_model, anm_error *err)
{
    *s = (cli_store){ .no_truncate = s->no_truncate };
    s->session.receipts.fd = -1;
    anm_status status = check_path(c, use, err);
    if (status) return status;
    status = with_model && c->settings.options.model
                 ? cli_session_open(&s->session, c, false, err)
                 : cli_session_begin(&s->session, c, err);
    if (status) return status;

    const size_t timeout_ms = c->settings.timeout_ms;
    const anm_memory_options options = {
        .store = c->settings.text[CLI_STORE],
        .model = s->session.model,
        .open = &s->session.options,
        .read_only = use == CLI_STORE_READ,
        // 0 is the library's default, and here means not to wait.
        .timeout_ms = timeout_ms ? (unsigned)timeout_ms : 1,
        .no_truncate = s->no_truncate,
    };
    return anm_memory_open(&s->memory, &options, err);
}

void cli_store_close(cli_store *s)
{
    cli_progress_end(&s->session.progress);
    anm_memory_close(s->memory);
    s->memory = NULL;
    cli_session_close(&s->session);
}

anm_status cli_store_collection(const cli *c, const char **name, anm_error *err)
{
    *name = c->settings.text[CLI_COLLECTION];
    if (*name) return ANM_OK;
    return cli_fail(err, ANM_E_ARG,
                    "no collection: give -c NAME or set ANEMONE_COLLECTION");
}

anm_status cli_store_arguments(const cli *c, size_t n, const char *what,
                               anm_error *err)
{
    if (c->n_args == n) return ANM_OK;
    return cli_fail(err, ANM_E_ARG, "takes %s; there are %zu arguments", what,
                    c->n_args);
}
