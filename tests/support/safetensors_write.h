/* safetensors_write.h - small safetensors files as a test wants them, right or
 * wrong.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_SAFETENSORS_WRITE_H
#define ANM_TEST_SAFETENSORS_WRITE_H

#include "support/support.h"

/* Header and data of a valid file of four tensors, one of them empty: b, a.x,
 * none, c in the order of the data; data byte i is i. In headers here ' stands
 * for ". */
#define TEST_SAFETENSORS_HEADER                                                \
    "{'__metadata__':{'format':'pt'},"                                         \
    "'c':{'dtype':'I8','shape':[],'data_offsets':[28,29]},"                    \
    "'none':{'dtype':'F32','shape':[0,7],'data_offsets':[28,28]},"             \
    "'a.x':{'dtype':'F16','shape':[2],'data_offsets':[24,28]},"                \
    "'b':{'dtype':'F32','shape':[2,3],'data_offsets':[0,24]}}"
enum { TEST_SAFETENSORS_DATA = 29 };

/* The bytes of a file with this header and so many bytes of data; free() it. */
char *test_safetensors_make(const char *header, size_t data_len, size_t *len);

/* Write bytes to a path. */
void test_write(const char *path, const void *data, size_t len);

/* Both, into folder/name; returns the path: static storage, the last four
 * stay valid. */
const char *test_safetensors_write(const char *folder, const char *name,
                                   const char *header, size_t data_len);

/* A text file, ' standing for "; the same. */
const char *test_json_write(const char *folder, const char *name,
                            const char *json);

#endif
