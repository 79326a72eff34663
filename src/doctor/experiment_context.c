/* experiment_context.c - H2: who asks, and what else runs on the machine.
 *
 * Neighbours here are threads of this process that compute without pause: to
 * the system's scheduler they are what busy processes are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "doctor/experiment.h"

enum { CREW_MAX = 16, ROUNDS = 40 };

/* What calls take at least beside a busy thread a CPU. Short ones took 4 to 12
 * times as long; one that lasts longer than a turn of the scheduler gets half
 * of the CPU. At the least priority it gets a 68th of what the others have. */
enum { TIMES_SHORT = 4, TIMES_LONG = 2, TIMES_LOW = 60 };
static const uint64_t turn_ns = 20000000;

static size_t times_busy(const anm_exam *x)
{
    return x->least_ns > turn_ns ? TIMES_LONG : TIMES_SHORT;
}

static size_t times_low(const anm_exam *x)
{
    return x->least_ns > turn_ns ? TIMES_LOW : TIMES_SHORT;
}

// A call shorter than this is none that others wait for.
static const uint64_t no_time_ns = 5000, rest_ns = 1000000;

/* ---- Another thread ------------------------------------------------------------- */

/* A call that a thread of its own makes. */
typedef struct errand {
    anm_exam *x;
    anm_ask ask;
    float *vector;
    anm_receipt receipt;
    anm_status status;
    anm_error err;
    bool placed;
    bool (*place)(void); /* before the call; NULL: nowhere */
} errand;

static void run_errand(void *ctx)
{
    errand *e = ctx;

    e->placed = !e->place || e->place();
    if (e->placed)
        e->status =
            anm_exam_ask(e->x, &e->ask, e->vector, &e->receipt, &e->err);
}

/* *ns stays absent when the thread could not be placed. */
static anm_status send(anm_exam *x, const anm_arm_plan *arm,
                       bool (*place)(void), double *ns, anm_error *err)
{
    anm_thread thread;
    const size_t dim = anm_engine_source(x->engine)->recipe.dim;
    errand *e = anm_alloc_zero(sizeof(*e));

    if (!e) return anm_fail(err, ANM_E_NOMEM, "thread: out of memory");
    *e = (errand){ .x = x,
                   .place = place,
                   .vector = anm_alloc_array(dim, sizeof(float)),
                   .ask = { .pause_ns = anm_exam_pause(x),
                            .arm = arm->name,
                            .imposed = true } };
    anm_status status =
        e->vector ? anm_thread_start(&thread, run_errand, e, err)
                  : anm_fail(err, ANM_E_NOMEM, "thread: out of memory");
    if (!status) {
        anm_thread_join(&thread);
        status =
            e->status ? anm_fail(err, e->status, "%s", e->err.message) : ANM_OK;
        if (!status && e->placed) {
            *ns = (double)e->receipt.total_ns;
            status = anm_exam_keep(x, &e->ask, &e->receipt, err);
        }
    }
    anm_free(e->vector);
    anm_free(e);
    return status;
}

static anm_status take_new_thread(anm_exam *x, const anm_arm_plan *arm,
                                  double *ns, anm_error *err)
{
    return send(x, arm, NULL, ns, err);
}

ANM_RUN(new_thread)
{
    static const anm_arm_plan arms[] = {
        { .name = "thread that warmed up", .take = anm_take_unchanged },
        { .name = "a new thread each",
          .take = take_new_thread,
          .imposed = true },
        { .name = "thread that warmed up, again",
          .take = anm_take_unchanged,
          .is_base_again = true },
    };
    static const anm_rounds rounds = { arms, 3, ROUNDS, NULL };

    return anm_rounds_run(x, &rounds, out, err);
}

static bool pin_to_first(void)
{
    return anm_thread_pin(0);
}

static anm_status take_pinned(anm_exam *x, const anm_arm_plan *arm, double *ns,
                              anm_error *err)
{
    return send(x, arm, pin_to_first, ns, err);
}

ANM_RUN(pinning)
{
    static const anm_arm_plan arms[] = {
        { .name = "caller on any CPU",
          .take = take_new_thread,
          .imposed = true },
        { .name = "caller kept on one CPU",
          .take = take_pinned,
          .imposed = true },
        { .name = "caller on any CPU, again",
          .take = take_new_thread,
          .imposed = true,
          .is_base_again = true },
    };
    static const anm_rounds rounds = { arms, 3, ROUNDS, NULL };
    const anm_status status = anm_rounds_run(x, &rounds, out, err);

    if (!status && !out->answered && !out->arms[1].compared)
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "a thread cannot be kept on a CPU here");
    return status;
}

/* ---- A crew beside the call ------------------------------------------------------- */

/* Threads that run until told to stop. */
typedef struct crew {
    anm_exam *x;
    anm_thread threads[CREW_MAX];
    float *vectors; /* [n, dim] of callers */
    size_t n, dim;
    atomic_bool stop;
    atomic_size_t n_ready;
} crew;

typedef struct member {
    crew *of;
    size_t number;
} member;

static void keep_busy(void *ctx)
{
    member *m = ctx;

    atomic_fetch_add(&m->of->n_ready, 1);
    while (!atomic_load(&m->of->stop))
        anm_thread_burn(200000);
}

static void keep_asking(void *ctx)
{
    member *m = ctx;
    const anm_ask ask = { .arm = "other caller", .imposed = true };
    float *vector = m->of->vectors + m->number * m->of->dim;

    atomic_fetch_add(&m->of->n_ready, 1);
    while (!atomic_load(&m->of->stop)) {
        const uint64_t began = anm_now_ns();
        if (anm_exam_ask(m->of->x, &ask, vector, NULL, NULL)) break;
        // Who takes no time keeps nobody waiting, however often it asks.
        if (anm_now_ns() - began < no_time_ns) anm_sleep_ns(rest_ns);
    }
}

/* Who is at work beside a call, and how the call is made. */
typedef struct company {
    size_t n;
    void (*work)(void *member);
    anm_status (*call)(anm_exam *x, const anm_arm_plan *arm, double *ns,
                       anm_error *err);
} company;

/* Start the members, make the call with them at work, and end them. */
static anm_status call_beside(anm_exam *x, const company *with,
                              const anm_arm_plan *arm, double *ns,
                              anm_error *err)
{
    const size_t n = with->n < CREW_MAX ? with->n : CREW_MAX;
    member members[CREW_MAX];
    crew c = { .x = x, .dim = anm_engine_source(x->engine)->recipe.dim };
    anm_status status = ANM_OK;
    const uint64_t patience = anm_now_ns() + UINT64_C(200000000);

    c.vectors = anm_alloc_array(n * c.dim + 1, sizeof(float));
    if (!c.vectors) return anm_fail(err, ANM_E_NOMEM, "crew: out of memory");
    for (; c.n < n && !status; c.n += !status) {
        members[c.n] = (member){ .of = &c, .number = c.n };
        status =
            anm_thread_start(&c.threads[c.n], with->work, &members[c.n], err);
    }
    while (!status && atomic_load(&c.n_ready) < n && anm_now_ns() < patience)
        anm_sleep_ns(100000);
    if (!status) status = with->call(x, arm, ns, err);
    atomic_store(&c.stop, true);
    for (size_t i = 0; i < c.n; i++)
        anm_thread_join(&c.threads[i]);
    anm_free(c.vectors);
    return status;
}

/* ---- Callers ------------------------------------------------------------------------ */

static anm_status take_among_callers(anm_exam *x, const anm_arm_plan *arm,
                                     double *ns, anm_error *err)
{
    const company with = { arm->number - 1, keep_asking, anm_take_unchanged };

    return call_beside(x, &with, arm, ns, err);
}

ANM_RUN(callers)
{
    static const anm_arm_plan arms[] = {
        { .name = "alone", .take = anm_take_unchanged },
        { .name = "2 callers",
          .take = take_among_callers,
          .imposed = true,
          .unsettles = true,
          .number = 2 },
        { .name = "4 callers",
          .take = take_among_callers,
          .imposed = true,
          .unsettles = true,
          .number = 4 },
        { .name = "alone again",
          .take = anm_take_unchanged,
          .is_base_again = true },
    };
    static const anm_rounds rounds = { arms, 4, ROUNDS, NULL };

    return anm_rounds_run(x, &rounds, out, err);
}

/* ---- Neighbours ----------------------------------------------------------------------- */

static size_t n_neighbours(const anm_exam *x)
{
    return x->machine.cpus_allowed > 0 ? (size_t)x->machine.cpus_allowed : 2;
}

static anm_status take_among_neighbours(anm_exam *x, const anm_arm_plan *arm,
                                        double *ns, anm_error *err)
{
    const company with = { n_neighbours(x), keep_busy, anm_take_unchanged };

    return call_beside(x, &with, arm, ns, err);
}

ANM_RUN(neighbours)
{
    const anm_arm_plan arms[] = {
        { .name = "no neighbours", .take = anm_take_unchanged },
        { .name = "a busy neighbour a CPU",
          .take = take_among_neighbours,
          .times = times_busy(x),
          .imposed = true,
          .unsettles = true },
        { .name = "no neighbours, again",
          .take = anm_take_unchanged,
          .is_base_again = true },
    };
    const anm_rounds rounds = { arms, 3, ROUNDS, NULL };

    return anm_rounds_run(x, &rounds, out, err);
}

/* ---- Priority ---------------------------------------------------------------------------- */

static anm_status take_in_background(anm_exam *x, const anm_arm_plan *arm,
                                     double *ns, anm_error *err)
{
    return send(x, arm, anm_thread_yield_to_all, ns, err);
}

static anm_status take_foreground_busy(anm_exam *x, const anm_arm_plan *arm,
                                       double *ns, anm_error *err)
{
    const company with = { n_neighbours(x), keep_busy, take_new_thread };

    return call_beside(x, &with, arm, ns, err);
}

static anm_status take_background_busy(anm_exam *x, const anm_arm_plan *arm,
                                       double *ns, anm_error *err)
{
    const company with = { n_neighbours(x), keep_busy, take_in_background };

    return call_beside(x, &with, arm, ns, err);
}

/* Alone a low priority costs nothing: it is tried where others compete. */
ANM_RUN(background)
{
    const anm_arm_plan arms[] = {
        { .name = "foreground, neighbours busy",
          .take = take_foreground_busy,
          .times = times_busy(x),
          .imposed = true },
        { .name = "background, neighbours busy",
          .take = take_background_busy,
          .times = times_low(x),
          .imposed = true,
          .unsettles = true },
        { .name = "foreground, neighbours busy, again",
          .take = take_foreground_busy,
          .times = times_busy(x),
          .imposed = true,
          .is_base_again = true },
    };
    const anm_rounds rounds = { arms, 3, ROUNDS, NULL };
    const anm_status status = anm_rounds_run(x, &rounds, out, err);

    if (!status && !out->answered && !out->arms[1].compared)
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "a thread cannot be given a lower priority here");
    return status;
}
