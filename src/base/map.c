/* map.c - whole files mapped read-only, and hints about their pages.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/open.h"

anm_status anm_map_open(anm_map *out, const char *path, anm_error *err)
{
    anm_map map = { 0 };
    int fd = 0;
    anm_status status = anm_open_regular(&fd, path, &map.id, err);

    if (status) return status;
    if (map.id.size > SIZE_MAX) {
        status =
            anm_fail(err, ANM_E_LIMIT, "map %s: %" PRIu64 " bytes, at most %zu",
                     path, map.id.size, SIZE_MAX);
        goto done;
    }
    map.bytes.len = (size_t)map.id.size;
    if (map.bytes.len) {
        void *start = mmap(NULL, map.bytes.len, PROT_READ, MAP_SHARED, fd, 0);
        if (start == MAP_FAILED) {
            status = anm_fail_errno(err, errno, "map %s", path);
            goto done;
        }
        map.bytes.data = start;
    }
    *out = map;

done:
    close(fd);
    return status;
}

void anm_map_close(anm_map *map)
{
    if (map->bytes.len) munmap((void *)map->bytes.data, map->bytes.len);
    *map = (anm_map){ 0 };
}

/* The whole pages that bytes touch. */
typedef struct pages {
    char *start;
    size_t len;
} pages;

static pages pages_of(anm_bytes inside)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t before = (uintptr_t)inside.data & (page - 1);

    return (pages){ .start = (char *)inside.data - before,
                    .len = (before + inside.len + page - 1) & ~(page - 1) };
}

#if defined(__linux__)

/* False where the kernel is older than 5.14. */
static bool populate(pages p)
{
#if defined(MADV_POPULATE_READ)
    return madvise(p.start, p.len, MADV_POPULATE_READ) == 0;
#else
    (void)p;
    return false;
#endif
}

static void advise(pages p, anm_map_advice advice)
{
    switch (advice) {
    case ANM_MAP_SEQUENTIAL:
        madvise(p.start, p.len, MADV_SEQUENTIAL);
        return;
    case ANM_MAP_LASTING:
        madvise(p.start, p.len, MADV_HUGEPAGE);
        return;
    case ANM_MAP_SPARSE:
        madvise(p.start, p.len, MADV_NOHUGEPAGE);
        madvise(p.start, p.len, MADV_WILLNEED);
        return;
    case ANM_MAP_DROP:
        madvise(p.start, p.len, MADV_DONTNEED);
        return;
    }
}

#else

static bool populate(pages p)
{
    (void)p;
    return false;
}

static void advise(pages p, anm_map_advice advice)
{
    static const int advices[] = {
        [ANM_MAP_SEQUENTIAL] = POSIX_MADV_SEQUENTIAL,
        [ANM_MAP_LASTING] = POSIX_MADV_NORMAL,
        [ANM_MAP_SPARSE] = POSIX_MADV_WILLNEED,
        [ANM_MAP_DROP] = POSIX_MADV_DONTNEED,
    };
    posix_madvise(p.start, p.len, advices[advice]);
}

#endif

void anm_map_advise(anm_bytes inside, anm_map_advice advice)
{
    if (inside.len) advise(pages_of(inside), advice);
}

void anm_map_populate(anm_bytes inside)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    volatile uint8_t sink = 0;

    if (!inside.len || populate(pages_of(inside))) return;
    posix_madvise(pages_of(inside).start, pages_of(inside).len,
                  POSIX_MADV_WILLNEED);
    for (size_t i = 0; i < inside.len; i += page)
        sink = inside.data[i];
    // The steps above start inside a page and may leap over the last one.
    sink = inside.data[inside.len - 1];
    (void)sink;
}

#if defined(__linux__)

int64_t anm_map_resident(anm_bytes inside)
{
    enum { AT_ONCE = 4096 };
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char seen[AT_ONCE];
    int64_t bytes = 0;

    if (!inside.len) return 0;
    const pages p = pages_of(inside);
    for (size_t at = 0; at < p.len; at += AT_ONCE * page) {
        const size_t left = p.len - at;
        const size_t len = left < AT_ONCE * page ? left : AT_ONCE * page;
        if (mincore(p.start + at, len, seen) != 0) return ANM_COUNTER_UNKNOWN;
        for (size_t i = 0; i < len / page; i++)
            if (seen[i] & 1) bytes += (int64_t)page;
    }
    return bytes;
}

#else

int64_t anm_map_resident(anm_bytes inside)
{
    return inside.len ? ANM_COUNTER_UNKNOWN : 0;
}

#endif
