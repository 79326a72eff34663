/* settings.c - the table of settings.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"
#include "output.h"
#include "table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MAX = 16 }; // as many as anm_model_warm() takes

typedef bool (*read_fn)(cli_settings *s, const char *text);

typedef struct setting_row {
    const char *flag;
    char letter;
    const char *value; /* what help calls it */
    const char *env, *env2;
    const char *def; /* NULL: none, or made by make_defaults() */
    read_fn read;
    const char *allowed; /* NULL: what this machine can run */
    const char *help;
    const char *unset; /* what counts when there is no value; NULL: nothing */
    const char
        *alone; /* what the flag says without =VALUE; NULL: it takes one */
} setting_row;

static bool read_model(cli_settings *s, const char *text)
{
    s->options.model = text;
    return *text != '\0';
}

static bool read_name(cli_settings *s, const char *text)
{
    (void)s;
    return *text != '\0';
}

static bool read_tokenizer(cli_settings *s, const char *text)
{
    s->options.tokenizer = text;
    return *text != '\0';
}

static bool read_pooling(cli_settings *s, const char *text)
{
    static const char *const names[] = { "mean", "cls", "last" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (cli_is_word(names[i], text)) {
            s->options.pooling = names[i];
            return true;
        }
    return false;
}

static bool read_choice(const char *text, anm_choice *out)
{
    const bool yes = cli_is_word("yes", text);

    *out = yes ? ANM_CHOICE_YES : ANM_CHOICE_NO;
    return yes || cli_is_word("no", text);
}

static bool read_normalize(cli_settings *s, const char *text)
{
    return read_choice(text, &s->options.normalize);
}

static bool read_lowercase(cli_settings *s, const char *text)
{
    return read_choice(text, &s->options.lowercase);
}

static bool read_add_eos(cli_settings *s, const char *text)
{
    return read_choice(text, &s->options.add_eos);
}

static bool read_padding(cli_settings *s, const char *text)
{
    const bool left = cli_is_word("left", text);

    s->options.padding = left ? "left" : "right";
    return left || cli_is_word("right", text);
}

static bool read_function(cli_settings *s, const char *text)
{
    s->options.function = text;
    return *text != '\0';
}

static bool read_output_name(cli_settings *s, const char *text)
{
    s->options.output = text;
    return *text != '\0';
}

static bool read_units(cli_settings *s, const char *text)
{
    return !anm_units_parse(&s->options.units, text, NULL);
}

static bool read_precision(cli_settings *s, const char *text)
{
    return !anm_precision_parse(&s->options.precision, text, NULL);
}

static bool read_device(const char *text, size_t len, anm_device *out)
{
    for (int d = 0; d < ANM_DEVICE_COUNT; d++) {
        const char *name = anm_device_name((anm_device)d);
        if (!cli_is_word_of(name, text, len)) continue;
        *out = (anm_device)d;
        return true;
    }
    return false;
}

static bool read_require(cli_settings *s, const char *text)
{
    anm_device device;
    const size_t len = strcspn(text, ":");

    s->options.require = text;
    if (cli_is_word("none", text)) return true;
    if (!read_device(text, len, &device)) return false;
    if (!text[len]) return true;
    // Plain digits, as the library reads them: no exponent, no 0x.
    const char *number = text + len + 1;
    if (number[strspn(number, "0123456789.")]) return false;
    char *end;
    const double share = strtod(number, &end);
    return end != number && !*end && share > 0.0 && share <= 1.0;
}

static bool read_fallback(cli_settings *s, const char *text)
{
    for (;;) {
        anm_device device;
        const size_t len = strcspn(text, ",");
        if (!read_device(text, len, &device)) return false;
        s->options.allow_fallback |= 1u << device;
        if (!text[len]) return true;
        text += len + 1;
    }
}

static bool read_threads(cli_settings *s, const char *text)
{
    size_t n;
    if (!cli_count_read(text, 1, 1024, &n)) return false;
    s->options.threads = (unsigned)n;
    return true;
}

static bool read_cpu(cli_settings *s, const char *text)
{
    for (const char *const *level = anm_cpu_levels(); *level; level++)
        if (cli_is_word(*level, text)) {
            s->options.cpu = *level;
            return true;
        }
    return false;
}

static bool read_buckets(cli_settings *s, const char *text)
{
    return cli_sizes_read(text, 1, (size_t)1 << 20, &s->buckets) &&
           s->buckets.n <= BUCKETS_MAX;
}

static bool read_cache_dir(cli_settings *s, const char *text)
{
    s->options.cache_dir = text;
    return true;
}

static bool read_log(cli_settings *s, const char *text)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (cli_is_word(names[i], text)) {
            s->options.log_level = (anm_log_level)i;
            return true;
        }
    return false;
}

static bool read_log_format(cli_settings *s, const char *text)
{
    s->log_json = cli_is_word("json", text);
    return s->log_json || cli_is_word("text", text);
}

static bool read_keep_warm(cli_settings *s, const char *text)
{
    if (!strcmp(text, "off")) return true;
    return cli_count_read(text, 1, 3600000, &s->keep_warm_ms);
}

static bool read_timeout(cli_settings *s, const char *text)
{
    char number[24];
    const size_t len = strspn(text, "0123456789");
    size_t value;

    if (len == 0 || len >= sizeof(number)) return false;
    memcpy(number, text, len);
    number[len] = '\0';
    if (!cli_count_read(number, 0, 86400000, &value)) return false;
    if (!strcmp(text + len, "ms")) {
        s->timeout_ms = value;
    } else if (!strcmp(text + len, "s") && value <= 86400) {
        s->timeout_ms = value * 1000;
    } else {
        return false;
    }
    return true;
}

static bool read_overcommit(cli_settings *s, const char *text)
{
    anm_choice choice;
    const bool known = read_choice(text, &choice);

    s->options.overcommit = choice == ANM_CHOICE_YES;
    return known;
}

static const setting_row rows[] = {
    [CLI_MODEL] = {
        .flag = "model",
        .letter = 'm',
        .value = "MODEL",
        .env = "ANEMONE_MODEL",
        .read = read_model,
        .allowed = "a model folder, a .gguf or a package",
        .help = "the model: a Hugging Face folder, a GGUF file or a Core ML "
                "package",
    },
    [CLI_STORE] = {
        .flag = "store",
        .letter = 's',
        .value = "FILE",
        .env = "ANEMONE_STORE",
        .read = read_name,
        .allowed = "a file",
        .help = "the store of the memory",
    },
    [CLI_COLLECTION] = {
        .flag = "collection",
        .letter = 'c',
        .value = "NAME",
        .env = "ANEMONE_COLLECTION",
        .read = read_name,
        .allowed = "a name",
        .help = "the collection of the store",
    },
    [CLI_UNITS] = {
        .flag = "units",
        .value = "UNITS",
        .env = "ANEMONE_UNITS",
        .env2 = "PAPR_COREML_COMPUTE_UNITS",
        .def = "ALL",
        .read = read_units,
        .allowed = "ALL, CPU_AND_GPU, CPU_AND_NE, CPU_ONLY",
        .help = "what may be used: ALL, CPU_AND_GPU, CPU_AND_NE or CPU_ONLY",
    },
    [CLI_REQUIRE] = {
        .flag = "require",
        .value = "DEVICE[:SHARE]",
        .env = "ANEMONE_REQUIRE",
        .unset = "(what the units imply)",
        .read = read_require,
        .allowed = "none, or DEVICE[:SHARE] with device cpu, gpu or ane and a " "share above 0 up to 1",
        .help = "what must be used: none, or cpu, gpu or ane with the least " "share of the work; by default what the units imply",
    },
    [CLI_ALLOW_FALLBACK] = {
        .flag = "allow-fallback",
        .value = "DEVICES",
        .env = "ANEMONE_ALLOW_FALLBACK",
        .read = read_fallback,
        .allowed = "a list of cpu, gpu, ane with commas between",
        .help = "devices that may take over when the required one cannot be " "used",
    },
    [CLI_PRECISION] = {
        .flag = "precision",
        .value = "P",
        .env = "ANEMONE_PRECISION",
        .unset = "(f32, or as stored)",
        .read = read_precision,
        .allowed = "f32, bf16, int8, int4",
        .help = "what weights are kept as: f32, bf16, int8 or int4",
    },
    [CLI_THREADS] = {
        .flag = "threads",
        .value = "N",
        .env = "ANEMONE_THREADS",
        .unset = "(as many as may be used)",
        .read = read_threads,
        .allowed = "a whole number from 1 to 1024",
        .help = "threads of a prediction; by default what cgroup, affinity and " "physical cores allow",
    },
    [CLI_CPU] = {
        .flag = "cpu",
        .value = "LEVEL",
        .env = "ANEMONE_CPU",
        .read = read_cpu,
        .help = "instruction set level, such as scalar or avx2; by default the " "best",
    },
    [CLI_BUCKETS] = {
        .flag = "buckets",
        .value = "LENGTHS",
        .env = "ANEMONE_BUCKETS",
        .unset = "(from the model)",
        .read = read_buckets,
        .allowed = "a list of at most 16 lengths from 1 with commas between",
        .help = "lengths to prepare and warm, such as 32,128",
    },
    [CLI_CACHE_DIR] = {
        .flag = "cache-dir",
        .value = "FOLDER",
        .env = "ANEMONE_CACHE_DIR",
        .read = read_cache_dir,
        .allowed = "a folder",
        .help = "where prepared models are kept; '' keeps them in memory",
    },
    [CLI_LOG] = {
        .flag = "log",
        .value = "LEVEL",
        .env = "ANEMONE_LOG",
        .def = "warn",
        .read = read_log,
        .allowed = "error, warn, info, debug",
        .help = "what to tell on stderr: error, warn, info or debug",
    },
    [CLI_LOG_FORMAT] = {
        .flag = "log-format",
        .value = "FORM",
        .def = "text",
        .read = read_log_format,
        .allowed = "text, json",
        .help = "form of these lines: text or json",
    },
    [CLI_TOKENIZER] = {
        .flag = "tokenizer",
        .value = "PATH",
        .unset = "(the model's own)",
        .read = read_tokenizer,
        .allowed = "a folder or a tokenizer.json",
        .help = "folder or tokenizer.json instead of the model's",
    },
    [CLI_POOLING] = {
        .flag = "pooling",
        .value = "HOW",
        .unset = "(what the model says)",
        .read = read_pooling,
        .allowed = "mean, cls, last",
        .help = "how tokens become one vector where a GGUF file or a package does " "not say: mean, cls or last",
    },
    [CLI_NORMALIZE] = {
        .flag = "normalize",
        .value = "YES",
        .unset = "(what the model says)",
        .read = read_normalize,
        .allowed = "yes, no",
        .help = "whether vectors get unit length where a GGUF file or a package " "does not say: yes or no",
    },
    [CLI_LOWERCASE] = {
        .flag = "lowercase",
        .value = "YES",
        .unset = "(what the vocabulary of a GGUF file suggests)",
        .read = read_lowercase,
        .allowed = "yes, no",
        .help = "whether the tokenizer of a GGUF file drops the case: yes or no",
    },
    [CLI_ADD_EOS] = {
        .flag = "add-eos",
        .value = "YES",
        .unset = "(what the model says)",
        .read = read_add_eos,
        .allowed = "yes, no",
        .help = "whether the tokenizer of a GGUF file ends a text with the end " "token: yes or no",
    },
    [CLI_PADDING] = {
        .flag = "padding",
        .value = "SIDE",
        .unset = "(what the files say)",
        .read = read_padding,
        .allowed = "left, right",
        .help = "where a package's texts are padded: left or right",
    },
    [CLI_FUNCTION] = {
        .flag = "function",
        .value = "NAME",
        .unset = "(the default one)",
        .read = read_function,
        .allowed = "a name",
        .help = "function of a package with several",
    },
    [CLI_OUTPUT_NAME] = {
        .flag = "output-name",
        .value = "NAME",
        .unset = "(the only one)",
        .read = read_output_name,
        .allowed = "a name",
        .help = "output of a package that holds the vector, where several may",
    },
    [CLI_RECEIPT_LOG] = {
        .flag = "receipt-log",
        .value = "FILE",
        .env = "ANEMONE_RECEIPT_LOG",
        .read = read_name,
        .allowed = "a file",
        .help = "append every receipt to FILE, a JSON line each",
    },
    [CLI_KEEP_WARM] = {
        .flag = "keep-warm",
        .value = "MS",
        .env = "ANEMONE_KEEP_WARM",
        .def = "off",
        .read = read_keep_warm,
        .allowed = "off, or milliseconds from 1 to 3600000",
        .help = "in a conversation, predict a dummy after so many idle " "milliseconds",
    },
    [CLI_TIMEOUT] = {
        .flag = "timeout",
        .value = "TIME",
        .env = "ANEMONE_TIMEOUT",
        .def = "5s",
        .read = read_timeout,
        .allowed = "a duration such as 200ms or 5s",
        .help = "longest wait for another writer of the store",
    },
    [CLI_OVERCOMMIT] = {
        .flag = "overcommit",
        .env = "ANEMONE_OVERCOMMIT",
        .def = "no",
        .alone = "yes",
        .read = read_overcommit,
        .allowed = "yes, no",
        .help = "open a model also when its weights do not fit into memory",
    },
};
static_assert(sizeof(rows) / sizeof(rows[0]) == CLI_SETTING_COUNT,
              "row per setting");

void cli_settings_init(cli_settings *s)
{
    memset(s, 0, sizeof(*s));
    anm_options_init(&s->options);
    for (size_t i = 0; i < CLI_SETTING_COUNT; i++)
        s->flags[i] = (cli_option){
            .name = rows[i].flag,
            .letter = rows[i].letter,
            .kind = rows[i].alone ? CLI_OPTIONAL : CLI_STRING,
            .offset = i * sizeof(s->given[0]),
            .value = rows[i].value,
            .help = rows[i].help,
        };
}

static const char *variable(const char *name)
{
    const char *value = name ? getenv(name) : NULL;
    return value && *value ? value : NULL;
}

/* FOLDER/anemone of an XDG variable or its default below HOME; false when
 * neither is known. A relative one counts as unset: it would write into the
 * current folder. */
static bool platform_folder(const char *xdg, const char *below_home, char *out,
                            size_t cap)
{
    const char *folder = variable(xdg), *home = variable("HOME");
    int len;

    if (folder && folder[0] == '/') {
        len = snprintf(out, cap, "%s/anemone", folder);
    } else if (home && home[0] == '/') {
        len = snprintf(out, cap, "%s/%s/anemone", home, below_home);
    } else {
        return false;
    }
    return len > 0 && (size_t)len < cap;
}

static void make_defaults(cli_settings *s)
{
#ifdef __APPLE__
    const char *cache = "Library/Caches", *data = "Library/Application Support";
#else
    const char *cache = ".cache", *data = ".local/share";
#endif
    if (platform_folder("XDG_CACHE_HOME", cache, s->cache_dir,
                        sizeof(s->cache_dir)))
        s->text[CLI_CACHE_DIR] = s->cache_dir;
    if (platform_folder("XDG_DATA_HOME", data, s->store,
                        sizeof(s->store) - sizeof("/memory.db"))) {
        strcat(s->store, "/memory.db");
        s->text[CLI_STORE] = s->store;
    }
    for (const char *const *level = anm_cpu_levels(); *level; level++) {
        s->text[CLI_CPU] = *level; // ascending: the best is the last
        const size_t len = strlen(s->cpu_levels);
        snprintf(s->cpu_levels + len, sizeof(s->cpu_levels) - len, "%s%s",
                 len ? ", " : "", *level);
    }
}

static void choose(cli_settings *s, size_t i)
{
    const setting_row *row = &rows[i];
    const char *first = variable(row->env), *second = variable(row->env2);

    s->source[i] = "";
    s->origin[i] = CLI_ORIGIN_DEFAULT;
    if (s->given[i]) {
        s->text[i] = row->alone && !*s->given[i] ? row->alone : s->given[i];
        s->source[i] = row->flag;
        s->origin[i] = CLI_ORIGIN_FLAG;
    } else if (first || second) {
        s->text[i] = first ? first : second;
        s->source[i] = first ? row->env : row->env2;
        s->origin[i] = CLI_ORIGIN_ENVIRONMENT;
    } else if (row->def) {
        s->text[i] = row->def;
    }
}

anm_status cli_settings_settle(cli_settings *s, anm_error *err)
{
    make_defaults(s);
    for (size_t i = 0; i < CLI_SETTING_COUNT; i++) {
        choose(s, i);
        if (!s->text[i] || rows[i].read(s, s->text[i])) continue;
        return cli_fail(
            err, ANM_E_ARG, "%s%s: '%.200s' is not allowed; allowed: %s",
            s->origin[i] == CLI_ORIGIN_FLAG ? "--" : "", s->source[i],
            s->text[i], rows[i].allowed ? rows[i].allowed : s->cpu_levels);
    }
    return ANM_OK;
}

static const char *origin_name(cli_origin origin)
{
    static const char *const names[] = { "default", "environment", "flag" };
    return names[origin];
}

void cli_settings_print(const cli_settings *s, const cli_term *term, FILE *out)
{
    cli_table t = { 0 };

    cli_table_add(&t, "SETTING\tVALUE\tORIGIN");
    for (size_t i = 0; i < CLI_SETTING_COUNT; i++) {
        char origin[80];
        snprintf(origin, sizeof(origin), "%s%s%s%s", origin_name(s->origin[i]),
                 *s->source[i] ? " " : "",
                 s->origin[i] == CLI_ORIGIN_FLAG ? "--" : "", s->source[i]);
        cli_table_add(&t, "%s\t%s\t%s", rows[i].flag,
                      s->text[i]      ? s->text[i]
                      : rows[i].unset ? rows[i].unset
                                      : "-",
                      origin);
    }
    cli_table_print(&t, "l", true, term, out);
}

void cli_settings_json(const cli_settings *s, FILE *out)
{
    fputc('[', out);
    for (size_t i = 0; i < CLI_SETTING_COUNT; i++) {
        fprintf(out, "%s{\"name\":\"%s\",\"value\":", i ? "," : "",
                rows[i].flag);
        cli_json_string(out, s->text[i]);
        fprintf(out,
                ",\"origin\":\"%s\",\"source\":", origin_name(s->origin[i]));
        cli_json_string(out, *s->source[i] ? s->source[i] : NULL);
        fputc('}', out);
    }
    fputc(']', out);
}

void cli_settings_variables(FILE *out)
{
    for (size_t i = 0; i < CLI_SETTING_COUNT; i++) {
        if (!rows[i].env) continue;
        fprintf(out, "  %-26s --%s\n", rows[i].env, rows[i].flag);
        if (rows[i].env2)
            fprintf(out, "  %-26s --%s, when %s is not set\n", rows[i].env2,
                    rows[i].flag, rows[i].env);
    }
}
