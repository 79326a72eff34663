/* support.c - data, goldens, temporary folders, the failing allocator.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* One of four buffers in turn, filled with "folder/name". */
static const char *path_in_turn(const char *folder, const char *name)
{
    static char paths[4][4096];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

const char *test_data(const char *name)
{
    return path_in_turn(ANM_TEST_DATA, name);
}

const char *test_shared(const char *name)
{
    struct stat s;
    const char *path = path_in_turn(ANM_SHARED_DATA, name);
    return stat(path, &s) == 0 ? path : NULL;
}

const char *test_minilm(void)
{
    const char *folder = getenv("ANM_TEST_MINILM");
    return folder && folder[0] ? folder : NULL;
}

char *test_read(const char *path, size_t *len)
{
    size_t n = 0, cap = 1 << 16;
    FILE *file = fopen(path, "rb");
    char *data = malloc(cap);

    if (!file || !data) fail_msg("cannot read %s", path);
    for (size_t got; (got = fread(data + n, 1, cap - n - 1, file)) > 0;) {
        n += got;
        if (cap - n > 1) continue;
        data = realloc(data, cap *= 2);
        if (!data) fail_msg("cannot read %s", path);
    }
    if (ferror(file)) fail_msg("cannot read %s", path);
    fclose(file);
    data[n] = '\0';
    if (len) *len = n;
    return data;
}

/* Read one line without its newline into *line; false at the end. */
static bool read_line(gzFile file, char **line, size_t *cap, size_t *len)
{
    *len = 0;
    for (;;) {
        if (*cap - *len < 2) *line = realloc(*line, *cap += 1 << 16);
        assert_non_null(*line);
        if (!gzgets(file, *line + *len, (int)(*cap - *len))) return *len > 0;
        *len += strlen(*line + *len);
        if ((*line)[*len - 1] != '\n') continue;
        (*len)--;
        return true;
    }
}

void test_each_line(const char *path,
                    void (*fn)(void *ctx, size_t i, const json_t *line),
                    void *ctx)
{
    char *line = NULL;
    size_t cap = 0, len = 0;
    gzFile file = gzopen(path, "rb");

    if (!file) fail_msg("cannot read %s", path);
    for (size_t i = 0; read_line(file, &line, &cap, &len); i++) {
        json_error_t e;
        json_t *v = json_loadb(line, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
        if (!v) fail_msg("%s:%zu: %s", path, i + 1, e.text);
        fn(ctx, i, v);
        json_decref(v);
    }
    if (!gzeof(file)) fail_msg("cannot read %s to its end", path);
    gzclose(file);
    free(line);
}

enum { MAX_FOLDERS = 256 };

static char folders[MAX_FOLDERS][256];
static unsigned n_folders;
static pid_t folders_owner;

static int remove_entry(const char *path, const struct stat *s, int type,
                        struct FTW *where)
{
    (void)s;
    (void)type;
    (void)where;
    return remove(path);
}

static void remove_folders(void)
{
    // A child that a test forked must not take its parent's folders away.
    if (getpid() != folders_owner) return;
    for (unsigned i = 0; i < n_folders; i++)
        nftw(folders[i], remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_temp_folder(void)
{
    const char *base = getenv("TMPDIR");

    if (n_folders == MAX_FOLDERS) fail_msg("too many temporary folders");
    if (!folders_owner) {
        folders_owner = getpid();
        atexit(remove_folders);
    }
    char *folder = folders[n_folders];
    snprintf(folder, sizeof(folders[0]), "%s/anemone-test-XXXXXX",
             base && base[0] ? base : "/tmp");
    if (!mkdtemp(folder)) fail_msg("cannot make %s", folder);
    n_folders++;
    return folder;
}

/* Allocations left until one fails; 0 and below: none will. */
static _Atomic int64_t fault_left;
static atomic_bool fault_happened;

static bool must_fail(void)
{
    if (atomic_load(&fault_left) <= 0) return false;
    if (atomic_fetch_sub(&fault_left, 1) != 1) return false;
    atomic_store(&fault_happened, true);
    return true;
}

static void *fault_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return must_fail() ? NULL : malloc(size);
}

static void *fault_realloc(void *ctx, void *ptr, size_t old_size,
                           size_t new_size)
{
    (void)ctx;
    (void)old_size;
    return must_fail() ? NULL : realloc(ptr, new_size);
}

static void fault_free(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

static atomic_bool fault_spares_jansson;

static void *fault_alloc_json(size_t size)
{
    const bool fails = !atomic_load(&fault_spares_jansson) && must_fail();

    return fails ? NULL : malloc(size);
}

void test_fault_spare_jansson(bool spare)
{
    atomic_store(&fault_spares_jansson, spare);
}

void test_fault_install(void)
{
    const anm_allocator allocator = {
        .alloc = fault_alloc,
        .realloc = fault_realloc,
        .free = fault_free,
    };
    anm_set_allocator(&allocator);
    json_set_alloc_funcs(fault_alloc_json, free);
}

void test_fault_arm(uint64_t k)
{
    atomic_store(&fault_happened, false);
    atomic_store(&fault_left, (int64_t)k);
}

bool test_fault_disarm(void)
{
    atomic_store(&fault_left, 0);
    return atomic_exchange(&fault_happened, false);
}

/* Whether the failure of allocation k happened. */
static bool make_failing(anm_status (*make)(void *ctx, anm_error *err),
                         void (*check)(void *ctx), void *ctx, uint64_t k)
{
    anm_error err = { 0 };

    test_fault_arm(k);
    const anm_status status = make(ctx, &err);
    const bool happened = test_fault_disarm();
    if (status && (status != ANM_E_NOMEM || !happened))
        fail_msg("allocation %d: %s", (int)k, err.message);
    if (!status && happened && !check)
        fail_msg("allocation %d failed and nobody was told", (int)k);
    if (!status && check) check(ctx);
    return happened;
}

void test_every_fault_borne(anm_status (*make)(void *ctx, anm_error *err),
                            void (*check)(void *ctx), void *ctx)
{
    uint64_t k = 1;

    while (k < 100000 && make_failing(make, check, ctx, k))
        k++;
    assert_true(k < 100000);
}

void test_every_fault(anm_status (*make)(void *ctx, anm_error *err), void *ctx)
{
    test_every_fault_borne(make, NULL, ctx);
}
