/* writer.c - what the one writer alone may do: hold the lock file, and bring
 * the log into the file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/statement.h"

/* Pages in the log from which on a commit also checkpoints (4 MiB), and from
 * which on it tries to cut the log (64 MiB). */
enum { CHECKPOINT_PAGES = 256, TRUNCATE_PAGES = 4096 };

anm_status anm_store_lock(anm_store *s, anm_error *err)
{
    return anm_lock_open(&s->lock, s->lock_path,
                         (uint64_t)s->timeout_ms * 1000000, err);
}

/* What readers still need of the log stays in it. */
static void checkpoint(anm_store *s, int how)
{
    sqlite3_busy_timeout(s->db, 0);
    sqlite3_wal_checkpoint_v2(s->db, "main", how, NULL, NULL);
    sqlite3_busy_timeout(s->db, (int)(s->timeout_ms & INT32_MAX));
}

void anm_store_checkpoint(anm_store *s)
{
    if (s->wal_pages < CHECKPOINT_PAGES) return;
    checkpoint(s, s->wal_pages >= TRUNCATE_PAGES ? SQLITE_CHECKPOINT_TRUNCATE
                                                 : SQLITE_CHECKPOINT_PASSIVE);
}

void anm_store_empty_log(anm_store *s)
{
    if (!s->wal_pages || anm_lock_open(&s->lock, s->lock_path, 0, NULL)) return;
    checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE);
    anm_lock_close(&s->lock);
}
