/* session.c - opens the model, writes its log lines, keeps its receipts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <string.h>
#include <time.h>

static void write_json_line(anm_log_level level, const char *line)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    char when[40] = "";
    struct timespec now;
    struct tm utc;

    clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &utc))
        strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
    fprintf(stderr,
            "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":", when,
            now.tv_nsec / 1000000, names[level]);
    cli_json_string(stderr, line);
    fputs("}\n", stderr);
}

static void write_line(void *ctx, anm_log_level level, const char *line)
{
    cli_session *s = ctx;
    const cli *c = s->c;

    if (level > c->settings.options.log_level) return;
    if (level == ANM_LOG_WARN && c->quiet) return;
    flockfile(stderr);
    if (s->progress.shown) fputs("\r\033[K", stderr);
    if (c->settings.log_json) {
        write_json_line(level, line);
    } else {
        if (level <= ANM_LOG_WARN)
            fprintf(stderr, "anemone: %s: ",
                    level == ANM_LOG_WARN ? "warning" : "error");
        cli_put_text(stderr, &c->term, anm_text_of(line), SIZE_MAX);
        fputc('\n', stderr);
    }
    funlockfile(stderr);
}

static void show_step(void *ctx, const char *step, uint64_t done,
                      uint64_t total)
{
    cli_session *s = ctx;
    if (strncmp(s->progress.what, step, sizeof(s->progress.what) - 1))
        cli_progress_begin(&s->progress, step, NULL);
    cli_progress_show(&s->progress, done, total, done);
}

void cli_session_options(cli_session *s, cli *c, anm_options *out)
{
    memset(s, 0, sizeof(*s));
    s->c = c;
    s->receipts.fd = -1;
    cli_progress_init(&s->progress, &c->term, c->quiet);
    *out = c->settings.options;
    // The default is named here too, so that what is shown is what is used.
    out->cache_dir = c->settings.text[CLI_CACHE_DIR];
    out->log = write_line;
    out->log_ctx = s;
    out->progress = show_step;
    out->progress_ctx = s;
    s->options = *out;
}

static anm_status check_buckets(const cli_session *s, anm_error *err)
{
    const cli_settings *settings = &s->c->settings;
    const size_t max = anm_model_max_tokens(s->model);

    for (size_t i = 0; i < settings->buckets.n; i++)
        if (settings->buckets.values[i] > max)
            return cli_fail(
                err, ANM_E_ARG, "buckets: %zu is above the %zu tokens of %s",
                settings->buckets.values[i], max, anm_model_name(s->model));
    return ANM_OK;
}

static anm_status require_model(const anm_options *options, anm_error *err)
{
    if (options->model) return ANM_OK;
    return cli_fail(err, ANM_E_ARG,
                    "no model: give -m MODEL or set ANEMONE_MODEL");
}

anm_status cli_session_model(const cli *c, anm_options *options, anm_error *err)
{
    if (c->n_args > 1)
        return cli_fail(err, ANM_E_ARG,
                        "takes one MODEL; there are %zu arguments", c->n_args);
    if (c->n_args == 1 && c->settings.origin[CLI_MODEL] == CLI_ORIGIN_FLAG)
        return cli_fail(err, ANM_E_ARG,
                        "two models, %.300s and --model %.300s; one is taken",
                        c->args[0], options->model);
    if (c->n_args == 1) options->model = c->args[0];
    return require_model(options, err);
}

anm_status cli_session_begin(cli_session *s, cli *c, anm_error *err)
{
    anm_options unused;

    cli_session_options(s, c, &unused);
    return cli_receipt_log_open(&s->receipts, c->settings.text[CLI_RECEIPT_LOG],
                                err);
}

anm_status cli_session_open(cli_session *s, cli *c, bool by_argument,
                            anm_error *err)
{
    anm_options options;

    cli_session_options(s, c, &options);
    anm_status status = by_argument ? cli_session_model(c, &options, err)
                                    : require_model(&options, err);
    if (!status)
        status = cli_receipt_log_open(&s->receipts,
                                      c->settings.text[CLI_RECEIPT_LOG], err);
    if (status) return status;

    const uint64_t begin = cli_now_ns();
    status = anm_model_open(&s->model, &options, err);
    s->open_ns = cli_now_ns() - begin;
    cli_progress_end(&s->progress);
    return status ? status : check_buckets(s, err);
}

void cli_session_close(cli_session *s)
{
    anm_model_close(s->model);
    s->model = NULL;
    cli_receipt_log_close(&s->receipts);
}

anm_status cli_session_warm(cli_session *s, anm_error *err)
{
    const cli_sizes *lengths = &s->c->settings.buckets;
    const anm_status status =
        anm_model_warm(s->model, lengths->n ? lengths->values : NULL,
                       lengths->n, 0, false, err);
    cli_progress_end(&s->progress);
    return status;
}

void cli_session_keep(cli_session *s, const anm_receipt *r)
{
    anm_error err;
    if (!cli_receipt_log_add(&s->receipts, r, &err)) return;
    if (!s->receipts_failed) cli_warn(s->c, "%s", err.message);
    s->receipts_failed = true;
}

anm_status cli_session_embed(cli_session *s, const anm_text *texts, size_t n,
                             const anm_embed_params *params,
                             const cli_answers *to, anm_error *err)
{
    anm_receipt own;
    anm_receipt *r = to->receipt || !s->receipts.path ? to->receipt : &own;

    const anm_status status = anm_embed_with(s->model, texts, n, params,
                                             to->vectors, to->infos, r, err);
    if (!status && r) cli_session_keep(s, r);
    return status;
}
