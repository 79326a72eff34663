/* numbers.h - numbers with a point, whatever locale the program has chosen.
 *
 * strtod() and printf() ask the locale what the decimal point is, also inside
 * SQLite's json_extract(): in a program that speaks German, 1.5 is read as 1.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_NUMBERS_H
#define ANM_NUMBERS_H

/* What the calling thread had before; to be given back. */
typedef struct anm_numbers {
    void *before;
} anm_numbers;

/* Until anm_numbers_leave() the calling thread reads and writes numbers as C
 * does. Cheap; may be nested; of no effect when memory is out. */
anm_numbers anm_numbers_enter(void);
void anm_numbers_leave(anm_numbers n);

#endif
