/* fault_vfs.c - see fault_vfs.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/fault_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>

/* SQLite gives szOsFile bytes: ours, and behind them the real file's. */
typedef struct shim {
    sqlite3_file base;
    sqlite3_file *real;
} shim;

static sqlite3_vfs *real_vfs;
static sqlite3_vfs shim_vfs;
static _Atomic int64_t left;
static atomic_bool happened, full;
static test_disk_fault kind;

/* Whether the next step is the one; of a killed process it is the last. */
static bool is_due(void)
{
    if (atomic_load(&full)) return true;
    if (atomic_load(&left) <= 0 || atomic_fetch_sub(&left, 1) != 1)
        return false;
    atomic_store(&happened, true);
    atomic_store(&full, kind == TEST_DISK_FULL);
    return true;
}

static bool must_fail(void)
{
    const bool due = is_due();

    if (due && kind == TEST_DISK_KILL) raise(SIGKILL);
    return due;
}

void test_disk_arm(uint64_t k, test_disk_fault how)
{
    kind = how;
    atomic_store(&full, false);
    atomic_store(&happened, false);
    atomic_store(&left, (int64_t)k);
}

bool test_disk_disarm(void)
{
    atomic_store(&left, 0);
    atomic_store(&full, false);
    return atomic_exchange(&happened, false);
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    shim *s = (void *)file;

    return s->real;
}

static int shim_write(sqlite3_file *file, const void *data, int n,
                      sqlite3_int64 at)
{
    sqlite3_file *real = real_of(file);

    if (!is_due()) return real->pMethods->xWrite(real, data, n, at);
    if ((kind == TEST_DISK_SHORT || kind == TEST_DISK_KILL) && n > 1)
        (void)real->pMethods->xWrite(real, data, n / 2, at);
    if (kind == TEST_DISK_KILL) raise(SIGKILL);
    return kind == TEST_DISK_ERROR ? SQLITE_IOERR_WRITE : SQLITE_FULL;
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = real_of(file);

    if (kind != TEST_DISK_FULL && must_fail()) return SQLITE_IOERR_TRUNCATE;
    return real->pMethods->xTruncate(real, size);
}

/* No power is lost here, so nothing waits for the disk itself. */
static int shim_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return must_fail() ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int shim_close(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int shim_read(sqlite3_file *file, void *to, int n, sqlite3_int64 at)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xRead(real, to, n, at);
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *size)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xFileSize(real, size);
}

static int shim_lock(sqlite3_file *file, int level)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xLock(real, level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xUnlock(real, level);
}

static int shim_reserved(sqlite3_file *file, int *out)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xCheckReservedLock(real, out);
}

static int shim_control(sqlite3_file *file, int op, void *arg)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xFileControl(real, op, arg);
}

static int shim_sector(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xSectorSize(real);
}

static int shim_device(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xDeviceCharacteristics(real);
}

static int shim_shm_map(sqlite3_file *file, int page, int size, int extend,
                        void volatile **out)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xShmMap(real, page, size, extend, out);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xShmLock(real, offset, n, flags);
}

static void shim_shm_barrier(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);

    real->pMethods->xShmBarrier(real);
}

static int shim_shm_unmap(sqlite3_file *file, int delete_it)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xShmUnmap(real, delete_it);
}

/* Version 2: no memory maps, which the store does not use. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector,
    .xDeviceCharacteristics = shim_device,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_shm_barrier,
    .xShmUnmap = shim_shm_unmap,
};

static int shim_open(sqlite3_vfs *vfs, sqlite3_filename name,
                     sqlite3_file *file, int flags, int *out_flags)
{
    shim *s = (void *)file;
    (void)vfs;

    file->pMethods = NULL;
    if (kind != TEST_DISK_FULL && must_fail()) return SQLITE_CANTOPEN;
    s->real = (void *)((char *)file + sizeof(shim));
    s->real->pMethods = NULL;
    const int rc = real_vfs->xOpen(real_vfs, name, s->real, flags, out_flags);
    // SQLite closes a file whose opening failed when it has methods.
    if (rc == SQLITE_OK || s->real->pMethods) file->pMethods = &methods;
    return rc;
}

void test_disk_install(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    shim_vfs = *real_vfs;
    shim_vfs.zName = "fault";
    shim_vfs.pNext = NULL;
    shim_vfs.szOsFile = (int)sizeof(shim) + real_vfs->szOsFile;
    shim_vfs.xOpen = shim_open;
    sqlite3_vfs_register(&shim_vfs, 1);
}
