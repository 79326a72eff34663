/* table.c - aligned columns, two blanks apart.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 16 };

void cli_table_add(cli_table *t, const char *format, ...)
{
    if (t->n == t->cap) {
        const size_t cap = t->cap ? 2 * t->cap : 16;
        char **rows = realloc(t->rows, cap * sizeof(*rows));
        if (!rows) {
            t->lost = true;
            return;
        }
        t->rows = rows;
        t->cap = cap;
    }
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *row = len < 0 ? NULL : malloc((size_t)len + 1);
    if (!row) {
        t->lost = true;
        return;
    }
    va_start(args, format);
    vsnprintf(row, (size_t)len + 1, format, args);
    va_end(args);
    t->rows[t->n++] = row;
}

/* The cell that begins at *at; advances behind it. False after the last. */
static bool next_cell(const char **at, anm_text *cell)
{
    if (!*at) return false;
    cell->data = *at;
    cell->len = strcspn(*at, "\t");
    *at = (*at)[cell->len] ? *at + cell->len + 1 : NULL;
    return true;
}

static void measure(const cli_table *t, const cli_term *term, size_t *widths)
{
    for (size_t i = 0; i < t->n; i++) {
        const char *at = t->rows[i];
        anm_text cell;
        for (size_t c = 0; c < COLUMNS_MAX && next_cell(&at, &cell); c++) {
            const size_t width = cli_text_columns(term, cell);
            if (width > widths[c]) widths[c] = width;
        }
    }
}

static void print_row(const char *row, const size_t *widths, const char *align,
                      const cli_term *term, FILE *out)
{
    const char *at = row;
    anm_text cell;

    for (size_t c = 0; c < COLUMNS_MAX && next_cell(&at, &cell); c++) {
        const size_t pad = widths[c] - cli_text_columns(term, cell);
        if (c) fputs("  ", out);
        if (*align == 'r') fprintf(out, "%*s", (int)pad, "");
        cli_put_text(out, term, cell, SIZE_MAX);
        if (*align != 'r' && at) fprintf(out, "%*s", (int)pad, "");
        if (align[1]) align++;
    }
    fputc('\n', out);
}

void cli_table_print(cli_table *t, const char *align, bool head,
                     const cli_term *term, FILE *out)
{
    size_t widths[COLUMNS_MAX] = { 0 };

    measure(t, term, widths);
    for (size_t i = 0; i < t->n; i++) {
        if (head && i == 0) fputs(cli_ink_on(term, CLI_FAINT), out);
        print_row(t->rows[i], widths, align, term, out);
        if (head && i == 0) fputs(cli_ink_on(term, CLI_PLAIN), out);
        free(t->rows[i]);
    }
    if (t->lost) fputs("(out of memory: rows are missing)\n", out);
    free(t->rows);
    *t = (cli_table){ 0 };
}
