/* proc.h - what files under /proc, /sys and cgroup folders say: pure functions
 * of their text, so that senseless text can be tried.
 *
 * Every text ends in NUL. A text of another form than expected gives false or
 * the value that is named; nothing is guessed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_PROC_H
#define ANM_PROC_H

#include "anemone.h"

/* ---- Values -------------------------------------------------------------- */

/* The number that stands behind a word at the start of a line: "nr_throttled
 * 3" in cpu.stat, "VmHWM:    1234 kB" in status. */
bool anm_proc_value(const char *text, const char *key, int64_t *out);

/* The number in a text that starts with one, and nothing but a newline behind
 * it. May be negative. */
bool anm_proc_number(const char *text, int64_t *out);

/* Microseconds of "some … total=N" in a pressure file. */
bool anm_proc_psi_total(const char *text, int64_t *out);

/* The second of the three numbers of a schedstat: nanoseconds runnable and
 * not running. */
bool anm_proc_run_delay(const char *text, int64_t *out);

/* The lowest CPU in "0,64" or "2-3": the name of a core. */
bool anm_proc_first_cpu(const char *text, int64_t *out);

/* CPUs that cgroup v2's cpu.max allows; 0: unlimited or senseless. */
double anm_proc_cpu_max(const char *text);

/* The same of v1's cpu.cfs_quota_us and cpu.cfs_period_us. */
double anm_proc_cfs_quota(const char *quota, const char *period);

/* Nanoseconds throttled, of v2's or v1's cpu.stat. */
bool anm_proc_throttled_ns(const char *text, int64_t *out);

/* ---- cgroup folders ------------------------------------------------------ */

/* A folder of a cgroup hierarchy, and where the hierarchy is mounted. */
typedef struct anm_cgroup {
    char folder[1024];
    size_t mount_len; /* of folder, the part that is the mount point */
} anm_cgroup;

/* The folder of the process that the texts of /proc/self/cgroup and
 * /proc/self/mountinfo describe: of the v1 hierarchy with this controller, or
 * of v2 where controller is NULL. False when there is none. */
bool anm_cgroup_locate(const char *cgroup, const char *mountinfo,
                       const char *controller, anm_cgroup *out);

/* Step to the parent; false at the mount point. */
bool anm_cgroup_up(anm_cgroup *c);

/* ---- Reading ------------------------------------------------------------- */

/* A file of these systems into text, cut at cap - 1 bytes, with NUL. False,
 * and an empty text, when it cannot be read. */
bool anm_proc_read(const char *path, char *text, size_t cap);

/* The same from a descriptor that is kept open. */
bool anm_proc_read_fd(int fd, char *text, size_t cap);

/* "folder/name" of a cgroup, read as above. */
bool anm_cgroup_read(const anm_cgroup *c, const char *name, char *text,
                     size_t cap);

/* anm_cgroup_locate() of this process. */
bool anm_cgroup_find(const char *controller, anm_cgroup *out);

/* CPUs that this one folder's quota allows; 0: unlimited. */
double anm_cgroup_quota(const anm_cgroup *c);

#endif
