/* settings.h - every setting: its flag, its variable, its default, its check.
 *
 * A flag beats the environment, the environment beats the default. A value
 * that is not allowed is an error that names where it came from and what is
 * allowed. An empty variable counts as unset.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "anemone.h"
#include "options.h"
#include "output.h"

#include <stdio.h>

typedef enum cli_setting {
    CLI_MODEL,
    CLI_STORE,
    CLI_COLLECTION,
    CLI_UNITS,
    CLI_REQUIRE,
    CLI_ALLOW_FALLBACK,
    CLI_PRECISION,
    CLI_THREADS,
    CLI_CPU,
    CLI_BUCKETS,
    CLI_CACHE_DIR,
    CLI_LOG,
    CLI_LOG_FORMAT,
    CLI_TOKENIZER,
    CLI_POOLING,
    CLI_NORMALIZE,
    CLI_LOWERCASE,
    CLI_ADD_EOS,
    CLI_PADDING,
    CLI_FUNCTION,
    CLI_OUTPUT_NAME,
    CLI_RECEIPT_LOG,
    CLI_KEEP_WARM,
    CLI_TIMEOUT,
    CLI_OVERCOMMIT,
    CLI_SETTING_COUNT,
} cli_setting;

typedef enum cli_origin {
    CLI_ORIGIN_DEFAULT,
    CLI_ORIGIN_ENVIRONMENT,
    CLI_ORIGIN_FLAG,
} cli_origin;

typedef struct cli_settings {
    const char *text[CLI_SETTING_COUNT];   /* NULL: none */
    const char *source[CLI_SETTING_COUNT]; /* "--units", "ANEMONE_UNITS", "" */
    cli_origin origin[CLI_SETTING_COUNT];

    /* What the texts mean. */
    anm_options options; /* without log and progress */
    cli_sizes buckets;   /* n 0: from the model */
    size_t keep_warm_ms; /* 0: off */
    size_t timeout_ms;
    bool log_json;

    cli_option flags[CLI_SETTING_COUNT];  /* their options, into `given` */
    const char *given[CLI_SETTING_COUNT]; /* from flags; NULL: not given */
    char cache_dir[1024], store[1024];    /* defaults made of the environment */
    char cpu_levels[256];
} cli_settings;

/* Make the flags ready for cli_options_parse(). */
void cli_settings_init(cli_settings *s);

/* Choose, parse and check every value. */
anm_status cli_settings_settle(cli_settings *s, anm_error *err);

/* Every setting with its value and where it came from. */
void cli_settings_print(const cli_settings *s, const cli_term *term, FILE *out);
void cli_settings_json(const cli_settings *s, FILE *out);

/* The environment variables, for help. */
void cli_settings_variables(FILE *out);

#endif
