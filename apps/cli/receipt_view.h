/* receipt_view.h - a receipt for a person, within 80 columns, or as JSON.
 *
 * Stages stand one below the other, each bar beginning where the one before
 * ended, so that the bars are the call from left to right. The band is a ruler
 * from its low to its high end with the call's own place on it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_RECEIPT_VIEW_H
#define CLI_RECEIPT_VIEW_H

#include "output.h"

void cli_receipt_draw(FILE *out, const cli_term *term, const anm_receipt *r);

/* The JSON document, without a line end. */
anm_status cli_receipt_write(FILE *out, const anm_receipt *r, anm_error *err);

#endif
