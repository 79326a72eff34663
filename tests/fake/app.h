/* app.h - the command that plays scenarios: `anemone --backend fake:FILE`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKE_APP_H
#define FAKE_APP_H

#include "cli/cli.h"

/* Run the scenario's workload and print its receipts; the exit code. */
int fake_play(cli *c, bool lines);

/* Run it and print nothing: its receipts go to the receipt log alone. */
anm_status fake_play_silently(cli *c, anm_error *err);

#endif
