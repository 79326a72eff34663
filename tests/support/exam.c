/* exam.c - see exam.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/exam.h"

#include "base/alloc.h"
#include "support/models.h"

anm_exam *test_exam_new(void)
{
    anm_exam *x = anm_alloc_zero(sizeof(*x));

    assert_non_null(x);
    x->draws = 1;
    return x;
}

anm_exam *test_exam_open(const anm_doctor_params *params)
{
    anm_exam *x = test_exam_new();
    anm_error err;

    x->options = test_options("tiny-bert-mean");
    x->params = params;
    x->end_ns = UINT64_MAX;
    x->text = anm_text_of("a river");
    if (anm_engine_open(&x->engine, &x->options, &err))
        fail_msg("%s", err.message);
    x->vector = anm_alloc_array(anm_engine_source(x->engine)->recipe.dim,
                                sizeof(float));
    assert_non_null(x->vector);
    return x;
}

void test_exam_free(anm_exam *x)
{
    if (!x) return;
    anm_engine_close(x->engine);
    anm_free(x->vector);
    anm_free(x->noise);
    anm_records_deinit(&x->records);
    anm_free(x);
}

anm_answer test_exam_ask(anm_exam *x, anm_outcome *out, const anm_experiment *e)
{
    anm_error err;

    out->of = e;
    assert_int_equal(e->run(x, out, &err), ANM_OK);
    anm_outcomes_judge(out, 1);
    assert_true(*out->evidence);
    return out->answer;
}
