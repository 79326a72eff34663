/* model_open.c - opening a changed model folder and judging what came of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/model_open.h"

#include <stdio.h>
#include <string.h>

anm_source *test_open(const char *folder)
{
    anm_source *s = NULL;
    anm_error err = { .message = "" };

    if (anm_source_open(&s, folder, NULL, &err)) fail_msg("%s", err.message);
    return s;
}

anm_graph *test_build(anm_source *s)
{
    anm_graph *g = NULL;
    anm_error err = { .message = "" };

    if (anm_source_build(s, &g, &err)) fail_msg("%s", err.message);
    return g;
}

const char *test_note(const anm_source *s, const char *where)
{
    for (size_t i = 0; i < s->n_notes; i++)
        if (strcmp(s->notes[i].where, where) == 0) return s->notes[i].text;
    return "";
}

static anm_status open_and_build(const char *folder, anm_error *err)
{
    anm_source *s = NULL;
    anm_graph *g = NULL;
    anm_status status = anm_source_open(&s, folder, NULL, err);

    if (!status) status = anm_source_build(s, &g, err);
    anm_graph_free(g);
    anm_source_close(s);
    return status;
}

void test_refused(const char *folder, anm_status status, const char *words)
{
    anm_error err = { .message = "opened" };
    char list[512];
    const anm_status got = open_and_build(folder, &err);

    if (got != status)
        fail_msg("%s instead of %s: %s", anm_status_name(got),
                 anm_status_name(status), err.message);
    snprintf(list, sizeof(list), "%s", words);
    for (char *w = strtok(list, "|"); w; w = strtok(NULL, "|"))
        if (!strstr(err.message, w)) fail_msg("no \"%s\": %s", w, err.message);
}

size_t test_count_ids(const char *folder, const char *text)
{
    anm_tokenizer *t = NULL;
    anm_encoding *e = NULL;

    assert_int_equal(anm_source_tokenizer(&t, folder, NULL, NULL), ANM_OK);
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_int_equal(anm_tokenizer_encode(t, anm_text_of(text), false, e, NULL),
                     ANM_OK);
    const size_t n = anm_encoding_n(e);
    anm_encoding_free(e);
    anm_tokenizer_free(t);
    return n;
}
