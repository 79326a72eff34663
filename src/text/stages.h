/* stages.h - the compiled stages of a tokenizer, and how each is compiled.
 *
 * Every kind of part is a table of rows: the name that tokenizer.json uses, a
 * function that compiles the part's object, a function that runs it. A part
 * that is in no table is refused with the names that are. A new part is one
 * row and two functions.
 *
 * Compile functions get the object of their part and `at`, its place for
 * messages. What they allocate comes from the tokenizer's arena. Run functions
 * return false when memory is out, or when e->trouble says otherwise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_STAGES_H
#define ANM_STAGES_H

#include "anemone.h"
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/sha256.h"
#include "text/chars.h"
#include "text/encoding.h"
#include "text/merge.h"
#include "text/part.h"
#include "text/pattern.h"
#include "text/tokenizer.h"
#include "text/trie.h"

enum {
    ANM_STAGE_PARTS_MAX = 32,   /* parts of one stage, sequences flattened */
    ANM_PIECE_MAX_BYTES = 1024, /* bounds every longest-match search */
    ANM_PIECE_ID_MAX = 2097151, /* bounds the table of spellings */
    ANM_ADDED_MAX = 65536,
    ANM_FRAME_MAX = 64, /* ids on one side of a text */
};

/* ---- Pieces: spelling to id and back ------------------------------------- */

/* The model's spellings are in a trie where pieces are looked for in a word,
 * else in a table of whole spellings, which takes a tenth of the memory. */
typedef struct anm_pieces {
    anm_trie trie;
    int32_t *table;  /* [n_table] ids by open addressing; -1: a free slot */
    size_t n_table;  /* a power of two, or 0: there is a trie */
    size_t n;        /* spellings of the model */
    anm_text *by_id; /* [n_ids] added tokens included; {NULL, 0}: no such */
    size_t n_ids;    /* highest id + 1 */
    size_t spare;    /* further ids that by_id has room for */
} anm_pieces;

typedef enum anm_pieces_kind {
    ANM_PIECES_TRIE,
    ANM_PIECES_TABLE,
} anm_pieces_kind;

/* Take in an object of "spelling": id. */
anm_status anm_pieces_compile(anm_tokenizer *t, const json_t *vocab,
                              anm_pieces_kind kind, const char *at,
                              anm_error *err);

/* The id of exactly this spelling of the model; ANM_TRIE_NONE: none. */
int32_t anm_pieces_find(const anm_pieces *p, anm_text spelling);

/* Room for n ids above the highest. */
anm_status anm_pieces_make_room(anm_tokenizer *t, size_t n, anm_error *err);

/* Give an id a spelling unless the model has one for it. */
void anm_pieces_name(anm_tokenizer *t, int32_t id, anm_text spelling);

/* ---- Added tokens -------------------------------------------------------- */

typedef struct anm_added_token {
    anm_text content;
    int32_t id;
    bool single_word; /* not where a word character stands beside it */
    bool lstrip;      /* takes the white space on its left */
    bool rstrip;
    bool normalized; /* looked for behind the normalizer, normalized itself */
    bool special;
} anm_added_token;

/* Finds the leftmost, and there the longest, of a set of patterns. */
typedef struct anm_matcher {
    anm_trie trie; /* value: index into anm_added.tokens */
    size_t n_patterns;
    bool starts[256]; /* bytes that a pattern starts with */
    int only_start;   /* the byte when there is one, else -1 */
} anm_matcher;

typedef struct anm_added {
    anm_added_token *tokens; /* [n] contents differ */
    size_t n;
    anm_trie contents; /* value: index of the last such token in the file */
    int32_t *token_of; /* [tokens in the file] index into tokens, or -1 */
    anm_matcher raw, normalized;
} anm_added;

/* Take in the array of added tokens; normalizer and pieces are compiled. */
anm_status anm_added_compile(anm_tokenizer *t, const json_t *tokens,
                             anm_error *err);
/* Build what belongs to the tokens of a tokenizer that was read back; fails
 * for lack of memory only. */
anm_status anm_added_restore(anm_tokenizer *t, anm_error *err);
/* Look for the tokens as they read behind normalizers that have changed. */
anm_status anm_added_renew(anm_tokenizer *t, anm_error *err);
void anm_added_deinit(anm_added *a);

/* The id of a spelling, added tokens first; ANM_TRIE_NONE: it has none. */
int32_t anm_added_id(const anm_tokenizer *t, anm_text spelling);

/* Cut the matcher's tokens out of text, push their ids, and hand what lies
 * between to rest(), in order. */
typedef bool (*anm_rest_fn)(const anm_tokenizer *t, anm_text text,
                            anm_encoding *e);
bool anm_added_cut(const anm_tokenizer *t, const anm_matcher *m, anm_text text,
                   anm_rest_fn rest, anm_encoding *e);

/* ---- Normalizers --------------------------------------------------------- */

typedef struct anm_normalizer anm_normalizer;

typedef struct anm_normalizer_row {
    const char *name;
    anm_status (*compile)(anm_tokenizer *t, const json_t *o, const char *at,
                          anm_normalizer *n, anm_error *err);
    /* Append to out what becomes of text. */
    bool (*run)(const anm_tokenizer *t, const anm_normalizer *n, anm_text text,
                anm_scratch *out, anm_encoding *e);
} anm_normalizer_row;

/* One compiled normalizer. All that its results depend on is here in plain
 * form, so one function digests every kind. */
struct anm_normalizer {
    const anm_normalizer_row *row;
    unsigned options; /* bits of the row's own */
    anm_text pattern, content;
};

/* The options of BertNormalizer. */
enum {
    ANM_BERT_CLEAN = 1 << 0,
    ANM_BERT_CJK = 1 << 1,
    ANM_BERT_STRIP = 1 << 2,
    ANM_BERT_LOWER = 1 << 3,
};

bool anm_bert_run(const anm_tokenizer *t, const anm_normalizer *n,
                  anm_text text, anm_scratch *out, anm_encoding *e);

/* The options of the four normal forms. */
enum { ANM_FORM_COMPATIBLE = 1 << 0, ANM_FORM_COMPOSED = 1 << 1 };

bool anm_form_run(const anm_tokenizer *t, const anm_normalizer *n,
                  anm_text text, anm_scratch *out, anm_encoding *e);

/* Canonical ordering: a code point with a combining class waits in e->held
 * until a starter follows, and then goes on through put() in its place. */
typedef struct anm_order anm_order;

struct anm_order {
    const anm_tokenizer *t;
    bool (*put)(const anm_order *o, uint32_t cp, unsigned flags);
    unsigned options; /* of the normalizer */
    anm_scratch *out;
    anm_encoding *e;
};

bool anm_order_add(const anm_order *o, uint32_t cp, unsigned flags);
/* The parts of a code point that decomposes, except those with a flag of
 * `without`. */
bool anm_order_add_parts(const anm_order *o, uint32_t cp, unsigned without,
                         bool compatible);
bool anm_order_flush(const anm_order *o);

/* NULL or null: no normalizer. */
anm_status anm_normalizers_compile(anm_tokenizer *t, const json_t *o,
                                   anm_error *err);

/* For a compiled tokenizer that is read back: a row by its name (NULL: none),
 * and whether pattern and content are such as compiling gives. */
const anm_normalizer_row *anm_normalizer_row_find(anm_text name);
bool anm_normalizer_fits(const anm_normalizer *n);

/* Through all normalizers. *out is text itself, or lies in e. */
bool anm_normalize(const anm_tokenizer *t, anm_text text, anm_encoding *e,
                   anm_text *out);

/* ---- Pre-tokenizers ------------------------------------------------------ */

typedef struct anm_splitter anm_splitter;

typedef struct anm_splitter_row {
    const char *name;
    anm_status (*compile)(anm_tokenizer *t, const json_t *o, const char *at,
                          anm_splitter *s, anm_error *err);
    /* Hand each part of text, in order, to anm_split(t, next, …). */
    bool (*run)(const anm_tokenizer *t, const anm_splitter *s, size_t next,
                anm_text text, anm_encoding *e);
} anm_splitter_row;

/* What becomes of a code point that splits. */
typedef enum anm_split_how {
    ANM_SPLIT_REMOVED,
    ANM_SPLIT_ISOLATED,
    ANM_SPLIT_MERGED_WITH_PREVIOUS,
    ANM_SPLIT_MERGED_WITH_NEXT,
    ANM_SPLIT_CONTIGUOUS,
    ANM_SPLIT_HOW_COUNT,
} anm_split_how;

struct anm_splitter {
    const anm_splitter_row *row;
    unsigned flags;     /* of code points that split, ANM_CHAR_*; or options
                           of the row's own */
    uint32_t delimiter; /* that splits too; 0: none */
    anm_split_how how;
    anm_text pattern; /* as the file has it; empty: none */
    bool literal;     /* it stands for itself */
    anm_pattern compiled;
};

anm_status anm_splitters_compile(anm_tokenizer *t, const json_t *o,
                                 anm_error *err);

void anm_splitters_deinit(anm_tokenizer *t);

const anm_splitter_row *anm_splitter_row_find(anm_text name);

/* The member "behavior" of a splitter; `otherwise` when it is absent, "": it
 * must be there. */
anm_status anm_split_behavior(const json_t *o, const char *otherwise,
                              const char *at, anm_split_how *out,
                              anm_error *err);

anm_status anm_split_compile(anm_tokenizer *t, const json_t *o, const char *at,
                             anm_splitter *s, anm_error *err);
bool anm_split_run(const anm_tokenizer *t, const anm_splitter *s, size_t next,
                   anm_text text, anm_encoding *e);

typedef bool (*anm_hand_on_fn)(const anm_tokenizer *t, size_t next,
                               anm_text text, anm_encoding *e);

/* Split around the matches of the splitter's pattern. */
bool anm_split_by_pattern(const anm_tokenizer *t, const anm_splitter *s,
                          size_t next, anm_text text, anm_hand_on_fn hand_on,
                          anm_encoding *e);

anm_status anm_byte_level_compile(anm_tokenizer *t, const json_t *o,
                                  const char *at, anm_splitter *s,
                                  anm_error *err);
bool anm_byte_level_run(const anm_tokenizer *t, const anm_splitter *s,
                        size_t next, anm_text text, anm_encoding *e);

/* The characters that stand for bytes, in UTF-8. */
enum { ANM_BYTE_SPELLED_MAX = 2 };
void anm_byte_level_list(char spelled[256][ANM_BYTE_SPELLED_MAX + 1]);
/* Append text as it is spelled so. */
bool anm_byte_level_spell(anm_text text, anm_scratch *out);

/* ---- Models -------------------------------------------------------------- */

typedef struct anm_token_model anm_token_model;

typedef struct anm_model_row {
    const char *name;
    /* Compiles the pieces too. */
    anm_status (*compile)(anm_tokenizer *t, const json_t *o, const char *at,
                          anm_error *err);
    /* Settles what depends on other stages, which are then compiled; NULL:
     * nothing. */
    anm_status (*finish)(anm_tokenizer *t, anm_error *err);
    /* Before the words of a text; NULL: nothing to do. */
    bool (*begin)(const anm_tokenizer *t, anm_encoding *e);
    bool (*run)(const anm_tokenizer *t, anm_text word, anm_encoding *e);
} anm_model_row;

const anm_model_row *anm_model_row_find(anm_text name);

/* What is BPE's own. */
typedef struct anm_bpe {
    anm_merges merges;
    anm_text suffix;     /* of the last character of a word */
    bool ignores_merges; /* for a word that is a piece */
    bool falls_back;     /* an unknown character is its bytes, "<0xE2>" */
    bool fuses_unknown;  /* neighbours that are unknown are one */
    bool lacks_unknown;  /* the file names an unknown token that is no piece */
    bool reads_bytes;    /* words are bytes, spelled by byte_ids; without it
                            they are spelled already */
    int32_t byte_ids[256];
    int32_t fallback_ids[256]; /* -1: no such piece */
} anm_bpe;

struct anm_token_model {
    const anm_model_row *row;
    int32_t unknown_id; /* -1: none */
    anm_text prefix;    /* of pieces that continue a word */
    int32_t continued;  /* node that the prefix leads to; ANM_TRIE_NONE: none */
    size_t max_chars;   /* of a word; a longer one is unknown */
    anm_bpe bpe;
};

anm_status anm_wordpiece_compile(anm_tokenizer *t, const json_t *o,
                                 const char *at, anm_error *err);
bool anm_wordpiece_run(const anm_tokenizer *t, anm_text word, anm_encoding *e);

anm_status anm_bpe_compile(anm_tokenizer *t, const json_t *o, const char *at,
                           anm_error *err);
anm_status anm_bpe_finish(anm_tokenizer *t, anm_error *err);
bool anm_bpe_begin(const anm_tokenizer *t, anm_encoding *e);
bool anm_bpe_run(const anm_tokenizer *t, anm_text word, anm_encoding *e);

/* ---- Post-processors ----------------------------------------------------- */

typedef struct anm_frame_side {
    int32_t ids[ANM_FRAME_MAX]; /* [n] */
    size_t n;
} anm_frame_side;

typedef struct anm_frame {
    anm_frame_side before, after; /* of the text */
} anm_frame;

/* Sets the frame; added tokens are compiled. */
anm_status anm_postprocess_compile(anm_tokenizer *t, const json_t *o,
                                   anm_error *err);

/* ---- The whole ----------------------------------------------------------- */

struct anm_tokenizer {
    anm_arena arena; /* all that is not a trie */
    anm_chars chars;
    anm_pieces pieces;
    anm_added added;
    anm_normalizer normalizers[ANM_STAGE_PARTS_MAX];
    size_t n_normalizers;
    anm_splitter splitters[ANM_STAGE_PARTS_MAX];
    size_t n_splitters;
    anm_token_model model;
    anm_frame frame;
    anm_tokenizer_info info;
    bool splits_special; /* special tokens in a text are text; not saved */
    uint8_t digest[ANM_SHA256_BYTES];
};

/* Split by the splitters from `next` on; the last hands words to the model. */
static inline bool anm_split(const anm_tokenizer *t, size_t next, anm_text text,
                             anm_encoding *e)
{
    if (!text.len) return true;
    if (next == t->n_splitters) return t->model.row->run(t, text, e);
    const anm_splitter *s = &t->splitters[next];
    return s->row->run(t, s, next + 1, text, e);
}

/* Compile a parsed tokenizer.json, or a document of that form; `at` is its
 * name in messages, NULL where the caller puts one before them. */
anm_status anm_tokenizer_compile(anm_tokenizer **out, const json_t *root,
                                 const char *at, anm_error *err);

/* The pattern that texts of Qwen2 and Qwen3 are split by. */
extern const char anm_pattern_qwen2[];

/* The line at the front of rest, without its end: LF, CR or CR LF. */
anm_text anm_take_line(anm_bytes *rest);

/* The content of tokenizer_config.json; an empty file counts as {}. */
anm_status anm_config_parse(json_t **out, anm_bytes config_json,
                            anm_error *err);

/* Append the tokens of added_tokens_decoder, in the order of their numbers. */
anm_status anm_config_added(json_t *tokens, const json_t *config,
                            anm_error *err);

/* Append those of additional_special_tokens and extra_special_tokens that are
 * not among tokens yet. False: no memory. */
bool anm_config_further(json_t *tokens, const json_t *config);

/* Fill in the digest of a compiled tokenizer. */
anm_status anm_tokenizer_set_digest(anm_tokenizer *t, anm_error *err);

#endif
