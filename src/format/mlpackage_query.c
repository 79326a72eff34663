/* mlpackage_query.c - asking a package.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/mlpackage.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"

static const char *const feature_kinds[] = {
#define X(name, text, field) [ANM_FEATURE_##name] = text,
    ANM_FEATURE_KIND_LIST(X)
#undef X
};

const char *anm_feature_kind_name(anm_feature_kind k)
{
    return feature_kinds[k];
}

bool anm_feature_is_flexible(const anm_feature *f)
{
    for (size_t i = 0; i < f->n_ranges; i++)
        if (f->ranges[i].high < 0 ||
            f->ranges[i].low != (uint64_t)f->ranges[i].high)
            return true;
    return f->n_shapes > 1;
}

const anm_feature *anm_feature_find(const anm_feature *features, size_t n,
                                    const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(features[i].name, name) == 0) return &features[i];
    return NULL;
}

const anm_mil_function *anm_mlpackage_function(const anm_mlpackage *p,
                                               const char *name)
{
    for (size_t i = 0; i < p->n_functions; i++)
        if (strcmp(p->functions[i].name, name) == 0) return &p->functions[i];
    return NULL;
}

anm_status anm_mlpackage_find_function(const anm_mlpackage *p, const char *name,
                                       const anm_mil_function **out,
                                       anm_error *err)
{
    anm_buf names = { 0 };

    *out = name ? anm_mlpackage_function(p, name) : p->main;
    if (*out) return ANM_OK;
    for (size_t i = 0; i < p->n_functions; i++)
        anm_buf_printf(&names, "%s%s", i ? ", " : "", p->functions[i].name);
    const anm_status status =
        names.failed
            ? anm_fail(err, ANM_E_NOMEM, "functions: out of memory")
            : anm_fail(err, ANM_E_NOTFOUND, "no function %s; there are: %s",
                       name ? name : "main", names.len ? names.data : "none");
    anm_buf_deinit(&names);
    return status;
}

const char *anm_mlpackage_user_defined(const anm_mlpackage *p, const char *key)
{
    for (size_t i = 0; i < p->n_user_defined; i++)
        if (strcmp(p->user_defined[i].key, key) == 0)
            return p->user_defined[i].value;
    return NULL;
}

/* ---- Runnable ------------------------------------------------------------ */

/* Why an op is never run here; NULL when the table of ops decides. */
static const char *why_not(const anm_mil_op *op)
{
    static const char *const recurrent[] = { "lstm", "gru", "rnn" };

    if (strcmp(op->type, "custom_layer") == 0)
        return "a custom layer is code that is not in the package";
    for (size_t i = 0; i < sizeof(recurrent) / sizeof(recurrent[0]); i++)
        if (strcmp(op->type, recurrent[i]) == 0)
            return "recurrent layers are not built in";
    if (op->n_blocks || strcmp(op->type, "cond") == 0 ||
        strcmp(op->type, "while_loop") == 0)
        return "control flow is not built in";
    return NULL;
}

static anm_status check_function(const anm_mil_function *f, anm_error *err)
{
    for (size_t i = 0; i < f->block.n_ops; i++) {
        const anm_mil_op *op = &f->block.ops[i];
        const char *why = why_not(op);

        if (why)
            return anm_fail(err, ANM_E_UNSUPPORTED,
                            "function %s: op %s of type %s: %s", f->name,
                            op->name, op->type, why);
    }
    return ANM_OK;
}

anm_status anm_mlpackage_check_runnable(const anm_mlpackage *p, anm_error *err)
{
    anm_status status = ANM_OK;

    if (p->container == ANM_MLPACKAGE_COMPILED)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "a compiled model (.mlmodelc) runs in Core ML alone; "
                        "give the .mlpackage that it was compiled from");
    if (strcmp(p->kind, "mlProgram") != 0)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "a model of kind %s; mlProgram is what runs here: "
                        "convert with a deployment target of iOS 15 or later",
                        p->kind);
    for (size_t i = 0; i < p->n_functions && !status; i++)
        status = check_function(&p->functions[i], err);
    return status;
}
