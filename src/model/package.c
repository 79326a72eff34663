/* package.c - opening a package as a model, by the rules of package.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/package.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/file.h"
#include "model/architecture.h"
#include "model/hf.h"

/* Longest text where neither package nor folder says one. */
enum { LENGTH_MAX = 512 };

typedef struct reading {
    anm_source *s;
    const anm_source_params *params;
    anm_package *p;
    anm_hf_tokenizer tokenizer;
    char *folder;         /* that the tokenizer lies in; NULL: none */
    anm_hf_beside beside; /* what that folder says */
} reading;

static anm_status fail_memory(const reading *r, anm_error *err)
{
    return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", r->s->path);
}

/* ---- The function ---------------------------------------------------------- */

/* What the program tells without its weights: whether its vector has unit
 * length, and how many ids there are. */
static anm_status look_at_program(reading *r, anm_error *err)
{
    anm_package *p = r->p;
    const char *ids = p->inputs.roles[ANM_ARRAY_ROLE_IDS]->name;
    anm_arrays *a = NULL;
    const anm_status status =
        anm_mil_translate(&a, p->function, p->constants, p->output.name, err);

    if (status) return status;
    // Rows of unit length have a mean that is shorter.
    p->normalizes = p->layout == ANM_PACKAGE_VECTOR &&
                    anm_package_is_unit(a, anm_arrays_output_at(a, 0));
    const bool known =
        anm_package_id_rows(a, anm_arrays_find(a, ids), &r->s->vocab_rows);
    anm_arrays_free(a);
    return known ? ANM_OK : fail_memory(r, err);
}

static anm_status open_function(reading *r, anm_error *err)
{
    anm_package *p = r->p;
    anm_status status = anm_mlpackage_check_runnable(p->file, err);

    if (!status)
        status = anm_mlpackage_find_function(p->file, r->params->function,
                                             &p->function, err);
    if (!status)
        status = anm_mil_inputs_find(&p->inputs, &p->function->features,
                                     &r->s->arena, err);
    if (!status)
        status =
            anm_package_choose(p, r->params->output, &r->s->recipe.dim, err);
    if (!status)
        status = anm_mil_constants_new(&p->constants, p->function, err);
    if (!status) status = look_at_program(r, err);
    r->s->recipe.is_pooled = p->layout == ANM_PACKAGE_VECTOR;
    return status;
}

/* ---- Files ----------------------------------------------------------------- */

static anm_status list_files(reading *r, anm_error *err)
{
    const anm_mlpackage *file = r->p->file;
    anm_weights *w = &r->s->weights;

    if (!anm_weights_reset(w, &r->s->arena, 0, file->n_files))
        return fail_memory(r, err);
    for (size_t i = 0; i < file->n_files; i++)
        anm_weights_add_file(w, file->files[i].path, &file->files[i].map);
    return anm_weights_finish(w, err);
}

/* The type that most bytes of constants are stored in. */
static anm_dtype find_stored(const anm_mil_function *f)
{
    uint64_t bytes[ANM_DTYPE_COUNT] = { 0 };
    anm_dtype most = ANM_DTYPE_F32;

    for (size_t i = 0; i < f->block.n_ops; i++) {
        const anm_mil_op *op = &f->block.ops[i];
        for (size_t k = 0; k < op->n_args + op->n_attributes; k++) {
            const anm_mil_value *v = k >= op->n_args
                                         ? op->attributes[k - op->n_args].value
                                         : op->args[k].bindings[0].value;
            anm_dtype dtype = ANM_DTYPE_U8; // packed ones are bytes
            if (!v || v->form != ANM_MIL_TENSOR || !v->in_file) continue;
            (void)anm_mil_dtype(v->type, &dtype);
            bytes[dtype] += v->data.len;
            if (bytes[dtype] > bytes[most]) most = dtype;
        }
    }
    return most;
}

/* ---- Tokenizer ------------------------------------------------------------- */

/* The folder that holds the package; newly allocated. */
static char *parent_of(const char *path)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len && path[len - 1] != '/')
        len--;
    while (len > 1 && path[len - 1] == '/')
        len--;
    return len ? anm_copy_bytes(path, len) : anm_copy_string(".");
}

/* Take the folder when a tokenizer.json is in it, else free it. */
static anm_status try_folder(reading *r, char *folder, anm_error *err)
{
    anm_file_kind kind = ANM_FILE_ABSENT;
    anm_file_id id;
    char *path = folder ? anm_path_join(folder, "tokenizer.json") : NULL;
    anm_status status =
        path ? anm_file_look(path, &kind, &id, err) : fail_memory(r, err);

    if (!status && kind == ANM_FILE_REGULAR)
        r->folder = folder;
    else
        anm_free(folder);
    anm_free(path);
    return status;
}

static anm_status find_folder(reading *r, anm_error *err)
{
    anm_status status = try_folder(r, anm_copy_string(r->s->path), err);

    if (!status && !r->folder)
        status = try_folder(r, parent_of(r->s->path), err);
    if (status || r->folder || !anm_path_is_link(r->s->path)) return status;
    char *target = anm_path_absolute(r->s->path);
    status =
        target ? try_folder(r, parent_of(target), err) : fail_memory(r, err);
    anm_free(target);
    return status;
}

static anm_status open_given(reading *r, const char *given, anm_error *err)
{
    anm_file_kind kind = ANM_FILE_ABSENT;
    anm_file_id id;
    anm_status status = anm_file_look(given, &kind, &id, err);

    if (!status && kind == ANM_FILE_FOLDER &&
        !(r->folder = anm_copy_string(given)))
        status = fail_memory(r, err);
    return status ? status
                  : anm_hf_tokenizer_open(&r->tokenizer, given,
                                          r->params->memory, err);
}

/* From metadata, or there is none. */
static anm_status open_metadata(reading *r, anm_error *err)
{
    static const char key[] = "tokenizer.json";
    const char *json = anm_mlpackage_user_defined(r->p->file, key);

    if (!json)
        return anm_fail(err, ANM_E_NOTFOUND,
                        "no tokenizer: give --tokenizer with a folder or a "
                        "tokenizer.json, or put a tokenizer.json into the "
                        "package or beside it; `predict` needs none");
    r->tokenizer = (anm_hf_tokenizer){ .model_max = UINT64_MAX, .pad_id = -1 };
    const anm_status status = anm_tokenizer_new(
        &r->tokenizer.tokenizer, anm_bytes_of(json, strlen(json)), err);
    return status ? anm_fail_prefix(err, status, "metadata %s", key) : ANM_OK;
}

static anm_status find_tokenizer(reading *r, anm_error *err)
{
    if (r->params->tokenizer) return open_given(r, r->params->tokenizer, err);
    const anm_status status = find_folder(r, err);
    if (status) return status;
    if (!r->folder) return open_metadata(r, err);
    return anm_hf_tokenizer_open(&r->tokenizer, r->folder, r->params->memory,
                                 err);
}

static anm_status open_tokenizer(reading *r, anm_error *err)
{
    anm_source *s = r->s;
    anm_tokenizer_info info;
    anm_status status = find_tokenizer(r, err);

    s->tokenizer = r->tokenizer.tokenizer;
    if (status) return status;
    anm_tokenizer_describe(s->tokenizer, &info);
    if (s->vocab_rows == SIZE_MAX) s->vocab_rows = info.vocab_size;
    const char *at = r->params->tokenizer ? r->params->tokenizer : r->folder;
    status = anm_source_check_ids(s, at ? at : "metadata tokenizer.json",
                                  "the package's table", err);
    if (status) return status;
    const char *cut = r->tokenizer.cut_side;
    if (cut ? strcmp(cut, "left") == 0 : info.cuts_left)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "the tokenizer says that long texts lose their "
                        "beginning, which is not built in");
    if (r->folder) status = anm_hf_read_beside(s, r->folder, &r->beside, err);
    s->recipe.lowercase = r->beside.lowercase && !info.lowercase;
    if (!status && r->beside.lowercase)
        status = anm_tokenizer_lower_first(s->tokenizer, err);
    return status;
}

/* ---- Recipe ---------------------------------------------------------------- */

static anm_status settle_padding(reading *r, anm_error *err)
{
    const char *side = r->params->padding;
    anm_tokenizer_info info;

    anm_tokenizer_describe(r->s->tokenizer, &info);
    if (side && strcmp(side, "left") != 0 && strcmp(side, "right") != 0)
        return anm_fail(err, ANM_E_ARG,
                        "padding: '%s' is not allowed; allowed are left, right",
                        side);
    if (!side) side = r->tokenizer.pad_side;
    r->p->pad_left = side ? strcmp(side, "left") == 0 : info.pads_left;
    const int32_t id =
        r->tokenizer.pad_id >= 0 ? r->tokenizer.pad_id : info.pad_id;
    r->p->pad_id = id >= 0 && (size_t)id < r->s->vocab_rows ? id : 0;
    return ANM_OK;
}

static anm_status parse_pooling(const char *word, anm_pool_kind *out,
                                anm_error *err)
{
    static const anm_pool_kind kinds[] = { ANM_POOL_MEAN, ANM_POOL_CLS,
                                           ANM_POOL_LAST };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(anm_pool_kind_name(kinds[i]), word) != 0) continue;
        *out = kinds[i];
        return ANM_OK;
    }
    return anm_fail(err, ANM_E_ARG,
                    "pooling: '%s' is not allowed; allowed are mean, cls, last",
                    word);
}

static anm_status settle_pooling(reading *r, anm_error *err)
{
    anm_recipe *recipe = &r->s->recipe;
    const char *asked = r->params->pooling;
    char text[160];

    anm_mil_value_type_text(&r->p->output.type, text, sizeof(text));
    if (recipe->is_pooled && !asked) return ANM_OK;
    if (recipe->is_pooled)
        return anm_fail(err, ANM_E_ARG,
                        "pooling %s: output %s is %s, one vector, which leaves "
                        "nothing to pool",
                        asked, r->p->output.name, text);
    if (asked) return parse_pooling(asked, &recipe->pool, err);
    if (r->beside.has_modules) {
        recipe->pool = r->beside.pool;
        return ANM_OK;
    }
    return anm_fail(err, ANM_E_ARG,
                    "output %s is %s, a row for each token, and nothing says "
                    "how they are pooled: give --pooling mean, cls or last",
                    r->p->output.name, text);
}

static anm_status settle_length_of_vector(reading *r, anm_error *err)
{
    anm_recipe *recipe = &r->s->recipe;
    const anm_choice asked = r->params->normalize;
    const bool does = r->p->normalizes;
    const bool said = r->beside.has_modules && r->beside.normalize;

    if (asked == ANM_CHOICE_NO && does)
        return anm_fail(err, ANM_E_ARG,
                        "normalize: the package divides output %s by its "
                        "length itself, which cannot be undone",
                        r->p->output.name);
    recipe->normalize =
        does || asked == ANM_CHOICE_YES || (said && asked != ANM_CHOICE_NO);
    r->p->unit = recipe->normalize && !does;
    if (recipe->normalize || asked || r->beside.has_modules) return ANM_OK;
    return anm_source_assume(r->s, err, "normalize",
                             "nothing says that vectors have unit length: they "
                             "are as the package gives them");
}

static anm_status note_length(reading *r, uint64_t said, anm_error *err)
{
    const size_t high = r->p->inputs.high;
    const size_t chosen = r->s->recipe.max_tokens;

    if (said == UINT64_MAX && high == SIZE_MAX)
        return anm_source_assume(r->s, err, "max_tokens",
                                 "neither package nor tokenizer say a longest "
                                 "text; the limit is %zu",
                                 chosen);
    if (said == UINT64_MAX || said == high) return ANM_OK;
    return anm_source_note(r->s, err, "max_tokens",
                           "the files of the tokenizer say %" PRIu64
                           ", the package takes %zu; the limit is %zu",
                           said, high, chosen);
}

static anm_status settle_length(reading *r, anm_error *err)
{
    const anm_mil_inputs *in = &r->p->inputs;
    const anm_tokenizer_frame frame = anm_tokenizer_frame_of(r->s->tokenizer);
    const size_t least = frame.n_before + frame.n_after + 1;
    const uint64_t said = r->beside.max_seq_length ? r->beside.max_seq_length
                                                   : r->tokenizer.model_max;
    size_t *most = &r->s->recipe.max_tokens;

    *most = said < in->high ? (size_t)said : in->high;
    if (*most == SIZE_MAX) *most = in->low > LENGTH_MAX ? in->low : LENGTH_MAX;
    if (*most < least)
        return anm_fail(err, ANM_E_FORMAT,
                        "longest text is %zu tokens, at least %zu needed (%zu "
                        "special ones and one)",
                        *most, least, least - 1);
    return note_length(r, said, err);
}

static anm_status settle_recipe(reading *r, anm_error *err)
{
    anm_status status = settle_padding(r, err);

    if (!status) status = settle_pooling(r, err);
    if (!status) status = settle_length_of_vector(r, err);
    if (!status) status = settle_length(r, err);
    return status;
}

/* ---- Opening --------------------------------------------------------------- */

/* What the files of a tokenizer say is no choice. */
static anm_status refuse_choices(const anm_source_params *p, anm_error *err)
{
    const char *name = p->lowercase ? "lowercase"
                       : p->add_eos ? "add_eos"
                                    : NULL;

    if (!name) return ANM_OK;
    return anm_fail(err, ANM_E_ARG,
                    "%s cannot be chosen: the files of the tokenizer say it",
                    name);
}

static anm_status open_parts(reading *r, anm_error *err)
{
    anm_status status = refuse_choices(r->params, err);

    if (!status) status = open_function(r, err);

    if (!status) status = list_files(r, err);
    if (!status) status = open_tokenizer(r, err);
    if (!status) status = settle_recipe(r, err);
    if (!status) r->s->stored = find_stored(r->p->function);
    return status;
}

void anm_package_let_go(const anm_package *p)
{
    for (size_t i = 0; i < p->file->n_files; i++)
        anm_map_advise(p->file->files[i].map.bytes, ANM_MAP_DROP);
}

anm_status anm_package_open(anm_source *s, const anm_source_params *params,
                            anm_error *err)
{
    reading r = { .s = s, .params = params };

    s->format = "mlpackage";
    s->architecture = "mlprogram";
    s->settings = "metadata";
    r.p = s->package = anm_alloc_zero(sizeof(*s->package));
    if (!r.p) return fail_memory(&r, err);
    anm_status status = anm_mlpackage_open(&r.p->file, s->path, err);
    if (status) return status;
    status = open_parts(&r, err);
    anm_free(r.folder);
    anm_package_let_go(r.p);
    return status ? anm_fail_prefix(err, status, "%s", s->path) : ANM_OK;
}

anm_status anm_package_tokenizer(anm_tokenizer **out, const char *path,
                                 const anm_source_params *params,
                                 anm_error *err)
{
    anm_source s = { .path = path };
    anm_package p = { 0 };
    reading r = { .s = &s, .params = params, .p = &p };
    anm_status status = anm_mlpackage_open(&p.file, path, err);

    *out = NULL;
    if (!status) {
        status = find_tokenizer(&r, err);
        if (status) status = anm_fail_prefix(err, status, "%s", path);
    }
    if (!status) *out = r.tokenizer.tokenizer;
    anm_free(r.folder);
    anm_mlpackage_close(p.file);
    return status;
}

void anm_package_close(anm_package *p)
{
    if (!p) return;
    anm_mil_constants_free(p->constants);
    anm_mlpackage_close(p->file);
    anm_free(p);
}

/* ---- Building -------------------------------------------------------------- */

/* A mask of our own, for a package that takes none and rows that are pooled. */
static anm_value_id add_mask(const anm_package *p, anm_arrays *a,
                             anm_arrays_text *text)
{
    const anm_feature *ids = p->inputs.roles[ANM_ARRAY_ROLE_IDS];
    anm_array_type type =
        anm_arrays_value(a, anm_arrays_find(a, ids->name))->type;

    type.dtype = ANM_DTYPE_I32;
    const anm_value_id mask = anm_arrays_input(a, "/mask.given", &type);
    text->feeds[text->n_feeds].input = mask;
    text->feeds[text->n_feeds++].role = ANM_ARRAY_ROLE_MASK;
    return mask;
}

static void add_tail(const anm_source *s, anm_arrays *a, anm_arrays_text *text)
{
    const anm_package *p = s->package;
    const anm_value_id output = anm_arrays_find(a, p->output.name);
    anm_value_id mask = ANM_VALUE_NONE;

    for (size_t i = 0; i < ANM_ARRAY_ROLE_COUNT; i++) {
        const anm_feature *f = p->inputs.roles[i];
        if (!f) continue;
        const anm_value_id in = anm_arrays_find(a, f->name);
        if (i == ANM_ARRAY_ROLE_MASK) mask = in;
        text->feeds[text->n_feeds].input = in;
        text->feeds[text->n_feeds++].role = (anm_array_role)i;
    }
    text->vector = output;
    if (s->recipe.is_pooled && !p->unit) return;
    if (mask == ANM_VALUE_NONE && !s->recipe.is_pooled)
        mask = add_mask(p, a, text);
    text->vector = anm_package_add_vector(p, s->recipe.pool, a, output, mask);
    anm_arrays_output(a, text->vector);
}

anm_status anm_package_build(const anm_source *s, anm_arrays **out,
                             anm_arrays_text *text, anm_error *err)
{
    const anm_package *p = s->package;
    anm_arrays *a = NULL;
    anm_status status =
        anm_mil_translate(&a, p->function, p->constants, p->output.name, err);

    *out = NULL;
    *text = (anm_arrays_text){
        .batch = p->inputs.texts,
        .pad_id = p->pad_id,
        .pad_left = p->pad_left,
        .lengths = p->inputs.lengths,
        .n_lengths = p->inputs.n_lengths,
        .min_length = p->inputs.low,
        .max_length = s->recipe.max_tokens,
    };
    if (status) return anm_fail_prefix(err, status, "%s", s->path);
    add_tail(s, a, text);
    status = anm_arrays_finish(a, err);
    if (status) {
        anm_arrays_free(a);
        return status;
    }
    *out = a;
    return ANM_OK;
}
