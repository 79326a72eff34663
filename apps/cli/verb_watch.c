/* verb_watch.c - `watch`: a receipt log as it is written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct watch_options {
    const char *receipts;
    bool once;
} watch_options;

static const cli_option options[] = {
    { "receipts", 0, CLI_STRING, offsetof(watch_options, receipts), "FILE",
      "the log that a process writes with --receipt-log FILE", 0, 0 },
    { "once", 0, CLI_SWITCH, offsetof(watch_options, once), NULL,
      "show what it holds now, and end", 0, 0 },
};

enum { POLL_MS = 100 };

/* A live view begins with the recent past; a count has all of it. */
static const uint64_t live_tail = 256 * 1024;

typedef struct watching {
    const cli *c;
    cli_watch w;
    cli_watch_log log;
    bool as_lines; /* every receipt on a line, as it comes */
} watching;

static void take_line(void *ctx, const char *line, size_t len)
{
    watching *x = ctx;

    if (cli_watch_add(&x->w, line, len) && x->as_lines)
        cli_watch_line(stdout, &x->c->term, &x->w);
}

/* ---- The live picture ------------------------------------------------------------------ */

/* Another screen, without a cursor, and back. */
static void begin_screen(void)
{
    fputs("\033[?1049h\033[?25l", stdout);
}

static void end_screen(void)
{
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
}

/* How many columns the bytes of a sequence that a terminal obeys, or of a
 * character, take; *len is how many bytes they are. */
static size_t columns_of(const cli_term *t, const char *s, size_t left,
                         size_t *len)
{
    *len = 1;
    if (*s == '\033') {
        while (*len < left && s[*len - 1] != 'm')
            (*len)++;
        return 0;
    }
    while (t->utf8 && *len < left && (s[*len] & 0xc0) == 0x80)
        (*len)++;
    return cli_text_columns(t, (anm_text){ s, *len });
}

/* A line as far as the screen reaches; its colours to the end. */
static void put_line(const cli_term *t, const char *s, size_t n, size_t columns)
{
    size_t len, used = 0;

    for (size_t at = 0; at < n; at += len) {
        const size_t wide = columns_of(t, s + at, n - at, &len);
        used += wide;
        if (wide == 0 || used <= columns) fwrite(s + at, 1, len, stdout);
    }
    // A full line has nothing behind it: its last column would be wiped.
    if (used < columns) fputs("\033[K", stdout);
}

/* Drawn over what stands there, line by line: wiping first would flicker. */
static void put_screen(const cli_term *t, const char *text, size_t len,
                       cli_screen screen)
{
    fputs("\033[H", stdout);
    size_t row = 0;

    for (size_t at = 0; row < screen.rows && at < len; row++) {
        const char *end = memchr(text + at, '\n', len - at);
        const size_t n = end ? (size_t)(end - text) - at : len - at;

        if (row) fputc('\n', stdout);
        put_line(t, text + at, n, screen.columns);
        at += n + 1;
    }
    if (row < screen.rows) fputs("\n\033[J", stdout);
    fflush(stdout);
}

static void draw_over(const watching *x)
{
    const cli_screen screen = cli_screen_now();
    cli_term term = x->c->term;
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);

    if (!stream) return;
    term.columns = screen.columns;
    cli_watch_draw(stream, &term, &x->w, &x->log);
    if (fclose(stream) == 0) put_screen(&term, text, len, screen);
    free(text);
}

/* False when whoever read stdout has gone: a quiet log would not tell. */
static bool rest(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO };

    return poll(&out, 1, POLL_MS) <= 0;
}

static anm_status follow(watching *x, bool is_live, anm_error *err)
{
    size_t drawn = SIZE_MAX;

    do {
        const anm_status status =
            cli_watch_log_read(&x->log, take_line, x, err);
        // Between a rename and the next line nothing stands in its place.
        if (status) return status;
        const size_t seen = x->w.n_calls + x->w.n_damaged + x->log.n_rotations;
        if (seen != drawn && is_live) draw_over(x);
        if (seen != drawn) fflush(stdout);
        drawn = seen;
    } while (!cli_interrupted() && !ferror(stdout) && rest());
    return ANM_OK;
}

/* ---- The verb ----------------------------------------------------------------------------- */

static anm_status show_once(watching *x, anm_error *err)
{
    const anm_status status = cli_watch_log_read(&x->log, take_line, x, err);

    if (status) return status;
    if (x->c->json) {
        cli_watch_json(stdout, &x->w, &x->log);
    } else {
        cli_watch_draw(stdout, &x->c->term, &x->w, &x->log);
    }
    return ANM_OK;
}

static anm_status watch(watching *x, const watch_options *o, anm_error *err)
{
    const bool is_live = !o->once && isatty(STDOUT_FILENO);

    if (!o->receipts && !x->c->settings.text[CLI_RECEIPT_LOG])
        return cli_fail(err, ANM_E_ARG, "no log to watch: --receipts FILE");
    if (x->c->json && !o->once)
        return cli_fail(err, ANM_E_ARG,
                        "--json is one document: give --once as well");
    x->as_lines = !o->once && !is_live;
    anm_status status = cli_watch_log_open(
        &x->log,
        o->receipts ? o->receipts : x->c->settings.text[CLI_RECEIPT_LOG],
        o->once ? UINT64_MAX : live_tail, err);
    if (status) return status;
    if (o->once) return show_once(x, err);
    if (!is_live) return follow(x, false, err);
    cli_signals_hold();
    begin_screen();
    status = follow(x, true, err);
    end_screen();
    cli_signals_release();
    return status;
}

static int run_watch(cli *c, int argc, char **argv)
{
    watch_options o = { 0 };
    anm_error err;

    if (!cli_begin(c, &o, argc, argv)) return c->exit_code;
    watching *x = calloc(1, sizeof(*x));
    if (!x) {
        cli_fail(&err, ANM_E_NOMEM, "watch: out of memory");
        return cli_report(c, &err);
    }
    x->c = c;
    x->log.fd = -1;
    const anm_status status = watch(x, &o, &err);
    cli_watch_log_close(&x->log);
    free(x);
    if (status) return cli_report(c, &err);
    return cli_finish(c, cli_interrupted() ? CLI_INTERRUPTED : CLI_DONE);
}

const cli_verb cli_verb_watch = {
    .name = "watch",
    .summary = "follow a receipt log as it is written",
    .arguments = "--receipts FILE",
    .about =
        "Shows latency against the band, where calls ran, causes and counters, "
        "of a process that runs with --receipt-log FILE, and goes on where the "
        "log is rotated. On a terminal it is one picture that changes; "
        "elsewhere every receipt is a line.",
    .example = "anemone watch --receipts receipts.jsonl",
    .run = run_watch,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
