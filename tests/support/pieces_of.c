/* pieces_of.c - small tokenizers for tests.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/pieces_of.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static anm_status compile(anm_tokenizer **t, const char *json, anm_error *err)
{
    char *copy = strdup(json);

    for (char *c = copy; *c; c++)
        if (*c == '\'') *c = '"';
    const anm_status status =
        anm_tokenizer_new(t, anm_bytes_of(copy, strlen(copy)), err);
    free(copy);
    return status;
}

anm_tokenizer *test_tokenizer(const char *json)
{
    anm_tokenizer *t = NULL;
    anm_error err;

    if (compile(&t, json, &err)) fail_msg("%s", err.message);
    return t;
}

static const char *or_null(const char *part)
{
    return part ? part : "null";
}

/* The document of the parts; release with free(). */
static char *document_of(test_parts p)
{
    char vocab[4096] = "'[UNK]': 0", *copy = strdup(p.words ? p.words : "");
    char *json = NULL, *rest = NULL;
    int id = 1;

    for (char *word = strtok_r(copy, " ", &rest); word;
         word = strtok_r(NULL, " ", &rest)) {
        const size_t used = strlen(vocab);
        snprintf(vocab + used, sizeof(vocab) - used, ", '%s': %d", word, id++);
    }
    const int len =
        asprintf(&json,
                 "{'version': '1.0', 'added_tokens': %s, 'normalizer': %s,"
                 " 'pre_tokenizer': %s, 'post_processor': %s, 'model': {"
                 "'type': 'WordPiece', 'unk_token': '[UNK]',"
                 " 'continuing_subword_prefix': '##',"
                 " 'max_input_chars_per_word': %d, 'vocab': {%s}}}",
                 or_null(p.added), or_null(p.normalizer), or_null(p.splitter),
                 or_null(p.post), p.max_chars ? p.max_chars : 100, vocab);
    assert_true(len > 0);
    free(copy);
    return json;
}

anm_tokenizer *test_tokenizer_of(test_parts parts)
{
    char *json = document_of(parts);
    anm_tokenizer *t = test_tokenizer(json);

    free(json);
    return t;
}

anm_status test_refused_of(test_parts parts, anm_error *err)
{
    char *json = document_of(parts);
    anm_tokenizer *t = NULL;
    const anm_status status = compile(&t, json, err);

    free(json);
    anm_tokenizer_free(t);
    assert_true(!status || !t);
    return status;
}

static const char *join_pieces(const anm_tokenizer *t, const char *text,
                               bool special)
{
    static char joined[8192];
    anm_encoding *e = NULL;
    size_t used = 0;

    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_int_equal(anm_tokenizer_encode(t, (anm_text){ text, strlen(text) },
                                          special, e, NULL),
                     ANM_OK);
    joined[0] = '\0';
    for (size_t i = 0; i < anm_encoding_n(e); i++) {
        const anm_text piece = anm_tokenizer_piece(t, anm_encoding_ids(e)[i]);
        used += (size_t)snprintf(joined + used, sizeof(joined) - used, "%s%.*s",
                                 i ? "|" : "", (int)piece.len, piece.data);
        assert_true(used < sizeof(joined));
    }
    anm_encoding_free(e);
    return joined;
}

const char *test_pieces(const anm_tokenizer *t, const char *text)
{
    return join_pieces(t, text, false);
}

const char *test_pieces_special(const anm_tokenizer *t, const char *text)
{
    return join_pieces(t, text, true);
}
