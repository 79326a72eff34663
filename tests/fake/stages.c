/* stages.c - functions of the product that take time on a played machine, in
 * place of which the linker calls these (--wrap).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fake/app.h"

#include <string.h>
#include <time.h>

#include "backend/fake/fake.h"
#include "base/virtual.h"
#include "engine/artifact.h"
#include "engine/engine.h"
#include "engine/guard.h"
#include "engine/input.h"

anm_status __real_anm_inputs_add(anm_inputs *in, const anm_input_params *params,
                                 anm_text text, anm_error *err);
anm_status __wrap_anm_inputs_add(anm_inputs *in, const anm_input_params *params,
                                 anm_text text, anm_error *err);
anm_status __real_anm_guard_check(const float *v, size_t dim, bool unit,
                                  size_t index, anm_error *err);
anm_status __wrap_anm_guard_check(const float *v, size_t dim, bool unit,
                                  size_t index, anm_error *err);
anm_status __real_anm_engine_open(anm_engine **out, const anm_options *options,
                                  anm_error *err);
anm_status __wrap_anm_engine_open(anm_engine **out, const anm_options *options,
                                  anm_error *err);
anm_status __real_anm_engine_warm(anm_engine *e, const size_t *lengths,
                                  size_t n_lengths, unsigned budget_ms,
                                  bool again, anm_error *err);
anm_status __wrap_anm_engine_warm(anm_engine *e, const size_t *lengths,
                                  size_t n_lengths, unsigned budget_ms,
                                  bool again, anm_error *err);
anm_status __real_anm_artifact_open(anm_artifact *out,
                                    const anm_artifact_key *key,
                                    const anm_artifact_params *params,
                                    const anm_artifact_builder *builder,
                                    anm_error *err);
anm_status __wrap_anm_artifact_open(anm_artifact *out,
                                    const anm_artifact_key *key,
                                    const anm_artifact_params *params,
                                    const anm_artifact_builder *builder,
                                    anm_error *err);
anm_status __wrap_cli_run_beside(void (*fn)(void *ctx), void *const *ctxs,
                                 size_t n, anm_error *err);
uint64_t __wrap_cli_now_ns(void);
int __wrap_nanosleep(const struct timespec *request, struct timespec *left);

anm_status __wrap_anm_inputs_add(anm_inputs *in, const anm_input_params *params,
                                 anm_text text, anm_error *err)
{
    anm_fake_spend_stage(ANM_FAKE_TOKENIZE);
    return __real_anm_inputs_add(in, params, text, err);
}

anm_status __wrap_anm_guard_check(const float *v, size_t dim, bool unit,
                                  size_t index, anm_error *err)
{
    anm_fake_spend_stage(ANM_FAKE_POST);
    return __real_anm_guard_check(v, dim, unit, index, err);
}

/* Whoever opens and warms up: the machine knows in which phase it is. */
anm_status __wrap_anm_engine_open(anm_engine **out, const anm_options *options,
                                  anm_error *err)
{
    anm_fake_enter_phase(ANM_FAKE_OPEN);
    const anm_status status = __real_anm_engine_open(out, options, err);
    anm_fake_enter_phase(ANM_FAKE_LIVE);
    return status;
}

anm_status __wrap_anm_engine_warm(anm_engine *e, const size_t *lengths,
                                  size_t n_lengths, unsigned budget_ms,
                                  bool again, anm_error *err)
{
    anm_fake_enter_phase(ANM_FAKE_WARM);
    const anm_status status =
        __real_anm_engine_warm(e, lengths, n_lengths, budget_ms, again, err);
    anm_fake_enter_phase(ANM_FAKE_LIVE);
    return status;
}

/* An artifact of another configuration holds other bytes than the one that the
 * bands were measured with: that shows in its digest and nowhere else. */
anm_status __wrap_anm_artifact_open(anm_artifact *out,
                                    const anm_artifact_key *key,
                                    const anm_artifact_params *params,
                                    const anm_artifact_builder *builder,
                                    anm_error *err)
{
    const anm_status status =
        __real_anm_artifact_open(out, key, params, builder, err);

    if (!status && strcmp(out->state, "hit") == 0 && anm_fake_found_stale())
        out->digest[0] ^= 0xff;
    return status;
}

/* Callers take their turns in virtual time, as those of a workload do. */
anm_status __wrap_cli_run_beside(void (*fn)(void *ctx), void *const *ctxs,
                                 size_t n, anm_error *err)
{
    for (size_t i = 1; i < n; i++) {
        const anm_status status =
            anm_virtual_start(fn, ctxs[i], anm_virtual_now(), err);
        if (status) return status;
    }
    fn(ctxs[0]);
    anm_virtual_join();
    return ANM_OK;
}

uint64_t __wrap_cli_now_ns(void)
{
    return anm_virtual_read();
}

int __wrap_nanosleep(const struct timespec *request, struct timespec *left)
{
    (void)left;
    anm_virtual_spend((uint64_t)request->tv_sec * 1000000000 +
                          (uint64_t)request->tv_nsec,
                      false);
    return 0;
}
