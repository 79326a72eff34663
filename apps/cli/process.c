/* process.c - signals and standard streams.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void note_interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

bool cli_interrupted(void)
{
    return interrupted != 0;
}

void cli_streams_hold(void)
{
    // Opened the wrong way round, so that reading or writing still fails.
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            return;
}

void cli_signals_init(void)
{
    struct sigaction act;

    // No SA_RESTART: a read that waits for the next line must return.
    memset(&act, 0, sizeof(act));
    act.sa_handler = note_interrupt;
    act.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);

    // A parent may have left it ignored; a closed pipe ends us quietly.
    signal(SIGPIPE, SIG_DFL);

    // A limit on the size of files is met like a full disk: the write fails.
    signal(SIGXFSZ, SIG_IGN);
}
