/* cgroup.c - the folder of this process's cgroup, v1 or v2, and its quota.
 *
 * /proc/self/cgroup names the group by its path in the hierarchy;
 * /proc/self/mountinfo says which part of the hierarchy is mounted where:
 *
 *     4:memory:/docker/ab12
 *     36 25 0:31 /docker/ab12 /sys/fs/cgroup/memory rw - cgroup cg rw,memory
 *                ^ root       ^ mount point            ^ type      ^ options
 *
 * In a container root and path usually agree and the group is the mount point
 * itself. A path outside the root cannot be seen; the mount point is then the
 * closest folder there is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/open.h"
#include "base/proc.h"

/* A run of characters inside a text. */
typedef struct word {
    const char *start;
    size_t len;
} word;

static bool word_is(word w, const char *s)
{
    return strlen(s) == w.len && memcmp(w.start, s, w.len) == 0;
}

/* Take the characters before a separator, and the separator, from the front
 * of the line; false when the line is empty. */
static bool take_word(word *line, char separator, word *out)
{
    if (!line->len) return false;
    const char *end = memchr(line->start, separator, line->len);
    out->start = line->start;
    out->len = end ? (size_t)(end - line->start) : line->len;
    const size_t taken = end ? out->len + 1 : out->len;
    line->start += taken;
    line->len -= taken;
    return true;
}

static bool list_has(word list, const char *item)
{
    word one;
    while (take_word(&list, ',', &one))
        if (word_is(one, item)) return true;
    return false;
}

/* The path of the group in the hierarchy. */
static bool find_path(const char *cgroup, const char *controller, word *path)
{
    word text = { cgroup, strlen(cgroup) }, line;

    while (take_word(&text, '\n', &line)) {
        word number, controllers;
        if (!take_word(&line, ':', &number)) continue;
        if (!take_word(&line, ':', &controllers)) continue;
        const bool found = controller
                               ? list_has(controllers, controller)
                               : word_is(number, "0") && !controllers.len;
        if (!found || !line.len || line.start[0] != '/') continue;
        *path = line;
        return true;
    }
    return false;
}

/* Root and mount point of one line of mountinfo if it is this hierarchy. */
static bool match_mount(word line, const char *controller, word *root,
                        word *mount)
{
    word skipped, type, source;

    for (unsigned i = 0; i < 3; i++)
        if (!take_word(&line, ' ', &skipped)) return false;
    if (!take_word(&line, ' ', root)) return false;
    if (!take_word(&line, ' ', mount)) return false;
    // Optional fields in any number end with a hyphen.
    do
        if (!take_word(&line, ' ', &skipped)) return false;
    while (!word_is(skipped, "-"));
    if (!take_word(&line, ' ', &type)) return false;
    if (!controller) return word_is(type, "cgroup2");
    if (!word_is(type, "cgroup")) return false;
    if (!take_word(&line, ' ', &source)) return false;
    return list_has(line, controller);
}

static bool find_mount(const char *mountinfo, const char *controller,
                       word *root, word *mount)
{
    word text = { mountinfo, strlen(mountinfo) }, line;

    while (take_word(&text, '\n', &line))
        if (match_mount(line, controller, root, mount)) return true;
    return false;
}

/* The byte that "\040" at s stands for; false when it is no such escape. */
static bool decode_octal(const char *s, size_t len, char *out)
{
    unsigned value = 0;

    if (len < 4 || s[0] != '\\') return false;
    for (size_t i = 1; i < 4; i++) {
        if (s[i] < '0' || s[i] > '7') return false;
        value = value * 8 + (unsigned)(s[i] - '0');
    }
    *out = (char)(unsigned char)value;
    return true;
}

/* Append a word to c->folder, with its escapes decoded if it has any. */
static bool append(anm_cgroup *c, word w, bool escaped)
{
    size_t n = strlen(c->folder);

    for (size_t i = 0; i < w.len; n++) {
        if (n + 1 >= sizeof(c->folder)) return false;
        const char *s = w.start + i;
        const bool octal = escaped && decode_octal(s, w.len - i, &c->folder[n]);
        if (!octal) c->folder[n] = s[0];
        i += octal ? 4 : 1;
    }
    c->folder[n] = '\0';
    return true;
}

/* The part of path below root; empty when they are the same or when path is
 * not below root. */
static word part_below(word path, word root)
{
    const word none = { path.start + path.len, 0 };

    if (word_is(path, "/")) return none;
    if (word_is(root, "/")) return path;
    if (path.len <= root.len || path.start[root.len] != '/') return none;
    if (memcmp(path.start, root.start, root.len) != 0) return none;
    return (word){ path.start + root.len, path.len - root.len };
}

/* A path that climbs ("/../x") leads out of this namespace. */
static bool climbs(word path)
{
    word part;
    while (take_word(&path, '/', &part))
        if (word_is(part, "..")) return true;
    return false;
}

bool anm_cgroup_locate(const char *cgroup, const char *mountinfo,
                       const char *controller, anm_cgroup *out)
{
    word path, root, mount;

    if (!find_path(cgroup, controller, &path)) return false;
    if (!find_mount(mountinfo, controller, &root, &mount)) return false;
    out->folder[0] = '\0';
    if (!append(out, mount, true)) return false;
    out->mount_len = strlen(out->folder);
    return climbs(path) || append(out, part_below(path, root), false);
}

bool anm_cgroup_up(anm_cgroup *c)
{
    char *last = strrchr(c->folder, '/');

    if (!last || (size_t)(last - c->folder) < c->mount_len) return false;
    *last = '\0';
    return true;
}

bool anm_proc_read_fd(int fd, char *text, size_t cap)
{
    size_t n = 0;

    while (n < cap - 1) {
        const ssize_t got = pread(fd, text + n, cap - 1 - n, (off_t)n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) n = 0;
        if (got <= 0) break;
        n += (size_t)got;
        // These files are made in one piece: what comes short has ended.
        if (n < cap - 1) break;
    }
    text[n] = '\0';
    return n > 0;
}

bool anm_proc_read(const char *path, char *text, size_t cap)
{
    const int fd = anm_open_fd(path, O_RDONLY, 0);

    text[0] = '\0';
    if (fd < 0) return false;
    const bool read = anm_proc_read_fd(fd, text, cap);
    close(fd);
    return read;
}

bool anm_cgroup_read(const anm_cgroup *c, const char *name, char *text,
                     size_t cap)
{
    char path[sizeof(c->folder) + 64];

    snprintf(path, sizeof(path), "%s/%s", c->folder, name);
    return anm_proc_read(path, text, cap);
}

bool anm_cgroup_find(const char *controller, anm_cgroup *out)
{
    // A machine with many containers has long mount tables.
    const size_t limit = (size_t)4 << 20;
    char *cgroup = NULL, *mountinfo = NULL;
    size_t len = 0;
    const bool found =
        !anm_file_read("/proc/self/cgroup", limit, &cgroup, &len, NULL) &&
        !anm_file_read("/proc/self/mountinfo", limit, &mountinfo, &len, NULL) &&
        anm_cgroup_locate(cgroup, mountinfo, controller, out);

    anm_free(cgroup);
    anm_free(mountinfo);
    return found;
}

double anm_cgroup_quota(const anm_cgroup *c)
{
    char quota[64], period[64];

    if (anm_cgroup_read(c, "cpu.max", quota, sizeof(quota)))
        return anm_proc_cpu_max(quota);
    if (!anm_cgroup_read(c, "cpu.cfs_quota_us", quota, sizeof(quota))) return 0;
    if (!anm_cgroup_read(c, "cpu.cfs_period_us", period, sizeof(period)))
        return 0;
    return anm_proc_cfs_quota(quota, period);
}
