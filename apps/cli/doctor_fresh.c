/* doctor_fresh.c - processes of their own for the same model: the command
 * starts itself once for one text, and once as a conversation (embed --jsonl -)
 * that is kept; both tell what happened by their receipts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

enum { LINE_MAX_BYTES = 1 << 20, PATIENCE_MS = 60000, WORDS_MAX = 24 };

extern char **environ;

static bool fail(char *why, size_t cap, const char *what, int code)
{
    snprintf(why, cap, "a process of its own: %s: %s", what, strerror(code));
    return false;
}

/* ---- Starting ------------------------------------------------------------------ */

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
        { CLI_OVERCOMMIT, "ANEMONE_OVERCOMMIT" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (c->settings.origin[rows[i].setting] != CLI_ORIGIN_DEFAULT &&
            c->settings.text[rows[i].setting])
            setenv(rows[i].name, c->settings.text[rows[i].setting], 1);
    setenv("ANEMONE_MODEL", model, 1);
    setenv("ANEMONE_REQUIRE", "none", 1);
    // A conversation warms up before its first answer: one short length.
    setenv("ANEMONE_BUCKETS", "8", 1);
    unsetenv("ANEMONE_RECEIPT_LOG");
    unsetenv("ANEMONE_LOG");
}

static int spawn(pid_t *pid, const char *self, const char *const *words, int in,
                 int out)
{
    // The type of the arguments is older than const.
    char *const *arguments = (char *const *)(uintptr_t)words;
    posix_spawn_file_actions_t actions;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
                                     O_WRONLY, 0);
    const int code = posix_spawn(pid, self, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

/* Start with a pipe to and from it. */
static bool start(cli_doctor_kin *k, const char *const *words, char *why,
                  size_t cap)
{
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
    // Nobody inherits our ends: a child must see the end of its input.
    fcntl(in[1], F_SETFD, FD_CLOEXEC);
    fcntl(out[0], F_SETFD, FD_CLOEXEC);
    const int code = spawn(&k->pid, self, words, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    k->to = in[1];
    k->from = out[0];
    if (!code) return true;
    close(k->to);
    close(k->from);
    k->pid = 0;
    return fail(why, cap, "start", code);
}

/* Its input has ended, so it ends by itself. */
static void stop(cli_doctor_kin *k)
{
    int status;

    if (!k->pid) return;
    close(k->to);
    close(k->from);
    while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    k->pid = 0;
}

/* ---- Answers ---------------------------------------------------------------------- */

/* The next line of a child into line [LINE_MAX_BYTES]; false when it ends or
 * is silent for too long. */
static bool read_line(int from, char *line)
{
    struct pollfd p = { .fd = from, .events = POLLIN };
    size_t len = 0;

    while (len + 1 < LINE_MAX_BYTES) {
        if (poll(&p, 1, PATIENCE_MS) <= 0) return false;
        const ssize_t n = read(from, line + len, LINE_MAX_BYTES - 1 - len);
        if (n <= 0) return false;
        len += (size_t)n;
        line[len] = '\0';
        if (line[len - 1] == '\n') return true;
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

/* ---- The two of them ----------------------------------------------------------------- */

static const char question[] = "what are my Q2 goals?";

/* The command line of a child: settings without a variable, and its own
 * words. */
static void list_words(const cli *c, const char *const *own,
                       const char *out[WORDS_MAX])
{
    static const struct {
        cli_setting setting;
        const char *flag;
    } rows[] = {
        { CLI_TOKENIZER, "--tokenizer" }, { CLI_POOLING, "--pooling" },
        { CLI_NORMALIZE, "--normalize" }, { CLI_LOWERCASE, "--lowercase" },
        { CLI_ADD_EOS, "--add-eos" },     { CLI_PADDING, "--padding" },
        { CLI_FUNCTION, "--function" },   { CLI_OUTPUT_NAME, "--output-name" },
    };
    enum { N_ROWS = sizeof(rows) / sizeof(rows[0]), N_OWN = 5 };
    static_assert(WORDS_MAX > 2 + 2 * N_ROWS + N_OWN, "room for all of them");
    size_t n = 0;

    out[n++] = "anemone";
    out[n++] = "embed";
    for (size_t i = 0; i < N_ROWS; i++) {
        if (!c->settings.text[rows[i].setting]) continue;
        out[n++] = rows[i].flag;
        out[n++] = c->settings.text[rows[i].setting];
    }
    for (size_t i = 0; own[i] && n + 1 < WORDS_MAX; i++)
        out[n++] = own[i];
    out[n] = NULL;
}

/* From nothing to the answer. */
static bool ask_once(const cli *c, char *line, anm_fresh *out, char *why,
                     size_t cap)
{
    static const char *const own[] = { "--json", "--receipt", "-q", question,
                                       NULL };
    const char *words[WORDS_MAX];
    cli_doctor_kin once = { 0 };
    const uint64_t began = cli_now_ns();

    list_words(c, own, words);
    if (!start(&once, words, why, cap)) return false;
    const bool answered = read_line(once.from, line);
    out->open_ns = cli_now_ns() - began;
    stop(&once);
    out->first_ns = answered ? total_of(line) : 0;
    if (!out->first_ns)
        snprintf(why, cap, "a process of its own did not answer");
    return out->first_ns > 0;
}

static bool ask_again(cli_doctor_kin *kin, const cli *c, anm_fresh *out,
                      char *why, size_t cap)
{
    static const char *const own[] = { "--jsonl", "-", "--receipt", "-q",
                                       NULL };
    const char *words[WORDS_MAX];
    static const char text[] = "{\"text\":\"what are my Q2 goals?\"}\n";
    const bool is_new = !kin->pid;

    list_words(c, own, words);
    if (is_new && !start(kin, words, why, cap)) return false;
    for (int i = 0; i < (is_new ? 2 : 1); i++) {
        if (write(kin->to, text, sizeof(text) - 1) !=
                (ssize_t)sizeof(text) - 1 ||
            !read_line(kin->from, kin->line)) {
            snprintf(why, cap, "a process of its own did not answer");
            return false;
        }
    }
    out->later_ns = total_of(kin->line);
    return out->later_ns > 0;
}

bool cli_doctor_fresh(cli_doctor_kin *kin, const cli *c, const char *model,
                      anm_fresh *out, char *why, size_t cap)
{
    // A child that has ended must not end this process.
    struct sigaction ignore = { .sa_handler = SIG_IGN }, before;

    if (!kin->line) kin->line = malloc(LINE_MAX_BYTES);
    if (!kin->line) return fail(why, cap, "answers", ENOMEM);
    set_settings(c, model);
    if (!ask_once(c, kin->line, out, why, cap)) return false;
    sigaction(SIGPIPE, &ignore, &before);
    const bool answered = ask_again(kin, c, out, why, cap);
    sigaction(SIGPIPE, &before, NULL);
    return answered;
}

void cli_doctor_kin_end(cli_doctor_kin *kin)
{
    stop(kin);
    free(kin->line);
    kin->line = NULL;
}
