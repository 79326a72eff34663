/* transaction.c - everything between _begin and _commit happens or does not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"
#include "store/statement.h"

static anm_status run_kept(anm_store *s, anm_sql which, anm_error *err)
{
    sqlite3_stmt *st;
    const anm_status status = anm_sql_get(s, which, &st, err);

    return status ? status : anm_sql_run(s, st, err);
}

static anm_status read_last_seq(anm_store *s, anm_error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    anm_status status = anm_sql_get(s, ANM_SQL_LAST_SEQ, &st, err);

    if (!status) status = anm_sql_step(s, st, &row, err);
    if (status) return status;
    s->next_seq = row ? sqlite3_column_int64(st, 0) + 1 : 1;
    anm_sql_end(st);
    return ANM_OK;
}

anm_status anm_store_begin(anm_store *s, anm_error *err)
{
    assert(!s->in_transaction);
    if (s->mode == ANM_STORE_READ)
        return anm_fail(err, ANM_E_ARG, "store %s is open for reading only",
                        s->path);
    anm_status status = anm_store_lock(s, err);
    if (status) return status;
    status = run_kept(s, ANM_SQL_BEGIN, err);
    if (status) {
        anm_lock_close(&s->lock);
        return status;
    }
    s->in_transaction = true;
    s->n_touched = 0;
    status = read_last_seq(s, err);
    if (status) anm_store_rollback(s);
    return status;
}

/* One collection's pending counts. */
static anm_status flush_one(anm_store *s, const anm_touched *t, anm_error *err)
{
    sqlite3_stmt *st;
    const anm_status status = anm_sql_get(s, ANM_SQL_COUNT_CHANGES, &st, err);

    if (status) return status;
    sqlite3_bind_int64(st, 1, t->collection);
    sqlite3_bind_int64(st, 2, t->items);
    sqlite3_bind_int64(st, 3, t->seq);
    return anm_sql_run(s, st, err);
}

anm_status anm_store_flush(anm_store *s, anm_error *err)
{
    anm_status status = ANM_OK;

    while (!status && s->n_touched > 0) {
        status = flush_one(s, &s->touched[s->n_touched - 1], err);
        if (!status) s->n_touched--;
    }
    return status;
}

/* SQLite gives up the whole transaction by itself after some failures of the
 * disk; what follows must not be taken for a part of it. */
anm_status anm_store_check_open(anm_store *s, anm_error *err)
{
    assert(s->in_transaction);
    if (!sqlite3_get_autocommit(s->db)) return ANM_OK;
    return anm_fail(err, ANM_E_IO,
                    "store %s: the transaction was given up after a failure",
                    s->path);
}

static void end_transaction(anm_store *s)
{
    s->in_transaction = false;
    s->n_touched = 0;
    anm_lock_close(&s->lock);
}

anm_status anm_store_commit(anm_store *s, anm_error *err)
{
    anm_status status = anm_store_check_open(s, err);

    if (!status) status = anm_store_flush(s, err);
    if (!status) status = run_kept(s, ANM_SQL_COMMIT, err);
    if (status) {
        anm_store_rollback(s);
        return status;
    }
    s->committed = true;
    anm_store_checkpoint(s);
    end_transaction(s);
    return ANM_OK;
}

void anm_store_rollback(anm_store *s)
{
    assert(s->in_transaction);
    // Fails only where SQLite has rolled back already.
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    end_transaction(s);
}

/* ---- One item, whole or not at all ---------------------------------------- */

anm_status anm_store_save(anm_store *s, anm_error *err)
{
    const anm_status status = anm_store_check_open(s, err);

    return status ? status : run_kept(s, ANM_SQL_SAVE, err);
}

anm_status anm_store_keep(anm_store *s, anm_error *err)
{
    return run_kept(s, ANM_SQL_KEEP, err);
}

/* Without memory not even the statement can be prepared: then the transaction
 * goes, which _check_open() tells the next call. */
void anm_store_undo(anm_store *s)
{
    if (sqlite3_get_autocommit(s->db)) return;
    if (run_kept(s, ANM_SQL_UNDO, NULL) || run_kept(s, ANM_SQL_KEEP, NULL))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

bool anm_store_reserve_touch(anm_store *s)
{
    return anm_grow(&s->touched, &s->cap_touched, s->n_touched + 1,
                    sizeof(*s->touched));
}

void anm_store_touch(anm_store *s, int64_t collection, int64_t items,
                     int64_t seq)
{
    size_t i = 0;

    while (i < s->n_touched && s->touched[i].collection != collection)
        i++;
    assert(i < s->cap_touched);
    if (i == s->n_touched)
        s->touched[s->n_touched++] = (anm_touched){ .collection = collection };
    s->touched[i].items += items;
    s->touched[i].seq = seq;
}
