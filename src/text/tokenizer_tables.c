/* tokenizer_tables.c - byte-level BPE from tables becomes a tokenizer.
 *
 * They are turned into the document that tokenizer.json would have been, as
 * tokenizer_vocab.c does. What a converted file cannot say (pattern,
 * normalizer, ignore_merges) follows from the name of its pre-tokenizer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "text/stages.h"

enum { MAX_PATTERNS = 4 };

typedef struct pre_row {
    const char *name;
    const char *patterns[MAX_PATTERNS]; /* one Split each; NULL: no more */
    bool composes;                      /* NFC */
    bool ignores_merges;
} pre_row;

#define GPT2                                                                   \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"       \
    "\\s+(?!\\S)|\\s+"
#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define WORDS        "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
#define REST         " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

const char anm_pattern_qwen2[] = CONTRACTIONS "|" WORDS "|\\p{N}|" REST;

static const pre_row rows[] = {
    { "default",
      { "[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]" },
      false,
      false },
    { "gpt-2", { GPT2 }, false, false },
    { "llama-bpe",
      { CONTRACTIONS "|" WORDS "|\\p{N}{1,3}|" REST },
      false,
      true },
    { "qwen2", { anm_pattern_qwen2 }, true, false },
};

static anm_status find_row(const char *name, const pre_row **out,
                           anm_error *err)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, name) == 0) {
            *out = &rows[i];
            return ANM_OK;
        }
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "pre-tokenizer \"%s\" is not built in (built in: default, "
                    "gpt-2, llama-bpe, qwen2)",
                    name);
}

/* ---- The document -------------------------------------------------------- */

static anm_status check_text(anm_text s, const char *what, size_t i,
                             anm_error *err)
{
    const size_t invalid = anm_utf8_invalid_at(s.data, s.len);

    if (invalid == s.len) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT, "%s %zu: not UTF-8 at byte %zu of %zu",
                    what, i, invalid, s.len);
}

static anm_piece_kind kind_of(const anm_bpe_tables *b, size_t id)
{
    return b->kinds ? b->kinds[id] : ANM_PIECE_NORMAL;
}

/* Added tokens are in it too: so they keep their ids. */
static anm_status pack_vocab(json_t *vocab, const anm_bpe_tables *b,
                             anm_error *err)
{
    for (size_t id = 0; id < b->n_pieces; id++) {
        const anm_text s = b->pieces[id];
        if (kind_of(b, id) == ANM_PIECE_UNUSED) continue;
        const anm_status status = check_text(s, "piece", id, err);
        if (status) return status;
        const json_t *old = json_object_getn(vocab, s.data, s.len);
        if (old)
            return anm_fail(err, ANM_E_CORRUPT,
                            "pieces %" JSON_INTEGER_FORMAT
                            " and %zu are both \"%.*s\"",
                            json_integer_value(old), id,
                            (int)(s.len < 64 ? s.len : 64), s.data);
        if (json_object_setn_new_nocheck(vocab, s.data, s.len,
                                         json_integer((json_int_t)id)))
            return anm_part_nomem(err);
    }
    return ANM_OK;
}

static anm_status pack_merges(json_t *merges, const anm_bpe_tables *b,
                              anm_error *err)
{
    for (size_t i = 0; i < b->n_merges; i++) {
        const anm_text s = b->merges[i];
        const anm_status status = check_text(s, "merge", i, err);
        if (status) return status;
        if (json_array_append_new(merges, json_stringn_nocheck(s.data, s.len)))
            return anm_part_nomem(err);
    }
    return ANM_OK;
}

static anm_status pack_added(json_t *added, const anm_bpe_tables *b,
                             anm_error *err)
{
    for (size_t id = 0; id < b->n_pieces; id++) {
        const anm_text s = b->pieces[id];
        const anm_piece_kind kind = kind_of(b, id);
        if (kind != ANM_PIECE_CONTROL && kind != ANM_PIECE_USER) continue;
        json_t *o = json_pack(
            "{s:I, s:o, s:b, s:b, s:b, s:b, s:b}", "id", (json_int_t)id,
            "content", json_stringn_nocheck(s.data, s.len), "single_word", 0,
            "lstrip", 0, "rstrip", 0, "normalized", 0, "special",
            kind == ANM_PIECE_CONTROL);
        if (json_array_append_new(added, o)) return anm_part_nomem(err);
    }
    return ANM_OK;
}

/* All splits of the row, then ByteLevel. */
static json_t *pack_splitters(const pre_row *row)
{
    json_t *parts = json_array();
    bool ok = parts;

    for (size_t i = 0; i < MAX_PATTERNS && row->patterns[i] && ok; i++)
        ok = !json_array_append_new(
            parts, json_pack("{s:s, s:{s:s}, s:s, s:b}", "type", "Split",
                             "pattern", "Regex", row->patterns[i], "behavior",
                             "Isolated", "invert", 0));
    ok = ok && !json_array_append_new(
                   parts, json_pack("{s:s, s:b, s:b}", "type", "ByteLevel",
                                    "add_prefix_space", 0, "use_regex", 0));
    if (ok)
        return json_pack("{s:s, s:o}", "type", "Sequence", "pretokenizers",
                         parts);
    json_decref(parts);
    return NULL;
}

/* One end of the template: the special token, and its entry of the table of
 * special tokens. */
static anm_status pack_end(json_t *single, json_t *specials,
                           const anm_bpe_tables *b, int32_t id,
                           const char *what, anm_error *err)
{
    if (id < 0 || (size_t)id >= b->n_pieces)
        return anm_fail(err, ANM_E_CORRUPT,
                        "%s id %" PRId32 ", the table has %zu pieces", what, id,
                        b->n_pieces);
    const anm_text s = b->pieces[id];
    json_t *entry = json_pack("{s:[i], s:[o]}", "ids", (int)id, "tokens",
                              json_stringn_nocheck(s.data, s.len));
    if (json_object_set_new(specials, what, entry) ||
        json_array_append_new(
            single, json_pack("{s:{s:s}}", "SpecialToken", "id", what)))
        return anm_part_nomem(err);
    return ANM_OK;
}

static anm_status pack_template(json_t *post, const anm_bpe_tables *b,
                                anm_error *err)
{
    json_t *single = json_array(), *specials = json_object();
    anm_status status = ANM_OK;

    if (json_object_set_new(post, "type", json_string("TemplateProcessing")) |
        json_object_set_new(post, "single", single) |
        json_object_set_new(post, "special_tokens", specials))
        return anm_part_nomem(err);
    if (b->add_bos)
        status = pack_end(single, specials, b, b->bos_id, "bos", err);
    if (!status && json_array_append_new(
                       single, json_pack("{s:{s:s}}", "Sequence", "id", "A")))
        status = anm_part_nomem(err);
    if (!status && b->add_eos)
        status = pack_end(single, specials, b, b->eos_id, "eos", err);
    return status;
}

/* Parts that are filled in once they are in the document, which owns them. */
typedef struct parts {
    json_t *root, *vocab, *merges, *added, *post;
} parts;

static anm_status pack_frame(parts *p, const pre_row *row, anm_error *err)
{
    *p = (parts){ .vocab = json_object(),
                  .merges = json_array(),
                  .added = json_array(),
                  .post = json_object() };
    p->root = json_pack(
        "{s:o, s:o, s:o, s:o, s:{s:s, s:b, s:o, s:o}}", "added_tokens",
        p->added, "normalizer",
        row->composes ? json_pack("{s:s}", "type", "NFC") : json_null(),
        "pre_tokenizer", pack_splitters(row), "post_processor", p->post,
        "model", "type", "BPE", "ignore_merges", row->ignores_merges, "vocab",
        p->vocab, "merges", p->merges);
    return p->root ? ANM_OK : anm_part_nomem(err);
}

anm_status anm_tokenizer_new_bpe(anm_tokenizer **out,
                                 const anm_bpe_tables *tables, anm_error *err)
{
    const pre_row *row = NULL;
    parts p = { 0 };
    anm_status status = find_row(tables->pre, &row, err);

    *out = NULL;
    if (status) return status;
    status = pack_frame(&p, row, err);
    if (!status) status = pack_vocab(p.vocab, tables, err);
    if (!status) status = pack_merges(p.merges, tables, err);
    if (!status) status = pack_added(p.added, tables, err);
    if (!status) status = pack_template(p.post, tables, err);
    if (!status) status = anm_tokenizer_compile(out, p.root, "tables", err);
    json_decref(p.root);
    return status;
}
