/* bert.h - the BERT encoder as an architecture. Internal to model/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_BERT_H
#define ANM_BERT_H

#include "model/architecture.h"

extern const anm_architecture anm_bert;

#endif
