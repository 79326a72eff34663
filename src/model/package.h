/* package.h - a Core ML package as a model: text in, vector out. Internal to
 * model/, but for what the engine reads of it.
 *
 * A package is arrays in and arrays out. What makes a model of it comes from
 * around: the tokenizer, and a recipe, found by these rules and no other:
 *
 *   function    --function, else the package's default one
 *   inputs      by name (mil_inputs.h)
 *   tokenizer   --tokenizer; else a tokenizer.json inside the package, then
 *               beside it (where a link to it lies, then where it lies); else
 *               the user-defined metadata "tokenizer.json",
 *               which holds one. The folder it lies in may say more, as
 *               sentence-transformers writes it: modules.json with pooling and
 *               normalisation, longest text, prompts
 *   output      --output-name, else the only one that can hold a vector
 *   vector      an output [texts, dim] is one; one with a row for each token,
 *               [texts, tokens, dim] or [texts, dim, 1, tokens], is pooled
 *   pooling     --pooling; else what the folder says; else an error that lists
 *               what there is
 *   normalise   --normalize yes or no; else done when the package does
 *               it, or the folder says so
 *   padding     --padding; else the side that the tokenizer's files say; else
 *               right
 *   length      the package's; longer texts are cut. Less when the folder says
 *               less
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_PACKAGE_H
#define ANM_PACKAGE_H

#include "base/sha256.h"
#include "model/mil.h"
#include "model/mil_inputs.h"
#include "model/source.h"

/* How the output becomes the vector. */
typedef enum anm_package_layout {
    ANM_PACKAGE_VECTOR,   /* [texts, dim]; it is one */
    ANM_PACKAGE_ROWS,     /* [texts, tokens, dim] */
    ANM_PACKAGE_CHANNELS, /* [texts, dim, tokens], perhaps with a 1 between */
} anm_package_layout;

typedef struct anm_package {
    anm_mlpackage *file;
    const anm_mil_function *function;
    anm_mil_constants *constants;
    anm_mil_inputs inputs;
    anm_mil_var output; /* declared */
    anm_package_layout layout;
    bool normalizes; /* the package itself does, what is one vector */
    bool pad_left;
    int32_t pad_id;
    bool unit; /* a vector is to be given unit length behind the package */
} anm_package;

/* Open what s->path names into s, a zeroed source with its path and name. */
anm_status anm_package_open(anm_source *s, const anm_source_params *params,
                            anm_error *err);
void anm_package_close(anm_package *p); /* accepts NULL */

/* Let go of the pages of its files that this process has brought in by looking
 * here and there: many small constants lie between the large ones. */
void anm_package_let_go(const anm_package *p);

/* The tokenizer alone, found by the same rules. */
anm_status anm_package_tokenizer(anm_tokenizer **out, const char *path,
                                 const anm_source_params *params,
                                 anm_error *err);

/* The program of one run of texts, pooling and normalisation included, and how
 * a text gets into it. Both are to live as long as the source; text->lengths
 * belongs to it. */
anm_status anm_package_build(const anm_source *s, anm_arrays **out,
                             anm_arrays_text *text, anm_error *err);

/* A digest of what the function computes: operations, types and the bytes of
 * constants as they are stored, in an order that does not depend on the file's.
 * ANM_E_NOMEM. */
anm_status anm_package_digest(const anm_package *p,
                              uint8_t out[ANM_SHA256_BYTES], anm_error *err);

/* ---- package_output.c -------------------------------------------------------- */

/* Choose the output and learn its layout and the vector's size.
 *
 * @param wanted  A name; NULL: the only one that can be.
 *
 * @return ANM_OK, ANM_E_ARG (no such output, or several: lists them),
 *         ANM_E_UNSUPPORTED (none that can hold a vector) */
anm_status anm_package_choose(anm_package *p, const char *wanted, size_t *dim,
                              anm_error *err);

/* Whether the output has been divided by its length. */
bool anm_package_is_unit(const anm_arrays *a, anm_value_id output);

/* Rows of the table that ids look up: ids below are legal. SIZE_MAX: none was
 * found. False when memory is out. */
bool anm_package_id_rows(const anm_arrays *a, anm_value_id ids, size_t *rows);

/* Add the nodes between the output and the vector. masks: the value that is 1
 * for tokens. Returns the vector. */
anm_value_id anm_package_add_vector(const anm_package *p, anm_pool_kind pool,
                                    anm_arrays *a, anm_value_id output,
                                    anm_value_id mask);

#endif
