/* new_file.c - files that appear whole or not at all.
 *
 * The temporary stands in the folder of the final file, because a rename is
 * atomic within one file system only. Its name carries the process and a
 * counter, and O_EXCL settles what those leave open.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/open.h"

static char *make_temp_path(const char *path)
{
    static _Atomic unsigned counter;
    anm_buf b = { 0 };

    anm_buf_printf(&b, "%s.%ld.%u.tmp", path, (long)getpid(),
                   atomic_fetch_add(&counter, 1));
    return anm_buf_take(&b);
}

/* Create the temporary under a name that nobody has. A name can be taken by
 * what an earlier process of the same number left behind. */
static anm_status create_temp(anm_new_file *f, anm_error *err)
{
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        f->temp_path = make_temp_path(f->path);
        if (!f->temp_path)
            return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", f->path);
        const int fd =
            anm_open_fd(f->temp_path, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (fd >= 0) {
            f->fd = fd;
            return ANM_OK;
        }
        const int why = errno;
        anm_free(f->temp_path);
        f->temp_path = NULL;
        if (why != EEXIST)
            return anm_fail_errno(err, why, "create %s", f->path);
    }
    return anm_fail(err, ANM_E_IO, "create %s: all temporary names are taken",
                    f->path);
}

anm_status anm_new_file_open(anm_new_file *f, const char *path, anm_error *err)
{
    *f = (anm_new_file){ .path = anm_copy_string(path) };
    if (!f->path) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
    const anm_status status = create_temp(f, err);
    if (status) anm_new_file_close(f);
    return status;
}

/* Write at most 1 GiB, at the file's position or at an offset; systems limit
 * one call to 2 GiB. */
static ssize_t write_some(const anm_new_file *f, const uint64_t *offset,
                          const char *data, size_t len)
{
    const size_t most = (size_t)1 << 30;
    ssize_t n;

    if (len > most) len = most;
    do
        n = offset ? pwrite(f->fd, data, len, (off_t)*offset)
                   : write(f->fd, data, len);
    while (n < 0 && errno == EINTR);
    return n;
}

anm_status anm_new_file_write(anm_new_file *f, const void *data, size_t len,
                              anm_error *err)
{
    const char *rest = data;

    while (len) {
        const ssize_t n = write_some(f, NULL, rest, len);
        if (n < 0) return anm_fail_errno(err, errno, "write %s", f->path);
        rest += n;
        len -= (size_t)n;
        f->written += (uint64_t)n;
    }
    return ANM_OK;
}

anm_status anm_new_file_patch(anm_new_file *f, uint64_t offset,
                              const void *data, size_t len, anm_error *err)
{
    const char *rest = data;

    assert(offset <= f->written && len <= f->written - offset);
    while (len) {
        const ssize_t n = write_some(f, &offset, rest, len);
        if (n < 0) return anm_fail_errno(err, errno, "write %s", f->path);
        rest += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return ANM_OK;
}

/* Make the new name durable. The file is complete and visible by now, so a
 * file system that cannot sync a folder is no failure. */
static void sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = !slash ? anm_copy_string(".")
                   : slash == path
                       ? anm_copy_string("/")
                       : anm_copy_bytes(path, (size_t)(slash - path));
    const int fd = folder ? anm_open_fd(folder, O_RDONLY, 0) : -1;

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    anm_free(folder);
}

anm_status anm_new_file_commit(anm_new_file *f, anm_error *err)
{
    if (fsync(f->fd) != 0)
        return anm_fail_errno(err, errno, "sync %s", f->path);
    if (rename(f->temp_path, f->path) != 0)
        return anm_fail_errno(err, errno, "rename %s to %s", f->temp_path,
                              f->path);
    sync_folder_of(f->path);
    anm_free(f->temp_path);
    f->temp_path = NULL;
    anm_new_file_close(f);
    return ANM_OK;
}

void anm_new_file_close(anm_new_file *f)
{
    if (f->fd) close(f->fd);
    if (f->temp_path) unlink(f->temp_path);
    anm_free(f->temp_path);
    anm_free(f->path);
    *f = (anm_new_file){ 0 };
}
