/* describe.h - the steps of opening that load nothing, in this order: describe,
 * choose, identify.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_DESCRIBE_H
#define ANM_DESCRIBE_H

#include "engine/engine.h"

/* Source and graph; no weight is read. */
anm_status anm_engine_describe(anm_engine **out, const anm_options *options,
                               anm_error *err);

/* Choose a backend and judge the contract as far as it can be without loading;
 * ANM_E_UNSUPPORTED when none can run the model. */
anm_status anm_engine_choose(anm_engine *e, const anm_options *options,
                             anm_error *err);

/* The fingerprint: reads every weight unless it is remembered. */
anm_status anm_engine_identify(anm_engine *e, const anm_options *options,
                               anm_error *err);

/* The graph before passes; to be freed by the caller. NULL of a package. */
anm_status anm_engine_plain_graph(anm_engine *e, anm_graph **out,
                                  anm_error *err);

#endif
