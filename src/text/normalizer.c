/* normalizer.c - the table of normalizers, the small ones, and their chain.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "text/stages.h"

bool anm_normalize(const anm_tokenizer *t, anm_text text, anm_encoding *e,
                   anm_text *out)
{
    for (size_t i = 0; i < t->n_normalizers; i++) {
        const anm_normalizer *n = &t->normalizers[i];
        anm_scratch *to = &e->texts[i % 2];
        to->len = 0;
        if (!n->row->run(t, n, text, to, e)) return false;
        text = (anm_text){ to->data, to->len };
    }
    *out = text;
    return true;
}

/* ---- The small ones ------------------------------------------------------ */

static bool run_lowercase(const anm_tokenizer *t, const anm_normalizer *n,
                          anm_text text, anm_scratch *out, anm_encoding *e)
{
    (void)n, (void)e;
    for (size_t i = 0, size = 0; i < text.len; i += size) {
        uint32_t lower[2];
        const uint32_t cp = anm_utf8_decode(text.data + i, text.len - i, &size);
        const bool upper = anm_char_flags(&t->chars, cp) & ANM_CHAR_UPPER;
        const size_t n_lower = upper ? anm_char_lower_of(cp, lower) : 0;
        if (!anm_scratch_put(out, upper ? lower[0] : cp)) return false;
        if (n_lower == 2 && !anm_scratch_put(out, lower[1])) return false;
    }
    return true;
}

static bool run_strip_accents(const anm_tokenizer *t, const anm_normalizer *n,
                              anm_text text, anm_scratch *out, anm_encoding *e)
{
    (void)n, (void)e;
    for (size_t i = 0, size = 0; i < text.len; i += size) {
        const uint32_t cp = anm_utf8_decode(text.data + i, text.len - i, &size);
        if (anm_char_flags(&t->chars, cp) & ANM_CHAR_MARK) continue;
        if (!anm_scratch_put(out, cp)) return false;
    }
    return true;
}

enum { STRIP_LEFT = 1 << 0, STRIP_RIGHT = 1 << 1 };

static bool run_strip(const anm_tokenizer *t, const anm_normalizer *n,
                      anm_text text, anm_scratch *out, anm_encoding *e)
{
    size_t first = 0, end = 0;
    bool started = !(n->options & STRIP_LEFT);

    (void)e;
    for (size_t i = 0, size = 0; i < text.len; i += size) {
        const uint32_t cp = anm_utf8_decode(text.data + i, text.len - i, &size);
        if (anm_char_flags(&t->chars, cp) & ANM_CHAR_SPACE) continue;
        if (!started) first = i;
        started = true;
        end = i + size;
    }
    if (!started) return true;
    if (!(n->options & STRIP_RIGHT)) end = text.len;
    return anm_scratch_append(out,
                              (anm_text){ text.data + first, end - first });
}

/* Where the pattern stands next, text.len when nowhere. */
static size_t find_pattern(anm_text text, size_t from, anm_text pattern)
{
    while (text.len - from >= pattern.len) {
        const char *found = memchr(text.data + from, pattern.data[0],
                                   text.len - from - pattern.len + 1);
        if (!found) break;
        from = (size_t)(found - text.data);
        if (memcmp(found, pattern.data, pattern.len) == 0) return from;
        from++;
    }
    return text.len;
}

static bool run_replace(const anm_tokenizer *t, const anm_normalizer *n,
                        anm_text text, anm_scratch *out, anm_encoding *e)
{
    size_t done = 0;

    (void)t, (void)e;
    while (done < text.len) {
        const size_t at = find_pattern(text, done, n->pattern);
        const anm_text between = { text.data + done, at - done };
        if (!anm_scratch_append(out, between)) return false;
        if (at == text.len) break;
        if (!anm_scratch_append(out, n->content)) return false;
        done = at + n->pattern.len;
    }
    return true;
}

static bool run_prepend(const anm_tokenizer *t, const anm_normalizer *n,
                        anm_text text, anm_scratch *out, anm_encoding *e)
{
    (void)t, (void)e;
    return !text.len || (anm_scratch_append(out, n->content) &&
                         anm_scratch_append(out, text));
}

/* ---- Compiling ----------------------------------------------------------- */

static anm_status compile_bert(anm_tokenizer *t, const json_t *o,
                               const char *at, anm_normalizer *n,
                               anm_error *err)
{
    bool clean = false, cjk = false, lower = false, strip = false;
    anm_status status = anm_part_bool(o, "clean_text", at, &clean, err);

    if (!status)
        status = anm_part_bool(o, "handle_chinese_chars", at, &cjk, err);
    if (!status) status = anm_part_bool(o, "lowercase", at, &lower, err);
    if (!status)
        status = anm_json_bool_or(o, "strip_accents", at, lower, &strip, err);
    n->options = (clean ? ANM_BERT_CLEAN : 0u) | (cjk ? ANM_BERT_CJK : 0u) |
                 (strip ? ANM_BERT_STRIP : 0u) | (lower ? ANM_BERT_LOWER : 0u);
    t->info.lowercase |= lower;
    return status;
}

static anm_status compile_lowercase(anm_tokenizer *t, const json_t *o,
                                    const char *at, anm_normalizer *n,
                                    anm_error *err)
{
    (void)o, (void)at, (void)n, (void)err;
    t->info.lowercase = true;
    return ANM_OK;
}

static anm_status compile_plain(anm_tokenizer *t, const json_t *o,
                                const char *at, anm_normalizer *n,
                                anm_error *err)
{
    (void)t, (void)o, (void)at, (void)n, (void)err;
    return ANM_OK;
}

static anm_status compile_nfkd(anm_tokenizer *t, const json_t *o,
                               const char *at, anm_normalizer *n,
                               anm_error *err)
{
    n->options = ANM_FORM_COMPATIBLE;
    return compile_plain(t, o, at, n, err);
}

static anm_status compile_nfc(anm_tokenizer *t, const json_t *o, const char *at,
                              anm_normalizer *n, anm_error *err)
{
    n->options = ANM_FORM_COMPOSED;
    return compile_plain(t, o, at, n, err);
}

static anm_status compile_nfkc(anm_tokenizer *t, const json_t *o,
                               const char *at, anm_normalizer *n,
                               anm_error *err)
{
    n->options = ANM_FORM_COMPATIBLE | ANM_FORM_COMPOSED;
    return compile_plain(t, o, at, n, err);
}

static anm_status compile_strip(anm_tokenizer *t, const json_t *o,
                                const char *at, anm_normalizer *n,
                                anm_error *err)
{
    bool left = false, right = false;
    anm_status status = anm_part_bool(o, "strip_left", at, &left, err);

    (void)t;
    if (!status) status = anm_part_bool(o, "strip_right", at, &right, err);
    n->options = (left ? STRIP_LEFT : 0u) | (right ? STRIP_RIGHT : 0u);
    return status;
}

static anm_status compile_replace(anm_tokenizer *t, const json_t *o,
                                  const char *at, anm_normalizer *n,
                                  anm_error *err)
{
    const json_t *pattern = NULL;
    anm_status status = anm_json_object(o, "pattern", at, &pattern, err);

    if (status) return status;
    if (!json_object_get(pattern, "String"))
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: Replace by regular expression is not built in "
                        "(built in: String)",
                        at);
    status = anm_part_text(&t->arena, pattern, "String", at, &n->pattern, err);
    if (!status)
        status = anm_part_text(&t->arena, o, "content", at, &n->content, err);
    if (status) return status;
    if (n->pattern.len > 0 && n->pattern.len <= ANM_PIECE_MAX_BYTES)
        return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: Replace: a pattern of %zu bytes, allowed 1 to %d", at,
                    n->pattern.len, ANM_PIECE_MAX_BYTES);
}

static anm_status compile_prepend(anm_tokenizer *t, const json_t *o,
                                  const char *at, anm_normalizer *n,
                                  anm_error *err)
{
    return anm_part_text(&t->arena, o, "prepend", at, &n->content, err);
}

static const anm_normalizer_row rows[] = {
    { "Sequence", NULL, NULL },
    { "BertNormalizer", compile_bert, anm_bert_run },
    { "Lowercase", compile_lowercase, run_lowercase },
    { "NFC", compile_nfc, anm_form_run },
    { "NFD", compile_plain, anm_form_run },
    { "NFKC", compile_nfkc, anm_form_run },
    { "NFKD", compile_nfkd, anm_form_run },
    { "Prepend", compile_prepend, run_prepend },
    { "Replace", compile_replace, run_replace },
    { "Strip", compile_strip, run_strip },
    { "StripAccents", compile_plain, run_strip_accents },
};

static const anm_part_kinds kinds = { rows, sizeof(rows) / sizeof(rows[0]),
                                      sizeof(rows[0]) };

static anm_status add_normalizer(anm_tokenizer *t, const json_t *o,
                                 const char *at, anm_error *err)
{
    size_t row = 0;
    const json_t *parts = NULL;
    anm_status status = anm_part_find(o, at, &kinds, &row, err);

    if (status) return status;
    if (rows[row].compile) {
        if (t->n_normalizers == ANM_STAGE_PARTS_MAX)
            return anm_fail(err, ANM_E_LIMIT, "%s: over %d parts", at,
                            ANM_STAGE_PARTS_MAX);
        anm_normalizer *n = &t->normalizers[t->n_normalizers++];
        n->row = &rows[row];
        return rows[row].compile(t, o, at, n, err);
    }
    status = anm_json_array(o, "normalizers", at, &parts, err);
    for (size_t i = 0; i < json_array_size(parts) && !status; i++)
        status = add_normalizer(t, json_array_get(parts, i), at, err);
    return status;
}

anm_status anm_normalizers_compile(anm_tokenizer *t, const json_t *o,
                                   anm_error *err)
{
    if (!o || json_is_null(o)) return ANM_OK;
    return add_normalizer(t, o, "normalizer", err);
}

/* Whether a Lowercase in front changes nothing, or is not put there by the
 * original, which looks for another anywhere. */
static bool drops_case(const anm_tokenizer *t)
{
    for (size_t i = 0; i < t->n_normalizers; i++) {
        const anm_normalizer *n = &t->normalizers[i];
        const bool is_bert = n->row->run == anm_bert_run;
        if (n->row->run == run_lowercase) return true;
        if (i == 0 && is_bert && n->options & ANM_BERT_LOWER) return true;
    }
    return false;
}

anm_status anm_tokenizer_lower_first(anm_tokenizer *t, anm_error *err)
{
    const anm_normalizer lower = { .row = anm_normalizer_row_find(
                                       anm_text_of("Lowercase")) };

    if (drops_case(t)) return ANM_OK;
    if (t->n_normalizers == ANM_STAGE_PARTS_MAX)
        return anm_fail(err, ANM_E_LIMIT,
                        "normalizer: %d parts leave no room for one more in "
                        "front",
                        ANM_STAGE_PARTS_MAX);
    memmove(t->normalizers + 1, t->normalizers,
            t->n_normalizers * sizeof(*t->normalizers));
    t->normalizers[0] = lower;
    t->n_normalizers++;
    t->info.lowercase = true;
    const anm_status status = anm_added_renew(t, err);
    return status ? status : anm_tokenizer_set_digest(t, err);
}

const anm_normalizer_row *anm_normalizer_row_find(anm_text name)
{
    const size_t row = anm_part_kind(&kinds, name);

    return row < kinds.n && rows[row].run ? &rows[row] : NULL;
}

bool anm_normalizer_fits(const anm_normalizer *n)
{
    return n->row->run != run_replace ||
           (n->pattern.len && n->pattern.len <= ANM_PIECE_MAX_BYTES);
}
