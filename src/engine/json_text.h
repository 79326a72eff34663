/* json_text.h - what several JSON documents spell alike: strings that come from
 * file names, and sets of devices. NULL when memory is out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_JSON_TEXT_H
#define ANM_JSON_TEXT_H

#include <jansson.h>

/* A JSON string; in a text that is not valid UTF-8 each byte above 0x7f becomes
 * '?'. */
json_t *anm_json_text(const char *s);

/* The names of a set of 1 << anm_device, as a list in the order of the devices.
 */
json_t *anm_json_devices(unsigned set);

#endif
