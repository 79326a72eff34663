/* file.h - files and folders: read-only maps, whole small files, files that
 * appear complete or not at all, locks, identity.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_FILE_H
#define ANM_FILE_H

#include "anemone.h"
#include "base/bytes.h"

/* ---- Identity ------------------------------------------------------------ */

/* What tells one state of a file from another without reading it. */
typedef struct anm_file_id {
    uint64_t device, inode, size;
    int64_t mtime_ns, ctime_ns;
} anm_file_id;

typedef enum anm_file_kind {
    ANM_FILE_ABSENT,
    ANM_FILE_REGULAR,
    ANM_FILE_FOLDER,
    ANM_FILE_OTHER, /* device, socket, pipe: never opened */
} anm_file_kind;

/* Kind and identity of what path leads to (links followed). ABSENT is an
 * answer, not an error; any other trouble (no permission) is ANM_E_IO. */
anm_status anm_file_look(const char *path, anm_file_kind *kind, anm_file_id *id,
                         anm_error *err);

/* True when path itself is a link, wherever it leads: with ANM_FILE_ABSENT, one
 * that leads nowhere. */
bool anm_path_is_link(const char *path);

bool anm_file_id_equal(const anm_file_id *a, const anm_file_id *b);

/* ---- Maps ---------------------------------------------------------------- */

/* A whole regular file, mapped read-only and shared. Zero-initialised is valid
 * to close. A file that shrinks under the map is a SIGBUS nobody can turn into
 * an error; writers here only ever rename. */
typedef struct anm_map {
    anm_bytes bytes;
    anm_file_id id; /* of the very file mapped */
} anm_map;

/* An empty file maps to an empty run. Refuses what is not a regular file. */
anm_status anm_map_open(anm_map *out, const char *path, anm_error *err);
void anm_map_close(anm_map *map);

typedef enum anm_map_advice {
    ANM_MAP_SEQUENTIAL, /* about to be read once, in order */
    ANM_MAP_LASTING, /* to be read over and over: huge pages, where there are */
    ANM_MAP_SPARSE,  /* little of it, here and there: bring it into memory, and
                           into this process only what is read */
    ANM_MAP_DROP,    /* this process is done with these pages for now */
} anm_map_advice;

/* A hint about bytes inside a map, or in memory of their own if LASTING; never
 * fails. */
void anm_map_advise(anm_bytes inside, anm_map_advice advice);

/* Make pages [readable] for this process now, so that a later read faults no
 * page: touches each page. */
void anm_map_populate(anm_bytes inside);

/* Bytes of the pages that are in memory now, whoever brought them in;
 * ANM_COUNTER_UNKNOWN where the system does not say. */
int64_t anm_map_resident(anm_bytes inside);

/* ---- Whole small files --------------------------------------------------- */

/* Read a regular file of at most `limit` bytes; larger is ANM_E_LIMIT with
 * both sizes. *out ends in a NUL that len does not count; anm_free() it. */
anm_status anm_file_read(const char *path, size_t limit, char **out,
                         size_t *len, anm_error *err);

/* ---- Files that appear whole --------------------------------------------- */

/* A file being written under a temporary name beside its final one. Nothing
 * is visible at the final path before _commit(), which syncs and renames.
 * Closing without commit deletes the temporary. Zero-initialised is valid to
 * close. */
typedef struct anm_new_file {
    int fd; /* 0 when closed: fd 0 is never handed out here */
    char *path;
    char *temp_path;
    uint64_t written;
} anm_new_file;

anm_status anm_new_file_open(anm_new_file *f, const char *path, anm_error *err);
anm_status anm_new_file_write(anm_new_file *f, const void *data, size_t len,
                              anm_error *err);
/* Overwrite bytes already written, at an offset. */
anm_status anm_new_file_patch(anm_new_file *f, uint64_t offset,
                              const void *data, size_t len, anm_error *err);
anm_status anm_new_file_commit(anm_new_file *f, anm_error *err);
void anm_new_file_close(anm_new_file *f);

/* ---- Folders and locks --------------------------------------------------- */

/* Create a folder and its missing parents, mode 0700 for what is created. */
anm_status anm_folder_make(const char *path, anm_error *err);

/* Names in a folder, sorted by bytes, without "." and "..". */
typedef struct anm_names {
    char **names; /* [n] */
    size_t n;
} anm_names;

anm_status anm_folder_list(const char *path, anm_names *out, anm_error *err);
void anm_names_deinit(anm_names *names);

anm_status anm_file_remove(const char *path, anm_error *err);

/* Set a file's access time to now, so that prune knows it is used; failure is
 * of no consequence. The system sets ctime too: never touch a file whose
 * anm_file_id is remembered. */
void anm_file_touch(const char *path);

/* Nanoseconds since the epoch of the last use (access or change). */
int64_t anm_file_used_ns(const char *path);

/* An advisory lock on a file (created when absent), held by this open: two
 * opens exclude each other, also within one process. */
typedef struct anm_lock {
    int fd; /* 0 when not held */
} anm_lock;

/* Wait at most timeout_ns; ANM_E_BUSY names the file when it passed. */
anm_status anm_lock_open(anm_lock *lock, const char *path, uint64_t timeout_ns,
                         anm_error *err);
void anm_lock_close(anm_lock *lock);

/* ---- Paths --------------------------------------------------------------- */

/* "folder/name", newly allocated; NULL when memory is out. */
char *anm_path_join(const char *folder, const char *name);

/* The part behind the last '/', trailing slashes ignored; newly allocated. */
char *anm_path_base(const char *path);

/* Where path leads to, links followed, independent of the current folder;
 * newly allocated. NULL when there is nothing, or memory is out. */
char *anm_path_absolute(const char *path);

/* The platform's cache folder for anemone: $XDG_CACHE_HOME/anemone, else
 * $HOME/.cache/anemone (~/Library/Caches/anemone on a Mac). A relative
 * $XDG_CACHE_HOME is ignored, as the standard says. ANM_E_NOTFOUND when
 * neither variable is set. Newly allocated. */
anm_status anm_path_cache(char **out, anm_error *err);

#endif
