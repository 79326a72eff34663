/* jsonl.c - the line reader and the items of JSONL input.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

anm_status cli_lines_open(cli_lines *r, const char *path, anm_error *err)
{
    *r = (cli_lines){ .path = path };
    r->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (r->fd < 0)
        return cli_fail(err, errno == ENOENT ? ANM_E_NOTFOUND : ANM_E_IO,
                        "%s: %s", path, strerror(errno));
    // One byte more than the limit tells a line that is too long.
    r->buf = malloc(CLI_LINE_MAX + 1);
    if (r->buf) return ANM_OK;
    cli_lines_close(r);
    return cli_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
}

void cli_lines_close(cli_lines *r)
{
    if (r->fd > STDERR_FILENO) close(r->fd);
    free(r->buf);
    *r = (cli_lines){ .fd = -1 };
}

uint64_t cli_lines_total(const cli_lines *r)
{
    struct stat st;
    if (fstat(r->fd, &st) || !S_ISREG(st.st_mode) || st.st_size < 0) return 0;
    return (uint64_t)st.st_size;
}

uint64_t cli_lines_given(const cli_lines *r)
{
    return r->bytes - (r->end - r->begin);
}

typedef enum fill_result { FILLED, TIMED_OUT, SIGNALLED, BROKEN } fill_result;

/* Read once, behind what is there. */
static fill_result fill(cli_lines *r, int wait_ms)
{
    if (r->begin) {
        memmove(r->buf, r->buf + r->begin, r->end - r->begin);
        r->end -= r->begin;
        r->begin = 0;
    }
    if (wait_ms >= 0) {
        struct pollfd one = { .fd = r->fd, .events = POLLIN };
        const int ready = poll(&one, 1, wait_ms);
        if (ready == 0) return TIMED_OUT;
        if (ready < 0) return errno == EINTR ? SIGNALLED : BROKEN;
    }
    const ssize_t n = read(r->fd, r->buf + r->end, CLI_LINE_MAX + 1 - r->end);
    if (n < 0) return errno == EINTR ? SIGNALLED : BROKEN;
    r->eof = n == 0;
    r->end += (size_t)n;
    r->bytes += (uint64_t)n;
    return FILLED;
}

static cli_line stop_reading(cli_lines *r, fill_result why, anm_text *line,
                             anm_error *err)
{
    *line = (anm_text){ NULL, 0 };
    if (why == TIMED_OUT) return CLI_LINE_GIVEN;
    if (why == SIGNALLED) return CLI_LINE_INTERRUPTED;
    cli_fail(err, ANM_E_IO, "%s: line %zu: read: %s",
             strcmp(r->path, "-") ? r->path : "stdin", r->line + 1,
             strerror(errno));
    return CLI_LINE_FAILED;
}

/* Drop the rest of a line that is over the limit. */
static cli_line skip_line(cli_lines *r, anm_text *line, anm_error *err)
{
    for (;;) {
        char *end = memchr(r->buf + r->begin, '\n', r->end - r->begin);
        if (end || r->eof) {
            r->begin = end ? (size_t)(end - r->buf) + 1 : r->end;
            break;
        }
        r->begin = r->end;
        const fill_result filled = fill(r, -1);
        if (filled != FILLED) return stop_reading(r, filled, line, err);
    }
    r->line++;
    cli_fail(err, ANM_E_FORMAT, "line %zu: longer than the limit of %zu bytes",
             r->line, CLI_LINE_MAX);
    return CLI_LINE_BAD;
}

static bool is_blank(anm_text line)
{
    for (size_t i = 0; i < line.len; i++)
        if (!strchr(" \t\r", line.data[i]) || !line.data[i]) return false;
    return true;
}

/* Editors of some systems put a byte order mark before the first line. */
static anm_text without_mark(const cli_lines *r, anm_text line)
{
    static const char mark[] = "\xef\xbb\xbf";
    const size_t len = sizeof(mark) - 1;

    if (r->line || line.len < len || memcmp(line.data, mark, len)) return line;
    return (anm_text){ line.data + len, line.len - len };
}

cli_line cli_lines_next(cli_lines *r, int wait_ms, anm_text *line,
                        anm_error *err)
{
    size_t searched = 0; // bytes of this line known to hold no end

    for (;;) {
        const char *data = r->buf + r->begin;
        const size_t held = r->end - r->begin;
        const char *end = memchr(data + searched, '\n', held - searched);
        if (!end && r->eof && held == 0) return CLI_LINE_END;
        if (!end && held > CLI_LINE_MAX) return skip_line(r, line, err);
        if (end || r->eof) {
            *line = (anm_text){ data, end ? (size_t)(end - data) : held };
            r->begin += line->len + (end ? 1 : 0);
            *line = without_mark(r, *line);
            r->line++;
            searched = 0;
            if (is_blank(*line)) continue;
            return CLI_LINE_GIVEN;
        }
        searched = held;
        const fill_result filled = fill(r, wait_ms);
        if (filled != FILLED) return stop_reading(r, filled, line, err);
    }
}

/* Jansson's words without what it quotes: errors hold no text of a user. */
static anm_status fail_json(const json_error_t *why, anm_error *err)
{
    if (json_error_code(why) == json_error_duplicate_key)
        return cli_fail(err, ANM_E_FORMAT,
                        "a name is given twice in one object, at byte %d",
                        why->position);
    const char *near = strstr(why->text, " near ");
    const size_t len = near ? (size_t)(near - why->text) : strlen(why->text);
    return cli_fail(err, ANM_E_FORMAT, "not JSON: %.*s at byte %d", (int)len,
                    why->text, why->position);
}

anm_status cli_item_read(cli_item *item, anm_text line, anm_error *err)
{
    json_error_t why;

    memset(item, 0, sizeof(*item));
    // The line itself is the answer, so a number need not fit into 64 bits.
    item->object = json_loadb(line.data, line.len,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL |
                                  JSON_DECODE_INT_AS_REAL,
                              &why);
    if (!item->object) return fail_json(&why, err);
    const json_t *text = json_object_get(item->object, "text");
    if (!json_is_string(text)) {
        cli_item_deinit(item);
        return cli_fail(err, ANM_E_FORMAT, "no object with a string \"text\"");
    }
    item->text =
        (anm_text){ json_string_value(text), json_string_length(text) };
    item->line = malloc(line.len);
    if (!item->line) {
        cli_item_deinit(item);
        return cli_fail(err, ANM_E_NOMEM, "out of memory");
    }
    memcpy(item->line, line.data, line.len);
    item->len = line.len;
    return ANM_OK;
}

void cli_item_deinit(cli_item *item)
{
    json_decref(item->object);
    free(item->line);
    *item = (cli_item){ 0 };
}

static size_t skip_blanks(const cli_item *item, size_t at)
{
    while (at < item->len && strchr(" \t\r\n", item->line[at]))
        at++;
    return at;
}

/* Where the string, number, word, list or object at `at` ends. The line is
 * known to be JSON. */
static size_t skip_value(const cli_item *item, size_t at)
{
    size_t depth = 0;
    bool quoted = false;

    for (; at < item->len; at++) {
        const char c = item->line[at];
        if (quoted) {
            if (c == '\\') at++;
            quoted = c != '"';
            if (!quoted && depth == 0) return at + 1;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (depth && (c == '}' || c == ']')) {
            if (--depth == 0) return at + 1;
        } else if (depth == 0 && strchr(",:}] \t\r\n", c)) {
            return at;
        }
    }
    return at;
}

/* The member at *at, as the line spells it; advances behind it. Begin with 0;
 * false after the last. */
static bool next_member(const cli_item *item, size_t *at, anm_text *name,
                        anm_text *value)
{
    // Behind the brace, or the comma.
    const size_t begin = skip_blanks(item, skip_blanks(item, *at) + 1);
    if (begin >= item->len || item->line[begin] != '"') return false;
    size_t end = skip_value(item, begin);
    *name = (anm_text){ item->line + begin, end - begin };
    end = skip_blanks(item, skip_blanks(item, end) + 1); // behind the colon
    *at = skip_value(item, end);
    *value = (anm_text){ item->line + end, *at - end };
    return true;
}

bool cli_item_value(const cli_item *item, const char *name, anm_text *value)
{
    const size_t len = strlen(name);
    anm_text spelled;
    size_t at = 0;

    while (next_member(item, &at, &spelled, value))
        if (spelled.len == len + 2 && !memcmp(spelled.data + 1, name, len))
            return true;
    return false;
}

/* Whether a name, as it is spelled, is one of the list. */
static bool is_one_of(anm_text spelled, const char *const *names)
{
    json_t *name = json_loadb(spelled.data, spelled.len,
                              JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool found = false;

    for (; *names && !found; names++)
        found = json_is_string(name) &&
                json_string_length(name) == strlen(*names) &&
                !memcmp(json_string_value(name), *names, strlen(*names));
    json_decref(name);
    return found;
}

/* Some field is given anew: write the object without the old ones. */
static void begin_without(FILE *out, const cli_item *item,
                          const char *const *added)
{
    anm_text name, value;
    size_t at = 0;
    char before = '{';

    while (next_member(item, &at, &name, &value)) {
        if (is_one_of(name, added)) continue;
        fputc(before, out);
        fwrite(name.data, 1, (size_t)(value.data + value.len - name.data), out);
        before = ',';
    }
}

void cli_item_begin(FILE *out, const cli_item *item, const char *const *added)
{
    for (const char *const *name = added; *name; name++)
        if (json_object_get(item->object, *name)) {
            begin_without(out, item, added);
            return;
        }
    size_t len = item->len;
    while (item->line[len - 1] != '}')
        len--;
    fwrite(item->line, 1, len - 1, out);
}
