/* process.c - signals and standard streams.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t told_to_end; // by this signal, which is held back

static void note_interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

static void note_end(int sig)
{
    told_to_end = sig;
    interrupted = 1;
}

static void catch_once(int sig, void (*handler)(int))
{
    struct sigaction act;

    // No SA_RESTART: a read that waits for the next line must return.
    memset(&act, 0, sizeof(act));
    act.sa_handler = handler;
    act.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&act.sa_mask);
    sigaction(sig, &act, NULL);
}

static bool is_ignored(int sig)
{
    struct sigaction act;

    return sigaction(sig, NULL, &act) == 0 && act.sa_handler == SIG_IGN;
}

bool cli_interrupted(void)
{
    return interrupted != 0;
}

void cli_sleep_ms(double ms)
{
    struct timespec left = { (time_t)(ms / 1e3),
                             (long)(ms * 1e6) % 1000000000 };

    while (nanosleep(&left, &left) && errno == EINTR && !cli_interrupted())
        ;
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
    catch_once(SIGINT, note_interrupt);

    // A parent may have left it ignored; a closed pipe ends us quietly.
    signal(SIGPIPE, SIG_DFL);

    // A limit on the size of files is met like a full disk: the write fails.
    signal(SIGXFSZ, SIG_IGN);
}

// Left ignored by the parent, as nohup does, they stay so.
static const int ends[] = { SIGTERM, SIGHUP };
enum { N_ENDS = sizeof(ends) / sizeof(ends[0]) };

void cli_signals_hold(void)
{
    for (int i = 0; i < N_ENDS; i++)
        if (!is_ignored(ends[i])) catch_once(ends[i], note_end);
}

void cli_signals_release(void)
{
    for (int i = 0; i < N_ENDS; i++)
        if (!is_ignored(ends[i])) signal(ends[i], SIG_DFL);
    if (told_to_end) raise(told_to_end);
}
