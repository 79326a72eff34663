/* proc.c - the texts of /proc, /sys and cgroup files, taken apart.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <string.h>

/* Take digits from the front of *p; false when there are none or they do not
 * fit. */
static bool take_number(const char **p, int64_t *out)
{
    const char *s = *p;
    int64_t value = 0;

    if (*s < '0' || *s > '9') return false;
    for (; *s >= '0' && *s <= '9'; s++) {
        const int digit = *s - '0';
        if (value > (INT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *p = s;
    *out = value;
    return true;
}

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

static bool at_end(const char *s)
{
    return s[0] == '\0' || (s[0] == '\n' && s[1] == '\0');
}

/* The start of the line behind this one, or NULL. */
static const char *next_line(const char *s)
{
    const char *newline = strchr(s, '\n');
    return newline && newline[1] ? newline + 1 : NULL;
}

bool anm_proc_value(const char *text, const char *key, int64_t *out)
{
    const size_t len = strlen(key);

    for (const char *line = text; line; line = next_line(line)) {
        if (strncmp(line, key, len) != 0) continue;
        const char *p = skip_blanks(line + len);
        if (p == line + len) continue;
        return take_number(&p, out) && strchr(" \t\n", *p);
    }
    return false;
}

bool anm_proc_number(const char *text, int64_t *out)
{
    const bool negative = text[0] == '-';
    const char *p = text + negative;
    int64_t value = 0;

    if (!take_number(&p, &value) || !at_end(p)) return false;
    *out = negative ? -value : value;
    return true;
}

bool anm_proc_psi_total(const char *text, int64_t *out)
{
    static const char word[] = " total=";

    for (const char *line = text; line; line = next_line(line)) {
        if (strncmp(line, "some ", 5) != 0) continue;
        const char *total = strstr(line, word);
        const char *end = strchr(line, '\n');
        if (!total || (end && total > end)) return false;
        total += sizeof(word) - 1;
        return take_number(&total, out) && strchr(" \n", *total);
    }
    return false;
}

bool anm_proc_run_delay(const char *text, int64_t *out)
{
    const char *p = text;
    int64_t running, delay, slices;

    if (!take_number(&p, &running) || *p++ != ' ') return false;
    if (!take_number(&p, &delay) || *p++ != ' ') return false;
    if (!take_number(&p, &slices) || !at_end(p)) return false;
    *out = delay;
    return true;
}

bool anm_proc_first_cpu(const char *text, int64_t *out)
{
    const char *p = text;
    int64_t first = 0;

    if (!take_number(&p, &first)) return false;
    if (!at_end(p) && *p != ',' && *p != '-') return false;
    *out = first;
    return true;
}

double anm_proc_cpu_max(const char *text)
{
    const char *p = text;
    int64_t quota = 0, period = 0;

    if (!take_number(&p, &quota) || *p++ != ' ') return 0;
    if (!take_number(&p, &period) || !at_end(p)) return 0;
    return period > 0 ? (double)quota / (double)period : 0;
}

double anm_proc_cfs_quota(const char *quota, const char *period)
{
    int64_t q = 0, p = 0;

    // -1 is v1's word for unlimited.
    if (!anm_proc_number(quota, &q) || q <= 0) return 0;
    if (!anm_proc_number(period, &p) || p <= 0) return 0;
    return (double)q / (double)p;
}

bool anm_proc_throttled_ns(const char *text, int64_t *out)
{
    int64_t value = 0;

    if (anm_proc_value(text, "throttled_usec", &value)) {
        if (value > INT64_MAX / 1000) return false;
        *out = value * 1000;
        return true;
    }
    return anm_proc_value(text, "throttled_time", out);
}
