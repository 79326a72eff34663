/* cli.h - what every part of the command shares: the run, its verbs, its
 * errors.
 *
 * Statuses and errors are the library's; an exit code is made of a status in
 * one place, cli_report(). Symbols here begin with cli_, since anm_ marks the
 * library.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_H
#define CLI_H

#include "anemone.h"
#include "options.h"
#include "output.h"
#include "settings.h"

enum {
    CLI_DONE = 0,
    CLI_NEGATIVE = 1, /* ran, and the answer is no */
    CLI_USAGE = 2,
    CLI_INTERRUPTED = 130,
};

typedef struct cli_verb cli_verb;

/* One run of the command. */
typedef struct cli {
    const cli_verb *verb; /* NULL before it is known */
    cli_settings settings;
    cli_term term;
    bool json;
    bool quiet;
    bool verify;
    bool help;
    bool version;
    char **args; /* [n_args] what is left when options are taken out */
    size_t n_args;
    int exit_code; /* when cli_begin() is false */
} cli;

struct cli_verb {
    const char *name;
    const char *summary;
    const char *arguments; /* as the usage line shows them */
    const char *about;     /* a paragraph for its help */
    const char *example;   /* one command line */
    int (*run)(cli *c, int argc, char **argv);
    const cli_option *options; /* [n_options], into the verb's own struct */
    size_t n_options;
};

/* All of the command: the exit code. */
int cli_run(int argc, char **argv);

/* The verbs, ended by NULL. Each program has its list. */
extern const cli_verb *const cli_verbs[];

/* ---- What every verb shares (verbs.c) --------------------------------------- */

/* NULL when there is none of this name. */
const cli_verb *cli_verb_find(const char *name);

/* Options that every verb takes, into the cli itself. */
extern const cli_option cli_common_options[];
extern const size_t cli_n_common_options;

/* ---- Arguments (command.c) --------------------------------------------------- */

/* Read the arguments that follow the verb into `values` (the struct that its
 * options point into) and settle the settings. False when there is nothing
 * left to do: help was asked and given, or an error was reported. */
bool cli_begin(cli *c, void *values, int argc, char **argv);

/* The part of it before settling: also for the options before the verb, with
 * `globals`, which ends at the verb. */
anm_status cli_parse(cli *c, void *values, bool globals, int argc, char **argv,
                     anm_error *err);

/* For verbs that take TEXT… or --jsonl [FILE|-]: one of the two was given, as
 * it may be. jsonl is the value of that option, NULL without it. */
anm_status cli_check_texts(const cli *c, const char *jsonl, anm_error *err);

/* `--on-error skip` is of lines; without --jsonl it would do nothing. */
anm_status cli_check_skip(bool skips, const char *jsonl, anm_error *err);

/* ---- Help (help.c) ------------------------------------------------------------ */

/* Help of the whole command (verb NULL) or of a verb. */
void cli_help_print(FILE *out, const cli_verb *verb);

/* The same on stdout, as a document with --json; the exit code. */
int cli_help_give(const cli *c, const cli_verb *verb);

/* Version, compiler, instruction sets, backends; the exit code. */
int cli_version_print(cli *c);

/* ---- How a run ends (outcome.c) ------------------------------------------- */

/* Write the error to stderr, with --json also to stdout; its exit code. */
int cli_report(const cli *c, const anm_error *err);

/* Write "anemone: warning: …" to stderr, unless quiet. */
void cli_warn(const cli *c, const char *format, ...) CLI_PRINTF(2, 3);

/* Flush stdout; the code given, or that of a failed write. */
int cli_finish(const cli *c, int code);

/* ---- The process (process.c) ----------------------------------------------- */

/* True once SIGINT came; a second one ends the process at once. */
bool cli_interrupted(void);
void cli_signals_init(void);

/* Let time go by; an interrupt ends it. */
void cli_sleep_ms(double ms);

/* For as long as something must be put back before the process ends, such as a
 * terminal: SIGTERM and SIGHUP count as an interrupt until _release, which ends
 * the process by the one that came. */
void cli_signals_hold(void);
void cli_signals_release(void);

/* Keep a standard stream that is closed from becoming the next file that is
 * opened. */
void cli_streams_hold(void);

/* ---- The verbs ------------------------------------------------------------------ */

extern const cli_verb cli_verb_embed, cli_verb_tokenize, cli_verb_add,
    cli_verb_search, cli_verb_get, cli_verb_rm, cli_verb_ls, cli_verb_stats,
    cli_verb_check, cli_verb_backup, cli_verb_compact, cli_verb_inspect,
    cli_verb_plan, cli_verb_predict, cli_verb_bench, cli_verb_cache,
    cli_verb_doctor, cli_verb_watch, cli_verb_help;

#endif
