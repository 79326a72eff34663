/* command.c - one run from its arguments to its exit code: verbs' common options,
 * errors, signals.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
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

const cli_option cli_common_options[] = {
    { "json", 0, CLI_SWITCH, offsetof(cli, json), NULL,
      "one JSON document on stdout", 0, 0 },
    { "quiet", 'q', CLI_SWITCH, offsetof(cli, quiet), NULL,
      "no progress and no warnings", 0, 0 },
    { "verify", 0, CLI_SWITCH, offsetof(cli, verify), NULL,
      "hash weights and prepared model again", 0, 0 },
    { "help", 'h', CLI_SWITCH, offsetof(cli, help), NULL, "this text", 0, 0 },
    { "version", 'V', CLI_SWITCH, offsetof(cli, version), NULL,
      "version, compiler, instruction sets, backends", 0, 0 },
};
const size_t cli_n_common_options =
    sizeof(cli_common_options) / sizeof(cli_common_options[0]);

const cli_verb *cli_verb_find(const char *name)
{
    for (const cli_verb *const *v = cli_verbs; *v; v++)
        if (!strcmp((*v)->name, name)) return *v;
    return NULL;
}

anm_status cli_parse(cli *c, void *values, bool globals, int argc, char **argv,
                     anm_error *err)
{
    const cli_options groups[] = {
        { c->verb ? c->verb->options : NULL, c->verb ? c->verb->n_options : 0,
          values },
        { cli_common_options, cli_n_common_options, c },
        { c->settings.flags, CLI_SETTING_COUNT, (void *)c->settings.given },
    };
    const cli_parse_params params = { groups, 3, globals };

    c->args = argv;
    return cli_options_parse(&params, argc, argv, &c->n_args, err);
}

bool cli_begin(cli *c, void *values, int argc, char **argv)
{
    anm_error err;

    anm_status status = cli_parse(c, values, false, argc, argv, &err);
    if (status) {
        c->exit_code = cli_report(c, &err);
        return false;
    }
    if (c->help) {
        c->exit_code = cli_help_give(c, c->verb);
        return false;
    }
    if (c->version) {
        c->exit_code = cli_version_print(c);
        return false;
    }
    status = cli_settings_settle(&c->settings, &err);
    if (status) {
        c->exit_code = cli_report(c, &err);
        return false;
    }
    c->settings.options.verify = c->verify;
    return true;
}

anm_status cli_check_texts(const cli *c, const char *jsonl, anm_error *err)
{
    if (jsonl && c->json)
        return cli_fail(err, ANM_E_ARG,
                        "--json and --jsonl exclude each other");
    if (jsonl && c->n_args > (*jsonl ? 0 : 1))
        return cli_fail(err, ANM_E_ARG,
                        "--jsonl takes one FILE, and no texts; there are %zu "
                        "arguments",
                        c->n_args);
    if (!jsonl && c->n_args == 0)
        return cli_fail(err, ANM_E_ARG,
                        "no text: give TEXT as an argument, or --jsonl -");
    return ANM_OK;
}

anm_status cli_check_skip(bool skips, const char *jsonl, anm_error *err)
{
    if (!skips || jsonl) return ANM_OK;
    return cli_fail(err, ANM_E_ARG, "--on-error needs --jsonl");
}

static void write_error_line(const cli *c, const char *message)
{
    fprintf(stderr, "anemone%s%s: ", c->verb ? " " : "",
            c->verb ? c->verb->name : "");
    cli_put_text(stderr, &c->term, anm_text_of(message), SIZE_MAX);
    fputc('\n', stderr);
}

int cli_report(const cli *c, const anm_error *err)
{
    if (c->json) {
        printf("{\"error\":{\"status\":\"%s\",\"message\":",
               anm_status_name(err->status));
        cli_json_string(stdout, err->message);
        printf("}}\n");
        fflush(stdout);
    }
    write_error_line(c, err->message);
    return anm_status_exit_code(err->status);
}

void cli_warn(const cli *c, const char *format, ...)
{
    if (c->quiet) return;
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    fputs("anemone: warning: ", stderr);
    cli_put_text(stderr, &c->term, anm_text_of(message), SIZE_MAX);
    fputc('\n', stderr);
}

int cli_finish(const cli *c, int code)
{
    errno = 0;
    if (!ferror(stdout) && fflush(stdout) != EOF) return code;
    char message[128];
    snprintf(message, sizeof(message), "stdout: %s",
             errno ? strerror(errno) : "write failed");
    write_error_line(c, message);
    return anm_status_exit_code(ANM_E_IO);
}
