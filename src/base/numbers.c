/* numbers.c - the C locale for one thread and one stretch of time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/numbers.h"

#include <locale.h>
#include <pthread.h>
#include <stddef.h>

#if defined(__APPLE__)
#include <xlocale.h>
#endif

static locale_t plain; // made once, for as long as the process

static void make_plain(void)
{
    plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
}

anm_numbers anm_numbers_enter(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_plain);
    if (!plain) return (anm_numbers){ NULL };
    return (anm_numbers){ (void *)uselocale(plain) };
}

void anm_numbers_leave(anm_numbers n)
{
    if (n.before) uselocale((locale_t)n.before);
}
