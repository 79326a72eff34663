/* fidelity.c - how near the vectors of rounded weights are to those of the weights
 * as they are stored.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/fidelity.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "engine/guard.h"
#include "engine/state.h"
#include "graph/keep.h"

static const char section_name[] = "fidelity";

static const char *const texts[] = {
    "what are my Q2 goals?",
    "The lease of the flat on Mill Street ends in March.",
    "Tickets for the 19:40 train are in the blue folder, seats 61 and 62",
    "for (i = 0; i < n; i++) sum += a[i] * b[i];",
    "error: cannot open /var/log/app.log: permission denied",
    "Die Prüfung der Bremsen kostet im Herbst weniger als im Frühjahr.",
    "Où est rangée la clé de la cave, et qui l'a prise hier ?",
    "¿Cuándo llega el paquete con los libros de la abuela?",
    "Поезд опаздывает на двадцать минут из-за снега.",
    "Το μουσείο είναι κλειστό κάθε Δευτέρα.",
    "متى يبدأ اجتماع الغد؟",
    "कल की बैठक किस समय है?",
    "会议改到星期四下午三点。",
    "明日の会議は何時からですか。",
    "내일 회의는 몇 시에 시작하나요?",
};

/* Cut to every class of length. */
static const char passage[] =
    "A short walk leads from the station to the harbour, where the fish market "
    "opens before sunrise. Boats unload crates of herring, mackerel and crab; "
    "buyers from the restaurants in the hills shout their offers, and by eight "
    "o'clock the stalls are washed down again. In winter the ferries run only "
    "twice a day, so whoever wants to see the lighthouse on the far island has "
    "to stay until the evening. The keeper's daughter still paints the door "
    "every spring, always in the same green, and keeps a book in which "
    "visitors "
    "write their names, the weather and what they hoped to find. ";

enum {
    N_TEXTS = sizeof(texts) / sizeof(texts[0]),
    N_LENGTHS = 7,
    SHORTEST = 8,
    N_ALL = N_TEXTS + N_LENGTHS,
    COPIES = 6, /* of the passage: more than the longest class */
};

/* Longer texts are left out of a model that takes longer for them. */
static const double macs_most = 3e10;

/* Least cosine that a precision may have. */
static float floor_of(anm_precision precision)
{
    switch (precision) {
    case ANM_PRECISION_BF16:
        return 0.999f;
    case ANM_PRECISION_INT8:
        return 0.99f;
    case ANM_PRECISION_INT4:
        return 0.9f;
    case ANM_PRECISION_DEFAULT:
    case ANM_PRECISION_F32:
        break;
    }
    return 1.0f;
}

bool anm_fidelity_applies(const anm_engine *e)
{
    return e->graph && anm_precision_rounds(anm_graph_main_type(e->graph),
                                            e->program.precision);
}

/* ---- Measuring ------------------------------------------------------------ */

/* The same texts through both. */
typedef struct pair {
    anm_engine *e, *whole;
    anm_runner *runner; /* of the rounded weights */
    anm_inputs inputs;
    float *a, *b; /* [dim] */
    float cosines[N_ALL];
    size_t n;
} pair;

static anm_status add_texts(pair *p, anm_error *err)
{
    anm_input_params params = {
        .tokenizer = p->e->source->tokenizer,
        .vocab_rows = p->e->source->vocab_rows,
        .max_tokens = p->e->program.max_tokens,
    };
    char long_text[COPIES * sizeof(passage)];
    size_t len = 0;
    anm_status status = ANM_OK;

    for (size_t i = 0; i < N_TEXTS && !status; i++)
        status =
            anm_inputs_add(&p->inputs, &params, anm_text_of(texts[i]), err);
    for (size_t i = 0; i < COPIES; i++) {
        memcpy(long_text + len, passage, sizeof(passage) - 1);
        len += sizeof(passage) - 1;
    }
    for (size_t i = 0; i < N_LENGTHS && !status; i++) {
        const size_t length = (size_t)SHORTEST << i;
        if (length > p->e->program.max_tokens ||
            (i && anm_engine_macs(p->e, length) > macs_most))
            break;
        params.max_tokens = length;
        status = anm_inputs_add(&p->inputs, &params,
                                (anm_text){ long_text, len }, err);
    }
    return status;
}

static anm_status embed(const pair *p, anm_runner *runner, size_t text,
                        float *v, anm_error *err)
{
    uint64_t bind_ns;
    const anm_call call = {
        .inputs = &p->inputs.items[text],
        .n_inputs = 1,
        .vectors = v,
    };
    const anm_status status =
        p->e->backend->predict(runner, &call, &bind_ns, err);

    return status ? status
                  : anm_guard_check(v, p->e->program.dim,
                                    p->e->source->recipe.normalize, text, err);
}

static float cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return (float)(ab / sqrt(aa * bb));
}

static anm_status compare(pair *p, anm_error *err)
{
    const float floor = floor_of(p->e->program.precision);

    for (size_t i = 0; i < p->inputs.n; i++) {
        anm_status status = embed(p, p->runner, i, p->a, err);
        if (!status) status = embed(p, p->whole->runner, i, p->b, err);
        if (status) return status;
        const float c = cosine(p->a, p->b, p->e->program.dim);
        if (!(c >= floor))
            return anm_fail(
                err, ANM_E_UNSUPPORTED,
                "precision %s: a text of %zu tokens has a cosine of "
                "%.4f with what the weights as stored give, must "
                "have %.4g",
                anm_precision_name(p->e->program.precision),
                p->inputs.items[i].len, (double)c, (double)floor);
        p->cosines[p->n++] = c;
        if (p->e->progress)
            p->e->progress(p->e->progress_ctx, "measure", p->n, p->inputs.n);
    }
    return ANM_OK;
}

static anm_status open_both(pair *p, const anm_options *options,
                            const anm_sections *sections, anm_error *err)
{
    anm_options as_stored = *options;
    const size_t dim = p->e->program.dim;

    as_stored.precision = ANM_PRECISION_DEFAULT;
    // Whoever wants smaller weights may have no room to serve from those: for
    // once their pages may come from the file as they are needed.
    as_stored.overcommit = options->overcommit || p->e->cache != NULL;
    p->a = anm_alloc_array(dim, 2 * sizeof(*p->a));
    if (!p->a) return anm_fail(err, ANM_E_NOMEM, "fidelity: out of memory");
    p->b = p->a + dim;
    anm_status status = add_texts(p, err);
    if (!status) status = anm_engine_open(&p->whole, &as_stored, err);
    if (!status)
        status = p->e->backend->load(&p->runner, &p->e->program, &p->e->load,
                                     sections, err);
    return status;
}

static void close_both(pair *p)
{
    if (p->runner) p->e->backend->unload(p->runner);
    anm_engine_close(p->whole);
    anm_inputs_deinit(&p->inputs);
    anm_free(p->a);
}

/* ---- Keeping -------------------------------------------------------------- */

static int compare_floats(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

anm_status anm_fidelity_write(anm_engine *e, const anm_options *options,
                              const anm_sections *sections,
                              const anm_section_sink *sink, anm_error *err)
{
    pair p = { .e = e };
    anm_status status = open_both(&p, options, sections, err);

    if (!status) status = compare(&p, err);
    close_both(&p);
    if (status) return status;
    qsort(p.cosines, p.n, sizeof(p.cosines[0]), compare_floats);
    const anm_fidelity f = { .texts = (uint32_t)p.n,
                             .least = p.cosines[0],
                             .median = p.cosines[p.n / 2] };
    status = sink->begin(sink->ctx, section_name, sizeof(f), err);
    return status ? status : sink->write(sink->ctx, &f, sizeof(f), err);
}

bool anm_fidelity_read(const anm_engine *e, anm_fidelity *out)
{
    anm_bytes found = { 0 };

    if (!anm_sections_find(&e->artifact.sections, section_name, &found) ||
        found.len != sizeof(*out))
        return false;
    memcpy(out, found.data, sizeof(*out));
    return true;
}
