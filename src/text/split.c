/* split.c - the pre-tokenizer Split: around the matches of a pattern.
 *
 * The text falls into spans, matches and what lies between. A behavior says
 * which spans go together; at most one span waits for the next.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "text/stages.h"

enum { INVERTED = 1 };

/* ---- Running ------------------------------------------------------------- */

typedef struct span {
    size_t start, end;
    bool is_match;
} span;

/* Spans on their way to the next stage. */
typedef struct flow {
    const anm_tokenizer *t;
    const anm_splitter *s;
    size_t next;
    anm_text text;
    anm_hand_on_fn hand_on;
    anm_encoding *e;
    span waiting;
    bool has_waiting;
} flow;

static bool release(flow *f)
{
    const span w = f->waiting;
    const anm_text part = { f->text.data + w.start, w.end - w.start };

    if (!f->has_waiting || !part.len) return true;
    if (f->s->how == ANM_SPLIT_REMOVED && w.is_match) return true;
    return f->hand_on(f->t, f->next, part, f->e);
}

/* Does a span go together with the one before it? */
static bool joins(anm_split_how how, bool was, bool is)
{
    switch (how) {
    case ANM_SPLIT_CONTIGUOUS:
        return was == is;
    case ANM_SPLIT_MERGED_WITH_PREVIOUS:
        return is && !was;
    case ANM_SPLIT_MERGED_WITH_NEXT:
        return was && !is;
    case ANM_SPLIT_REMOVED:
    case ANM_SPLIT_ISOLATED:
    case ANM_SPLIT_HOW_COUNT:
        break;
    }
    return false;
}

static bool put(flow *f, size_t start, size_t end, bool found)
{
    const bool is_match = found != (bool)(f->s->flags & INVERTED);

    if (f->has_waiting && joins(f->s->how, f->waiting.is_match, is_match)) {
        f->waiting.end = end;
        f->waiting.is_match = is_match;
        return true;
    }
    if (!release(f)) return false;
    f->waiting = (span){ start, end, is_match };
    f->has_waiting = true;
    return true;
}

static bool flow_through(flow *f, anm_finder *finder)
{
    size_t done = 0;
    anm_match_span m;

    for (;;) {
        const anm_found found = anm_finder_next(finder, &m, f->e);
        if (found == ANM_FOUND_TROUBLE) return false;
        if (found == ANM_FOUND_NOTHING) break;
        if (m.start > done && !put(f, done, m.start, false)) return false;
        if (!put(f, m.start, m.end, true)) return false;
        done = m.end;
    }
    if (done < f->text.len && !put(f, done, f->text.len, false)) return false;
    return release(f);
}

bool anm_split_by_pattern(const anm_tokenizer *t, const anm_splitter *s,
                          size_t next, anm_text text, anm_hand_on_fn hand_on,
                          anm_encoding *e)
{
    anm_finder finder;
    flow f = {
        .t = t, .s = s, .next = next, .text = text, .hand_on = hand_on, .e = e
    };

    if (!anm_finder_begin(&finder, &s->compiled, text, e)) return false;
    const bool ok = flow_through(&f, &finder);
    anm_finder_end(&finder, e);
    return ok;
}

bool anm_split_run(const anm_tokenizer *t, const anm_splitter *s, size_t next,
                   anm_text text, anm_encoding *e)
{
    return anm_split_by_pattern(t, s, next, text, anm_split, e);
}

/* ---- Compiling ----------------------------------------------------------- */

anm_status anm_split_behavior(const json_t *o, const char *otherwise,
                              const char *at, anm_split_how *out,
                              anm_error *err)
{
    static const char *const names[ANM_SPLIT_HOW_COUNT] = {
        [ANM_SPLIT_REMOVED] = "Removed",
        [ANM_SPLIT_ISOLATED] = "Isolated",
        [ANM_SPLIT_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
        [ANM_SPLIT_MERGED_WITH_NEXT] = "MergedWithNext",
        [ANM_SPLIT_CONTIGUOUS] = "Contiguous",
    };
    const char *name = NULL;
    const anm_status status =
        anm_json_string_or(o, "behavior", at, otherwise, &name, err);

    if (status) return status;
    for (unsigned how = 0; how < ANM_SPLIT_HOW_COUNT; how++) {
        *out = (anm_split_how)how;
        if (strcmp(names[how], name) == 0) return ANM_OK;
    }
    return anm_fail(err, ANM_E_UNSUPPORTED, "%s: behavior: \"%s\"", at, name);
}

anm_status anm_split_compile(anm_tokenizer *t, const json_t *o, const char *at,
                             anm_splitter *s, anm_error *err)
{
    const json_t *pattern = NULL;
    bool inverts = false;
    anm_status status = anm_split_behavior(o, "", at, &s->how, err);

    if (!status) status = anm_part_bool(o, "invert", at, &inverts, err);
    if (!status) status = anm_json_object(o, "pattern", at, &pattern, err);
    if (status) return status;
    const bool literal = json_object_get(pattern, "String");
    const char *key = literal ? "String" : "Regex";
    status = anm_part_text(&t->arena, pattern, key, at, &s->pattern, err);
    if (status) return status;
    if (!s->pattern.len)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: an empty pattern is not built in", at);
    s->flags = inverts ? INVERTED : 0;
    s->literal = literal;
    return anm_pattern_compile(&s->compiled, s->pattern, literal, at, err);
}
