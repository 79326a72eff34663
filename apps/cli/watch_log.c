/* watch_log.c - follows a file line by line, across rotation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef void (*line_fn)(void *ctx, const char *line, size_t len);

static anm_status fail_file(const cli_watch_log *l, anm_error *err)
{
    return cli_fail(err, errno == ENOENT ? ANM_E_NOTFOUND : ANM_E_IO,
                    "receipt log %s: %s", l->path, strerror(errno));
}

/* A pipe has no end to come back to, and a device none at all. */
static anm_status open_file(cli_watch_log *l, anm_error *err)
{
    struct stat there;

    l->at = 0;
    l->fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (l->fd < 0 || fstat(l->fd, &there)) return fail_file(l, err);
    if (S_ISREG(there.st_mode)) return ANM_OK;
    return cli_fail(err, ANM_E_IO, "receipt log %s: a regular file expected",
                    l->path);
}

anm_status cli_watch_log_open(cli_watch_log *l, const char *path, uint64_t tail,
                              anm_error *err)
{
    struct stat there;

    *l = (cli_watch_log){ .path = path, .fd = -1 };
    anm_status status = open_file(l, err);
    if (status) {
        cli_watch_log_close(l);
        return status;
    }
    if (!fstat(l->fd, &there) && (uint64_t)there.st_size > tail) {
        l->at = (uint64_t)there.st_size - tail;
        l->is_amid = true;
    }
    return ANM_OK;
}

void cli_watch_log_close(cli_watch_log *l)
{
    if (l->path && l->fd >= 0) close(l->fd);
    free(l->buf);
    *l = (cli_watch_log){ .fd = -1 };
}

/* ---- Lines ---------------------------------------------------------------------- */

static void end_line(cli_watch_log *l, line_fn fn, void *ctx)
{
    if (l->is_long) {
        l->n_incomplete++;
    } else if (!l->is_amid && l->len) {
        fn(ctx, l->buf, l->len);
    }
    l->is_long = l->is_amid = false;
    l->len = 0;
}

static anm_status keep(cli_watch_log *l, const char *data, size_t len,
                       anm_error *err)
{
    if (l->is_long || l->is_amid) return ANM_OK;
    if (l->len + len > CLI_WATCH_LINE_MAX) {
        l->is_long = true;
        return ANM_OK;
    }
    if (l->len + len > l->cap) {
        const size_t cap = 2 * (l->len + len);
        char *buf = realloc(l->buf, cap);
        if (!buf)
            return cli_fail(err, ANM_E_NOMEM, "receipt log: out of memory");
        l->buf = buf;
        l->cap = cap;
    }
    memcpy(l->buf + l->len, data, len);
    l->len += len;
    return ANM_OK;
}

static anm_status take(cli_watch_log *l, const char *data, size_t len,
                       line_fn fn, void *ctx, anm_error *err)
{
    while (len) {
        const char *end = memchr(data, '\n', len);
        const size_t part = end ? (size_t)(end - data) : len;
        const anm_status status = keep(l, data, part, err);
        if (status) return status;
        if (!end) break;
        end_line(l, fn, ctx);
        data += part + 1;
        len -= part + 1;
    }
    return ANM_OK;
}

static anm_status drain(cli_watch_log *l, line_fn fn, void *ctx, anm_error *err)
{
    char part[65536];

    for (;;) {
        const ssize_t n = pread(l->fd, part, sizeof(part), (off_t)l->at);
        if (n < 0 && errno == EINTR) return ANM_OK;
        if (n < 0) return fail_file(l, err);
        if (n == 0) return ANM_OK;
        l->at += (uint64_t)n;
        const anm_status status = take(l, part, (size_t)n, fn, ctx, err);
        if (status) return status;
    }
}

/* ---- Rotation -------------------------------------------------------------------- */

/* Whether another file stands in its place, or this one became shorter. */
static bool is_replaced(const cli_watch_log *l)
{
    struct stat ours, theirs;

    if (fstat(l->fd, &ours)) return false;
    if ((uint64_t)ours.st_size < l->at) return true;
    return !stat(l->path, &theirs) &&
           (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev);
}

anm_status cli_watch_log_read(cli_watch_log *l, line_fn fn, void *ctx,
                              anm_error *err)
{
    for (;;) {
        anm_status status = drain(l, fn, ctx, err);
        if (status || !is_replaced(l)) return status;
        // What was written between the last read and the rename.
        status = drain(l, fn, ctx, err);
        if (status) return status;
        l->n_incomplete += l->len || l->is_long;
        l->n_rotations++;
        l->len = 0;
        l->is_long = l->is_amid = false;
        close(l->fd);
        status = open_file(l, err);
        if (status) return status;
    }
}
