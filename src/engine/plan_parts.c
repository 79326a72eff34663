/* plan_parts.c - what plan says of models of every form.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/plan_parts.h"

#include <math.h>

/* Shares are estimates; more digits than these are noise of summing. */
json_t *anm_plan_share(double share)
{
    return share < 0 ? json_null() : json_real(round(share * 1e9) / 1e9);
}

/* Devices that are present, or that work is planned on. */
json_t *anm_plan_shares(const anm_contract_facts *f)
{
    json_t *shares = json_object();

    for (int d = 0; d < ANM_DEVICE_COUNT; d++) {
        if (!(f->present >> d & 1) && f->shares[d] == 0) continue;
        if (json_object_set_new(shares, anm_device_name((anm_device)d),
                                anm_plan_share(f->shares[d]))) {
            json_decref(shares);
            return NULL;
        }
    }
    return shares;
}

json_t *anm_plan_contract(const anm_contract *c)
{
    return json_pack("{s:s, s:b, s:b, s:s?}", "require", c->require, "met",
                     c->met, "fallback", c->fallback, "reason",
                     c->reason[0] ? c->reason : NULL);
}
