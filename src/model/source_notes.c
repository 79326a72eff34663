/* source_notes.c - what whoever opens a source notes of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/architecture.h"

/* Room for one more note: the array doubles whenever it is full. */
static bool grow_notes(anm_source *s)
{
    const size_t n = s->n_notes;

    if (n & (n - 1)) return true;
    anm_note *notes = anm_arena_array(&s->arena, n ? 2 * n : 1, sizeof(*notes));
    if (!notes) return false;
    if (n) memcpy(notes, s->notes, n * sizeof(*notes));
    s->notes = notes;
    return true;
}

static anm_status add_note(anm_source *s, anm_error *err, const anm_note *note)
{
    const char *kept =
        anm_arena_copy(&s->arena, note->text, strlen(note->text));

    if (!kept || !grow_notes(s))
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", s->path);
    s->notes[s->n_notes] = *note;
    s->notes[s->n_notes++].text = kept;
    return ANM_OK;
}

anm_status anm_source_note(anm_source *s, anm_error *err, const char *where,
                           const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return add_note(s, err, &(anm_note){ .where = where, .text = text });
}

anm_status anm_source_assume(anm_source *s, anm_error *err, const char *where,
                             const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return add_note(s, err, &(anm_note){ where, text, .assumed = true });
}
