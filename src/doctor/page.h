/* page.h - the doctor's JSON document as one HTML page.
 *
 * A pure function of the document: no network, no script, light and dark by
 * the reader's setting. It needs nothing of a document but its version; what is
 * missing or of another type is left out of the page, and a text stays text
 * whatever it holds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_PAGE_H
#define ANM_PAGE_H

#include "anemone.h"

/* A document beyond these is refused. */
#define ANM_PAGE_BYTES_MAX ((size_t)64 << 20)

/* As anm_doctor_page() of anemone.h; arguments are checked in api/. */
anm_status anm_page_write(const char *json, char **html, anm_error *err);

#endif
