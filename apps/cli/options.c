/* options.c - reads arguments by table and names the nearest for a typing
 * error.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "options.h"
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct found {
    const cli_option *option;
    void *into;
} found;

bool cli_count_read(const char *text, size_t low, size_t high, size_t *out)
{
    // strtoumax() takes blanks and signs, which are no part of a count.
    if (*text < '0' || *text > '9') return false;
    char *end;
    errno = 0;
    const uintmax_t value = strtoumax(text, &end, 10);
    if (errno || *end || value < low || value > high) return false;
    *out = (size_t)value;
    return true;
}

bool cli_sizes_read(const char *text, size_t low, size_t high, cli_sizes *out)
{
    out->n = 0;
    for (;;) {
        const size_t len = strcspn(text, ",");
        char one[24];
        if (len >= sizeof(one) || out->n == CLI_SIZES_MAX) return false;
        memcpy(one, text, len);
        one[len] = '\0';
        if (!cli_count_read(one, low, high, &out->values[out->n])) return false;
        out->n++;
        if (!text[len]) return true;
        text += len + 1;
    }
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool cli_is_word_of(const char *word, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!word[i] || lower(word[i]) != lower(text[i])) return false;
    return !word[len];
}

bool cli_is_word(const char *word, const char *text)
{
    return cli_is_word_of(word, text, strlen(text));
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t cli_name_distance(const char *a, const char *b)
{
    enum { MAX = 63 };
    size_t before[MAX + 1] = { 0 }, last[MAX + 1], row[MAX + 1];
    const size_t n_a = least(strlen(a), MAX), n_b = least(strlen(b), MAX);

    for (size_t j = 0; j <= n_b; j++)
        last[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            const size_t swap = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(swap, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        memcpy(before, last, sizeof(before));
        memcpy(last, row, sizeof(last));
    }
    return last[n_b];
}

void cli_guess(const char *word, const char *known, const char **nearest,
               size_t *best)
{
    const size_t len = strlen(word);
    const bool begins = len > 1 && !strncmp(word, known, len);
    const size_t distance = begins ? 1 : cli_name_distance(word, known);

    if (*nearest && distance >= *best) return;
    if (distance > 1 + len / 3) return;
    *nearest = known;
    *best = distance;
}

static found find_name(const cli_parse_params *p, const char *name, size_t len)
{
    for (size_t g = 0; g < p->n_groups; g++)
        for (size_t i = 0; i < p->groups[g].n; i++) {
            const cli_option *o = &p->groups[g].options[i];
            if (strlen(o->name) == len && !memcmp(o->name, name, len))
                return (found){ o, p->groups[g].into };
        }
    return (found){ NULL, NULL };
}

static found find_letter(const cli_parse_params *p, char letter)
{
    for (size_t g = 0; g < p->n_groups; g++)
        for (size_t i = 0; i < p->groups[g].n; i++) {
            const cli_option *o = &p->groups[g].options[i];
            if (o->letter == letter) return (found){ o, p->groups[g].into };
        }
    return (found){ NULL, NULL };
}

static anm_status fail_unknown(const cli_parse_params *p, const char *name,
                               size_t len, anm_error *err)
{
    char wrong[64];
    const char *nearest = NULL;
    size_t best = 0;

    snprintf(wrong, sizeof(wrong), "%.*s", (int)least(len, 60), name);
    for (size_t g = 0; g < p->n_groups; g++)
        for (size_t i = 0; i < p->groups[g].n; i++)
            cli_guess(wrong, p->groups[g].options[i].name, &nearest, &best);
    if (!nearest)
        return cli_fail(err, ANM_E_ARG,
                        "unknown option '--%s'; --help lists the known", wrong);
    return cli_fail(err, ANM_E_ARG,
                    "unknown option '--%s'; the nearest known is '--%s'", wrong,
                    nearest);
}

static bool read_choice(const char *words, const char *text, size_t *out)
{
    for (size_t i = 0;; i++) {
        const size_t len = strcspn(words, "|");
        if (strlen(text) == len && !memcmp(words, text, len)) {
            *out = i;
            return true;
        }
        if (!words[len]) return false;
        words += len + 1;
    }
}

static anm_status append_value(cli_list *list, const cli_option *o,
                               const char *text, anm_error *err)
{
    if (list->n == CLI_LIST_MAX)
        return cli_fail(err, ANM_E_ARG, "--%s: given more than %d times",
                        o->name, CLI_LIST_MAX);
    list->values[list->n++] = text;
    return ANM_OK;
}

static anm_status store_value(const found *f, const char *text, anm_error *err)
{
    const cli_option *o = f->option;
    void *field = (char *)f->into + o->offset;
    bool read = true;

    switch (o->kind) {
    case CLI_SWITCH:
        *(bool *)field = true;
        return ANM_OK;
    case CLI_STRING:
    case CLI_OPTIONAL:
        *(const char **)field = text;
        return ANM_OK;
    case CLI_LIST:
        return append_value(field, o, text, err);
    case CLI_COUNT:
        read = cli_count_read(text, o->low, o->high, field);
        break;
    case CLI_SIZES:
        read = cli_sizes_read(text, o->low, o->high, field);
        break;
    case CLI_CHOICE:
        if (read_choice(o->value, text, field)) return ANM_OK;
        return cli_fail(err, ANM_E_ARG,
                        "--%s: '%.100s' is not allowed; allowed: %s", o->name,
                        text, o->value);
    }
    if (read) return ANM_OK;
    const char *form =
        o->kind == CLI_SIZES ? "a list of whole numbers" : "a whole number";
    if (o->high == SIZE_MAX)
        return cli_fail(err, ANM_E_ARG,
                        "--%s: '%.100s' is not allowed; allowed: %s from %zu",
                        o->name, text, form, o->low);
    return cli_fail(
        err, ANM_E_ARG,
        "--%s: '%.100s' is not allowed; allowed: %s from %zu to %zu", o->name,
        text, form, o->low, o->high);
}

/* argv[*at] is --name or --name=value; leaves *at on its last word. */
static anm_status take_long(const cli_parse_params *p, int argc, char **argv,
                            int *at, anm_error *err)
{
    const char *name = argv[*at] + 2;
    const size_t len = strcspn(name, "=");
    const char *text = name[len] ? name + len + 1 : NULL;
    const found f = find_name(p, name, len);

    if (!f.option) return fail_unknown(p, name, len, err);
    if (f.option->kind == CLI_SWITCH) {
        if (!text) return store_value(&f, "", err);
        return cli_fail(err, ANM_E_ARG, "--%s takes no value, and has '%.100s'",
                        f.option->name, text);
    }
    if (!text && f.option->kind == CLI_OPTIONAL) text = "";
    if (!text && *at + 1 < argc) text = argv[++*at];
    if (text) return store_value(&f, text, err);
    return cli_fail(err, ANM_E_ARG, "--%s needs a value: %s", f.option->name,
                    f.option->value);
}

/* argv[*at] is -x, -xVALUE or several letters. */
static anm_status take_letters(const cli_parse_params *p, int argc, char **argv,
                               int *at, anm_error *err)
{
    for (const char *s = argv[*at] + 1; *s; s++) {
        const found f = find_letter(p, *s);
        if (!f.option) {
            const bool shown = *s > ' ' && *s < 127;
            return cli_fail(err, ANM_E_ARG,
                            "unknown option '-%c'; --help lists the known",
                            shown ? *s : '?');
        }
        if (f.option->kind == CLI_SWITCH) {
            store_value(&f, "", err);
            continue;
        }
        const char *text = s[1] ? s + 1 : NULL;
        if (!text && *at + 1 < argc) text = argv[++*at];
        if (text) return store_value(&f, text, err);
        return cli_fail(err, ANM_E_ARG, "-%c needs a value: %s", *s,
                        f.option->value);
    }
    return ANM_OK;
}

anm_status cli_options_parse(const cli_parse_params *p, int argc, char **argv,
                             size_t *n_args, anm_error *err)
{
    int kept = 0;

    for (int at = 0; at < argc; at++) {
        const char *word = argv[at];
        anm_status status = ANM_OK;

        if (!strcmp(word, "--")) {
            if (p->stop_at_argument) {
                kept = at + 1;
                break;
            }
            while (++at < argc)
                argv[kept++] = argv[at];
        } else if (word[0] == '-' && word[1] == '-') {
            status = take_long(p, argc, argv, &at, err);
        } else if (word[0] == '-' && word[1]) {
            status = take_letters(p, argc, argv, &at, err);
        } else if (p->stop_at_argument) {
            kept = at;
            break;
        } else {
            argv[kept++] = argv[at];
        }
        if (status) return status;
        if (p->stop_at_argument) kept = at + 1;
    }
    *n_args = (size_t)kept;
    return ANM_OK;
}

void cli_options_print(FILE *out, const cli_option *options, size_t n)
{
    enum { COLUMN = 27, WIDTH = 80 };

    for (size_t i = 0; i < n; i++) {
        const cli_option *o = &options[i];
        char left[80], letter[8] = "    ";
        if (o->letter) snprintf(letter, sizeof(letter), "-%c, ", o->letter);
        snprintf(left, sizeof(left), "  %s--%s%s%s", letter, o->name,
                 o->value ? " " : "", o->value ? o->value : "");
        fprintf(out, "%s", left);
        size_t column = strlen(left);
        if (column > COLUMN - 2) {
            fputc('\n', out);
            column = 0;
        }
        fprintf(out, "%*s", (int)(COLUMN - column), "");
        cli_wrap(out, o->help, COLUMN, WIDTH);
    }
}
