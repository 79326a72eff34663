/* tokenizer.h - text to ids exactly as a tokenizer.json says.
 *
 * A tokenizer is compiled once from its JSON (or from vocab.txt with its
 * settings) and is immutable afterwards: any number of threads share it, each
 * with its own anm_encoding. Stages, in order: added tokens are cut out;
 * normalizer; pre-tokenizer; model (WordPiece, BPE; unigram is a further row of
 * the same table); post-processor. Parts that are not built in are
 * refused by name when the tokenizer is made, never at a text.
 *
 * What is not here: truncation to a model's maximum and padding. The sections
 * of the file are parsed, checked and reported; the recipe decides (engine/
 * input.c).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TOKENIZER_H
#define ANM_TOKENIZER_H

#include "anemone.h"
#include "base/buf.h"
#include "base/bytes.h"

/* Compile the content of a tokenizer.json, which messages leave to the caller
 * to name.
 *
 * @return ANM_OK
 *         ANM_E_FORMAT       not JSON, or a member of a wrong type; names it
 *         ANM_E_UNSUPPORTED  a normalizer, pre-tokenizer, model, decoder-free
 *                            post-processor or option that is not built in;
 *                            names it and what is
 *         ANM_E_CORRUPT      a vocabulary with duplicate or absurd ids, or one
 *                            that lacks the unknown token or a special token
 *                            that the template uses
 *         ANM_E_NOMEM */
anm_status anm_tokenizer_new(anm_tokenizer **out, anm_bytes json,
                             anm_error *err);

/* Compile a BERT vocabulary: one piece a line, the line number is the id, and
 * tokenizer_config.json (may be empty) for do_lower_case, strip_accents,
 * tokenize_chinese_chars and the spellings of the special tokens. */
anm_status anm_tokenizer_new_vocab(anm_tokenizer **out, anm_bytes vocab_txt,
                                   anm_bytes config_json, anm_error *err);

/* The parts of a tokenizer.json that the class BertTokenizer has its own of. */
enum {
    ANM_BERT_OWN_NORMALIZER = 1 << 0, /* another kind, or clean_text false */
    ANM_BERT_OWN_SPLITTER = 1 << 1,
    ANM_BERT_OWN_MODEL = 1 << 2, /* unknown token, prefix, longest word */
    ANM_BERT_OWN_POST = 1 << 3,
};

/* The same of a tokenizer.json: its vocabulary and its added tokens, and all
 * else as the class and the settings say; parts that give way must be built in
 * nonetheless. A file of another model than WordPiece is what it says alone.
 *
 * @param own  ANM_BERT_OWN_*: where the file says otherwise, the three settings
 *             of the normalizer aside. */
anm_status anm_tokenizer_new_bert(anm_tokenizer **out, anm_bytes json,
                                  anm_bytes config_json, unsigned *own,
                                  anm_error *err);

/* Whose settings vocab.json and merges.txt follow. */
typedef enum anm_bpe_class {
    ANM_BPE_GPT2,  /* GPT2Tokenizer */
    ANM_BPE_QWEN2, /* Qwen2Tokenizer: NFC, its own pattern */
} anm_bpe_class;

/* Compile byte-level BPE from vocab.json, merges.txt and tokenizer_config.json
 * (may be empty), which is asked for added and special tokens,
 * add_prefix_space, add_bos_token and add_eos_token. */
anm_status anm_tokenizer_new_merges(anm_tokenizer **out, anm_bytes vocab_json,
                                    anm_bytes merges_txt, anm_bytes config_json,
                                    anm_bpe_class class, anm_error *err);

/* What a piece of a table is. */
typedef enum anm_piece_kind {
    ANM_PIECE_NORMAL,  /* of the model */
    ANM_PIECE_CONTROL, /* an added token that is special: "<|endoftext|>" */
    ANM_PIECE_USER,    /* an added token that is not special */
    ANM_PIECE_UNUSED,  /* an id that stands for nothing */
} anm_piece_kind;

/* Byte-level BPE as tables, the way a GGUF holds it. All borrowed for the
 * call. */
typedef struct anm_bpe_tables {
    const anm_text *pieces;      /* [n_pieces] spelling of each id */
    const anm_piece_kind *kinds; /* [n_pieces]; NULL: all normal */
    size_t n_pieces;
    const anm_text *merges; /* [n_merges] "left right", by rank */
    size_t n_merges;
    const char *pre; /* how texts are split: "default", "gpt-2", "llama-bpe",
                        "qwen2" */
    int32_t bos_id, eos_id; /* -1: none; put before and after every text when
                               add_bos, add_eos */
    bool add_bos, add_eos;
} anm_bpe_tables;

/* Compile tables. A name of `pre` stands for what the tokenizers that are
 * converted under it do: pattern, normalizer and ignore_merges.
 *
 * @return ANM_OK
 *         ANM_E_UNSUPPORTED  a `pre` that is not built in; names those that are
 *         ANM_E_CORRUPT      merges of pieces that are not there, pieces that
 *                            are there twice, bos or eos outside the table
 *         ANM_E_FORMAT       a text that is not UTF-8
 *         ANM_E_LIMIT, ANM_E_NOMEM */
anm_status anm_tokenizer_new_bpe(anm_tokenizer **out,
                                 const anm_bpe_tables *tables, anm_error *err);

/* Append the compiled tokenizer to out: what reading it back takes is a copy
 * and a check, no parsing. The bytes depend on the order of bytes of the
 * machine, and on no position. ANM_OK, ANM_E_NOMEM. */
anm_status anm_tokenizer_save(const anm_tokenizer *t, anm_buf *out,
                              anm_error *err);

/* Read a saved tokenizer; the bytes are not needed afterwards. Its digest is
 * the saved one's. Any bytes may come: what is damaged or of another version is
 * ANM_E_CORRUPT. ANM_OK, ANM_E_CORRUPT, ANM_E_NOMEM. */
anm_status anm_tokenizer_load(anm_tokenizer **out, anm_bytes bytes,
                              anm_error *err);

/* Put a Lowercase in front of all normalizers, unless one is among them or the
 * first is a BertNormalizer that drops the case. Special tokens in a text keep
 * theirs. For whoever made t and has shown it to nobody; after an error it can
 * only be freed. ANM_OK, ANM_E_LIMIT (too many normalizers), ANM_E_NOMEM. */
anm_status anm_tokenizer_lower_first(anm_tokenizer *t, anm_error *err);

/* From now on special tokens that a text spells out are text like any other;
 * those around a text stay. Saving does not keep it. For whoever made t and has
 * shown it to nobody. ANM_OK, ANM_E_NOMEM. */
anm_status anm_tokenizer_split_special(anm_tokenizer *t, anm_error *err);

void anm_tokenizer_free(anm_tokenizer *t);

/* Reusable result storage, and what of it grows with the text, in bytes. */
void anm_encoding_reset(anm_encoding *e);
size_t anm_encoding_bytes(const anm_encoding *e);

/* Encode one text; see anm_tokenize() for the meaning of special. Steady state
 * allocates nothing: the encoding keeps its largest size. Time is linear in
 * the text.
 *
 * @return ANM_OK
 *         ANM_E_ARG    not valid UTF-8; names the offset
 *         ANM_E_LIMIT  the pre-tokenizer's pattern would take too many steps
 *         ANM_E_NOMEM  the encoding could not grow; it is still usable */
anm_status anm_tokenizer_encode(const anm_tokenizer *t, anm_text text,
                                bool special, anm_encoding *e, anm_error *err);

/* The ids that the post-processor puts before and after one text. An input
 * that must be cut keeps these and loses the end of what lies between. */
typedef struct anm_tokenizer_frame {
    const int32_t *before; /* [n_before] */
    const int32_t *after;  /* [n_after] */
    size_t n_before, n_after;
} anm_tokenizer_frame;

anm_tokenizer_frame anm_tokenizer_frame_of(const anm_tokenizer *t);

/* ---- Queries ------------------------------------------------------------- */

typedef struct anm_tokenizer_info {
    const char *model; /* "WordPiece" … */
    size_t vocab_size; /* highest id + 1, added tokens included */
    bool lowercase;    /* the normalizer lower-cases */
    size_t truncation; /* max_length of the truncation section; 0: none */
    bool cuts_left;    /* that section keeps the end of a text */
    size_t padding;    /* fixed length of the padding section; 0: none */
    bool pads_left;
    int32_t pad_id;     /* of the padding section or "[PAD]"; -1: none */
    int32_t unknown_id; /* -1: none */
} anm_tokenizer_info;

void anm_tokenizer_describe(const anm_tokenizer *t, anm_tokenizer_info *out);

/* Whether every id from `first` on is that of an added token. */
bool anm_tokenizer_only_adds(const anm_tokenizer *t, size_t first);

/* A digest of everything that can change an id: equal digests tokenize alike.
 * 32 bytes, part of the fingerprint. It does not cover the truncation and
 * padding sections. */
void anm_tokenizer_digest(const anm_tokenizer *t, uint8_t out[32]);

#endif
