/* check.h - arguments from outside, checked once; below api/ they are right.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CHECK_H
#define ANM_CHECK_H

#include "anemone.h"

/* Everything of the options that can be judged without the model. */
anm_status anm_check_options(const anm_options *options, anm_error *err);

/* The same of a model that is named later: how it is opened. */
anm_status anm_check_opening(const anm_options *options, anm_error *err);

/* Of them the answers to yes or no. */
anm_status anm_check_choices(const anm_options *options, anm_error *err);

/* params may be NULL. */
anm_status anm_check_params(const anm_embed_params *params, anm_error *err);

/* [n] texts: none without data. */
anm_status anm_check_texts(const anm_text *texts, size_t n, anm_error *err);

/* A pointer that must be there; `what` names it. */
anm_status anm_check_given(const void *pointer, const char *what,
                           anm_error *err);

#endif
