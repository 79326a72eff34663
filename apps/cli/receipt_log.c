/* receipt_log.c - the bounded log of receipts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "receipt_log.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static anm_status fail_file(const cli_receipt_log *l, anm_error *err)
{
    return cli_fail(err, errno == ENOENT ? ANM_E_NOTFOUND : ANM_E_IO,
                    "receipt log %s: %s", l->path, strerror(errno));
}

/* A file whose last line was cut short, by a full disk or the end of its
 * writer. */
static bool ends_torn(const char *path)
{
    char last = '\n';
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) return false;
    const bool cut = !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 &&
                     pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
    close(fd);
    return cut;
}

static anm_status open_file(cli_receipt_log *l, anm_error *err)
{
    l->fd = open(l->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (l->fd < 0) return fail_file(l, err);
    l->torn = ends_torn(l->path);
    return ANM_OK;
}

anm_status cli_receipt_log_open(cli_receipt_log *l, const char *path,
                                anm_error *err)
{
    *l = (cli_receipt_log){ .path = path,
                            .max_bytes = CLI_RECEIPT_LOG_MAX,
                            .fd = -1 };
    return path ? open_file(l, err) : ANM_OK;
}

void cli_receipt_log_close(cli_receipt_log *l)
{
    if (l->path && l->fd >= 0) close(l->fd);
    *l = (cli_receipt_log){ .fd = -1 };
}

/* The open file is full, or no longer the one of its name. */
typedef enum state { FITS, FULL, RENAMED } state;

static anm_status look(const cli_receipt_log *l, size_t len, state *out,
                       anm_error *err)
{
    struct stat ours, named;

    if (fstat(l->fd, &ours)) return fail_file(l, err);
    const bool same = !stat(l->path, &named) && ours.st_ino == named.st_ino &&
                      ours.st_dev == named.st_dev;
    const bool full = S_ISREG(ours.st_mode) && ours.st_size > 0 &&
                      (uint64_t)ours.st_size + len > l->max_bytes;
    *out = !same ? RENAMED : full ? FULL : FITS;
    return ANM_OK;
}

static anm_status make_older(const cli_receipt_log *l, anm_error *err)
{
    char *older = malloc(strlen(l->path) + 3);

    if (!older) return cli_fail(err, ANM_E_NOMEM, "receipt log: out of memory");
    strcat(strcpy(older, l->path), ".1");
    const int failed = rename(l->path, older);
    free(older);
    return failed ? fail_file(l, err) : ANM_OK;
}

/* Begin a new file when this line would pass the limit, or when another
 * process has renamed the one that is open. Of two that find one file full only
 * the first renames it: the other would put the new file in its place. */
static anm_status rotate(cli_receipt_log *l, size_t len, anm_error *err)
{
    state now;
    anm_status status = look(l, len, &now, err);

    if (status || now == FITS) return status;
    if (now == FULL) {
        // Whoever has the lock is at it: this line goes to the full file still.
        if (flock(l->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
            return ANM_OK;
        status = look(l, len, &now, err);
        if (!status && now == FULL) status = make_older(l, err);
        if (status) {
            flock(l->fd, LOCK_UN);
            return status;
        }
    }
    const int full_fd = l->fd;
    status = open_file(l, err);
    close(full_fd);
    return status;
}

static anm_status write_line(cli_receipt_log *l, const char *line, size_t len,
                             anm_error *err)
{
    const ssize_t n = write(l->fd, line, len);
    if (n == (ssize_t)len) {
        l->torn = false;
        return ANM_OK;
    }
    if (n >= 0) errno = ENOSPC;
    l->torn = l->torn || n > 0;
    return fail_file(l, err);
}

anm_status cli_receipt_log_add(cli_receipt_log *l, const anm_receipt *receipt,
                               anm_error *err)
{
    char *json;

    if (!l->path) return ANM_OK;
    if (l->fd < 0 && open_file(l, err)) return ANM_E_IO;
    anm_status status = anm_receipt_json(receipt, &json, err);
    if (status) return status;

    const size_t json_len = strlen(json);
    char *line = malloc(json_len + 2);
    size_t len = 0;
    if (!line) {
        anm_free(json);
        return cli_fail(err, ANM_E_NOMEM, "receipt log: out of memory");
    }
    // A line end first keeps a line that a full disk cut short by itself.
    if (l->torn) line[len++] = '\n';
    for (size_t i = 0; i < json_len; i++)
        if (json[i] != '\n') line[len++] = json[i];
    line[len++] = '\n';

    status = rotate(l, len, err);
    // A file begun anew has no line to end.
    const size_t skip = line[0] == '\n' && !l->torn;
    if (!status) status = write_line(l, line + skip, len - skip, err);
    free(line);
    anm_free(json);
    return status;
}
