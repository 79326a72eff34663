/* pattern.c - patterns on PCRE2.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "text/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/error.h"

enum {
    /* The stack of the compiled code. A pattern that needs more gives up. */
    STACK_START = 32 << 10,
    STACK_MAX = 8 << 20,
    ERROR_NO_MEMORY = 121, /* pcre2_compile()'s own has no name */
};

static void *allocate(PCRE2_SIZE size, void *ctx)
{
    (void)ctx;
    return anm_alloc(size);
}

static void release(void *ptr, void *ctx)
{
    (void)ctx;
    anm_free(ptr);
}

/* ---- Compiling ----------------------------------------------------------- */

static void write_members(anm_buf *out, const anm_class_set *set)
{
    bool is_empty = true;

    for (unsigned k = 0; k < 256; k++) {
        if (!(set->bits[k / 8] >> k % 8 & 1)) continue;
        anm_buf_printf(out, "%s\\x%02x", is_empty ? "[" : "", k);
        is_empty = false;
    }
    anm_buf_puts(out, is_empty ? "(?!)" : "]");
}

/* The draft with the classes of each set in the set's place. */
static void write_pattern(anm_buf *out, const anm_draft *d,
                          const anm_class_set *members)
{
    const char *s = d->text.data;

    anm_buf_puts(out, "");
    for (size_t i = 0; i < d->text.len; i++)
        if (s[i] == ANM_DRAFT_SET)
            write_members(out, &members[(unsigned char)s[++i]]);
        else
            anm_buf_append(out, &s[i], 1);
}

static anm_status compile_written(anm_pattern *p, const anm_buf *text,
                                  anm_error *err)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    pcre2_general_context *memory =
        pcre2_general_context_create(allocate, release, NULL);
    pcre2_compile_context *context =
        memory ? pcre2_compile_context_create(memory) : NULL;

    if (context)
        p->code = pcre2_compile((PCRE2_SPTR)text->data, text->len, 0, &code,
                                &offset, context);
    pcre2_compile_context_free(context);
    pcre2_general_context_free(memory);
    // Where the system forbids code made at run time, matching interprets.
    if (p->code) pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
    if (p->code) return ANM_OK;
    if (!context || code == ERROR_NO_MEMORY)
        return anm_fail(err, ANM_E_NOMEM, "pattern: out of memory");
    PCRE2_UCHAR message[128] = "";
    pcre2_get_error_message(code, message, sizeof(message));
    return anm_fail(err, ANM_E_UNSUPPORTED, "pattern: %s",
                    (const char *)message);
}

static anm_status compile_draft(anm_pattern *p, const anm_draft *d,
                                anm_error *err)
{
    anm_buf text = { 0 };
    anm_class_set *members = anm_alloc_array(d->n_sets, sizeof(*members));
    anm_status status = ANM_OK;

    if (!members) return anm_fail(err, ANM_E_NOMEM, "pattern: out of memory");
    status = anm_alphabet_init(&p->alphabet, d->sets, d->n_sets, members, err);
    if (!status) {
        write_pattern(&text, d, members);
        status = text.failed
                     ? anm_fail(err, ANM_E_NOMEM, "pattern: out of memory")
                     : compile_written(p, &text, err);
    }
    anm_buf_deinit(&text);
    anm_free(members);
    return status;
}

anm_status anm_pattern_compile(anm_pattern *p, anm_text source, bool literal,
                               const char *at, anm_error *err)
{
    anm_status status;

    *p = (anm_pattern){ 0 };
    if (source.len > ANM_PATTERN_MAX_BYTES)
        return anm_fail(err, ANM_E_LIMIT,
                        "%s: pattern of %zu bytes, allowed %d", at, source.len,
                        ANM_PATTERN_MAX_BYTES);
    anm_draft *d = anm_alloc_zero(sizeof(*d));
    if (!d) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", at);
    status = literal ? anm_draft_read_literal(d, source, at, err)
                     : anm_draft_read(d, source, at, err);
    if (!status) {
        status = compile_draft(p, d, err);
        if (status) anm_fail_prefix(err, status, "%s", at);
    }
    anm_draft_deinit(d);
    anm_free(d);
    if (status) anm_pattern_deinit(p);
    return status;
}

void anm_pattern_deinit(anm_pattern *p)
{
    pcre2_code_free(p->code);
    p->code = NULL;
    anm_alphabet_deinit(&p->alphabet);
}

/* ---- Matching ------------------------------------------------------------ */

struct anm_pattern_room {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

void anm_pattern_room_free(anm_encoding *e)
{
    if (!e->pattern_room) return;
    pcre2_match_data_free(e->pattern_room->data);
    pcre2_match_context_free(e->pattern_room->context);
    pcre2_jit_stack_free(e->pattern_room->stack);
    anm_free(e->pattern_room);
    e->pattern_room = NULL;
}

static bool make_room(anm_encoding *e)
{
    struct anm_pattern_room *room;

    if (e->pattern_room) return true;
    room = e->pattern_room = anm_alloc_zero(sizeof(*room));
    pcre2_general_context *memory =
        room ? pcre2_general_context_create(allocate, release, NULL) : NULL;
    if (memory) {
        room->data = pcre2_match_data_create(1, memory);
        room->context = pcre2_match_context_create(memory);
        room->stack = pcre2_jit_stack_create(STACK_START, STACK_MAX, memory);
    }
    pcre2_general_context_free(memory);
    if (!room || !room->data || !room->context || !room->stack) {
        anm_pattern_room_free(e);
        return false;
    }
    pcre2_jit_stack_assign(room->context, NULL, room->stack);
    return true;
}

bool anm_finder_begin(anm_finder *f, const anm_pattern *p, anm_text text,
                      anm_encoding *e)
{
    anm_scratch *classes = &e->classes;
    const uint8_t *low = p->alphabet.blocks[p->alphabet.block_of[0]];

    *f = (anm_finder){
        .pattern = p, .text = text, .base = classes->len, .last_end = SIZE_MAX
    };
    if (!make_room(e) || !anm_scratch_reserve(classes, text.len)) return false;
    char *out = classes->data + classes->len;
    for (size_t i = 0; i < text.len;) {
        const unsigned char byte = (unsigned char)text.data[i];
        size_t size = 1;
        *out++ = (char)(byte < 0x80
                            ? low[byte]
                            : anm_alphabet_class(&p->alphabet,
                                                 anm_utf8_decode(text.data + i,
                                                                 text.len - i,
                                                                 &size)));
        i += size;
    }
    f->n = (size_t)(out - (classes->data + classes->len));
    classes->len += f->n;
    return true;
}

void anm_finder_end(anm_finder *f, anm_encoding *e)
{
    e->classes.len = f->base;
}

/* The byte of a code point at or behind the last one asked for. */
static size_t byte_of(anm_finder *f, size_t code)
{
    if (f->n == f->text.len) return code;
    while (f->code_at < code) {
        f->byte_at++;
        while (f->byte_at < f->text.len &&
               ((unsigned char)f->text.data[f->byte_at] & 0xc0) == 0x80)
            f->byte_at++;
        f->code_at++;
    }
    return f->byte_at;
}

anm_found anm_finder_next(anm_finder *f, anm_match_span *out, anm_encoding *e)
{
    const struct anm_pattern_room *room = e->pattern_room;
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(room->data);

    for (; f->next <= f->n; f->next++) {
        const int n = pcre2_match(f->pattern->code,
                                  (PCRE2_SPTR)(e->classes.data + f->base), f->n,
                                  f->next, 0, room->data, room->context);
        if (n == PCRE2_ERROR_NOMATCH) return ANM_FOUND_NOTHING;
        if (n < 0) {
            e->trouble = n == PCRE2_ERROR_NOMEMORY ? ANM_E_NOMEM : ANM_E_LIMIT;
            return ANM_FOUND_TROUBLE;
        }
        if (at[0] == at[1] && at[1] == f->last_end) continue;
        f->next = f->last_end = at[1];
        out->start = byte_of(f, at[0]);
        out->end = byte_of(f, at[1]);
        return ANM_FOUND;
    }
    return ANM_FOUND_NOTHING;
}
