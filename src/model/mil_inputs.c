/* mil_inputs.c - the rules by which a package takes a text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_inputs.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"

const char *anm_array_role_name(anm_array_role role)
{
    static const char *const names[] = { "ids", "mask", "types", "positions" };

    return names[role];
}

/* ---- Text of a feature ----------------------------------------------------- */

static size_t put(char *out, size_t cap, size_t len, const char *format, ...)
    ANM_PRINTF(4, 5);

static size_t put(char *out, size_t cap, size_t len, const char *format, ...)
{
    va_list args;

    if (len >= cap) return len;
    va_start(args, format);
    const int n = vsnprintf(out + len, cap - len, format, args);
    va_end(args);
    return n < 0 ? len : len + (size_t)n;
}

static size_t put_axis(char *out, size_t cap, size_t len, const anm_feature *f,
                       unsigned axis)
{
    if (f->n_shapes) {
        for (size_t i = 0; i < f->n_shapes; i++) {
            bool again = axis >= f->shape_ranks[i];
            for (size_t j = 0; j < i && !again; j++)
                again = axis < f->shape_ranks[j] &&
                        f->shapes[j][axis] == f->shapes[i][axis];
            if (!again)
                len = put(out, cap, len, "%s%" PRIu64, i ? "|" : "",
                          f->shapes[i][axis]);
        }
        return len;
    }
    if (axis >= f->n_ranges ||
        (f->ranges[axis].high >= 0 &&
         (uint64_t)f->ranges[axis].high == f->ranges[axis].low))
        return put(out, cap, len, "%" PRIu64, f->dims[axis]);
    len = put(out, cap, len, "%" PRIu64 "..", f->ranges[axis].low);
    if (f->ranges[axis].high >= 0)
        len = put(out, cap, len, "%" PRId64, f->ranges[axis].high);
    return len;
}

const char *anm_feature_text(const anm_feature *f, char *out, size_t cap)
{
    size_t len = 0;

    if (f->kind != ANM_FEATURE_ARRAY && f->kind != ANM_FEATURE_STATE) {
        snprintf(out, cap, "%s", anm_feature_kind_name(f->kind));
        return out;
    }
    len = put(out, cap, len, "%s [", anm_mil_type_name(f->type));
    for (unsigned i = 0; i < f->rank; i++) {
        if (i) len = put(out, cap, len, ", ");
        len = put_axis(out, cap, len, f, i);
    }
    put(out, cap, len, "]");
    return out;
}

/* ---- Names ----------------------------------------------------------------- */

static const struct {
    anm_array_role role;
    const char *name;
} known[] = {
    { ANM_ARRAY_ROLE_IDS, "input_ids" },
    { ANM_ARRAY_ROLE_IDS, "ids" },
    { ANM_ARRAY_ROLE_IDS, "token_ids" },
    { ANM_ARRAY_ROLE_IDS, "tokens" },
    { ANM_ARRAY_ROLE_IDS, "input_tokens" },
    { ANM_ARRAY_ROLE_IDS, "word_ids" },
    { ANM_ARRAY_ROLE_MASK, "attention_mask" },
    { ANM_ARRAY_ROLE_MASK, "mask" },
    { ANM_ARRAY_ROLE_MASK, "input_mask" },
    { ANM_ARRAY_ROLE_MASK, "padding_mask" },
    { ANM_ARRAY_ROLE_TYPES, "token_type_ids" },
    { ANM_ARRAY_ROLE_TYPES, "type_ids" },
    { ANM_ARRAY_ROLE_TYPES, "segment_ids" },
    { ANM_ARRAY_ROLE_TYPES, "token_types" },
    { ANM_ARRAY_ROLE_POSITIONS, "position_ids" },
    { ANM_ARRAY_ROLE_POSITIONS, "positions" },
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool same_name(const char *a, const char *b)
{
    for (; *a && lower(*a) == lower(*b); a++, b++)
        ;
    return !*a && !*b;
}

static bool is_integer(const anm_feature *f)
{
    return f->type == ANM_MIL_INT32 || f->type == ANM_MIL_INT8;
}

/* Every input of a list, for a message. */
static const char *list_inputs(const anm_features *f, char *out, size_t cap)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < f->n_inputs; i++) {
        char text[160];
        len = put(out, cap, len, "%s%s %s", i ? ", " : "", f->inputs[i].name,
                  anm_feature_text(&f->inputs[i], text, sizeof(text)));
    }
    return out;
}

static anm_status find_named(anm_mil_inputs *out, const anm_features *f,
                             size_t *n_left, const anm_feature **left,
                             anm_error *err)
{
    *n_left = 0;
    for (size_t i = 0; i < f->n_inputs; i++) {
        const anm_feature *input = &f->inputs[i];
        size_t k = 0;
        while (k < sizeof(known) / sizeof(known[0]) &&
               !same_name(known[k].name, input->name))
            k++;
        if (k == sizeof(known) / sizeof(known[0])) {
            *left = input;
            (*n_left)++;
            continue;
        }
        const anm_feature **role = &out->roles[known[k].role];
        if (*role)
            return anm_fail(
                err, ANM_E_UNSUPPORTED, "two inputs take the %s: %s and %s",
                anm_array_role_name(known[k].role), (*role)->name, input->name);
        *role = input;
    }
    return ANM_OK;
}

static anm_status find_roles(anm_mil_inputs *out, const anm_features *f,
                             anm_error *err)
{
    const anm_feature *left = NULL;
    size_t n_left;
    char list[600];
    const anm_status status = find_named(out, f, &n_left, &left, err);

    if (status) return status;
    if (!out->roles[ANM_ARRAY_ROLE_IDS] && n_left == 1 && is_integer(left)) {
        out->roles[ANM_ARRAY_ROLE_IDS] = left;
        n_left = 0;
    }
    if (!out->roles[ANM_ARRAY_ROLE_IDS])
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "no input takes token ids (input_ids, ids, tokens …): "
                        "it takes %s; `predict` runs it with arrays",
                        list_inputs(f, list, sizeof(list)));
    if (n_left == 0) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "input %s takes none of ids, mask, types and positions: it "
                    "takes %s; `predict` runs it with arrays",
                    left->name, list_inputs(f, list, sizeof(list)));
}

/* ---- Lengths --------------------------------------------------------------- */

static anm_status refuse_shape(const anm_feature *f, anm_error *err)
{
    char text[200];

    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "input %s is %s, must be [tokens] or [texts, tokens] with "
                    "a fixed number of texts",
                    f->name, anm_feature_text(f, text, sizeof(text)));
}

static int compare_lengths(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static anm_status read_enumerated(anm_mil_inputs *out, const anm_feature *f,
                                  anm_arena *arena, anm_error *err)
{
    if (f->n_shapes > ANM_MIL_LENGTHS_MAX) return refuse_shape(f, err);
    out->lengths = anm_arena_array(arena, f->n_shapes, sizeof(*out->lengths));
    if (!out->lengths)
        return anm_fail(err, ANM_E_NOMEM, "inputs: out of memory");
    for (size_t i = 0; i < f->n_shapes; i++) {
        const uint64_t *dims = f->shapes[i];
        if (f->shape_ranks[i] != f->rank ||
            (f->rank == 2 && dims[0] != out->texts) || !dims[f->rank - 1] ||
            dims[f->rank - 1] > INT32_MAX)
            return refuse_shape(f, err);
        out->lengths[i] = (size_t)dims[f->rank - 1];
    }
    qsort(out->lengths, f->n_shapes, sizeof(*out->lengths), compare_lengths);
    for (size_t i = 0; i < f->n_shapes; i++)
        if (i == 0 || out->lengths[i] != out->lengths[out->n_lengths - 1])
            out->lengths[out->n_lengths++] = out->lengths[i];
    return ANM_OK;
}

/* The least number of texts, since a call may be of one. */
static anm_status read_range(anm_mil_inputs *out, const anm_feature *f,
                             anm_error *err)
{
    const anm_feature_range *tokens = &f->ranges[f->rank - 1];
    const anm_feature_range *texts = &f->ranges[0];

    if (f->n_ranges != f->rank || tokens->low > INT32_MAX)
        return refuse_shape(f, err);
    if (f->rank == 2) {
        out->texts = texts->low ? (size_t)texts->low : 1;
        if (out->texts > INT32_MAX ||
            (texts->high >= 0 && (uint64_t)texts->high < out->texts))
            return refuse_shape(f, err);
    }
    out->low = tokens->low ? (size_t)tokens->low : 1;
    out->high = tokens->high < 0 ? SIZE_MAX : (size_t)tokens->high;
    return out->high < out->low ? refuse_shape(f, err) : ANM_OK;
}

static anm_status read_lengths(anm_mil_inputs *out, const anm_feature *f,
                               anm_arena *arena, anm_error *err)
{
    if (f->kind != ANM_FEATURE_ARRAY || f->rank < 1 || f->rank > 2)
        return refuse_shape(f, err);
    out->rank = f->rank;
    out->texts = f->rank == 2 ? (size_t)f->dims[0] : 1;
    if (out->texts == 0 || f->dims[0] > INT32_MAX) return refuse_shape(f, err);
    anm_status status = ANM_OK;
    if (f->n_shapes) {
        status = read_enumerated(out, f, arena, err);
    } else if (f->n_ranges) {
        status = read_range(out, f, err);
    } else {
        const uint64_t length = f->dims[f->rank - 1];
        if (!length || length > INT32_MAX) return refuse_shape(f, err);
        out->lengths = anm_arena_array(arena, 1, sizeof(*out->lengths));
        if (!out->lengths)
            return anm_fail(err, ANM_E_NOMEM, "inputs: out of memory");
        out->lengths[0] = (size_t)length;
        out->n_lengths = 1;
    }
    if (out->n_lengths) {
        out->low = out->lengths[0];
        out->high = out->lengths[out->n_lengths - 1];
    }
    return status;
}

static bool same_lengths(const anm_mil_inputs *a, const anm_mil_inputs *b)
{
    return a->rank == b->rank && a->texts == b->texts && a->low == b->low &&
           a->high == b->high && a->n_lengths == b->n_lengths &&
           (a->n_lengths == 0 ||
            memcmp(a->lengths, b->lengths,
                   a->n_lengths * sizeof(*a->lengths)) == 0);
}

anm_status anm_mil_inputs_find(anm_mil_inputs *out, const anm_features *f,
                               anm_arena *arena, anm_error *err)
{
    *out = (anm_mil_inputs){ 0 };
    anm_status status = find_roles(out, f, err);
    if (status) return status;
    const anm_feature *ids = out->roles[ANM_ARRAY_ROLE_IDS];
    status = read_lengths(out, ids, arena, err);
    for (size_t i = 0; i < ANM_ARRAY_ROLE_COUNT && !status; i++) {
        anm_mil_inputs other = { 0 };
        char a[200], b[200];
        if (!out->roles[i] || i == ANM_ARRAY_ROLE_IDS) continue;
        status = read_lengths(&other, out->roles[i], arena, err);
        if (!status && !same_lengths(out, &other))
            status = anm_fail(err, ANM_E_UNSUPPORTED,
                              "inputs of different lengths: %s %s, %s %s",
                              ids->name, anm_feature_text(ids, a, sizeof(a)),
                              out->roles[i]->name,
                              anm_feature_text(out->roles[i], b, sizeof(b)));
    }
    return status;
}

size_t anm_mil_inputs_length(const anm_mil_inputs *in, size_t n)
{
    for (size_t i = 0; i < in->n_lengths; i++)
        if (in->lengths[i] >= n) return in->lengths[i];
    if (in->n_lengths || n > in->high) return 0;
    return n < in->low ? in->low : n;
}
