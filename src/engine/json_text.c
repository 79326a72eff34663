/* json_text.c - strings and sets of devices in JSON documents.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/json_text.h"

#include "anemone.h"
#include "base/alloc.h"
#include "base/utf8.h"

json_t *anm_json_text(const char *s)
{
    const size_t len = strlen(s);

    if (len == 0 || anm_utf8_invalid_at(s, len) == len)
        return json_stringn(s, len);
    char *plain = anm_copy_bytes(s, len);
    if (!plain) return NULL;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)plain[i] > 0x7f) plain[i] = '?';
    json_t *text = json_stringn(plain, len);
    anm_free(plain);
    return text;
}

json_t *anm_json_devices(unsigned set)
{
    json_t *list = json_array();

    for (int d = 0; d < ANM_DEVICE_COUNT; d++) {
        if (!(set >> d & 1)) continue;
        if (json_array_append_new(
                list, json_string(anm_device_name((anm_device)d)))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
