/* output.c - texts, numbers, colours and errors as stdout and stderr get them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

static cli_screen screen_of(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
        return (cli_screen){ 80, 24 };
    return (cli_screen){ size.ws_col, size.ws_row };
}

cli_screen cli_screen_now(void)
{
    return screen_of(STDOUT_FILENO);
}

/* Tables are not broken into fewer. */
static size_t terminal_columns(int fd)
{
    const size_t columns = screen_of(fd).columns;
    return columns >= 20 ? columns : 80;
}

void cli_term_init(cli_term *t)
{
    setlocale(LC_CTYPE, "");
    const char *no_colour = getenv("NO_COLOR"), *kind = getenv("TERM");
    const char *charset = nl_langinfo(CODESET);
    const bool dumb = kind && !strcmp(kind, "dumb");
    const bool terminal = isatty(STDOUT_FILENO) == 1;

    t->utf8 = !strcasecmp(charset, "UTF-8") || !strcasecmp(charset, "utf8");
    t->colour = terminal && !dumb && !(no_colour && *no_colour);
    t->progress = isatty(STDERR_FILENO) == 1 && !dumb;
    t->columns = terminal_columns(terminal ? STDOUT_FILENO : STDERR_FILENO);
}

const char *cli_ink_on(const cli_term *t, cli_ink ink)
{
    static const char *const codes[] = {
        [CLI_PLAIN] = "\033[0m",    [CLI_FAINT] = "\033[2m",
        [CLI_BOLD] = "\033[1m",     [CLI_RED] = "\033[31m",
        [CLI_GREEN] = "\033[32m",   [CLI_YELLOW] = "\033[33m",
        [CLI_BLUE] = "\033[34m",    [CLI_CYAN] = "\033[36m",
        [CLI_MAGENTA] = "\033[35m",
    };
    return t->colour ? codes[ink] : "";
}

anm_status cli_fail(anm_error *err, anm_status status, const char *format, ...)
{
    if (!err) return status;
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    err->status = status;
    return status;
}

uint32_t cli_utf8_next(anm_text text, size_t *at)
{
    const unsigned char *s = (const unsigned char *)text.data + *at;
    const size_t left = text.len - *at;
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len = 1;
    uint32_t c = s[0];

    (*at)++;
    if (c < 0x80) return c;
    if (c >= 0xc2 && c < 0xe0) {
        len = 2;
        c &= 0x1f;
    } else if (c >= 0xe0 && c < 0xf0) {
        len = 3;
        c &= 0x0f;
    } else if (c >= 0xf0 && c < 0xf5) {
        len = 4;
        c &= 0x07;
    } else {
        return '?';
    }
    if (len > left) return '?';
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) return '?';
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return '?';
    *at += len - 1;
    return c;
}

/* What is written in place of a character, and how wide it is. */
static uint32_t shown_char(const cli_term *t, uint32_t c, size_t *columns)
{
    *columns = 1;
    if (c < ' ' || c == 127) return ' ';
    if (c < 127) return c;
    if (!t->utf8) return '?';
    const int width = wcwidth((wchar_t)c);
    if (width < 0) return '?';
    *columns = (size_t)width;
    return c;
}

static void put_char(FILE *out, uint32_t c)
{
    if (c < 0x80) {
        fputc((int)c, out);
        return;
    }
    if (c < 0x800) {
        fputc((int)(0xc0 | c >> 6), out);
    } else {
        if (c < 0x10000) {
            fputc((int)(0xe0 | c >> 12), out);
        } else {
            fputc((int)(0xf0 | c >> 18), out);
            fputc((int)(0x80 | (c >> 12 & 0x3f)), out);
        }
        fputc((int)(0x80 | (c >> 6 & 0x3f)), out);
    }
    fputc((int)(0x80 | (c & 0x3f)), out);
}

size_t cli_text_columns(const cli_term *t, anm_text text)
{
    size_t total = 0;
    for (size_t at = 0; at < text.len;) {
        size_t columns;
        shown_char(t, cli_utf8_next(text, &at), &columns);
        total += columns;
    }
    return total;
}

size_t cli_put_text(FILE *out, const cli_term *t, anm_text text, size_t columns)
{
    const bool whole = text.len <= columns || // no character is below one byte
                       cli_text_columns(t, text) <= columns;
    const size_t dots = t->utf8 ? 1 : 2;
    const size_t room = whole ? SIZE_MAX : columns - dots;
    size_t used = 0;

    for (size_t at = 0; at < text.len;) {
        size_t width;
        const uint32_t c = shown_char(t, cli_utf8_next(text, &at), &width);
        if (used + width > room) break;
        put_char(out, c);
        used += width;
    }
    if (whole) return used;
    fputs(t->utf8 ? "…" : "..", out);
    return used + dots;
}

void cli_clip_text(char *out, size_t cap, const cli_term *t, anm_text text,
                   size_t columns)
{
    FILE *memory = fmemopen(out, cap, "w");
    out[0] = '\0';
    if (!memory) return;
    cli_put_text(memory, t, text, columns);
    fclose(memory);
    out[cap - 1] = '\0';
}

void cli_json_text(FILE *out, anm_text text)
{
    fputc('"', out);
    for (size_t at = 0; at < text.len;) {
        const uint32_t c = cli_utf8_next(text, &at);
        if (c == '"' || c == '\\') {
            fprintf(out, "\\%c", (int)c);
        } else if (c == '\n') {
            fputs("\\n", out);
        } else if (c < ' ' || c == 127) {
            fprintf(out, "\\u%04x", (unsigned)c);
        } else {
            put_char(out, c);
        }
    }
    fputc('"', out);
}

void cli_json_line(FILE *out, anm_text json)
{
    for (size_t i = 0; i < json.len; i++)
        if (json.data[i] != '\n' && json.data[i] != '\r')
            fputc(json.data[i], out);
}

void cli_json_string(FILE *out, const char *string)
{
    if (string) {
        cli_json_text(out, anm_text_of(string));
    } else {
        fputs("null", out);
    }
}

/* Write a word without its control characters; returns its characters. */
static size_t put_word(FILE *out, const char *word, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)word[i];
        fputc(c < ' ' || c == 127 ? '?' : c, out);
        n += (c & 0xc0) != 0x80;
    }
    return n;
}

void cli_wrap(FILE *out, const char *text, size_t indent, size_t width)
{
    size_t column = indent;

    while (*text) {
        size_t len = strcspn(text, " ");
        if (column > indent && column + 1 + len > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        if (column > indent) {
            fputc(' ', out);
            column++;
        }
        // A word too long for any line is broken where the line ends.
        if (len > width - indent) len = width - indent;
        column += put_word(out, text, len);
        text += len;
        while (*text == ' ')
            text++;
    }
    fputc('\n', out);
}

void cli_bytes_text(char out[32], double bytes)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
    size_t u = 0;
    while (bytes >= 999.5 && u + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1000.0;
        u++;
    }
    snprintf(out, 32, u && bytes < 99.95 ? "%.1f %s" : "%.0f %s", bytes,
             units[u]);
}

void cli_ns_text(char out[32], double ns)
{
    if (ns <= 0) {
        snprintf(out, 32, "0 ms");
    } else if (ns < 1e3) {
        snprintf(out, 32, "%.0f ns", ns);
    } else if (ns < 1e5) {
        snprintf(out, 32, "%.1f us", ns / 1e3);
    } else if (ns < 1e7) {
        snprintf(out, 32, "%.2f ms", ns / 1e6);
    } else if (ns < 1e9) {
        snprintf(out, 32, "%.1f ms", ns / 1e6);
    } else {
        snprintf(out, 32, "%.2f s", ns / 1e9);
    }
}

void cli_count_text(char out[32], uint64_t n)
{
    char digits[24];
    const int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
    size_t used = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
}

uint64_t cli_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
