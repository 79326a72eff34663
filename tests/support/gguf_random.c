/* SPDX-License-Identifier: Apache-2.0 */
#include "support/gguf_random.h"

#include <stdio.h>
#include <string.h>

#include "kern/kern.h"
#include "support/program.h"

enum { WIDE = 256, INNER = 256, SHARED = 128, POSITIONS = 64, LAYERS = 2 };
enum { BLOCK = 256 };

void test_gguf_random_config(json_t *config)
{
    json_t *sizes =
        json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "hidden_size", WIDE,
                  "intermediate_size", INNER, "num_hidden_layers", LAYERS,
                  "num_attention_heads", 4, "num_key_value_heads", 2,
                  "head_dim", 64, "max_position_embeddings", POSITIONS);

    assert_int_equal(json_object_update(config, sizes), 0);
    json_decref(sizes);
}

typedef enum stored {
    VECTOR, /* F32 */
    PLAIN,  /* a matrix in F32 */
    COARSE, /* a matrix of blocks */
    FINE,   /* one that the mix has in Q6_K */
} stored;

typedef struct tensor_row {
    const char *name;
    uint64_t rows, columns; /* rows 0: those of the table of tokens */
    stored stored;
} tensor_row;

static const tensor_row bert_whole[] = {
    { "token_embd.weight", 0, WIDE, FINE },
    { "position_embd.weight", POSITIONS, WIDE, PLAIN },
    { "token_types.weight", 2, WIDE, PLAIN },
    { "token_embd_norm.weight", WIDE, 1, VECTOR },
    { "token_embd_norm.bias", WIDE, 1, VECTOR },
    { NULL, 0, 0, VECTOR },
};

static const tensor_row bert_layer[] = {
    { "attn_q.weight", WIDE, WIDE, COARSE },
    { "attn_q.bias", WIDE, 1, VECTOR },
    { "attn_k.weight", WIDE, WIDE, COARSE },
    { "attn_k.bias", WIDE, 1, VECTOR },
    { "attn_v.weight", WIDE, WIDE, FINE },
    { "attn_v.bias", WIDE, 1, VECTOR },
    { "attn_output.weight", WIDE, WIDE, COARSE },
    { "attn_output.bias", WIDE, 1, VECTOR },
    { "attn_output_norm.weight", WIDE, 1, VECTOR },
    { "attn_output_norm.bias", WIDE, 1, VECTOR },
    { "ffn_up.weight", INNER, WIDE, COARSE },
    { "ffn_up.bias", INNER, 1, VECTOR },
    { "ffn_down.weight", WIDE, INNER, FINE },
    { "ffn_down.bias", WIDE, 1, VECTOR },
    { "layer_output_norm.weight", WIDE, 1, VECTOR },
    { "layer_output_norm.bias", WIDE, 1, VECTOR },
    { NULL, 0, 0, VECTOR },
};

static const tensor_row qwen3_whole[] = {
    { "token_embd.weight", 0, WIDE, FINE },
    { "output_norm.weight", WIDE, 1, VECTOR },
    { NULL, 0, 0, VECTOR },
};

static const tensor_row qwen3_layer[] = {
    { "attn_norm.weight", WIDE, 1, VECTOR },
    { "attn_q.weight", WIDE, WIDE, COARSE },
    { "attn_k.weight", SHARED, WIDE, COARSE },
    { "attn_v.weight", SHARED, WIDE, FINE },
    { "attn_q_norm.weight", 64, 1, VECTOR },
    { "attn_k_norm.weight", 64, 1, VECTOR },
    { "attn_output.weight", WIDE, WIDE, COARSE },
    { "ffn_norm.weight", WIDE, 1, VECTOR },
    { "ffn_gate.weight", INNER, WIDE, COARSE },
    { "ffn_up.weight", INNER, WIDE, COARSE },
    { "ffn_down.weight", WIDE, INNER, FINE },
    { NULL, 0, 0, VECTOR },
};

typedef struct writer {
    test_gguf *tensors, *data;
    uint64_t vocab, n;
    uint64_t seed;
    test_mix mix;
    bool widened;
} writer;

/* A half of [2^(exponent - 15), 2^(exponent - 14)). */
static uint16_t random_half(uint64_t *seed, unsigned exponent)
{
    return (uint16_t)(exponent << 10 | (test_random(seed) & 0x3ff));
}

/* Any bytes, with scales that make the numbers about 0.1 large. */
static void fill_block(unsigned char *p, anm_dtype type, uint64_t *seed)
{
    const size_t bytes = anm_dtype_block(type).bytes;

    for (size_t i = 0; i < bytes; i++)
        p[i] = (unsigned char)(test_random(seed) >> 32);
    const uint16_t halves[] = { random_half(seed, 3), random_half(seed, 6) };
    const uint16_t fine = random_half(seed, 1);
    if (type == ANM_DTYPE_Q6_K)
        memcpy(p + bytes - sizeof(fine), &fine, sizeof(fine));
    else if (type == ANM_DTYPE_Q5_0)
        memcpy(p, &halves[1], sizeof(halves[1]));
    else
        memcpy(p, halves, sizeof(halves));
}

static void put_blocks(writer *w, anm_dtype type, uint64_t n)
{
    const anm_block unit = anm_dtype_block(type);

    assert_true(unit.elements <= BLOCK && unit.bytes <= BLOCK);
    for (uint64_t i = 0; i < n; i += unit.elements) {
        unsigned char block[BLOCK];
        float values[BLOCK];

        fill_block(block, type, &w->seed);
        assert_true(anm_widen_f32(values, block, type, unit.elements));
        test_gguf_bytes(w->data, w->widened ? (void *)values : block,
                        w->widened ? unit.elements * sizeof(values[0])
                                   : unit.bytes);
    }
}

/* Around 1 for the factors of a norm, else around 0. */
static void put_floats(writer *w, const char *name, uint64_t n)
{
    const float centre = strstr(name, "norm.weight") ? 1.0f : 0.0f;

    for (uint64_t i = 0; i < n; i++) {
        const float x = centre + 0.1f * test_random_float(&w->seed);
        test_gguf_bytes(w->data, &x, sizeof(x));
    }
}

/* A type, and its number in a GGUF file. */
typedef struct mixed {
    anm_dtype type;
    uint32_t number;
} mixed;

static const struct {
    mixed coarse, fine;
} mixes[] = {
    [TEST_MIX_Q6_K] = { { ANM_DTYPE_Q6_K, 14 }, { ANM_DTYPE_Q6_K, 14 } },
    [TEST_MIX_Q4_K_M] = { { ANM_DTYPE_Q4_K, 12 }, { ANM_DTYPE_Q6_K, 14 } },
    [TEST_MIX_Q5_K_M] = { { ANM_DTYPE_Q5_K, 13 }, { ANM_DTYPE_Q6_K, 14 } },
    [TEST_MIX_Q5_0] = { { ANM_DTYPE_Q5_0, 6 }, { ANM_DTYPE_Q5_0, 6 } },
};

static void put_tensor(writer *w, const tensor_row *t, const char *name)
{
    enum { TYPE_F32 = 0 };
    const uint64_t rows = t->rows ? t->rows : w->vocab;
    const uint64_t matrix[] = { t->columns, rows, 0 }, vector[] = { rows, 0 };
    const bool blocks = t->stored >= COARSE;
    const mixed m =
        t->stored == FINE ? mixes[w->mix].fine : mixes[w->mix].coarse;
    const uint32_t type = !blocks || w->widened ? TYPE_F32 : m.number;

    test_gguf_pad(w->data, 32);
    test_gguf_tensor(w->tensors, name, t->stored == VECTOR ? vector : matrix,
                     type, w->data->len);
    w->n++;
    if (blocks)
        put_blocks(w, m.type, rows * t->columns);
    else
        put_floats(w, name, rows * t->columns);
}

uint64_t test_gguf_random(test_gguf *tensors, test_gguf *data, const char *arch,
                          uint64_t rows, test_mix mix, bool widened)
{
    const bool bert = strcmp(arch, "bert") == 0;
    writer w = { tensors, data, rows, 0, 7, mix, widened };

    for (const tensor_row *t = bert ? bert_whole : qwen3_whole; t->name; t++)
        put_tensor(&w, t, t->name);
    for (unsigned layer = 0; layer < LAYERS; layer++)
        for (const tensor_row *t = bert ? bert_layer : qwen3_layer; t->name;
             t++) {
            char name[64];

            snprintf(name, sizeof(name), "blk.%u.%s", layer, t->name);
            put_tensor(&w, t, name);
        }
    return w.n;
}
