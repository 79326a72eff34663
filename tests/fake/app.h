/* app.h - the command that plays scenarios: `anemone --backend fake:FILE`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKE_APP_H
#define FAKE_APP_H

#include "cli/cli.h"

/* Run the scenario's workload and print its receipts; the exit code. */
int fake_play(cli *c, bool lines);

#endif
