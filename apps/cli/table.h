/* table.h - aligned columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "output.h"

/* Zero-initialised is an empty table. When memory runs out rows are left out
 * and cli_table_print() says so. */
typedef struct cli_table {
    char **rows; /* [n], cells with '\t' between */
    size_t n, cap;
    bool lost;
} cli_table;

/* Append a row: cells with '\t' between. */
void cli_table_add(cli_table *t, const char *format, ...) CLI_PRINTF(2, 3);

/* Write the rows and release the table.
 *
 * @param align  A letter a column, l or r; the last one counts for the rest.
 * @param head   The first row is a head, and drawn faint. */
void cli_table_print(cli_table *t, const char *align, bool head,
                     const cli_term *term, FILE *out);

#endif
