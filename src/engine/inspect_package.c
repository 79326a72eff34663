/* inspect_package.c - what a Core ML package is, as JSON: read here, whatever
 * it takes to run it.
 *
 * Everything is told from the package alone. What makes a text model of it
 * (tokenizer, recipe, fingerprint) is added where it can be opened as one;
 * where it cannot, `runnable` says why.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "engine/describe.h"
#include "engine/inspect_parts.h"
#include "engine/json_text.h"
#include "engine/state.h"
#include "model/mil_lint.h"
#include "model/package.h"

/* ---- Features ------------------------------------------------------------ */

static json_t *make_dims(const uint64_t *dims, unsigned rank)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < rank; i++)
        if (!anm_inspect_append(&list, anm_inspect_number(dims[i]))) break;
    return list;
}

static json_t *make_ranges(const anm_feature *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < f->n_ranges; i++) {
        const anm_feature_range *r = &f->ranges[i];
        json_t *high = r->high < 0 ? json_null() : json_integer(r->high);

        if (!anm_inspect_append(
                &list, json_pack("[o, o]", anm_inspect_number(r->low), high)))
            break;
    }
    return list;
}

static json_t *make_shapes(const anm_feature *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < f->n_shapes; i++)
        if (!anm_inspect_append(&list,
                                make_dims(f->shapes[i], f->shape_ranks[i])))
            break;
    return list;
}

static json_t *make_feature(const anm_feature *f)
{
    json_t *o = json_pack(
        "{s:o, s:s, s:o, s:s}", "name", anm_json_text(f->name), "dtype",
        anm_mil_type_name(f->type), "shape", make_dims(f->dims, f->rank),
        "kind", anm_feature_kind_name(f->kind));

    if (o && f->n_ranges) anm_inspect_set(&o, "range", make_ranges(f));
    if (o && f->n_shapes) anm_inspect_set(&o, "enumerated", make_shapes(f));
    if (o && f->optional) anm_inspect_set(&o, "optional", json_true());
    return o;
}

static json_t *make_features(const anm_feature *features, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        if (!anm_inspect_append(&list, make_feature(&features[i]))) break;
    return list;
}

/* ---- Programs ------------------------------------------------------------ */

static bool count_op(json_t **counts, const char *type, json_int_t n)
{
    const json_t *before = json_object_get(*counts, type);

    return anm_inspect_set(counts, type,
                           json_integer(n + json_integer_value(before)));
}

static void count_ops(json_t **counts, const anm_mil_block *b)
{
    for (size_t i = 0; i < b->n_ops; i++) {
        const anm_mil_op *op = &b->ops[i];

        if (!*counts || !count_op(counts, op->type, 1)) return;
        for (size_t j = 0; j < op->n_blocks; j++)
            count_ops(counts, &op->blocks[j]);
    }
}

static json_t *make_op_counts(const anm_mlpackage *p)
{
    json_t *counts = json_object();

    for (size_t i = 0; i < p->n_functions; i++)
        count_ops(&counts, &p->functions[i].block);
    for (size_t i = 0; i < p->n_histogram && counts; i++)
        count_op(&counts, p->histogram[i].key,
                 (json_int_t)strtoll(p->histogram[i].value, NULL, 10));
    return counts;
}

static json_t *make_functions(const anm_mlpackage *p)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->n_functions; i++) {
        const anm_mil_function *f = &p->functions[i];
        const anm_features *x = &f->features;

        if (!anm_inspect_append(
                &list,
                json_pack("{s:o, s:s, s:b, s:o, s:o, s:o}", "name",
                          anm_json_text(f->name), "opset", f->opset, "default",
                          f == p->main, "inputs",
                          make_features(x->inputs, x->n_inputs), "outputs",
                          make_features(x->outputs, x->n_outputs), "states",
                          make_features(x->states, x->n_states))))
            break;
    }
    return list;
}

static json_t *make_declared(const anm_mil_value_type *t)
{
    json_t *dims = json_array();

    for (unsigned i = 0; i < t->rank; i++)
        if (!anm_inspect_append(
                &dims, t->dims[i] < 0 ? json_null() : json_integer(t->dims[i])))
            break;
    return dims;
}

/* Rows of the default function's ops: constants, or all others. */
static json_t *make_rows(const anm_mlpackage *p, bool constants)
{
    json_t *list = json_array();

    for (size_t i = 0; p->main && list && i < p->main->block.n_ops; i++) {
        const anm_mil_op *op = &p->main->block.ops[i];
        const anm_mil_var *out = op->outputs;

        if (anm_mil_op_is_constant(op) != constants || !op->n_outputs) continue;
        anm_inspect_append(&list,
                           json_pack("{s:o, s:s, s:s, s:o}", "name",
                                     anm_json_text(out->name), "type", op->type,
                                     "dtype", anm_mil_type_name(out->type.type),
                                     "shape", make_declared(&out->type)));
    }
    return list;
}

/* Elements of a constant; scalars and short lists are settings. */
static uint64_t count_elements(const anm_mil_value_type *t)
{
    enum { PARAMETERS_MIN = 10 };
    uint64_t n = 1;

    for (unsigned i = 0; i < t->rank; i++)
        n *= t->dims[i] > 0 ? (uint64_t)t->dims[i] : 0;
    return t->rank && n >= PARAMETERS_MIN ? n : 0;
}

/* What the ops of a function read of constants made whole, each once. NULL when
 * memory is out. */
static json_t *make_parameters(const anm_mil_function *f)
{
    const anm_mil_op *ops = f ? f->block.ops : NULL;
    const size_t n_ops = f ? f->block.n_ops : 0;
    bool *counted = anm_alloc_array(n_ops, sizeof(*counted));
    uint64_t n = 0;

    if (!counted) return NULL;
    for (size_t i = 0; i < n_ops; i++) {
        if (anm_mil_op_is_constant(&ops[i])) continue;
        for (size_t j = 0; j < ops[i].n_args; j++) {
            const anm_mil_binding *b = &ops[i].args[j].bindings[0];

            if (!b->from || !anm_mil_op_is_constant(b->from) ||
                counted[b->from - ops])
                continue;
            counted[b->from - ops] = true;
            n += count_elements(&b->from->outputs[b->from_output].type);
        }
    }
    anm_free(counted);
    return anm_inspect_number(n);
}

/* ---- Lint ---------------------------------------------------------------- */

static json_t *make_places(const anm_lint_finding *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < f->n_places && i < ANM_LINT_PLACES_MAX; i++)
        if (!anm_inspect_append(&list, anm_json_text(f->places[i]))) break;
    return list;
}

static json_t *make_lint(const anm_lint *lint)
{
    json_t *list = json_array();

    for (size_t i = 0; i < lint->n; i++) {
        const anm_lint_finding *f = &lint->findings[i];

        if (!anm_inspect_append(
                &list,
                json_pack("{s:o, s:s, s:o, s:s, s:s, s:s, s:s, s:o, s:o}",
                          "rule", anm_json_text(f->word), "severity",
                          anm_lint_severity_name(f->severity), "where",
                          anm_json_text(f->places[0]), "why", f->rule->why,
                          "known", anm_lint_known_name(f->rule->known), "do",
                          f->rule->what_to_do, "detail", f->detail, "count",
                          anm_inspect_number(f->n_places), "places",
                          make_places(f))))
            break;
    }
    return list;
}

static json_t *make_floors(const anm_lint *lint)
{
    json_t *list = json_array();

    for (size_t i = 0; i < lint->n_floors; i++) {
        const anm_lint_floor *f = &lint->floors[i];

        if (!anm_inspect_append(
                &list, json_pack("{s:s, s:f, s:f, s:s}", "device", f->device,
                                 "gb_per_s", f->gb_per_s, "ms", f->ms, "known",
                                 anm_lint_known_name(f->known))))
            break;
    }
    return list;
}

/* ---- The document -------------------------------------------------------- */

static json_t *make_user_defined(const anm_mlpackage *p)
{
    json_t *o = json_object();

    for (size_t i = 0; i < p->n_user_defined && o; i++) {
        const anm_mlpackage_pair *x = &p->user_defined[i];

        // A tokenizer may be kept here whole.
        if (strlen(x->value) > 4096)
            anm_inspect_set(&o, x->key, json_string("(longer than 4,096)"));
        else
            anm_inspect_set(&o, x->key, anm_json_text(x->value));
    }
    return o;
}

static json_t *make_metadata(const anm_mlpackage *p)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "about", p->about, "version",
                     p->version, "author", p->author, "license", p->license,
                     "user_defined", make_user_defined(p));
}

static json_t *make_package(const anm_mlpackage *p, const anm_lint *lint,
                            unsigned flags)
{
    static const char *const containers[] = {
        [ANM_MLPACKAGE_FOLDER] = "mlpackage",
        [ANM_MLPACKAGE_FILE] = "mlmodel",
        [ANM_MLPACKAGE_COMPILED] = "mlmodelc",
    };
    const char *name = strrchr(p->path, '/');
    const anm_features *x = &p->features;
    json_t *doc = json_pack(
        "{s:i, s:o, s:o, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
        " s:[], s:o, s:o, s:o, s:o}",
        "anemone_inspect", 1, "path", anm_json_text(p->path), "name",
        anm_json_text(name ? name + 1 : p->path), "format", "mlpackage",
        "container", containers[p->container], "architecture", p->kind,
        "spec_version", (json_int_t)p->spec_version, "parameters",
        make_parameters(p->main), "bytes", anm_inspect_number(p->bytes),
        "inputs", make_features(x->inputs, x->n_inputs), "outputs",
        make_features(x->outputs, x->n_outputs), "states",
        make_features(x->states, x->n_states), "functions", make_functions(p),
        "ops", make_op_counts(p), "roofline", "floors", make_floors(lint),
        "bytes_read", anm_inspect_number(lint->bytes_read), "lint",
        make_lint(lint), "metadata", make_metadata(p));

    if (doc && flags & ANM_INSPECT_TENSORS)
        anm_inspect_set(&doc, "tensors", make_rows(p, true));
    if (doc && flags & ANM_INSPECT_OPS)
        anm_inspect_set(&doc, "ops_list", make_rows(p, false));
    return doc;
}

/* A package as something to run: arrays in and out, and text in. */
typedef struct runnable {
    bool here;     /* as arrays */
    anm_engine *e; /* as a text model; or NULL */
    anm_error why; /* one of both is not so */
} runnable;

static anm_status look_at_running(runnable *x, const anm_mlpackage *p,
                                  const anm_options *options)
{
    anm_status status = anm_mlpackage_check_runnable(p, &x->why);

    x->here = status == ANM_OK;
    if (!status) status = anm_engine_describe(&x->e, options, &x->why);
    if (!status) status = anm_engine_identify(x->e, options, &x->why);
    if (!status) return ANM_OK;
    anm_engine_close(x->e);
    x->e = NULL;
    return status == ANM_E_NOMEM ? status : ANM_OK;
}

static json_t *make_running(const runnable *x)
{
    return json_pack("{s:b, s:b, s:o}", "here", x->here, "text", x->e != NULL,
                     "reason",
                     x->e ? json_null() : anm_json_text(x->why.message));
}

/* Takes doc and more; NULL when either is. */
static json_t *merge(json_t *doc, json_t *more)
{
    if (!doc || !more || json_object_update(doc, more)) {
        json_decref(doc);
        doc = NULL;
    }
    json_decref(more);
    return doc;
}

/* Lengths that texts are padded to, or the range of those taken as they are. */
static json_t *make_lengths(const anm_package *p, size_t most)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->inputs.n_lengths; i++)
        if (!anm_inspect_append(&list,
                                anm_inspect_number(p->inputs.lengths[i])))
            return NULL;
    if (p->inputs.n_lengths) return list;
    json_decref(list);
    return json_pack("{s:o, s:o}", "low", anm_inspect_number(p->inputs.low),
                     "high", anm_inspect_number(most));
}

static json_t *make_roles(const anm_package *p)
{
    json_t *roles = json_object();

    for (size_t i = 0; i < ANM_ARRAY_ROLE_COUNT; i++)
        if (p->inputs.roles[i] &&
            !anm_inspect_set(&roles, anm_array_role_name((anm_array_role)i),
                             anm_json_text(p->inputs.roles[i]->name)))
            break;
    return roles;
}

/* How a text becomes arrays, and one of these the vector: what was inferred by
 * the rules of model/package.h, or chosen. */
static json_t *make_text_recipe(const anm_source *s)
{
    static const char *const layouts[] = {
        [ANM_PACKAGE_VECTOR] = "vector",
        [ANM_PACKAGE_ROWS] = "rows",
        [ANM_PACKAGE_CHANNELS] = "channels",
    };
    const anm_package *p = s->package;
    json_t *recipe = anm_inspect_recipe(&s->recipe);
    json_t *more =
        json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:o}", "function",
                  anm_json_text(p->function->name), "inputs", make_roles(p),
                  "texts", anm_inspect_number(p->inputs.texts), "output",
                  anm_json_text(p->output.name), "layout", layouts[p->layout],
                  "normalized_by",
                  p->normalizes ? "package"
                  : p->unit     ? "anemone"
                                : "nobody",
                  "padding", p->pad_left ? "left" : "right", "pad_id",
                  json_integer(p->pad_id), "lengths",
                  make_lengths(p, s->recipe.max_tokens));

    return merge(recipe, more);
}

static json_t *make_text_model(const runnable *x)
{
    if (!x->e)
        return json_pack("{s:n, s:n, s:n, s:n, s:n, s:[], s:o}", "fingerprint",
                         "dim", "max_tokens", "recipe", "tokenizer", "notes",
                         "runnable", make_running(x));
    const anm_source *s = x->e->source;
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "fingerprint", x->e->fingerprint,
        "dim", anm_inspect_number(s->recipe.dim), "max_tokens",
        anm_inspect_number(s->recipe.max_tokens), "recipe", make_text_recipe(s),
        "tokenizer", anm_inspect_tokenizer(s->tokenizer), "notes",
        anm_inspect_notes(s), "runnable", make_running(x));
}

anm_status anm_inspect_package(const anm_options *options, unsigned flags,
                               char **json, anm_error *err)
{
    anm_mlpackage *p = NULL;
    anm_lint *lint = NULL;
    runnable x = { 0 };
    const anm_mil_function *named = NULL;
    anm_status status = anm_mlpackage_open(&p, options->model, err);

    if (!status && options->function)
        status = anm_mlpackage_find_function(p, options->function, &named, err);
    if (!status) status = anm_lint_new(&lint, p, err);
    if (!status) {
        status = look_at_running(&x, p, options);
        if (status && err) *err = x.why;
    }
    if (!status)
        status = anm_json_take_string(
            merge(make_package(p, lint, flags), make_text_model(&x)), 0, json,
            err);
    anm_engine_close(x.e);
    anm_lint_free(lint);
    anm_mlpackage_close(p);
    return status;
}
