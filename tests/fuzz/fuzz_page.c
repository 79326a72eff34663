/* Any bytes as the doctor's document: an error, or a page without a script.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "doctor/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *json = malloc(len + 1), *html = NULL;
    anm_error err;

    if (!json) return 0;
    memcpy(json, data, len);
    json[len] = '\0';
    if (anm_page_write(json, &html, &err) == ANM_OK &&
        (strstr(html, "<script") || !strstr(html, "</html>")))
        abort();
    anm_free(html);
    free(json);
    return 0;
}
