/* source.h - a model as it lies on disk: its files read, checked against each
 * other and understood; no weight touched yet.
 *
 * Everything the files say is obeyed and nothing is guessed in silence. Where
 * files contradict each other the choice of sentence-transformers is taken and
 * noted, and `inspect` shows the notes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_SOURCE_H
#define ANM_SOURCE_H

#include "anemone.h"
#include "base/alloc.h"
#include "base/json.h"
#include "format/gguf.h"
#include "format/safetensors.h"
#include "graph/graph.h"
#include "model/recipe.h"
#include "model/weights.h"
#include "text/tokenizer.h"

/* A choice that was made, for a person. */
typedef struct anm_note {
    const char *where; /* "max_tokens" */
    const char *text;  /* "sentence_bert_config.json says 256 and is followed;
                          tokenizer.json says 128, config.json 512" */
    bool assumed;      /* the files do not say */
} anm_note;

typedef struct anm_source {
    anm_arena arena; /* owns every string and array below */
    const char *path;
    const char *name;         /* last part of the path */
    const char *format;       /* "hf", "gguf", "mlpackage" */
    const char *architecture; /* "bert"; "mlprogram" */
    anm_recipe recipe;
    anm_tokenizer *tokenizer;
    anm_safetensors *safetensors; /* the container of "hf", or NULL */
    anm_gguf *gguf;               /* of "gguf", or NULL */
    struct anm_package *package;  /* of "mlpackage", or NULL */
    anm_weights weights;          /* of a package its files alone */
    const char *prefix;   /* what the checkpoint puts before canonical names */
    json_t *config;       /* the settings, as config.json spells them */
    const char *settings; /* what messages call them: "config.json",
                             "metadata" */
    size_t vocab_rows;    /* rows of the token table: ids below it are legal */
    anm_dtype stored;     /* the type most parameters are stored in */
    anm_note *notes;
    size_t n_notes;
} anm_source;

/* What the caller wants otherwise than the files say; zeros: nothing. As the
 * members of anm_options of the same names. */
typedef struct anm_source_params {
    const char *tokenizer; /* a folder or tokenizer.json instead of the model's;
                              NULL: the model's own */
    const char *pooling;
    anm_choice normalize, lowercase, add_eos;
    const char *function, *output, *padding;
    const char *memory; /* folder where compiled tokenizers are kept; NULL:
                           none */
} anm_source_params;

/* Open a Hugging Face folder or a GGUF file.
 *
 * @param params  NULL: nothing.
 *
 * @return ANM_OK
 *         ANM_E_ARG          a parameter of no known value, or one that this
 *                            kind of model does not ask for
 *         ANM_E_NOTFOUND     the folder, its weights or its tokenizer; names
 *                            what was looked for
 *         ANM_E_UNSUPPORTED  an architecture, a module or a setting that is
 *                            not built in; names it and what is
 *         ANM_E_FORMAT       files malformed or contradicting each other in a
 *                            way that no rule resolves
 *         ANM_E_CORRUPT, ANM_E_LIMIT, ANM_E_NOMEM, ANM_E_IO */
anm_status anm_source_open(anm_source **out, const char *path,
                           const anm_source_params *params, anm_error *err);
void anm_source_close(anm_source *s);

/* Build the graph of one text, before any pass. Its constants point into the
 * mapped weights, under canonical names (without the checkpoint's prefix), so
 * the source must outlive it. A tensor of a wrong type or shape is ANM_E_FORMAT
 * and names tensor, expected and found. */
anm_status anm_source_build(anm_source *s, anm_graph **out, anm_error *err);

/* The tokenizer of a folder, of a tokenizer.json, of a GGUF file or of a
 * package, without weights: what `tokenize` uses.
 *
 * @param params  NULL: nothing. Only lowercase, add_eos and memory count; what
 *                files do not leave open is ANM_E_ARG. */
anm_status anm_source_tokenizer(anm_tokenizer **out, const char *path,
                                const anm_source_params *params,
                                anm_error *err);

/* Parameters that the graph uses: elements of its constants. */
uint64_t anm_source_parameters(const anm_graph *g);

#endif
