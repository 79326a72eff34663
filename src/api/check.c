/* check.c - arguments from outside, checked once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"

#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

enum { THREADS_MAX = 1024 };

anm_status anm_check_given(const void *pointer, const char *what,
                           anm_error *err)
{
    return pointer ? ANM_OK
                   : anm_fail(err, ANM_E_ARG, "%s: NULL is not allowed", what);
}

static anm_status check_range(const char *what, int value, int last,
                              anm_error *err)
{
    if (value >= 0 && value <= last) return ANM_OK;
    return anm_fail(err, ANM_E_ARG, "options.%s: %d, must be in [0, %d]", what,
                    value, last);
}

anm_status anm_check_choices(const anm_options *options, anm_error *err)
{
    anm_status status =
        check_range("normalize", (int)options->normalize, ANM_CHOICE_NO, err);

    if (!status)
        status = check_range("lowercase", (int)options->lowercase,
                             ANM_CHOICE_NO, err);
    if (!status)
        status =
            check_range("add_eos", (int)options->add_eos, ANM_CHOICE_NO, err);
    return status;
}

anm_status anm_check_options(const anm_options *options, anm_error *err)
{
    const anm_status status = anm_check_given(options, "options", err);

    if (status) return status;
    if (!options->model || !*options->model)
        return anm_fail(err, ANM_E_ARG, "options.model: must name a model");
    return anm_check_opening(options, err);
}

anm_status anm_check_opening(const anm_options *options, anm_error *err)
{
    const unsigned devices = (1u << ANM_DEVICE_COUNT) - 1;
    anm_status status =
        check_range("units", (int)options->units, ANM_UNITS_CPU_ONLY, err);

    if (!status)
        status = check_range("precision", (int)options->precision,
                             ANM_PRECISION_INT4, err);
    if (!status)
        status = check_range("log_level", (int)options->log_level,
                             ANM_LOG_DEBUG, err);
    if (!status) status = anm_check_choices(options, err);
    if (status) return status;
    if (options->threads > THREADS_MAX)
        return anm_fail(err, ANM_E_ARG, "threads: %u, must be in [1, %d]",
                        options->threads, THREADS_MAX);
    if (options->allow_fallback & ~devices)
        return anm_fail(err, ANM_E_ARG,
                        "options.allow_fallback: 0x%x, allowed bits are 0x%x",
                        options->allow_fallback, devices);
    return ANM_OK;
}

anm_status anm_check_params(const anm_embed_params *params, anm_error *err)
{
    if (!params || !params->prompt_text) return ANM_OK;
    if (params->prompt)
        return anm_fail(err, ANM_E_ARG,
                        "prompt and prompt_text exclude each other");
    const size_t len = strlen(params->prompt_text);
    if (len > ANM_TEXT_MAX_BYTES)
        return anm_fail(err, ANM_E_LIMIT, "prompt_text: %zu bytes, at most %zu",
                        len, ANM_TEXT_MAX_BYTES);
    const size_t bad = anm_utf8_invalid_at(params->prompt_text, len);
    if (bad < len)
        return anm_fail(err, ANM_E_ARG,
                        "prompt_text: invalid UTF-8 at byte %zu", bad);
    return ANM_OK;
}

anm_status anm_check_texts(const anm_text *texts, size_t n, anm_error *err)
{
    if (n && !texts) return anm_check_given(texts, "texts", err);
    for (size_t i = 0; i < n; i++)
        if (!texts[i].data && texts[i].len)
            return anm_fail(err, ANM_E_ARG, "text %zu: %zu bytes at NULL", i,
                            texts[i].len);
    return ANM_OK;
}
