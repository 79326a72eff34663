/* doctor_api.c - the doctor's calls: arguments checked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"
#include "base/error.h"
#include "doctor/doctor.h"
#include "doctor/page.h"

anm_status anm_doctor(const anm_options *options,
                      const anm_doctor_params *params, char **json,
                      size_t *n_findings, anm_error *err)
{
    anm_status status = anm_check_options(options, err);

    if (!status) status = anm_check_given(json, "json", err);
    if (status) return status;
    return anm_doctor_run(options, params, json, n_findings, err);
}

anm_status anm_doctor_receipts(const char *path, const char *settings,
                               char **json, size_t *n_findings, anm_error *err)
{
    anm_status status = anm_check_given(path, "path", err);

    if (!status) status = anm_check_given(json, "json", err);
    if (status) return status;
    return anm_doctor_read(path, settings, json, n_findings, err);
}

const char *const *anm_doctor_experiments(void)
{
    return anm_doctor_names();
}

anm_status anm_doctor_page(const char *json, char **html, anm_error *err)
{
    anm_status status = anm_check_given(json, "json", err);

    if (!status) status = anm_check_given(html, "html", err);
    if (status) return status;
    return anm_page_write(json, html, err);
}
