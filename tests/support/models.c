/* models.c - opening the models of tests/data, and their golden vectors.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

anm_options test_options(const char *model)
{
    anm_options o;

    anm_options_init(&o);
    o.model = strchr(model, '/') ? model : test_data(model);
    o.cache_dir = "";
    o.threads = 1;
    return o;
}

anm_model *test_model_open(const anm_options *options)
{
    anm_model *m = NULL;
    anm_error err = { 0 };

    if (anm_model_open(&m, options, &err)) fail_msg("%s", err.message);
    assert_non_null(m);
    return m;
}

float *test_embed(anm_model *m, const char *text)
{
    float *v = malloc(anm_model_dim(m) * sizeof(*v));
    const anm_text t = anm_text_of(text);
    anm_error err = { 0 };

    assert_non_null(v);
    if (anm_embed(m, &t, 1, v, &err)) fail_msg("%s", err.message);
    return v;
}

static void add_text(void *ctx, size_t i, const json_t *line)
{
    test_texts *t = ctx;
    const json_t *text = json_object_get(line, "text");
    const size_t len = json_string_length(text);

    assert_int_equal(i, t->n);
    t->items = realloc(t->items, (t->n + 1) * sizeof(*t->items));
    char *copy = malloc(len + 1);
    assert_true(t->items && copy && json_is_string(text));
    memcpy(copy, json_string_value(text), len);
    t->items[t->n++] = (anm_text){ copy, len };
}

test_texts test_texts_read(const char *path)
{
    test_texts t = { 0 };

    test_each_line(path, add_text, &t);
    assert_true(t.n > 0);
    return t;
}

void test_texts_free(test_texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        free((void *)t->items[i].data);
    free(t->items);
    *t = (test_texts){ 0 };
}

/* ---- Logs and documents --------------------------------------------------------- */

void test_log_line(void *ctx, anm_log_level level, const char *line)
{
    test_log *log = ctx;
    const size_t i = log->n < 64 ? log->n++ : 63;

    log->levels[i] = level;
    snprintf(log->lines[i], sizeof(log->lines[i]), "%s", line);
}

size_t test_log_count(const test_log *log, anm_log_level level,
                      const char *part)
{
    size_t n = 0;

    for (size_t i = 0; i < log->n; i++)
        if (log->levels[i] == level && strstr(log->lines[i], part)) n++;
    return n;
}

json_t *test_take_json(char *json)
{
    json_error_t error;

    assert_non_null(json);
    json_t *doc = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    if (!doc) fail_msg("line %d: %s", error.line, error.text);
    anm_free(json);
    return doc;
}
