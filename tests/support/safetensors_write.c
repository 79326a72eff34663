/* safetensors_write.c - small safetensors files.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/safetensors_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void double_quotes(char *s)
{
    for (; *s; s++)
        if (*s == '\'') *s = '"';
}

char *test_safetensors_make(const char *header, size_t data_len, size_t *len)
{
    const size_t n = strlen(header);
    char *bytes = malloc(8 + n + data_len + 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (char)(n >> (8 * i) & 0xff);
    memcpy(bytes + 8, header, n + 1);
    double_quotes(bytes + 8);
    for (size_t i = 0; i < data_len; i++)
        bytes[8 + n + i] = (char)(i & 0xff);
    *len = 8 + n + data_len;
    return bytes;
}

void test_write(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static const char *join(const char *folder, const char *name)
{
    static char paths[4][4096];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

const char *test_safetensors_write(const char *folder, const char *name,
                                   const char *header, size_t data_len)
{
    const char *path = join(folder, name);
    size_t len = 0;
    char *bytes = test_safetensors_make(header, data_len, &len);

    test_write(path, bytes, len);
    free(bytes);
    return path;
}

const char *test_json_write(const char *folder, const char *name,
                            const char *json)
{
    const char *path = join(folder, name);
    char *text = malloc(strlen(json) + 1);

    assert_non_null(text);
    memcpy(text, json, strlen(json) + 1);
    double_quotes(text);
    test_write(path, text, strlen(text));
    free(text);
    return path;
}
