/* verb_doctor.c - `doctor --settings`: every setting and where it came from.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

typedef struct doctor_options {
    bool settings;
} doctor_options;

static const cli_option options[] = {
    { "settings", 0, CLI_SWITCH, offsetof(doctor_options, settings), NULL,
      "print every setting, its value and where it came from", 0, 0 },
};

static int run_doctor(cli *c, int argc, char **argv)
{
    doctor_options o = { 0 };
    anm_error err;

    if (!cli_begin(c, &o, argc, argv)) return c->exit_code;
    if (!o.settings || c->n_args) {
        cli_fail(&err, ANM_E_ARG,
                 "only --settings is in this version; experiments are not");
        return cli_report(c, &err);
    }
    if (c->json) {
        fputs("{\"anemone_doctor\":1,\"settings\":", stdout);
        cli_settings_json(&c->settings, stdout);
        fputs("}\n", stdout);
    } else {
        cli_settings_print(&c->settings, &c->term, stdout);
    }
    return cli_finish(c, CLI_DONE);
}

const cli_verb cli_verb_doctor = {
    .name = "doctor",
    .summary = "print the settings in effect",
    .arguments = "--settings",
    .about = "Prints every setting, its value, and whether it came from a "
             "flag, from the environment or from the default.",
    .example = "ANEMONE_UNITS=CPU_ONLY anemone doctor --settings",
    .run = run_doctor,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
