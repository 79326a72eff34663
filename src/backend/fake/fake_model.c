/* fake_model.c - a BERT folder of the scenario's sizes whose weights are zeros:
 * nothing of it is computed with, and all of it is read as any model is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/fake/fake.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

enum { SPECIALS = 5, LETTERS = 26 };

/* ---- Small files --------------------------------------------------------------- */

static anm_status write_file(const char *folder, const char *name,
                             const void *data, size_t len, uint64_t zeros,
                             anm_error *err)
{
    static const char block[4096];
    char *path = anm_path_join(folder, name);
    anm_new_file f = { 0 };
    anm_status status = path ? anm_new_file_open(&f, path, err)
                             : anm_fail(err, ANM_E_NOMEM, "out of memory");

    if (!status) status = anm_new_file_write(&f, data, len, err);
    while (zeros && !status) {
        const size_t n = zeros < sizeof(block) ? (size_t)zeros : sizeof(block);
        status = anm_new_file_write(&f, block, n, err);
        zeros -= n;
    }
    if (!status) status = anm_new_file_commit(&f, err);
    anm_new_file_close(&f);
    anm_free(path);
    return status;
}

/* Takes b. */
static anm_status write_buf(const char *folder, const char *name, anm_buf *b,
                            uint64_t zeros, anm_error *err)
{
    const anm_status status =
        b->failed ? anm_fail(err, ANM_E_NOMEM, "%s: out of memory", name)
                  : write_file(folder, name, b->data, b->len, zeros, err);

    anm_buf_deinit(b);
    return status;
}

static unsigned head_count(size_t dim)
{
    unsigned heads = 8;

    while (dim % heads)
        heads /= 2;
    return heads;
}

static anm_status write_config(const char *folder, const anm_fake_scenario *s,
                               anm_error *err)
{
    anm_buf b = { 0 };
    const size_t dim = (size_t)s->model.dim;

    anm_buf_printf(
        &b,
        "{\"architectures\":[\"BertModel\"],\"model_type\":\"bert\","
        "\"hidden_size\":%zu,\"num_hidden_layers\":%zu,"
        "\"num_attention_heads\":%u,\"intermediate_size\":%zu,"
        "\"hidden_act\":\"gelu\",\"vocab_size\":%zu,\"type_vocab_size\":2,"
        "\"max_position_embeddings\":%zu,\"layer_norm_eps\":1e-12,"
        "\"pad_token_id\":0,\"position_embedding_type\":\"absolute\","
        "\"torch_dtype\":\"float32\"}\n",
        dim, (size_t)s->model.layers, head_count(dim), 2 * dim,
        (size_t)s->model.words + SPECIALS + LETTERS,
        (size_t)s->model.max_tokens);
    return write_buf(folder, "config.json", &b, 0, err);
}

/* Letters, and words "a" to "zz…" that count up in letters: each is a token. */
static anm_status write_vocab(const char *folder, const anm_fake_scenario *s,
                              anm_error *err)
{
    anm_buf b = { 0 };

    anm_buf_puts(&b, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
    for (unsigned i = 0; i < LETTERS; i++)
        anm_buf_printf(&b, "%c\n", (char)('a' + i));
    for (unsigned i = 0; i < (unsigned)s->model.words; i++)
        anm_buf_printf(&b, "w%u\n", i);
    return write_buf(folder, "vocab.txt", &b, 0, err);
}

static anm_status write_words(const char *folder, const anm_fake_scenario *s,
                              anm_error *err)
{
    static const char modules[] =
        "[{\"idx\":0,\"name\":\"0\",\"path\":\"\",\"type\":"
        "\"sentence_transformers.models.Transformer\"},"
        "{\"idx\":1,\"name\":\"1\",\"path\":\"1_Pooling\",\"type\":"
        "\"sentence_transformers.models.Pooling\"},"
        "{\"idx\":2,\"name\":\"2\",\"path\":\"2_Normalize\",\"type\":"
        "\"sentence_transformers.models.Normalize\"}]\n";
    static const char prompts[] =
        "{\"prompts\":{\"query\":\"w1 w2 w3 w4 w5 w6 w7 w8 \","
        "\"document\":\"w9 \"}}\n";
    anm_buf b = { 0 };
    anm_status status =
        write_file(folder, "modules.json", modules, strlen(modules), 0, err);

    if (status) return status;
    status = write_file(folder, "config_sentence_transformers.json", prompts,
                        strlen(prompts), 0, err);
    if (status) return status;
    anm_buf_printf(&b, "{\"max_seq_length\":%zu,\"do_lower_case\":false}\n",
                   (size_t)s->model.max_tokens);
    status = write_buf(folder, "sentence_bert_config.json", &b, 0, err);
    if (status) return status;
    anm_buf_printf(&b,
                   "{\"do_lower_case\":true,\"unk_token\":\"[UNK]\","
                   "\"sep_token\":\"[SEP]\",\"pad_token\":\"[PAD]\","
                   "\"cls_token\":\"[CLS]\",\"mask_token\":\"[MASK]\","
                   "\"tokenizer_class\":\"BertTokenizer\","
                   "\"model_max_length\":%zu}\n",
                   (size_t)s->model.max_tokens);
    return write_buf(folder, "tokenizer_config.json", &b, 0, err);
}

static anm_status write_pooling(const char *folder, const anm_fake_scenario *s,
                                anm_error *err)
{
    anm_buf b = { 0 };
    char *inner = anm_path_join(folder, "1_Pooling");

    if (!inner) return anm_fail(err, ANM_E_NOMEM, "out of memory");
    anm_status status = anm_folder_make(inner, err);
    anm_buf_printf(&b,
                   "{\"word_embedding_dimension\":%zu,"
                   "\"pooling_mode_cls_token\":false,"
                   "\"pooling_mode_mean_tokens\":true}\n",
                   (size_t)s->model.dim);
    if (!status) status = write_buf(inner, "config.json", &b, 0, err);
    anm_free(inner);
    return status;
}

/* ---- Weights ------------------------------------------------------------------- */

typedef struct weights {
    anm_buf header;
    uint64_t bytes;
} weights;

static void add_tensor(weights *w, const char *prefix, const char *name,
                       size_t rows, size_t columns)
{
    const uint64_t bytes = (uint64_t)rows * (columns ? columns : 1) * 4;
    char shape[48];

    if (columns)
        snprintf(shape, sizeof(shape), "%zu,%zu", rows, columns);
    else
        snprintf(shape, sizeof(shape), "%zu", rows);
    anm_buf_printf(&w->header,
                   "%s\"%s%s\":{\"dtype\":\"F32\",\"shape\":[%s],"
                   "\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}",
                   w->header.len > 1 ? "," : "", prefix, name, shape, w->bytes,
                   w->bytes + bytes);
    w->bytes += bytes;
}

static void add_linear(weights *w, const char *prefix, const char *name,
                       size_t out, size_t in)
{
    char full[96];

    snprintf(full, sizeof(full), "%s.weight", name);
    add_tensor(w, prefix, full, out, in);
    snprintf(full, sizeof(full), "%s.bias", name);
    add_tensor(w, prefix, full, out, 0);
}

static void add_layer(weights *w, size_t layer, size_t dim)
{
    char p[48];

    snprintf(p, sizeof(p), "encoder.layer.%zu.", layer);
    add_linear(w, p, "attention.self.query", dim, dim);
    add_linear(w, p, "attention.self.key", dim, dim);
    add_linear(w, p, "attention.self.value", dim, dim);
    add_linear(w, p, "attention.output.dense", dim, dim);
    add_linear(w, p, "attention.output.LayerNorm", dim, 0);
    add_linear(w, p, "intermediate.dense", 2 * dim, dim);
    add_linear(w, p, "output.dense", dim, 2 * dim);
    add_linear(w, p, "output.LayerNorm", dim, 0);
}

static anm_status write_weights(const char *folder, const anm_fake_scenario *s,
                                anm_error *err)
{
    const size_t dim = (size_t)s->model.dim;
    const char *e = "embeddings.";
    weights w = { 0 };
    anm_buf file = { 0 };

    anm_buf_puts(&w.header, "{");
    add_tensor(&w, e, "word_embeddings.weight",
               (size_t)s->model.words + SPECIALS + LETTERS, dim);
    add_tensor(&w, e, "position_embeddings.weight", (size_t)s->model.max_tokens,
               dim);
    add_tensor(&w, e, "token_type_embeddings.weight", 2, dim);
    add_linear(&w, e, "LayerNorm", dim, 0);
    for (size_t i = 0; i < (size_t)s->model.layers; i++)
        add_layer(&w, i, dim);
    anm_buf_puts(&w.header, "}");
    while (w.header.len % 8 && !w.header.failed)
        anm_buf_puts(&w.header, " ");
    for (unsigned i = 0; i < 8; i++) {
        const char byte = (char)((uint64_t)w.header.len >> 8 * i);
        anm_buf_append(&file, &byte, 1);
    }
    anm_buf_append(&file, w.header.data, w.header.len);
    file.failed = file.failed || w.header.failed;
    anm_buf_deinit(&w.header);
    return write_buf(folder, "model.safetensors", &file, w.bytes, err);
}

anm_status anm_fake_model_write(const char *folder, anm_error *err)
{
    const anm_fake_scenario *s = anm_fake_scenario_played();
    anm_status status = anm_folder_make(folder, err);

    if (!status) status = write_config(folder, s, err);
    if (!status) status = write_vocab(folder, s, err);
    if (!status) status = write_words(folder, s, err);
    if (!status) status = write_pooling(folder, s, err);
    if (!status) status = write_weights(folder, s, err);
    return status;
}
