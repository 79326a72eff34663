/* mil_read_program.c - functions, blocks and ops, every name led to what
 * defines it.
 *
 * Fields of a message come in any order, but names must be defined before they
 * are used. So a message is walked once for each step that depends on another.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "format/mil_names.h"
#include "format/mlpackage_parts.h"
#include "format/protobuf.h"

/* Of one function. */
typedef struct reading {
    anm_mlpackage_reading *r;
    anm_mil_names names;
} reading;

enum { QUOTE = 80 }; /* bytes of a name in the middle of a message */

static int quote(anm_bytes text)
{
    return (int)(text.len < QUOTE ? text.len : QUOTE);
}

/* The last string of field `number`; empty when there is none. */
static anm_status find_string(anm_bytes message, uint32_t number,
                              anm_bytes *out, anm_error *err)
{
    *out = (anm_bytes){ 0 };
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err))
        if (f.number == number) status = anm_pb_string(&f, out, err);
    return status;
}

/* ---- Names with types ---------------------------------------------------- */

/* NamedValueType; defines the name. */
static anm_status read_var(reading *x, anm_bytes message, anm_mil_origin origin,
                           anm_mil_var *out, anm_error *err)
{
    anm_bytes name = { 0 }, type = { 0 };
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        if (f.number == 1) status = anm_pb_string(&f, &name, err);
        if (!status && f.number == 2) status = anm_pb_message(&f, &type, err);
    }
    if (status) return status;
    status = anm_reading_type(x->r, type, 0, &out->type, err);
    if (!status)
        status = anm_mil_names_define(x->r, &x->names, name, origin, &out->name,
                                      err);
    if (!status) return ANM_OK;
    return anm_fail_prefix(err, status, "%s %.*s",
                           origin.op ? "output" : "input", quote(name),
                           (const char *)name.data);
}

typedef struct vars {
    const anm_mil_var *items; /* [n] */
    size_t n;
} vars;

/* All of field `number`, outputs of op or inputs. */
static anm_status read_vars(reading *x, anm_bytes message, uint32_t number,
                            const anm_mil_op *op, vars *out, anm_error *err)
{
    anm_mil_origin origin = { .op = op };
    anm_bytes inner;

    *out = (vars){ 0 };
    anm_status status = anm_pb_count(message, number, &out->n, err);
    if (status) return status;
    anm_mil_var *items = anm_reading_array(x->r, out->n, sizeof(*items));
    if (!items) return anm_reading_fail(x->r, err);
    out->items = items;
    while (anm_pb_take_message(&message, number, &inner, &status, err)) {
        status = read_var(x, inner, origin, &items[origin.output], err);
        origin.output++;
    }
    return status;
}

/* ---- Arguments ----------------------------------------------------------- */

static anm_status resolve(reading *x, anm_bytes name, anm_mil_binding *out,
                          anm_error *err)
{
    const anm_mil_name *found = anm_mil_names_find(&x->names, name);

    if (!found)
        return anm_fail(
            err, ANM_E_FORMAT, "%.*s is not defined before it is used",
            (int)(name.len < 200 ? name.len : 200), (const char *)name.data);
    out->name = found->text;
    out->from = found->origin.op;
    out->from_output = found->origin.output;
    return ANM_OK;
}

static anm_status read_binding(reading *x, anm_bytes message,
                               anm_mil_binding *out, anm_error *err)
{
    anm_bytes content = { 0 };
    uint32_t given = 0;
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        if (f.number > 2) continue;
        if (given)
            return anm_fail(err, ANM_E_FORMAT, "a binding of two values");
        given = f.number;
        if (given == 1) status = anm_pb_string(&f, &content, err);
        if (given == 2) status = anm_pb_message(&f, &content, err);
    }
    if (status) return status;
    if (given == 1) return resolve(x, content, out, err);
    if (given == 2) return anm_reading_value(x->r, content, &out->value, err);
    return anm_fail(err, ANM_E_FORMAT, "a binding of nothing");
}

static anm_status read_bindings(reading *x, anm_bytes message, anm_mil_arg *arg,
                                anm_error *err)
{
    size_t i = 0;
    anm_status status = anm_pb_count(message, 1, &arg->n, err);

    if (status) return status;
    if (!arg->n) return anm_fail(err, ANM_E_FORMAT, "an argument of nothing");
    anm_mil_binding *bindings =
        anm_reading_array(x->r, arg->n, sizeof(*bindings));
    if (!bindings) return anm_reading_fail(x->r, err);
    arg->bindings = bindings;
    anm_bytes inner;

    while (anm_pb_take_message(&message, 1, &inner, &status, err))
        status = read_binding(x, inner, &bindings[i++], err);
    return status;
}

/* An entry of `inputs` behind the n arguments already there. */
static anm_status read_arg(reading *x, const anm_pb_field *f,
                           const anm_mil_arg *before, size_t n,
                           anm_mil_arg *out, anm_error *err)
{
    anm_bytes key = { 0 }, value = { 0 };
    anm_status status = anm_pb_entry(f, &key, &value, err);

    if (status) return status;
    out->param = anm_reading_copy(x->r, key);
    if (!out->param) return anm_reading_fail(x->r, err);
    for (size_t i = 0; i < n; i++)
        if (strcmp(before[i].param, out->param) == 0)
            return anm_fail(err, ANM_E_FORMAT, "parameter %s given twice",
                            out->param);
    status = read_bindings(x, value, out, err);
    if (!status) return ANM_OK;
    return anm_fail_prefix(err, status, "parameter %.80s", out->param);
}

static anm_status read_attribute(reading *x, const anm_pb_field *f,
                                 const anm_mil_attribute *before, size_t n,
                                 anm_mil_attribute *out, anm_error *err)
{
    anm_bytes key = { 0 }, value = { 0 };
    anm_status status = anm_pb_entry(f, &key, &value, err);

    if (status) return status;
    out->name = anm_reading_copy(x->r, key);
    if (!out->name) return anm_reading_fail(x->r, err);
    for (size_t i = 0; i < n; i++)
        if (strcmp(before[i].name, out->name) == 0)
            return anm_fail(err, ANM_E_FORMAT, "attribute %s given twice",
                            out->name);
    status = anm_reading_value(x->r, value, &out->value, err);
    if (!status) return ANM_OK;
    return anm_fail_prefix(err, status, "attribute %.80s", out->name);
}

/* ---- Ops ----------------------------------------------------------------- */

enum { OP_TYPE = 1, OP_INPUTS = 2, OP_OUTPUTS = 3, OP_BLOCKS, OP_ATTRIBUTES };

/* More parameters or attributes than this no op has; comparing each with each
 * stays cheap. */
enum { ENTRIES_MAX = 64 };

typedef struct op_parts {
    anm_mil_arg *args;
    anm_mil_attribute *attributes;
    anm_mil_block *blocks;
    size_t n_args, n_attributes, n_blocks; /* so far */
} op_parts;

static anm_status read_block(reading *x, anm_bytes message, int depth,
                             anm_mil_block *out, anm_error *err);

static anm_status count_parts(reading *x, anm_bytes message, anm_mil_op *op,
                              op_parts *parts, anm_error *err)
{
    anm_status status = anm_pb_count(message, OP_INPUTS, &op->n_args, err);

    if (!status)
        status = anm_pb_count(message, OP_ATTRIBUTES, &op->n_attributes, err);
    if (!status) status = anm_pb_count(message, OP_BLOCKS, &op->n_blocks, err);
    if (status) return status;
    if (op->n_args > ENTRIES_MAX || op->n_attributes > ENTRIES_MAX)
        return anm_fail(err, ANM_E_LIMIT,
                        "%zu parameters and %zu attributes, at most %d each",
                        op->n_args, op->n_attributes, ENTRIES_MAX);
    parts->args = anm_reading_array(x->r, op->n_args, sizeof(*op->args));
    parts->attributes =
        anm_reading_array(x->r, op->n_attributes, sizeof(*op->attributes));
    parts->blocks = anm_reading_array(x->r, op->n_blocks, sizeof(*op->blocks));
    if (!parts->args || !parts->attributes || !parts->blocks)
        return anm_reading_fail(x->r, err);
    op->args = parts->args;
    op->attributes = parts->attributes;
    op->blocks = parts->blocks;
    return ANM_OK;
}

static anm_status read_part(reading *x, const anm_pb_field *f, int depth,
                            op_parts *parts, anm_error *err)
{
    anm_bytes inner = { 0 };
    anm_status status;

    switch (f->number) {
    case OP_INPUTS:
        status = read_arg(x, f, parts->args, parts->n_args,
                          &parts->args[parts->n_args], err);
        parts->n_args++;
        return status;
    case OP_ATTRIBUTES:
        status = read_attribute(x, f, parts->attributes, parts->n_attributes,
                                &parts->attributes[parts->n_attributes], err);
        parts->n_attributes++;
        return status;
    case OP_BLOCKS:
        status = anm_pb_message(f, &inner, err);
        if (!status)
            status = read_block(x, inner, depth + 1,
                                &parts->blocks[parts->n_blocks++], err);
        return status;
    default:
        return ANM_OK;
    }
}

static anm_status read_parts(reading *x, anm_bytes message, int depth,
                             anm_mil_op *op, anm_error *err)
{
    op_parts parts = { 0 };
    anm_status status = count_parts(x, message, op, &parts, err);
    anm_pb_field f;

    while (anm_pb_take(&message, &f, &status, err))
        status = read_part(x, &f, depth, &parts, err);
    return status;
}

static const char *name_of(const anm_mil_op *op)
{
    const anm_mil_value *name = anm_mil_op_attribute(op, "name");

    if (name && anm_mil_value_string(name)) return anm_mil_value_string(name);
    return op->n_outputs ? op->outputs[0].name : op->type;
}

/* Type and name of the first output, before anything else is understood: what
 * a message calls the op. */
static anm_status peek(anm_bytes message, anm_bytes *type, anm_bytes *output,
                       anm_error *err)
{
    anm_status status = find_string(message, OP_TYPE, type, err);

    *output = (anm_bytes){ 0 };
    anm_pb_field f;

    while (!output->len && anm_pb_take(&message, &f, &status, err)) {
        if (f.number != OP_OUTPUTS || f.wire != ANM_PB_BYTES) continue;
        status = find_string(f.bytes, 1, output, err);
    }
    return status;
}

static anm_status read_op(reading *x, anm_bytes message, int depth,
                          anm_mil_op *op, anm_error *err)
{
    anm_bytes type = { 0 }, output = { 0 };
    vars outputs;
    anm_status status = peek(message, &type, &output, err);

    if (status) return anm_fail_prefix(err, status, "op");
    if (!type.len) return anm_fail(err, ANM_E_FORMAT, "an op without a type");
    op->type = anm_reading_copy(x->r, type);
    if (!op->type) return anm_reading_fail(x->r, err);
    status = read_parts(x, message, depth, op, err);
    // Only now: an op that reads its own output finds no such name.
    if (!status) status = read_vars(x, message, OP_OUTPUTS, op, &outputs, err);
    if (!status) {
        op->outputs = outputs.items;
        op->n_outputs = outputs.n;
        op->name = name_of(op);
        return ANM_OK;
    }
    return anm_fail_prefix(err, status, "op %.*s%s%.*s", quote(type),
                           (const char *)type.data, output.len ? " " : "",
                           quote(output), (const char *)output.data);
}

/* ---- Blocks -------------------------------------------------------------- */

enum { BLOCK_INPUTS = 1, BLOCK_OUTPUTS = 2, BLOCK_OPS = 3 };

static anm_status read_ops(reading *x, anm_bytes message, int depth,
                           anm_mil_block *out, anm_error *err)
{
    size_t i = 0;
    anm_status status = anm_pb_count(message, BLOCK_OPS, &out->n_ops, err);

    if (status) return status;
    anm_mil_op *ops = anm_reading_array(x->r, out->n_ops, sizeof(*ops));
    if (!ops) return anm_reading_fail(x->r, err);
    out->ops = ops;
    anm_bytes inner;

    while (anm_pb_take_message(&message, BLOCK_OPS, &inner, &status, err))
        status = read_op(x, inner, depth, &ops[i++], err);
    return status;
}

static anm_status read_outputs(reading *x, anm_bytes message,
                               anm_mil_block *out, anm_error *err)
{
    size_t i = 0;
    anm_status status =
        anm_pb_count(message, BLOCK_OUTPUTS, &out->n_outputs, err);

    if (status) return status;
    anm_mil_binding *outputs =
        anm_reading_array(x->r, out->n_outputs, sizeof(*outputs));
    if (!outputs) return anm_reading_fail(x->r, err);
    out->outputs = outputs;
    anm_pb_field f;

    while (anm_pb_take(&message, &f, &status, err)) {
        anm_bytes name = { 0 };

        if (f.number != BLOCK_OUTPUTS) continue;
        status = anm_pb_string(&f, &name, err);
        if (!status) status = resolve(x, name, &outputs[i++], err);
    }
    if (status) return anm_fail_prefix(err, status, "output of a block");
    return ANM_OK;
}

static anm_status read_block(reading *x, anm_bytes message, int depth,
                             anm_mil_block *out, anm_error *err)
{
    anm_mil_name *last = x->names.last;
    vars inputs;

    if (depth > ANM_MIL_NEST_MAX)
        return anm_fail(err, ANM_E_LIMIT, "blocks nested deeper than %d",
                        ANM_MIL_NEST_MAX);
    anm_status status = read_vars(x, message, BLOCK_INPUTS, NULL, &inputs, err);
    out->inputs = inputs.items;
    out->n_inputs = inputs.n;
    if (!status) status = read_ops(x, message, depth, out, err);
    if (!status) status = read_outputs(x, message, out, err);
    anm_mil_names_leave(&x->names, last);
    return status;
}

/* ---- Functions ----------------------------------------------------------- */

enum { FUNCTION_INPUTS = 1, FUNCTION_OPSET = 2, FUNCTION_BLOCKS = 3 };

/* The block that is keyed by the function's own opset. */
static anm_status find_block(anm_bytes message, anm_bytes opset,
                             anm_bytes *block, anm_error *err)
{
    bool found = false;
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        anm_bytes key = { 0 }, value = { 0 };

        if (f.number != FUNCTION_BLOCKS) continue;
        status = anm_pb_entry(&f, &key, &value, err);
        if (status) return status;
        if (!anm_bytes_equal(key, opset)) continue;
        if (found)
            return anm_fail(err, ANM_E_FORMAT, "two blocks for one opset");
        *block = value;
        found = true;
    }
    if (status) return status;
    if (found) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT, "no block for its opset \"%.*s\"",
                    quote(opset), (const char *)opset.data);
}

static anm_status know_opset(anm_mil_function *f, anm_error *err)
{
    static const struct {
        const char *name;
        int ios;
    } opsets[] = {
#define X(name, ios) { name, ios },
        ANM_MIL_OPSET_LIST(X)
#undef X
    };

    for (size_t i = 0; i < sizeof(opsets) / sizeof(opsets[0]); i++)
        if (strcmp(opsets[i].name, f->opset) == 0) f->ios = opsets[i].ios;
    if (f->ios) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "opset %.80s is not known; CoreML5 to CoreML9 are",
                    f->opset);
}

static anm_status read_body(reading *x, anm_bytes message, anm_mil_function *f,
                            anm_error *err)
{
    anm_bytes opset = { 0 }, block = { 0 };
    vars inputs;
    anm_status status = find_string(message, FUNCTION_OPSET, &opset, err);

    if (!status) status = find_block(message, opset, &block, err);
    if (status) return status;
    f->opset = anm_reading_copy(x->r, opset);
    if (!f->opset) return anm_reading_fail(x->r, err);
    status = know_opset(f, err);
    if (!status)
        status = read_vars(x, message, FUNCTION_INPUTS, NULL, &inputs, err);
    if (status) return status;
    f->inputs = inputs.items;
    f->n_inputs = inputs.n;
    return read_block(x, block, 0, &f->block, err);
}

static anm_status read_function(anm_mlpackage_reading *r,
                                const anm_pb_field *field, anm_mil_function *f,
                                anm_error *err)
{
    reading x = { .r = r };
    anm_bytes key = { 0 }, value = { 0 };
    anm_status status = anm_pb_entry(field, &key, &value, err);

    if (status) return anm_fail_prefix(err, status, "a function");
    f->name = anm_reading_copy(r, key);
    if (!f->name) return anm_reading_fail(r, err);
    status = read_body(&x, value, f, err);
    if (!status) return ANM_OK;
    return anm_fail_prefix(err, status, "function %.80s", f->name);
}

static int compare_functions(const void *a, const void *b)
{
    const anm_mil_function *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static anm_status sort_functions(anm_mil_function *functions, size_t n,
                                 anm_error *err)
{
    qsort(functions, n, sizeof(*functions), compare_functions);
    for (size_t i = 1; i < n; i++)
        if (strcmp(functions[i - 1].name, functions[i].name) == 0)
            return anm_fail(err, ANM_E_FORMAT, "two functions named %s",
                            functions[i].name);
    return ANM_OK;
}

static anm_status read_functions(anm_mlpackage_reading *r, anm_bytes message,
                                 anm_mil_function *functions, anm_error *err)
{
    enum { VERSION = 1, FUNCTIONS = 2 };
    size_t i = 0;
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        int64_t version = 0;

        if (f.number == VERSION) status = anm_pb_int(&f, &version, err);
        if (!status && (version < 0 || version > 1))
            status =
                anm_fail(err, ANM_E_UNSUPPORTED,
                         "program version %" PRId64 ", must be 1", version);
        if (!status && f.number == FUNCTIONS)
            status = read_function(r, &f, &functions[i++], err);
    }
    return status;
}

anm_status anm_reading_program(anm_mlpackage_reading *r, anm_bytes message,
                               anm_error *err)
{
    size_t n = 0;
    anm_status status = anm_pb_count(message, 2, &n, err);

    if (!status && !n)
        status = anm_fail(err, ANM_E_FORMAT, "a program without a function");
    if (status) return anm_fail_prefix(err, status, "mlProgram");
    anm_mil_function *functions = anm_reading_array(r, n, sizeof(*functions));
    if (!functions) return anm_reading_fail(r, err);
    r->view.functions = functions;
    r->view.n_functions = n;
    status = read_functions(r, message, functions, err);
    return status ? status : sort_functions(functions, n, err);
}
