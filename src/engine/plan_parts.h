/* plan_parts.h - parts of the document of plan that models of every form have.
 * Internal to engine/plan*.c. Builders return NULL when memory ran out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_PLAN_PARTS_H
#define ANM_PLAN_PARTS_H

#include <jansson.h>

#include "engine/contract.h"

json_t *anm_plan_share(double share); /* null where negative: unknown */
json_t *anm_plan_shares(const anm_contract_facts *f);
json_t *anm_plan_contract(const anm_contract *c);

/* The plan of a Core ML package (engine/plan_package.c): a prediction, or what
 * a recording says. recorded: its path, or NULL. */
anm_status anm_plan_package(const anm_options *options, const char *recorded,
                            char **json, bool *met, anm_error *err);

#endif
