/* verb_plan.c - `plan`: where each operation would run, and the contract.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "document.h"
#include "session.h"
#include "table.h"

#include <string.h>

typedef struct plan_options {
    const char *from;
} plan_options;

static const cli_option options[] = {
    { "from", 0, CLI_STRING, offsetof(plan_options, from), "FILE",
      "read a plan of a Core ML package that a Mac recorded", 0, 0 },
};

static void print_ops(const cli *c, const json_t *root)
{
    const json_t *ops = json_object_get(root, "ops"), *op;
    cli_table t = { 0 };
    size_t i;

    cli_table_add(&t, "OPERATION\tTYPE\tDEVICE\tSHARE\tEVIDENCE\tREASON");
    json_array_foreach(ops, i, op)
    {
        char name[128], type[64], device[16], evidence[16], reason[256];
        cli_member_text(op, "name", name, sizeof(name));
        cli_member_text(op, "type", type, sizeof(type));
        cli_member_text(op, "device", device, sizeof(device));
        cli_member_text(op, "evidence", evidence, sizeof(evidence));
        cli_member_text(op, "reason", reason, sizeof(reason));
        cli_table_add(&t, "%s\t%s\t%s\t%.2f %%\t%s\t%s", name, type, device,
                      100.0 * cli_member_number(op, "cost_share", 0.0),
                      evidence, reason);
    }
    if (i) {
        cli_table_print(&t, "lllrl", true, &c->term, stdout);
        fputc('\n', stdout);
    } else {
        cli_table_print(&t, "l", true, &c->term, stdout);
    }
}

static void print_fidelity(const json_t *root)
{
    const json_t *f = json_object_get(root, "fidelity");
    char precision[16];

    if (!f) return;
    cli_member_text(root, "precision", precision, sizeof(precision));
    printf("fidelity  %s: cosine with the weights as stored at least %.5f, "
           "median %.5f\n",
           precision, cli_member_number(f, "cosine_least", 0.0),
           cli_member_number(f, "cosine_p50", 0.0));
}

static void print_totals(const cli *c, const json_t *root, bool met)
{
    const json_t *contract = json_object_get(root, "contract");
    json_t *shares = json_object_get(root, "share"), *share, *predicted;
    const char *device;
    char units[32], require[32], reason[600];

    predicted = json_object_get(root, "predicted");
    cli_member_text(root, "units", units, sizeof(units));
    cli_member_text(contract, "require", require, sizeof(require));
    cli_member_text(contract, "reason", reason, sizeof(reason));
    printf("units     %s\n", units);
    json_object_foreach(predicted, device, share)
        printf("on a Mac  %s %.1f %%, predicted\n", device,
               100.0 * json_number_value(share));
    print_fidelity(root);
    json_object_foreach(shares, device, share) printf(
        "share     %s %.1f %%\n", device, 100.0 * json_number_value(share));
    printf("contract  %s: %s%s%s\n", require,
           cli_ink_on(&c->term, met ? CLI_GREEN : CLI_RED),
           met ? "met" : "not met", cli_ink_on(&c->term, CLI_PLAIN));
    if (strcmp(reason, "-")) {
        fputs("          ", stdout);
        cli_wrap(stdout, reason, 10, 80);
    }
}

static int run_plan(cli *c, int argc, char **argv)
{
    plan_options o = { 0 };
    cli_session session;
    anm_options model;
    anm_error err;
    char *json = NULL;
    bool met = false;

    if (!cli_begin(c, &o, argc, argv)) return c->exit_code;
    cli_session_options(&session, c, &model);
    anm_status status = cli_session_model(c, &model, &err);
    if (!status)
        status = o.from ? anm_plan_from(&model, o.from, &json, &met, &err)
                        : anm_plan(&model, &json, &met, &err);
    cli_progress_end(&session.progress);
    if (status) return cli_report(c, &err);

    if (c->json) {
        cli_document_write(stdout, json);
    } else {
        json_t *root = cli_document_read(json, &err);
        if (root) {
            print_ops(c, root);
            print_totals(c, root, met);
        }
        json_decref(root);
    }
    anm_free(json);
    return cli_finish(c, met ? CLI_DONE : CLI_NEGATIVE);
}

const cli_verb cli_verb_plan = {
    .name = "plan",
    .summary = "tell where each operation would run",
    .arguments = "[MODEL]",
    .about = "Prints per operation the device, its share of the estimated "
             "cost and the reason, then the totals and whether the contract "
             "would be met. Exits with 1 when it would not. For a Core ML "
             "package the operations are what a Mac with a Neural Engine would "
             "probably do, or what --from says that one does.",
    .example = "anemone plan -m all-MiniLM-L6-v2 --units CPU_ONLY",
    .run = run_plan,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
