/* doctor_fresh.c - a process of its own for the same model: the command starts
 * itself as a conversation (embed --jsonl -) and reads the receipts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

enum { CALLS = 4, LINE_MAX_BYTES = 1 << 20, PATIENCE_MS = 60000 };

extern char **environ;

/* ---- The child --------------------------------------------------------------- */

typedef struct child {
    pid_t pid;
    int to, from; /* its stdin and stdout */
    char *line;   /* [LINE_MAX_BYTES] */
    size_t len;   /* of what was read and not yet taken */
} child;

static bool fail(char *why, size_t cap, const char *what, int code)
{
    snprintf(why, cap, "a process of its own: %s: %s", what, strerror(code));
    return false;
}

static bool find_self(char *path, size_t cap)
{
#if defined(__APPLE__)
    uint32_t size = (uint32_t)cap;
    return _NSGetExecutablePath(path, &size) == 0;
#else
    const ssize_t n = readlink("/proc/self/exe", path, cap - 1);
    if (n <= 0) return false;
    path[n] = '\0';
    return true;
#endif
}

/* Settings go by environment: the child has no flags to beat them. */
static void set_settings(const cli *c, const char *model)
{
    static const struct {
        cli_setting setting;
        const char *name;
    } rows[] = {
        { CLI_UNITS, "ANEMONE_UNITS" },
        { CLI_ALLOW_FALLBACK, "ANEMONE_ALLOW_FALLBACK" },
        { CLI_PRECISION, "ANEMONE_PRECISION" },
        { CLI_THREADS, "ANEMONE_THREADS" },
        { CLI_CPU, "ANEMONE_CPU" },
        { CLI_CACHE_DIR, "ANEMONE_CACHE_DIR" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (c->settings.origin[rows[i].setting] != CLI_ORIGIN_DEFAULT &&
            c->settings.text[rows[i].setting])
            setenv(rows[i].name, c->settings.text[rows[i].setting], 1);
    setenv("ANEMONE_MODEL", model, 1);
    setenv("ANEMONE_REQUIRE", "none", 1);
    unsetenv("ANEMONE_RECEIPT_LOG");
    unsetenv("ANEMONE_LOG");
}

static bool start(child *k, const cli *c, const char *model, char *why,
                  size_t cap)
{
    // What is handed to another program may be written to by it.
    static char name[] = "anemone", verb[] = "embed", lines[] = "--jsonl",
                from[] = "-", receipt[] = "--receipt", quiet[] = "-q";
    static char *const arguments[] = { name,    verb,  lines, from,
                                       receipt, quiet, NULL };
    posix_spawn_file_actions_t actions;
    char self[4096];
    int in[2], out[2];

    if (!find_self(self, sizeof(self)))
        return fail(why, cap, "find this program", errno);
    if (pipe(in)) return fail(why, cap, "pipe", errno);
    if (pipe(out)) {
        close(in[0]);
        close(in[1]);
        return fail(why, cap, "pipe", errno);
    }
    set_settings(c, model);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
                                     O_WRONLY, 0);
    posix_spawn_file_actions_addclose(&actions, in[1]);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    const int code =
        posix_spawn(&k->pid, self, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    k->to = in[1];
    k->from = out[0];
    if (!code) return true;
    close(k->to);
    close(k->from);
    return fail(why, cap, "start", code);
}

static void stop(child *k)
{
    int status;

    close(k->to);
    close(k->from);
    // Its input has ended, so it ends by itself.
    while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
        continue;
}

/* ---- Questions and answers ------------------------------------------------------ */

static bool ask(child *k)
{
    static const char question[] = "{\"text\":\"what are my Q2 goals?\"}\n";
    const size_t len = sizeof(question) - 1;

    return write(k->to, question, len) == (ssize_t)len;
}

/* The next line of the child; false when it ends or is silent for too long. */
static bool read_line(child *k)
{
    struct pollfd p = { .fd = k->from, .events = POLLIN };

    k->len = 0;
    while (k->len + 1 < LINE_MAX_BYTES) {
        if (poll(&p, 1, PATIENCE_MS) <= 0) return false;
        const ssize_t n =
            read(k->from, k->line + k->len, LINE_MAX_BYTES - 1 - k->len);
        if (n <= 0) return false;
        k->len += (size_t)n;
        k->line[k->len] = '\0';
        if (k->line[k->len - 1] == '\n') return true;
    }
    return false;
}

static uint64_t total_of(const char *line)
{
    json_t *doc = json_loads(line, 0, NULL);
    const json_t *stages =
        json_object_get(json_object_get(doc, "receipt"), "stages_ns");
    const json_int_t ns = json_integer_value(json_object_get(stages, "total"));

    json_decref(doc);
    return ns > 0 ? (uint64_t)ns : 0;
}

static int compare_ns(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static bool converse(child *k, uint64_t began, anm_fresh *out)
{
    uint64_t later[CALLS];

    for (size_t i = 0; i <= CALLS; i++) {
        const struct timespec pause = { .tv_nsec = 20000000 };
        if (i) nanosleep(&pause, NULL);
        if (!ask(k) || !read_line(k)) return false;
        if (i == 0) out->open_ns = cli_now_ns() - began;
        const uint64_t ns = total_of(k->line);
        if (!ns) return false;
        if (i)
            later[i - 1] = ns;
        else
            out->first_ns = ns;
    }
    qsort(later, CALLS, sizeof(*later), compare_ns);
    out->later_ns = later[CALLS / 2];
    return true;
}

bool cli_doctor_fresh(cli *c, const char *model, anm_fresh *out, char *why,
                      size_t cap)
{
    child k = { .line = malloc(LINE_MAX_BYTES) };
    const uint64_t began = cli_now_ns();

    if (!k.line) return fail(why, cap, "answers", ENOMEM);
    bool done = start(&k, c, model, why, cap);
    if (done) {
        // A child that has ended must not end this process.
        struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
        sigaction(SIGPIPE, &ignore, &before);
        done = converse(&k, began, out);
        sigaction(SIGPIPE, &before, NULL);
        stop(&k);
        if (!done) snprintf(why, cap, "a process of its own did not answer");
    }
    free(k.line);
    return done;
}
