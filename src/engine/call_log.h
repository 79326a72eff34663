/* call_log.h - what the log says of a call. Never a user's text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CALL_LOG_H
#define ANM_CALL_LOG_H

#include "base/log.h"
#include "engine/input.h"

/* One line about a recorded call that succeeded (level info). */
void anm_log_call(const anm_log *log, const anm_receipt *r);

/* One line about each of the first n inputs (level debug): shape, type, range
 * and hash, never a text. */
void anm_log_inputs(const anm_log *log, const anm_inputs *in, size_t n);

#endif
