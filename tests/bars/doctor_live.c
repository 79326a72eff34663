/* doctor_live.c - a process that serves, with one thing wrong: its receipts,
 * a JSON line each, are what `doctor --receipts` is tried on.
 *
 *     doctor_live MODEL CACHE steady|callers|longer|idle|wake|outside [N]
 *
 * Ten calls as they should be, then twenty with the condition, N of it.
 *
 * callers: N of them ask at the same moment, as a page does that needs N
 * answers; callers who only ask often drift apart and wait no more.
 *
 * idle: twelve pauses of N ms, a call after each, and two calls in quick
 * succession behind it, which show what is slow for another reason. In the
 * pause neighbours sweep the caches, and they rest before the call.
 *
 * wake: the same pauses without neighbours, before a device that falls asleep
 * when nobody asks for a second: its next prediction takes twice as long, in
 * warm-up as well as after it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend/backend.h"
#include "base/clock.h"
#include "engine/guard.h"

enum {
    BEFORE = 10,
    WITH = 20,
    IDLE = 12,
    AFTER_IDLE = 2,
    CALLERS_MAX = 16,
    LONG_BYTES = 4096,
    SWEEPERS = 2,
    SWEPT_BYTES = 128 << 20, // several times a shared cache
    REST_MS = 50,
};

// So that the first start measures what gaps of seconds cost.
enum { WARM_MS = 60000 };

static const uint64_t asleep_after_ns = 1000000000;

static unsigned extra_ms; /* that the stage `post` takes */
static bool falls_asleep; /* the device */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

anm_status __real_anm_guard_check(const float *v, size_t dim, bool unit,
                                  size_t index, anm_error *err);
anm_status __wrap_anm_guard_check(const float *v, size_t dim, bool unit,
                                  size_t index, anm_error *err);

static void rest(unsigned ms)
{
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000,
                                  .tv_nsec = (long)(ms % 1000) * 1000000 },
              NULL);
}

anm_status __wrap_anm_guard_check(const float *v, size_t dim, bool unit,
                                  size_t index, anm_error *err)
{
    if (extra_ms) rest(extra_ms);
    return __real_anm_guard_check(v, dim, unit, index, err);
}

anm_status __real_anm_cpu_predict(anm_runner *r, const anm_call *call,
                                  uint64_t *bind_ns, anm_error *err);
anm_status __wrap_anm_cpu_predict(anm_runner *r, const anm_call *call,
                                  uint64_t *bind_ns, anm_error *err);

anm_status __wrap_anm_cpu_predict(anm_runner *r, const anm_call *call,
                                  uint64_t *bind_ns, anm_error *err)
{
    static uint64_t end_ns, took_ns;
    const uint64_t start_ns = anm_now_ns();
    uint64_t awake_ns = start_ns;

    if (falls_asleep && end_ns && start_ns - end_ns > asleep_after_ns)
        while (awake_ns < start_ns + took_ns)
            awake_ns = anm_now_ns();
    const anm_status status = __real_anm_cpu_predict(r, call, bind_ns, err);
    end_ns = anm_now_ns();
    took_ns = end_ns - awake_ns;
    return status;
}

static void die(const char *what, const anm_error *err)
{
    fprintf(stderr, "doctor_live: %s: %s\n", what, err->message);
    exit(1);
}

static void ask(anm_model *m, const char *text)
{
    const anm_text one = anm_text_of(text);
    float *vector = calloc(anm_model_dim(m), sizeof(*vector));
    anm_receipt r;
    anm_error err;
    char *json;

    if (anm_embed_with(m, &one, 1, NULL, vector, NULL, &r, &err))
        die("embed", &err);
    free(vector);
    if (anm_receipt_json(&r, &json, &err)) die("receipt", &err);
    pthread_mutex_lock(&log_lock);
    puts(json);
    pthread_mutex_unlock(&log_lock);
    anm_free(json);
}

/* ---- Callers ----------------------------------------------------------------- */

typedef struct crowd {
    anm_model *model;
    pthread_barrier_t moment;
} crowd;

static void *ask_at_once(void *ctx)
{
    crowd *c = ctx;

    for (int i = 0; i < WITH; i++) {
        rest(300);
        pthread_barrier_wait(&c->moment);
        ask(c->model, "what are my Q2 goals?");
    }
    return NULL;
}

static void ask_together(anm_model *m, unsigned n)
{
    pthread_t threads[CALLERS_MAX];
    crowd c = { .model = m };

    if (n > CALLERS_MAX) n = CALLERS_MAX;
    if (n == 0 || pthread_barrier_init(&c.moment, NULL, n)) exit(1);
    for (unsigned i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, ask_at_once, &c)) exit(1);
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&c.moment);
}

/* ---- Pauses ------------------------------------------------------------------ */

/* Processes of their own that go over more memory than caches hold. */
static void sweep(pid_t sweepers[SWEEPERS])
{
    for (int i = 0; i < SWEEPERS; i++) {
        sweepers[i] = fork();
        if (sweepers[i] < 0) exit(1);
        if (sweepers[i] > 0) continue;
        volatile char *swept = mmap(NULL, SWEPT_BYTES, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (swept == MAP_FAILED) _exit(1);
        for (size_t at = 0;; at = (at + 64) % SWEPT_BYTES)
            swept[at]++;
    }
}

static void end_sweep(const pid_t sweepers[SWEEPERS])
{
    for (int i = 0; i < SWEEPERS; i++) {
        kill(sweepers[i], SIGKILL);
        waitpid(sweepers[i], NULL, 0);
    }
}

static void rest_while_swept(unsigned ms)
{
    pid_t sweepers[SWEEPERS];

    sweep(sweepers);
    rest(ms);
    end_sweep(sweepers);
    rest(REST_MS);
}

static void ask_after_pauses(anm_model *m, unsigned ms,
                             void (*pause)(unsigned ms))
{
    const char *text = "what are my Q2 goals?";

    for (int i = 0; i < IDLE; i++) {
        pause(ms);
        ask(m, text);
        for (int k = 0; k < AFTER_IDLE; k++) {
            rest(REST_MS);
            ask(m, text);
        }
    }
}

static void ask_with(anm_model *m, const char *mode, unsigned n)
{
    static char text[LONG_BYTES];
    const bool is_longer = strcmp(mode, "longer") == 0;

    strcpy(text, "what are my Q2 goals?");
    for (unsigned i = 1; is_longer && i < n && i < 128; i++)
        strcat(text, " what are my goals?");
    if (strcmp(mode, "callers") == 0) {
        ask_together(m, n);
        return;
    }
    if (strcmp(mode, "idle") == 0 || falls_asleep) {
        ask_after_pauses(m, n, falls_asleep ? rest : rest_while_swept);
        return;
    }
    if (strcmp(mode, "outside") == 0) extra_ms = n;
    for (int i = 0; i < WITH; i++) {
        rest(300);
        ask(m, text);
    }
}

int main(int argc, char **argv)
{
    static const size_t lengths[] = { 8, 16 };
    anm_options o;
    anm_model *m;
    anm_error err;

    if (argc < 4) return 2;
    falls_asleep = strcmp(argv[3], "wake") == 0;
    anm_options_init(&o);
    o.model = argv[1];
    o.cache_dir = argv[2];
    if (anm_model_open(&m, &o, &err)) die("open", &err);
    if (anm_model_warm(m, lengths, 2, WARM_MS, false, &err)) die("warm", &err);
    for (int i = 0; i < BEFORE; i++) {
        rest(300);
        ask(m, "what are my Q2 goals?");
    }
    ask_with(m, argv[3], argc > 4 ? (unsigned)atoi(argv[4]) : 1);
    anm_model_close(m);
    return 0;
}
