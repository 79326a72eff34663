/* file.c - whole small files, folders, and what happens to names.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/open.h"

static anm_status fail_nomem(anm_error *err, const char *path)
{
    return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
}

/* read() that is not interrupted; -1 and errno on failure. */
static ssize_t read_some(int fd, void *to, size_t len)
{
    ssize_t n;
    do
        n = read(fd, to, len);
    while (n < 0 && errno == EINTR);
    return n;
}

/* A growing file: what is read so far. */
typedef struct content {
    char *data;
    size_t len, cap;
} content;

/* Read to the end of the file or one byte past the limit. The size that the
 * system reports is a first guess only: files under /proc report 0. */
static anm_status read_all(content *c, int fd, uint64_t guess, size_t limit,
                           const char *path, anm_error *err)
{
    size_t want = (guess < limit ? (size_t)guess : limit) + 1;

    for (;;) {
        if (!anm_grow(&c->data, &c->cap, want < 512 ? 512 : want, 1))
            return fail_nomem(err, path);
        const ssize_t n = read_some(fd, c->data + c->len, c->cap - c->len);
        if (n < 0) return anm_fail_errno(err, errno, "read %s", path);
        if (n == 0) return ANM_OK;
        c->len += (size_t)n;
        if (c->len > limit)
            return anm_fail(err, ANM_E_LIMIT,
                            "read %s: more than %zu bytes, at most %zu", path,
                            limit, limit);
        want = c->len + 1;
    }
}

anm_status anm_file_read(const char *path, size_t limit, char **out,
                         size_t *len, anm_error *err)
{
    anm_file_id id;
    content c = { 0 };
    int fd = 0;
    anm_status status = anm_open_regular(&fd, path, &id, err);

    if (status) return status;
    if (id.size > limit)
        status = anm_fail(err, ANM_E_LIMIT,
                          "read %s: %" PRIu64 " bytes, at most %zu", path,
                          id.size, limit);
    else
        status = read_all(&c, fd, id.size, limit, path, err);
    close(fd);
    if (status) {
        anm_free(c.data);
        return status;
    }
    c.data[c.len] = '\0';
    *out = c.data;
    *len = c.len;
    return ANM_OK;
}

/* Make one folder whose parent exists; one that is there already is fine. */
static anm_status make_one(const char *path, anm_error *err)
{
    struct stat s;

    if (mkdir(path, 0700) == 0) return ANM_OK;
    const int why = errno;
    // A read-only parent answers EROFS or EACCES before EEXIST.
    if (stat(path, &s) != 0)
        return anm_fail_errno(err, why, "make folder %s", path);
    if (S_ISDIR(s.st_mode)) return ANM_OK;
    return anm_fail(err, ANM_E_IO, "make folder %s: a file has that name",
                    path);
}

anm_status anm_folder_make(const char *path, anm_error *err)
{
    anm_status status = ANM_OK;
    char *prefix = anm_copy_string(path);

    if (!prefix) return fail_nomem(err, path);
    for (char *p = prefix + (prefix[0] == '/'); !status; p++) {
        const char ended_by = *p;
        if (ended_by && ended_by != '/') continue;
        *p = '\0';
        // Repeated and trailing slashes name the same folder again.
        if (prefix[0]) status = make_one(prefix, err);
        if (!ended_by) break;
        *p = ended_by;
    }
    anm_free(prefix);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_self_or_parent(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static anm_status read_names(DIR *folder, const char *path, anm_names *names,
                             anm_error *err)
{
    size_t cap = 0;

    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry && errno) return anm_fail_errno(err, errno, "list %s", path);
        if (!entry) return ANM_OK;
        if (is_self_or_parent(entry->d_name)) continue;
        if (!anm_grow(&names->names, &cap, names->n + 1, sizeof(*names->names)))
            return fail_nomem(err, path);
        char *name = anm_copy_string(entry->d_name);
        if (!name) return fail_nomem(err, path);
        names->names[names->n++] = name;
    }
}

anm_status anm_folder_list(const char *path, anm_names *out, anm_error *err)
{
    anm_names names = { 0 };
    DIR *folder = opendir(path);

    if (!folder) return anm_fail_errno(err, errno, "list %s", path);
    const anm_status status = read_names(folder, path, &names, err);
    closedir(folder);
    if (status) {
        anm_names_deinit(&names);
        return status;
    }
    if (names.n)
        qsort(names.names, names.n, sizeof(*names.names), compare_names);
    *out = names;
    return ANM_OK;
}

void anm_names_deinit(anm_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        anm_free(names->names[i]);
    anm_free(names->names);
    *names = (anm_names){ 0 };
}

anm_status anm_file_remove(const char *path, anm_error *err)
{
    if (unlink(path) == 0) return ANM_OK;
    return anm_fail_errno(err, errno, "remove %s", path);
}

void anm_file_touch(const char *path)
{
    const struct timespec times[2] = { { .tv_nsec = UTIME_NOW },
                                       { .tv_nsec = UTIME_OMIT } };
    utimensat(AT_FDCWD, path, times, 0);
}
