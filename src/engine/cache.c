/* cache.c - the artifacts of a cache folder, looked at and thinned out. Touches
 * nothing but files whose names say that they are artifacts, what dead builders
 * left of them, their locks, and compiled tokenizers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/remember.h"
#include "engine/artifact_file.h"
#include "engine/engine.h"
#include "engine/json_text.h"

enum {
    NAME_DIGITS = 32,
    DAYS_MAX = 36500, // as nanoseconds still an int64_t
};

/* What is known of one file. */
typedef struct look {
    const char *state; /* "ready", "unchecked", "sound", "damaged",
                          "other_version" */
    uint64_t bytes;
    int64_t used_ns;
    anm_map map;
    anm_frame frame;
} look;

typedef struct visit {
    char *artifacts, *remembered; /* folders */
    anm_names names;
    bool verify;
    json_t *list;
} visit;

static anm_status fail_nomem(anm_error *err)
{
    return anm_fail(err, ANM_E_NOMEM, "cache: out of memory");
}

/* ---- Names ----------------------------------------------------------------- */

/* The part behind 32 hexadecimal digits; NULL when there are none. */
static const char *suffix_of(const char *name)
{
    for (size_t i = 0; i < NAME_DIGITS; i++)
        if (!strchr("0123456789abcdef", name[i]) || !name[i]) return NULL;
    return name + NAME_DIGITS;
}

static bool is_artifact(const char *name)
{
    const char *suffix = suffix_of(name);

    return suffix && strcmp(suffix, ".anm") == 0;
}

static bool is_leftover(const char *name)
{
    const char *suffix = suffix_of(name);

    return suffix && strncmp(suffix, ".anm.", 5) == 0;
}

/* ---- Looking --------------------------------------------------------------- */

static void close_look(look *l)
{
    anm_frame_deinit(&l->frame);
    anm_map_close(&l->map);
}

static anm_status judge(const visit *v, look *l)
{
    uint8_t digest[ANM_SHA256_BYTES];
    anm_status status = anm_frame_read(&l->frame, l->map.bytes, NULL);

    l->state = status == ANM_E_MISMATCH ? "other_version" : "damaged";
    if (status) return status == ANM_E_NOMEM ? status : ANM_OK;
    if (v->verify) {
        const int64_t began = anm_wall_ns();
        status = anm_frame_verify(&l->frame, l->map.bytes, NULL);
        if (status == ANM_E_NOMEM) return status;
        l->state = status ? "damaged" : "sound";
        if (!status)
            anm_remember_put(v->remembered, &l->map.id, 1, ANM_ARTIFACT_WORD,
                             began, l->frame.digest);
        return ANM_OK;
    }
    const bool known = anm_remember_get(v->remembered, &l->map.id, 1,
                                        ANM_ARTIFACT_WORD, digest);
    l->state = !known                                            ? "unchecked"
               : memcmp(digest, l->frame.digest, sizeof(digest)) ? "damaged"
                                                                 : "ready";
    return ANM_OK;
}

/* When the artifact was last used: its lock's file is touched at every hit. */
static anm_status find_last_use(const char *path, int64_t *used_ns)
{
    const size_t stem = strlen(path) - strlen(".anm");
    char *lock = anm_alloc(stem + sizeof(".lock"));

    // Without it an artifact in use would be taken for an old one.
    if (!lock) return ANM_E_NOMEM;
    memcpy(lock, path, stem);
    memcpy(lock + stem, ".lock", sizeof(".lock"));
    const int64_t own_ns = anm_file_used_ns(path);
    const int64_t lock_ns = anm_file_used_ns(lock);
    anm_free(lock);
    *used_ns = lock_ns > own_ns ? lock_ns : own_ns;
    return ANM_OK;
}

/* A file that cannot be mapped counts as damaged, one that is gone is left
 * out: state NULL. */
static anm_status look_at(const visit *v, const char *path, look *l,
                          anm_error *err)
{
    *l = (look){ 0 };
    if (find_last_use(path, &l->used_ns)) return fail_nomem(err);
    anm_status status = anm_map_open(&l->map, path, NULL);
    if (status == ANM_E_NOTFOUND) return ANM_OK;
    if (status == ANM_E_NOMEM) return fail_nomem(err);
    l->state = "damaged";
    if (status) return ANM_OK;
    l->bytes = l->map.bytes.len;
    status = judge(v, l);
    if (!status) return ANM_OK;
    close_look(l);
    return fail_nomem(err);
}

/* Of a damaged file it may be any bytes. */
static json_t *make_field(const look *l, const char *name)
{
    const anm_text value = anm_frame_field(&l->frame, name);
    char *plain = value.len ? anm_copy_bytes(value.data, value.len) : NULL;
    json_t *field = plain ? anm_json_text(plain) : NULL;

    anm_free(plain);
    return value.len ? field : json_null();
}

static json_t *make_entry(const char *path, const look *l)
{
    return json_pack(
        "{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:I}", "path",
        anm_json_text(path), "model",
        l->frame.model ? anm_json_text(l->frame.model) : json_null(), "bytes",
        json_integer((json_int_t)l->bytes), "state", l->state, "fingerprint",
        make_field(l, "fingerprint"), "backend", make_field(l, "backend"),
        "units", make_field(l, "units"), "level", make_field(l, "level"),
        "used_ns", (json_int_t)l->used_ns);
}

/* ---- Visiting -------------------------------------------------------------- */

static void end_visit(visit *v)
{
    anm_names_deinit(&v->names);
    anm_free(v->artifacts);
    anm_free(v->remembered);
    json_decref(v->list);
}

/* A folder that does not exist holds no artifacts. */
static anm_status begin_visit(visit *v, const char *folder, bool verify,
                              anm_error *err)
{
    anm_file_kind kind;
    anm_file_id id;

    *v = (visit){ .verify = verify, .list = json_array() };
    v->artifacts = anm_path_join(folder, "artifacts");
    v->remembered = anm_path_join(folder, "remembered");
    if (!v->list || !v->artifacts || !v->remembered) return fail_nomem(err);
    const anm_status status = anm_file_look(v->artifacts, &kind, &id, err);
    if (status || kind == ANM_FILE_ABSENT) return status;
    return anm_folder_list(v->artifacts, &v->names, err);
}

/* Calls fn for each artifact. */
static anm_status each_artifact(visit *v,
                                anm_status (*fn)(void *ctx, visit *v,
                                                 const char *path,
                                                 const look *l, anm_error *err),
                                void *ctx, anm_error *err)
{
    anm_status status = ANM_OK;

    for (size_t i = 0; i < v->names.n && !status; i++) {
        look l;
        if (!is_artifact(v->names.names[i])) continue;
        char *path = anm_path_join(v->artifacts, v->names.names[i]);
        if (!path) return fail_nomem(err);
        status = look_at(v, path, &l, err);
        if (!status && l.state) status = fn(ctx, v, path, &l, err);
        if (!status || l.state) close_look(&l);
        anm_free(path);
    }
    return status;
}

typedef struct totals {
    uint64_t bytes;
    size_t n, n_damaged;
} totals;

static anm_status list_one(void *ctx, visit *v, const char *path, const look *l,
                           anm_error *err)
{
    totals *t = ctx;

    t->bytes += l->bytes;
    t->n++;
    if (strcmp(l->state, "damaged") == 0) t->n_damaged++;
    return json_array_append_new(v->list, make_entry(path, l)) ? fail_nomem(err)
                                                               : ANM_OK;
}

static anm_status list_all(const char *folder, bool verify, char **json,
                           bool *sound, anm_error *err)
{
    visit v;
    totals t = { 0 };
    anm_status status = begin_visit(&v, folder, verify, err);

    if (!status) status = each_artifact(&v, list_one, &t, err);
    if (!status) {
        json_t *doc = json_pack(
            "{s:i, s:o, s:O, s:I, s:I, s:I}", "anemone_cache", 1, "path",
            anm_json_text(folder), "artifacts", v.list, "n", (json_int_t)t.n,
            "bytes", (json_int_t)t.bytes, "damaged", (json_int_t)t.n_damaged);
        status = anm_json_take_string(doc, 0, json, err);
    }
    if (!status && sound) *sound = t.n_damaged == 0;
    end_visit(&v);
    return status;
}

anm_status anm_artifacts_ls(const char *folder, char **json, anm_error *err)
{
    return list_all(folder, false, json, NULL, err);
}

anm_status anm_artifacts_verify(const char *folder, char **json, bool *sound,
                                anm_error *err)
{
    return list_all(folder, true, json, sound, err);
}

/* ---- Pruning --------------------------------------------------------------- */

typedef struct pruning {
    int64_t oldest_ns; /* used before this: unused */
    uint64_t freed;
    size_t n_kept;
    anm_error first; /* of what could not be removed */
} pruning;

static anm_status remove_file(visit *v, pruning *p, const char *path,
                              uint64_t bytes, const char *reason,
                              anm_error *err)
{
    anm_error why;
    const anm_status status = anm_file_remove(path, &why);

    if (status == ANM_E_NOTFOUND) return ANM_OK;
    if (status) {
        if (!p->first.status) p->first = why;
        p->n_kept++;
        return ANM_OK; // the others are removed nevertheless
    }
    p->freed += bytes;
    return json_array_append_new(v->list,
                                 json_pack("{s:o, s:I, s:s}", "path",
                                           anm_json_text(path), "bytes",
                                           (json_int_t)bytes, "reason", reason))
               ? fail_nomem(err)
               : ANM_OK;
}

static anm_status prune_one(void *ctx, visit *v, const char *path,
                            const look *l, anm_error *err)
{
    pruning *p = ctx;
    const bool unfit = strcmp(l->state, "damaged") == 0 ||
                       strcmp(l->state, "other_version") == 0;

    if (!unfit && l->used_ns > p->oldest_ns) {
        p->n_kept++;
        return ANM_OK;
    }
    return remove_file(v, p, path, l->bytes, unfit ? l->state : "unused", err);
}

/* True when nobody builds under this name: then its temporary files are dead.
 * The lock's file stays, as base/lock.c wants it. */
static bool is_idle(const visit *v, const char *name)
{
    char lock_name[NAME_DIGITS + 8];
    anm_lock lock = { 0 };

    memcpy(lock_name, name, NAME_DIGITS);
    memcpy(lock_name + NAME_DIGITS, ".lock", 6);
    char *path = anm_path_join(v->artifacts, lock_name);
    const bool idle = path && !anm_lock_open(&lock, path, 0, NULL);
    anm_lock_close(&lock);
    anm_free(path);
    return idle;
}

static anm_status prune_leftovers(visit *v, pruning *p, anm_error *err)
{
    anm_status status = ANM_OK;

    for (size_t i = 0; i < v->names.n && !status; i++) {
        const char *name = v->names.names[i];
        anm_file_kind kind;
        anm_file_id id = { 0 };
        if (!is_leftover(name) || !is_idle(v, name)) continue;
        char *path = anm_path_join(v->artifacts, name);
        if (!path) return fail_nomem(err);
        if (!anm_file_look(path, &kind, &id, NULL))
            status = remove_file(v, p, path, id.size, "unfinished", err);
        anm_free(path);
    }
    return status;
}

/* Kept bytes, or what a process that died has written of them. */
static bool is_kept(const char *name)
{
    const size_t digits = strspn(name, "0123456789abcdef");
    const size_t end = strlen(ANM_REMEMBER_KEPT);
    const char *suffix = name + digits;

    return digits == ANM_SHA256_HEX - 1 &&
           strncmp(suffix, ANM_REMEMBER_KEPT, end) == 0 &&
           (!suffix[end] || suffix[end] == '.');
}

static anm_status prune_kept_file(visit *v, pruning *p, const char *path,
                                  anm_error *err)
{
    anm_file_kind kind;
    anm_file_id id = { 0 };

    if (anm_file_look(path, &kind, &id, NULL) || kind != ANM_FILE_REGULAR)
        return ANM_OK;
    if (anm_file_used_ns(path) > p->oldest_ns) return ANM_OK;
    return remove_file(v, p, path, id.size, "unused", err);
}

/* Compiled tokenizers. Digests stay: they are small. */
static anm_status prune_kept(visit *v, pruning *p, anm_error *err)
{
    anm_names names = { 0 };
    anm_file_kind kind;
    anm_file_id id;
    anm_status status = anm_file_look(v->remembered, &kind, &id, err);

    if (status || kind == ANM_FILE_ABSENT) return status;
    status = anm_folder_list(v->remembered, &names, err);
    for (size_t i = 0; i < names.n && !status; i++) {
        if (!is_kept(names.names[i])) continue;
        char *path = anm_path_join(v->remembered, names.names[i]);
        status = path ? prune_kept_file(v, p, path, err) : fail_nomem(err);
        anm_free(path);
    }
    anm_names_deinit(&names);
    return status;
}

anm_status anm_artifacts_prune(const char *folder, unsigned unused_days,
                               char **json, anm_error *err)
{
    visit v;
    const int64_t day_ns = INT64_C(86400) * 1000000000;
    const unsigned days = unused_days < DAYS_MAX ? unused_days : DAYS_MAX;
    pruning p = { .oldest_ns = anm_wall_ns() - days * day_ns };
    anm_status status = begin_visit(&v, folder, false, err);

    if (!status) status = prune_leftovers(&v, &p, err);
    if (!status) status = each_artifact(&v, prune_one, &p, err);
    if (!status) status = prune_kept(&v, &p, err);
    if (!status && p.first.status)
        status = anm_fail(err, p.first.status, "%s; %zu others were removed",
                          p.first.message, json_array_size(v.list));
    if (!status) {
        json_t *doc =
            json_pack("{s:i, s:o, s:O, s:I, s:I}", "anemone_cache", 1, "path",
                      anm_json_text(folder), "removed", v.list, "freed_bytes",
                      (json_int_t)p.freed, "kept", (json_int_t)p.n_kept);
        status = anm_json_take_string(doc, 0, json, err);
    }
    end_visit(&v);
    return status;
}
