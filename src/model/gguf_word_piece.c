/* gguf_word_piece.c - WordPiece as llama.cpp's converter writes it.
 *
 * It marks the start of a word instead of its continuation: "x" became U+2581
 * "x" and "##x" became "x"; special tokens stayed as they were, and in 2024's
 * first files whatever stands in brackets. Here that is undone. Whether case and
 * accents are dropped is written since 2026; in older files the vocabulary shows
 * it, since a piece that its own normalizer changes could never be met.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "model/gguf_tables.h"
#include "text/stages.h"

/* The parts of the document that are filled one by one. */
typedef struct word_piece {
    json_t *vocab, *added;
    int32_t unknown, first, last; /* ids */
    bool lowercase, strips_accents;
} word_piece;

/* ---- Pieces -------------------------------------------------------------- */

static const char start[] = "\xe2\x96\x81";

enum { START_BYTES = sizeof(start) - 1, PIECE_BYTES = ANM_PIECE_MAX_BYTES + 2 };

/* A piece as vocab.txt has it, itself or in out; false when it is too long. */
static bool undo_start(anm_text text, char out[PIECE_BYTES], anm_text *piece)
{
    const bool starts =
        text.len > START_BYTES && memcmp(text.data, start, START_BYTES) == 0;
    const bool brackets =
        text.len > 2 && text.data[0] == '[' && text.data[text.len - 1] == ']';

    *piece = text;
    if (brackets) return true;
    if (starts) {
        *piece = (anm_text){ text.data + START_BYTES, text.len - START_BYTES };
        return true;
    }
    if (text.len > PIECE_BYTES - 2) return false;
    memcpy(out, "##", 2);
    if (text.len) memcpy(out + 2, text.data, text.len);
    *piece = (anm_text){ out, text.len + 2 };
    return true;
}

static json_t *pack_text(anm_text text)
{
    return json_stringn_nocheck(text.data, text.len);
}

static anm_status add_piece(word_piece *w, anm_text piece, size_t id,
                            anm_error *err)
{
    const json_t *other = json_object_getn(w->vocab, piece.data, piece.len);

    if (other)
        return anm_fail(err, ANM_E_CORRUPT,
                        "tokenizer.ggml.tokens: %" JSON_INTEGER_FORMAT
                        " and %zu are both \"%.*s\"",
                        json_integer_value(other), id, anm_gguf_shown(piece),
                        piece.data);
    return json_object_setn_new_nocheck(w->vocab, piece.data, piece.len,
                                        json_integer((json_int_t)id))
               ? anm_gguf_fail_memory(err)
               : ANM_OK;
}

static anm_status add_token(word_piece *w, anm_text piece, size_t id,
                            bool special, anm_error *err)
{
    json_t *o =
        json_pack("{s:I, s:o, s:b, s:b, s:b, s:b, s:b}", "id", (json_int_t)id,
                  "content", pack_text(piece), "single_word", 0, "lstrip", 0,
                  "rstrip", 0, "normalized", 0, "special", special);

    return json_array_append_new(w->added, o) ? anm_gguf_fail_memory(err)
                                              : ANM_OK;
}

static anm_status take_piece(word_piece *w, const anm_gguf_tables *t, size_t id,
                             anm_error *err)
{
    char bytes[PIECE_BYTES];
    anm_text piece = t->pieces[id];
    const bool special = t->kinds[id] == ANM_PIECE_CONTROL;

    if (!special && !undo_start(t->pieces[id], bytes, &piece))
        return anm_fail(err, ANM_E_LIMIT,
                        "tokenizer.ggml.tokens: %zu has %zu bytes, allowed %d",
                        id, piece.len, PIECE_BYTES - 2);
    const anm_status status = add_piece(w, piece, id, err);
    if (status || t->kinds[id] == ANM_PIECE_NORMAL) return status;
    return add_token(w, piece, id, special, err);
}

/* Read as the converter's, pieces of another spelling would all be
 * continuations, and every word unknown. */
static anm_status check_spelling(const anm_gguf_tables *t, anm_error *err)
{
    size_t n = 0;

    for (size_t id = 0; id < t->n; id++) {
        const anm_text piece = t->pieces[id];

        if (t->kinds[id] != ANM_PIECE_NORMAL) continue;
        if (piece.len > START_BYTES &&
            memcmp(piece.data, start, START_BYTES) == 0)
            return ANM_OK;
        n++;
    }
    if (n == 0) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "tokenizer.ggml.tokens: none of %zu pieces begins with "
                    "U+2581, by which llama.cpp's converter marks the start of "
                    "a word; --tokenizer with the model's tokenizer.json takes "
                    "their place",
                    n);
}

static anm_status take_pieces(word_piece *w, const anm_gguf_tables *t,
                              anm_error *err)
{
    anm_status status = ANM_OK;

    w->vocab = json_object();
    w->added = json_array();
    if (!w->vocab || !w->added) return anm_gguf_fail_memory(err);
    status = check_spelling(t, err);
    for (size_t id = 0; id < t->n && !status; id++)
        if (t->kinds[id] != ANM_PIECE_UNUSED)
            status = take_piece(w, t, id, err);
    return status;
}

/* An id that a key names, or another key where that is absent; without either,
 * the token of the usual spelling. */
static anm_status find_special(const word_piece *w, const anm_gguf_tables *t,
                               const anm_gguf_special which[2],
                               const char *spelling, int32_t *out,
                               anm_error *err)
{
    for (size_t i = 0; i < 2; i++)
        if (t->special[which[i]] >= 0) {
            *out = t->special[which[i]];
            return ANM_OK;
        }
    const json_t *id = json_object_get(w->vocab, spelling);
    if (!id)
        return anm_fail(err, ANM_E_CORRUPT,
                        "tokenizer.ggml.tokens: no key names the token %s, and "
                        "none is spelled so",
                        spelling);
    *out = (int32_t)json_integer_value(id);
    return ANM_OK;
}

static anm_status find_specials(word_piece *w, const anm_gguf_tables *t,
                                anm_error *err)
{
    static const anm_gguf_special unknown[] = { ANM_GGUF_UNK, ANM_GGUF_UNK };
    static const anm_gguf_special first[] = { ANM_GGUF_CLS, ANM_GGUF_BOS };
    static const anm_gguf_special last[] = { ANM_GGUF_SEP, ANM_GGUF_EOS };
    anm_status status = find_special(w, t, unknown, "[UNK]", &w->unknown, err);

    if (!status) status = find_special(w, t, first, "[CLS]", &w->first, err);
    if (!status) status = find_special(w, t, last, "[SEP]", &w->last, err);
    return status;
}

/* ---- Which case ---------------------------------------------------------- */

/* A BertNormalizer of which only case and, if told so, accents are on. */
static anm_status open_probe(anm_tokenizer **out, bool strips, anm_error *err)
{
    json_t *root = json_pack(
        "{s:{s:s, s:b, s:b, s:b, s:b}, s:{s:s},"
        " s:{s:s, s:s, s:s, s:i, s:{s:i}}}",
        "normalizer", "type", "BertNormalizer", "clean_text", 0,
        "handle_chinese_chars", 0, "strip_accents", strips, "lowercase", 1,
        "pre_tokenizer", "type", "BertPreTokenizer", "model", "type",
        "WordPiece", "unk_token", "x", "continuing_subword_prefix", "##",
        "max_input_chars_per_word", 100, "vocab", "x", 0);

    if (!root) return anm_gguf_fail_memory(err);
    const anm_status status = anm_tokenizer_compile(out, root, "probe", err);
    json_decref(root);
    return status;
}

/* Pieces that the probe's normalizer changes, of so many. */
static anm_status count_changed(const anm_gguf_tables *t,
                                const anm_tokenizer *probe, size_t *changed,
                                size_t *n, anm_error *err)
{
    anm_encoding *e = NULL;
    anm_status status = anm_encoding_new(&e, err);

    for (size_t id = 0; id < t->n && !status; id++) {
        const anm_text piece = t->pieces[id];
        anm_text normal;

        if (t->kinds[id] != ANM_PIECE_NORMAL) continue;
        anm_encoding_reset(e);
        if (!anm_normalize(probe, piece, e, &normal))
            status = anm_gguf_fail_memory(err);
        else if (normal.len != piece.len ||
                 memcmp(normal.data, piece.data, piece.len) != 0)
            ++*changed;
        ++*n;
    }
    anm_encoding_free(e);
    return status;
}

/* Whether the normalizer may be the vocabulary's own: strays, such as tokens
 * that were added by hand, decide nothing. */
static anm_status try_normalizer(const anm_gguf_tables *t, bool strips,
                                 bool *fits, anm_error *err)
{
    enum { STRAYS = 200 }; /* one piece in so many */
    anm_tokenizer *probe = NULL;
    size_t changed = 0, n = 0;
    anm_status status = open_probe(&probe, strips, err);

    if (!status) status = count_changed(t, probe, &changed, &n, err);
    anm_tokenizer_free(probe);
    *fits = changed <= n / STRAYS;
    return status;
}

/* What the keys of newer files say; either may be absent. */
typedef struct said {
    bool of_case, lowercase;
    bool of_accents, strips;
} said;

static anm_status read_said(const anm_gguf_reading *r, said *out,
                            anm_error *err)
{
    static const char lower[] = "tokenizer.ggml.normalizer.lowercase";
    static const char strip[] = "tokenizer.ggml.normalizer.strip_accents";
    const anm_status status =
        anm_gguf_bool_or(r->g, lower, false, &out->lowercase, err);

    out->of_case = anm_gguf_entry_find(r->g, lower) != NULL;
    out->of_accents = anm_gguf_entry_find(r->g, strip) != NULL;
    return status ? status
                  : anm_gguf_bool_or(r->g, strip, false, &out->strips, err);
}

static anm_status note_case(const anm_gguf_reading *r, const said *s,
                            const word_piece *w, anm_error *err)
{
    static const char *const how[2][2] = {
        { "the case is kept", "the case is kept, accents are dropped" },
        { "the case is dropped, accents stay", "case and accents are dropped" },
    };
    const char *what = how[w->lowercase][w->strips_accents];

    if (!r->s) return ANM_OK;
    if (r->params->lowercase != ANM_CHOICE_MODEL)
        return anm_source_note(r->s, err, "lowercase", "as asked, %s", what);
    if (s->of_case && (s->of_accents || !s->lowercase)) return ANM_OK;
    return anm_source_assume(r->s, err, "lowercase",
                             "the file does not say%s; %s, as the vocabulary "
                             "suggests (--lowercase yes or no settles it)",
                             s->of_case      ? " what becomes of accents"
                             : s->of_accents ? " what becomes of the case"
                                             : "",
                             what);
}

/* A wish goes before what the file says, and that before the vocabulary. Files
 * of early 2026 speak of the case alone. */
static anm_status find_case(const anm_gguf_reading *r, const anm_gguf_tables *t,
                            word_piece *w, anm_error *err)
{
    said s = { 0 };
    bool strips = false, keeps = false;
    anm_status status = read_said(r, &s, err);
    const bool asked = r->params->lowercase != ANM_CHOICE_MODEL;
    const bool known = asked || s.of_case;
    const bool lower =
        asked ? r->params->lowercase == ANM_CHOICE_YES : s.lowercase;
    const bool open = known ? lower && !s.of_accents : true;

    if (!status && open && (s.strips || !s.of_accents))
        status = try_normalizer(t, true, &strips, err);
    if (!status && open && !strips && !s.strips)
        status = try_normalizer(t, false, &keeps, err);
    if (status) return status;
    w->lowercase = known ? lower : strips || keeps;
    w->strips_accents = s.of_accents ? s.strips : w->lowercase && !keeps;
    return note_case(r, &s, w, err);
}

/* ---- The document -------------------------------------------------------- */

/* The spelling of an id in the vocabulary. */
static json_t *pack_spelling(const anm_gguf_tables *t, int32_t id)
{
    char bytes[PIECE_BYTES];
    anm_text piece = t->pieces[id];

    if (t->kinds[id] != ANM_PIECE_CONTROL) undo_start(piece, bytes, &piece);
    return pack_text(piece);
}

static json_t *pack_end(const anm_gguf_tables *t, int32_t id)
{
    return json_pack("[o, i]", pack_spelling(t, id), (int)id);
}

static json_t *pack_document(const word_piece *w, const anm_gguf_tables *t)
{
    return json_pack(
        "{s:{s:s, s:b, s:b, s:b, s:b}, s:{s:s}, s:O, s:{s:s, s:o, s:o},"
        " s:{s:s, s:o, s:s, s:i, s:O}}",
        "normalizer", "type", "BertNormalizer", "clean_text", 1,
        "handle_chinese_chars", 1, "strip_accents", w->strips_accents,
        "lowercase", w->lowercase, "pre_tokenizer", "type", "BertPreTokenizer",
        "added_tokens", w->added, "post_processor", "type", "BertProcessing",
        "cls", pack_end(t, w->first), "sep", pack_end(t, w->last), "model",
        "type", "WordPiece", "unk_token", pack_spelling(t, w->unknown),
        "continuing_subword_prefix", "##", "max_input_chars_per_word", 100,
        "vocab", w->vocab);
}

static anm_status compile_document(const word_piece *w,
                                   const anm_gguf_tables *t,
                                   anm_tokenizer **out, anm_error *err)
{
    json_t *document = pack_document(w, t);

    if (!document) return anm_gguf_fail_memory(err);
    const anm_status status =
        anm_tokenizer_compile(out, document, "tokenizer", err);
    json_decref(document);
    return status;
}

anm_status anm_gguf_compile_word_piece(const anm_gguf_reading *r,
                                       const anm_gguf_tables *t,
                                       anm_tokenizer **out, anm_error *err)
{
    word_piece w = { 0 };

    if (r->params->add_eos != ANM_CHOICE_MODEL)
        return anm_fail(err, ANM_E_ARG,
                        "add_eos is asked for, and WordPiece always ends a "
                        "text with its separator");
    anm_status status = take_pieces(&w, t, err);
    if (!status) status = find_specials(&w, t, err);
    if (!status) status = find_case(r, t, &w, err);
    if (!status) status = compile_document(&w, t, out, err);
    json_decref(w.vocab);
    json_decref(w.added);
    return status;
}
