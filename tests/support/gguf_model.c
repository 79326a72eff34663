/* SPDX-License-Identifier: Apache-2.0 */
#include "support/gguf_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/safetensors.h"

/* ---- Names of tensors ------------------------------------------------------ */

/* The authors' path and llama.cpp's; those of a layer begin with a dot. */
static const char *const names[][2] = {
    { "embeddings.word_embeddings", "token_embd" },
    { "embeddings.position_embeddings", "position_embd" },
    { "embeddings.token_type_embeddings", "token_types" },
    { "embeddings.LayerNorm", "token_embd_norm" },
    { ".attention.self.query", "attn_q" },
    { ".attention.self.key", "attn_k" },
    { ".attention.self.value", "attn_v" },
    { ".attention.output.dense", "attn_output" },
    { ".attention.output.LayerNorm", "attn_output_norm" },
    { ".intermediate.dense", "ffn_up" },
    { ".output.dense", "ffn_down" },
    { ".output.LayerNorm", "layer_output_norm" },
    { "embed_tokens", "token_embd" },
    { "norm", "output_norm" },
    { ".input_layernorm", "attn_norm" },
    { ".self_attn.q_proj", "attn_q" },
    { ".self_attn.k_proj", "attn_k" },
    { ".self_attn.v_proj", "attn_v" },
    { ".self_attn.q_norm", "attn_q_norm" },
    { ".self_attn.k_norm", "attn_k_norm" },
    { ".self_attn.o_proj", "attn_output" },
    { ".post_attention_layernorm", "ffn_norm" },
    { ".mlp.gate_proj", "ffn_gate" },
    { ".mlp.up_proj", "ffn_up" },
    { ".mlp.down_proj", "ffn_down" },
};

/* False for a tensor that the converter drops. */
static bool rename_tensor(const char *name, char *out, size_t cap)
{
    static const char *const layers[] = { "encoder.layer.", "layers." };
    const char *rest = name;
    char *end = NULL;
    long layer = -1;

    if (strncmp(rest, "model.", 6) == 0) rest += 6;
    for (size_t i = 0; i < 2; i++) {
        if (strncmp(rest, layers[i], strlen(layers[i])) != 0) continue;
        layer = strtol(rest + strlen(layers[i]), &end, 10);
        rest = end;
        break;
    }
    const char *role = strrchr(rest, '.');
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i][0]) != (size_t)(role - rest) ||
            strncmp(names[i][0], rest, (size_t)(role - rest)) != 0)
            continue;
        if (layer >= 0)
            snprintf(out, cap, "blk.%ld.%s%s", layer, names[i][1], role);
        else
            snprintf(out, cap, "%s%s", names[i][1], role);
        return true;
    }
    return false;
}

/* ---- Entries --------------------------------------------------------------- */

typedef struct writer {
    const test_gguf_how *how;
    const char *arch;
    test_gguf entries, tensors, data;
    uint64_t n_entries, n_tensors;
} writer;

static const test_gguf_edit *find_edit(const writer *w, const char *key)
{
    for (const test_gguf_edit *e = w->how->edits; e && e->key; e++)
        if (strcmp(e->key, key) == 0) return e;
    return NULL;
}

static void put_edit(writer *w, const test_gguf_edit *e)
{
    test_gguf *f = &w->entries;

    w->n_entries += e->as != TEST_GGUF_ABSENT;
    switch (e->as) {
    case TEST_GGUF_ABSENT:
        break;
    case TEST_GGUF_U32:
        test_gguf_key_u32(f, e->key, (uint32_t)e->number);
        break;
    case TEST_GGUF_F32:
        test_gguf_key_f32(f, e->key, (float)e->number);
        break;
    case TEST_GGUF_BOOL:
        test_gguf_key_bool(f, e->key, e->number != 0);
        break;
    case TEST_GGUF_STRING:
        test_gguf_key_string(f, e->key, e->string);
        break;
    }
}

static void put(writer *w, const test_gguf_edit entry)
{
    if (!find_edit(w, entry.key)) put_edit(w, &entry);
}

/* "ARCH.NAME" */
static void put_own(writer *w, const char *name, test_gguf_edit entry)
{
    char key[128];

    snprintf(key, sizeof(key), "%s.%s", w->arch, name);
    entry.key = key;
    put(w, entry);
}

static void put_size(writer *w, const char *name, const json_t *config,
                     const char *key)
{
    const json_t *v = json_object_get(config, key);

    if (v)
        put_own(w, name,
                (test_gguf_edit){ .as = TEST_GGUF_U32,
                                  .number = (double)json_integer_value(v) });
}

static void put_real(writer *w, const char *name, const json_t *config,
                     const char *key)
{
    const json_t *v = json_object_get(config, key);

    if (v)
        put_own(w, name,
                (test_gguf_edit){ .as = TEST_GGUF_F32,
                                  .number = json_number_value(v) });
}

static void put_config(writer *w, const json_t *config, unsigned pool)
{
    const bool bert = strcmp(w->arch, "bert") == 0;

    put(w, (test_gguf_edit){ "general.architecture", TEST_GGUF_STRING, 0,
                             w->arch });
    put_size(w, "block_count", config, "num_hidden_layers");
    put_size(w, "context_length", config, "max_position_embeddings");
    put_size(w, "embedding_length", config, "hidden_size");
    put_size(w, "feed_forward_length", config, "intermediate_size");
    put_size(w, "attention.head_count", config, "num_attention_heads");
    put_size(w, "attention.head_count_kv", config, "num_key_value_heads");
    put_size(w, "attention.key_length", config, "head_dim");
    put_size(w, "attention.value_length", config, "head_dim");
    put_real(w, "attention.layer_norm_epsilon", config, "layer_norm_eps");
    put_real(w, "attention.layer_norm_rms_epsilon", config, "rms_norm_eps");
    put_real(w, "rope.freq_base", config, "rope_theta");
    if (bert)
        put_own(w, "attention.causal",
                (test_gguf_edit){ .as = TEST_GGUF_BOOL });
    put_own(w, "pooling_type",
            (test_gguf_edit){ .as = TEST_GGUF_U32, .number = pool });
}

/* ---- Tokenizer ------------------------------------------------------------- */

enum { TOKENS_MAX = 4096, NORMAL = 1, CONTROL = 3, USER = 4, UNUSED = 5 };

typedef struct tokens {
    const char *spelling[TOKENS_MAX];
    uint32_t type[TOKENS_MAX];
    size_t n;
} tokens;

static void read_tokens(tokens *t, const json_t *root, size_t rows)
{
    const json_t *vocab =
        json_object_get(json_object_get(root, "model"), "vocab");
    const json_t *added = json_object_get(root, "added_tokens");
    const char *spelling;
    json_t *id, *o;
    size_t i;

    assert_true(rows <= TOKENS_MAX);
    t->n = rows;
    for (i = 0; i < rows; i++) {
        t->spelling[i] = "[PAD]";
        t->type[i] = UNUSED;
    }
    json_object_foreach((json_t *)(uintptr_t)vocab, spelling, id)
    {
        t->spelling[json_integer_value(id)] = spelling;
        t->type[json_integer_value(id)] = NORMAL;
    }
    json_array_foreach(added, i, o)
    {
        const json_int_t at = json_integer_value(json_object_get(o, "id"));
        t->spelling[at] = json_string_value(json_object_get(o, "content"));
        t->type[at] =
            json_is_true(json_object_get(o, "special")) ? CONTROL : USER;
    }
}

static void put_token(writer *w, const char *spelling, uint32_t type,
                      bool phantom)
{
    char text[512];

    if (w->how->respell[0] && strcmp(spelling, w->how->respell[0]) == 0)
        spelling = w->how->respell[1];
    const bool bare =
        type == CONTROL || (w->how->keep_brackets && spelling[0] == '[' &&
                            spelling[strlen(spelling) - 1] == ']');
    if (!phantom || bare) {
        test_gguf_string(&w->entries, spelling);
        return;
    }
    if (strncmp(spelling, "##", 2) == 0)
        snprintf(text, sizeof(text), "%s", spelling + 2);
    else
        snprintf(text, sizeof(text), "\xe2\x96\x81%s", spelling);
    test_gguf_string(&w->entries, text);
}

static void put_tables(writer *w, const json_t *root, size_t rows)
{
    static tokens t;
    const bool bert = strcmp(w->arch, "bert") == 0;
    const json_t *merges =
        json_object_get(json_object_get(root, "model"), "merges");
    const json_t *merge;
    size_t i;

    read_tokens(&t, root, rows);
    if (!find_edit(w, "tokenizer.ggml.tokens")) {
        w->n_entries++;
        test_gguf_key_array(&w->entries, "tokenizer.ggml.tokens",
                            ANM_GGUF_STRING, t.n);
        for (i = 0; i < t.n; i++)
            put_token(w, t.spelling[i], t.type[i],
                      bert && !w->how->keep_pieces);
    }
    if (!find_edit(w, "tokenizer.ggml.token_type")) {
        w->n_entries++;
        test_gguf_key_array(&w->entries, "tokenizer.ggml.token_type",
                            ANM_GGUF_I32, t.n);
        for (i = 0; i < t.n; i++)
            test_gguf_u32(&w->entries, t.type[i]);
    }
    if (!merges || find_edit(w, "tokenizer.ggml.merges")) return;
    w->n_entries++;
    test_gguf_key_array(&w->entries, "tokenizer.ggml.merges", ANM_GGUF_STRING,
                        json_array_size(merges));
    json_array_foreach(merges, i, merge)
    {
        char text[512];

        snprintf(text, sizeof(text), "%s %s",
                 json_string_value(json_array_get(merge, 0)),
                 json_string_value(json_array_get(merge, 1)));
        test_gguf_string(&w->entries, json_is_string(merge)
                                          ? json_string_value(merge)
                                          : text);
    }
}

static void put_id(writer *w, const char *key, uint32_t id)
{
    put(w, (test_gguf_edit){ key, TEST_GGUF_U32, id, NULL });
}

static void put_tokenizer(writer *w, const json_t *root, const json_t *config)
{
    const bool bert = strcmp(w->arch, "bert") == 0;
    const size_t rows =
        (size_t)json_integer_value(json_object_get(config, "vocab_size"));

    put(w, (test_gguf_edit){ "tokenizer.ggml.model", TEST_GGUF_STRING, 0,
                             bert ? "bert" : "gpt2" });
    put(w, (test_gguf_edit){ "tokenizer.ggml.pre", TEST_GGUF_STRING, 0,
                             bert ? "default" : "qwen2" });
    put_tables(w, root, rows);
    if (bert) {
        put_id(w, "tokenizer.ggml.unknown_token_id", 1);
        put_id(w, "tokenizer.ggml.seperator_token_id", 3);
        put_id(w, "tokenizer.ggml.padding_token_id", 0);
        put_id(w, "tokenizer.ggml.cls_token_id", 2);
    } else {
        put_id(w, "tokenizer.ggml.eos_token_id", 874);
        put(w, (test_gguf_edit){ "tokenizer.ggml.add_bos_token", TEST_GGUF_BOOL,
                                 0, NULL });
        put(w, (test_gguf_edit){ "tokenizer.ggml.add_eos_token", TEST_GGUF_BOOL,
                                 1, NULL });
    }
}

/* ---- Tensors --------------------------------------------------------------- */

static uint32_t type_of(anm_dtype t)
{
    return t == ANM_DTYPE_F32 ? 0 : t == ANM_DTYPE_F16 ? 1 : 30;
}

static void add_tensor(writer *w, const char *name, const uint64_t *dims,
                       unsigned rank, uint32_t type)
{
    const test_gguf_how *how = w->how;
    uint64_t sizes[4] = { 0 };

    if (how->drop && strcmp(name, how->drop) == 0) return;
    if (how->retype && strcmp(name, how->retype) == 0) type = 11;
    if (how->rename[0] && strcmp(name, how->rename[0]) == 0)
        name = how->rename[1];
    for (unsigned i = 0; i < rank; i++)
        sizes[rank - 1 - i] = dims[i];
    if (type == 11) sizes[0] = 256, sizes[1] = 1, sizes[2] = 0;
    test_gguf_pad(&w->data, 32);
    test_gguf_tensor(&w->tensors, name, sizes, type, w->data.len);
    w->n_tensors++;
}

static const anm_tensor *find_part(const anm_safetensors *s, const char *name,
                                   const char *from, const char *to)
{
    char other[256];
    const char *at = strstr(name, from);

    snprintf(other, sizeof(other), "%.*s%s%s", (int)(at - name), name, to,
             at + strlen(from));
    return anm_safetensors_find(s, other);
}

/* q, k and v of one layer under the name of the first, which is t. */
static bool fuse(writer *w, const anm_safetensors *s, const anm_tensor *t,
                 const char *name)
{
    static const char *const parts[2][3] = { { "query", "key", "value" },
                                             { "q_proj", "k_proj", "v_proj" } };
    const anm_tensor *all[3];
    char fused[128];
    uint64_t dims[2];
    const char *at = strstr(name, ".attn_");

    if (!w->how->fuse || !at) return false;
    if (strncmp(at, ".attn_k.", 8) == 0 || strncmp(at, ".attn_v.", 8) == 0)
        return true;
    if (strncmp(at, ".attn_q.", 8) != 0) return false;
    const size_t row = strcmp(w->arch, "bert") != 0;
    dims[0] = 0;
    dims[1] = t->dims[1];
    for (size_t i = 0; i < 3; i++) {
        all[i] = find_part(s, t->name, parts[row][0], parts[row][i]);
        dims[0] += all[i]->dims[0];
    }
    snprintf(fused, sizeof(fused), "%.*s.attn_qkv%s", (int)(at - name), name,
             at + 7);
    add_tensor(w, fused, dims, t->rank, type_of(t->dtype));
    for (size_t i = 0; i < 3; i++)
        test_gguf_bytes(&w->data, all[i]->data.data, all[i]->data.len);
    return true;
}

static void put_random(writer *w, const json_t *config)
{
    const json_t *rows = json_object_get(config, "vocab_size");

    w->n_tensors = test_gguf_random(&w->tensors, &w->data, w->arch,
                                    (uint64_t)json_integer_value(rows),
                                    w->how->mix, w->how->widened);
}

static void put_tensors(writer *w, const char *folder)
{
    anm_safetensors *s = NULL;
    char path[8192];

    snprintf(path, sizeof(path), "%s/model.safetensors", folder);
    assert_int_equal(anm_safetensors_open(&s, path, NULL), ANM_OK);
    for (size_t i = 0; i < anm_safetensors_n(s); i++) {
        const anm_tensor *t = anm_safetensors_at(s, i);
        char name[128];

        if (!rename_tensor(t->name, name, sizeof(name))) continue;
        if (fuse(w, s, t, name)) continue;
        const uint64_t before = w->n_tensors;
        add_tensor(w, name, t->dims, t->rank, type_of(t->dtype));
        if (w->n_tensors > before)
            test_gguf_bytes(&w->data, t->data.data, t->data.len);
    }
    anm_safetensors_close(s);
}

/* ---- The whole ------------------------------------------------------------- */

static json_t *read_json(const char *folder, const char *file)
{
    char path[8192];

    snprintf(path, sizeof(path), "%s/%s", folder, file);
    char *text = test_read(path, NULL);
    json_t *root = json_loads(text, 0, NULL);

    assert_non_null(root);
    free(text);
    return root;
}

static unsigned pool_of(const char *folder)
{
    json_t *root = read_json(folder, "1_Pooling/config.json");
    const unsigned pool =
        json_is_true(json_object_get(root, "pooling_mode_mean_tokens")) ? 1
        : json_is_true(json_object_get(root, "pooling_mode_cls_token")) ? 2
                                                                        : 3;

    json_decref(root);
    return pool;
}

static void put_added_edits(writer *w)
{
    // An edited key is left out in its place and stands behind the rest.
    for (const test_gguf_edit *e = w->how->edits; e && e->key; e++)
        put_edit(w, e);
}

test_gguf test_gguf_convert(const char *name, const test_gguf_how *how)
{
    static const test_gguf_how none;
    writer w = { .how = how ? how : &none };
    char folder[4096];
    test_gguf f = { 0 };

    snprintf(folder, sizeof(folder), "%s", test_data(name));
    json_t *config = read_json(folder, "config.json");
    json_t *tokenizer = read_json(folder, "tokenizer.json");
    w.arch = json_string_value(json_object_get(config, "model_type"));
    if (w.how->mix) test_gguf_random_config(config);
    put_config(&w, config, pool_of(folder));
    put_tokenizer(&w, tokenizer, config);
    put_added_edits(&w);
    if (w.how->mix)
        put_random(&w, config);
    else
        put_tensors(&w, folder);

    test_gguf_head(&f, 3, w.n_tensors, w.n_entries);
    test_gguf_bytes(&f, w.entries.data, w.entries.len);
    test_gguf_bytes(&f, w.tensors.data, w.tensors.len);
    test_gguf_pad(&f, 32);
    test_gguf_bytes(&f, w.data.data, w.data.len);
    free(w.entries.data);
    free(w.tensors.data);
    free(w.data.data);
    json_decref(config);
    json_decref(tokenizer);
    return f;
}

const char *test_gguf_model(const char *folder, const test_gguf_how *how)
{
    test_gguf f = test_gguf_convert(folder, how);
    const char *path = test_gguf_write(&f, "model.gguf");

    free(f.data);
    return path;
}

const char *test_gguf_edited(const char *folder, test_gguf_edit edit)
{
    const test_gguf_edit edits[] = { edit, { .key = NULL } };

    return test_gguf_model(folder, &(test_gguf_how){ .edits = edits });
}
