/* pretokenizer.c - a normalized stretch into words.
 *
 * Splitters hand parts on as they find them; nothing is stored between two of
 * them, and a word goes into the model at once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "text/stages.h"

static inline unsigned flags_at(const anm_chars *c, anm_text text, size_t at,
                                size_t *size)
{
    const unsigned char byte = (unsigned char)text.data[at];

    if (byte < 0x80) {
        *size = 1;
        return c->ascii[byte];
    }
    return anm_char_flags(c,
                          anm_utf8_decode(text.data + at, text.len - at, size));
}

static bool hand_on(const anm_tokenizer *t, size_t next, anm_text text,
                    size_t first, size_t end, anm_encoding *e)
{
    const anm_text part = { text.data + first, end - first };
    return first == end || anm_split(t, next, part, e);
}

/* White space goes, punctuation stands alone. */
static bool run_bert(const anm_tokenizer *t, const anm_splitter *s, size_t next,
                     anm_text text, anm_encoding *e)
{
    const unsigned ends = ANM_CHAR_SPACE | ANM_CHAR_PUNCTUATION;
    size_t first = 0, size = 0;

    (void)s;
    for (size_t i = 0; i < text.len; i += size) {
        const unsigned flags = flags_at(&t->chars, text, i, &size);
        if (!(flags & ends)) continue;
        if (!hand_on(t, next, text, first, i, e)) return false;
        first = i + size;
        if (flags & ANM_CHAR_SPACE) continue;
        if (!hand_on(t, next, text, i, first, e)) return false;
    }
    return hand_on(t, next, text, first, text.len, e);
}

/* Runs of word characters, and runs of what is neither word nor space. */
static bool run_whitespace(const anm_tokenizer *t, const anm_splitter *s,
                           size_t next, anm_text text, anm_encoding *e)
{
    const unsigned kinds = ANM_CHAR_SPACE | ANM_CHAR_WORD;
    unsigned kind = ANM_CHAR_SPACE;
    size_t first = 0, size = 0;

    (void)s;
    for (size_t i = 0; i < text.len; i += size) {
        const unsigned found = flags_at(&t->chars, text, i, &size) & kinds;
        if (found == kind) continue;
        if (!(kind & ANM_CHAR_SPACE) && !hand_on(t, next, text, first, i, e))
            return false;
        first = i;
        kind = found;
    }
    return kind & ANM_CHAR_SPACE || hand_on(t, next, text, first, text.len, e);
}

static bool splits_at(const anm_tokenizer *t, const anm_splitter *s,
                      anm_text text, size_t at, size_t *size)
{
    const unsigned flags = flags_at(&t->chars, text, at, size);

    if (flags & s->flags) return true;
    return s->delimiter &&
           anm_utf8_decode(text.data + at, text.len - at, size) == s->delimiter;
}

/* Does a part end before the code point at hand? was, is: whether the one
 * before and this one split. */
static bool ends_part(anm_split_how how, bool was, bool is)
{
    switch (how) {
    case ANM_SPLIT_REMOVED:
    case ANM_SPLIT_ISOLATED:
        return was || is;
    case ANM_SPLIT_CONTIGUOUS:
        return was != is;
    case ANM_SPLIT_MERGED_WITH_PREVIOUS:
        return was;
    case ANM_SPLIT_MERGED_WITH_NEXT:
        return is;
    case ANM_SPLIT_HOW_COUNT:
        break;
    }
    return false;
}

/* Split around the code points that the splitter's flags or delimiter name. */
static bool run_around(const anm_tokenizer *t, const anm_splitter *s,
                       size_t next, anm_text text, anm_encoding *e)
{
    const bool keeps = s->how != ANM_SPLIT_REMOVED;
    size_t first = 0, size = 0;
    bool was = false;

    for (size_t i = 0; i < text.len; i += size) {
        const bool is = splits_at(t, s, text, i, &size);
        if (i > first && ends_part(s->how, was, is)) {
            if ((keeps || !was) && !hand_on(t, next, text, first, i, e))
                return false;
            first = i;
        }
        was = is;
    }
    return (was && !keeps) || hand_on(t, next, text, first, text.len, e);
}

/* ---- Compiling ----------------------------------------------------------- */

static anm_status compile_plain(anm_tokenizer *t, const json_t *o,
                                const char *at, anm_splitter *s, anm_error *err)
{
    (void)t, (void)o, (void)at, (void)s, (void)err;
    return ANM_OK;
}

static anm_status compile_whitespace_split(anm_tokenizer *t, const json_t *o,
                                           const char *at, anm_splitter *s,
                                           anm_error *err)
{
    (void)t, (void)o, (void)at, (void)err;
    s->flags = ANM_CHAR_SPACE;
    s->how = ANM_SPLIT_REMOVED;
    return ANM_OK;
}

static anm_status compile_punctuation(anm_tokenizer *t, const json_t *o,
                                      const char *at, anm_splitter *s,
                                      anm_error *err)
{
    (void)t;
    s->flags = ANM_CHAR_PUNCTUATION;
    return anm_split_behavior(o, "Isolated", at, &s->how, err);
}

static anm_status compile_digits(anm_tokenizer *t, const json_t *o,
                                 const char *at, anm_splitter *s,
                                 anm_error *err)
{
    bool individual = false;
    const anm_status status =
        anm_part_bool(o, "individual_digits", at, &individual, err);

    (void)t;
    s->flags = ANM_CHAR_NUMERIC;
    s->how = individual ? ANM_SPLIT_ISOLATED : ANM_SPLIT_CONTIGUOUS;
    return status;
}

static anm_status compile_delimiter(anm_tokenizer *t, const json_t *o,
                                    const char *at, anm_splitter *s,
                                    anm_error *err)
{
    const char *delimiter = NULL;
    size_t size = 0;
    const anm_status status =
        anm_json_string(o, "delimiter", at, &delimiter, err);

    (void)t;
    if (status) return status;
    const size_t len = strlen(delimiter);
    if (len) s->delimiter = anm_utf8_decode(delimiter, len, &size);
    s->how = ANM_SPLIT_REMOVED;
    if (len && size == len) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "%s: delimiter: \"%s\", allowed one "
                    "character",
                    at, delimiter);
}

static const anm_splitter_row rows[] = {
    { "Sequence", NULL, NULL },
    { "BertPreTokenizer", compile_plain, run_bert },
    { "ByteLevel", anm_byte_level_compile, anm_byte_level_run },
    { "CharDelimiterSplit", compile_delimiter, run_around },
    { "Digits", compile_digits, run_around },
    { "Punctuation", compile_punctuation, run_around },
    { "Split", anm_split_compile, anm_split_run },
    { "Whitespace", compile_plain, run_whitespace },
    { "WhitespaceSplit", compile_whitespace_split, run_around },
};

static const anm_part_kinds kinds = { rows, sizeof(rows) / sizeof(rows[0]),
                                      sizeof(rows[0]) };

static anm_status add_splitter(anm_tokenizer *t, const json_t *o,
                               const char *at, anm_error *err)
{
    size_t row = 0;
    const json_t *parts = NULL;
    anm_status status = anm_part_find(o, at, &kinds, &row, err);

    if (status) return status;
    if (rows[row].compile) {
        if (t->n_splitters == ANM_STAGE_PARTS_MAX)
            return anm_fail(err, ANM_E_LIMIT, "%s: over %d parts", at,
                            ANM_STAGE_PARTS_MAX);
        anm_splitter *s = &t->splitters[t->n_splitters++];
        s->row = &rows[row];
        return rows[row].compile(t, o, at, s, err);
    }
    status = anm_json_array(o, "pretokenizers", at, &parts, err);
    for (size_t i = 0; i < json_array_size(parts) && !status; i++)
        status = add_splitter(t, json_array_get(parts, i), at, err);
    return status;
}

anm_status anm_splitters_compile(anm_tokenizer *t, const json_t *o,
                                 anm_error *err)
{
    if (!o || json_is_null(o)) return ANM_OK;
    return add_splitter(t, o, "pre_tokenizer", err);
}

void anm_splitters_deinit(anm_tokenizer *t)
{
    for (size_t i = 0; i < t->n_splitters; i++)
        anm_pattern_deinit(&t->splitters[i].compiled);
}

const anm_splitter_row *anm_splitter_row_find(anm_text name)
{
    const size_t row = anm_part_kind(&kinds, name);

    return row < kinds.n && rows[row].run ? &rows[row] : NULL;
}
