/* open.c - opening files, and what identifies them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/open.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

int anm_open_fd(const char *path, int flags, mode_t mode)
{
    const int fd = open(path, flags | O_CLOEXEC, mode);

    if (fd < 0 || fd > 2) return fd;
    const int higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    // That 3 is beyond the limit means that there are too many.
    const int saved = errno == EINVAL ? EMFILE : errno;
    close(fd);
    // A file that is new, and nobody's, must not be left behind by a failure.
    if (higher < 0 && (flags & O_EXCL)) unlink(path);
    errno = saved;
    return higher;
}

#if defined(__APPLE__)
#define MTIME(s) ((s)->st_mtimespec)
#define CTIME(s) ((s)->st_ctimespec)
#define ATIME(s) ((s)->st_atimespec)
#else
#define MTIME(s) ((s)->st_mtim)
#define CTIME(s) ((s)->st_ctim)
#define ATIME(s) ((s)->st_atim)
#endif

/* A stamp beyond the year 2255, which a file can be given, counts as of then:
 * in nanoseconds it would not fit. */
static int64_t ns_of(struct timespec t)
{
    const int64_t most_s = 9000000000;

    if (t.tv_sec > most_s) return most_s * 1000000000;
    if (t.tv_sec < -most_s) return -most_s * 1000000000;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static anm_file_id id_of(const struct stat *s)
{
    return (anm_file_id){
        .device = (uint64_t)s->st_dev,
        .inode = (uint64_t)s->st_ino,
        .size = (uint64_t)s->st_size,
        .mtime_ns = ns_of(MTIME(s)),
        .ctime_ns = ns_of(CTIME(s)),
    };
}

static anm_file_kind kind_of(const struct stat *s)
{
    if (S_ISREG(s->st_mode)) return ANM_FILE_REGULAR;
    if (S_ISDIR(s->st_mode)) return ANM_FILE_FOLDER;
    return ANM_FILE_OTHER;
}

anm_status anm_file_look(const char *path, anm_file_kind *kind, anm_file_id *id,
                         anm_error *err)
{
    struct stat s;

    if (stat(path, &s) == 0) {
        *kind = kind_of(&s);
        *id = id_of(&s);
        return ANM_OK;
    }
    if (errno != ENOENT && errno != ENOTDIR)
        return anm_fail_errno(err, errno, "look at %s", path);
    *kind = ANM_FILE_ABSENT;
    *id = (anm_file_id){ 0 };
    return ANM_OK;
}

bool anm_path_is_link(const char *path)
{
    struct stat s;

    return lstat(path, &s) == 0 && S_ISLNK(s.st_mode);
}

bool anm_file_id_equal(const anm_file_id *a, const anm_file_id *b)
{
    return a->device == b->device && a->inode == b->inode &&
           a->size == b->size && a->mtime_ns == b->mtime_ns &&
           a->ctime_ns == b->ctime_ns;
}

int64_t anm_file_used_ns(const char *path)
{
    struct stat s;

    if (stat(path, &s) != 0) return 0;
    const int64_t accessed = ns_of(ATIME(&s)), changed = ns_of(MTIME(&s));
    return accessed > changed ? accessed : changed;
}

static anm_status refuse_irregular(const struct stat *s, const char *path,
                                   anm_error *err)
{
    if (S_ISREG(s->st_mode)) return ANM_OK;
    return anm_fail(err, ANM_E_IO, "open %s: %s, not a regular file", path,
                    S_ISDIR(s->st_mode) ? "a folder" : "a device or a pipe");
}

anm_status anm_open_regular(int *fd, const char *path, anm_file_id *id,
                            anm_error *err)
{
    struct stat s;

    if (stat(path, &s) != 0) return anm_fail_errno(err, errno, "open %s", path);
    anm_status status = refuse_irregular(&s, path, err);
    if (status) return status;

    // A pipe put there since would block an open without O_NONBLOCK.
    const int opened = anm_open_fd(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (opened < 0) return anm_fail_errno(err, errno, "open %s", path);
    if (fstat(opened, &s) != 0)
        status = anm_fail_errno(err, errno, "look at %s", path);
    else
        status = refuse_irregular(&s, path, err);
    if (status) {
        close(opened);
        return status;
    }
    *fd = opened;
    *id = id_of(&s);
    return ANM_OK;
}
