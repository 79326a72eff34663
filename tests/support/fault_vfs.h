/* fault_vfs.h - SQLite's disk, failing at a chosen step.
 *
 * Counts opens, writes, truncations and syncs of every file that SQLite
 * touches; the k-th fails once, or from there on as a full disk does. A write
 * that fails may have written half before.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_FAULT_VFS_H
#define ANM_TEST_FAULT_VFS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum test_disk_fault {
    TEST_DISK_ERROR, /* the step fails */
    TEST_DISK_SHORT, /* a write writes its first half, then fails */
    TEST_DISK_FULL,  /* this step and every later write fail: no space */
    TEST_DISK_KILL,  /* the process is killed, in the middle of a write */
} test_disk_fault;

/* Becomes SQLite's default disk. Once, before the first store. */
void test_disk_install(void);

/* The k-th step from now on fails (1 = the next); 0: none. */
void test_disk_arm(uint64_t k, test_disk_fault how);

/* True when the armed step has come. Disarms. */
bool test_disk_disarm(void);

#endif
