/* exam.h - what the experiments of the doctor are asked with.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_SUPPORT_EXAM_H
#define ANM_TEST_SUPPORT_EXAM_H

#include "doctor/experiment.h"

/* Without a model: only calls and loads that the test gives it. */
anm_exam *test_exam_new(void);

/* Of a tiny model, with all the time there is. `params` is borrowed. */
anm_exam *test_exam_open(const anm_doctor_params *params);

/* NULL is fine. */
void test_exam_free(anm_exam *x);

/* The answer to one experiment, judged alone; it must say why. `out` is zero
 * before and is the caller's to release. */
anm_answer test_exam_ask(anm_exam *x, anm_outcome *out,
                         const anm_experiment *e);

#endif
