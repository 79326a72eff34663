/* cpu_arrays_conv.c - convolutions. A pointwise one with constant weights is a
 * product over packed weights for each position; that is what transformers
 * laid out for the Neural Engine are made of. The others are computed tap by
 * tap.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/cpu/arrays/cpu_arrays_ops.h"

/* Positions of one unit of work. */
enum { POSITIONS = 64 };

bool anm_cpu_array_is_pointwise(const anm_array_attr *attr,
                                const anm_array_type *w)
{
    if (attr->groups > 1 || w->rank < 3 || w->rank > 5) return false;
    // No product has such weights, and no shape fits them.
    if (w->dims[0] < 1 || w->dims[1] < 1) return false;
    for (unsigned i = 0; i < w->rank - 2; i++) {
        if (w->dims[i + 2] != 1 || attr->strides[i] > 1) return false;
        if (attr->pad_type == ANM_ARRAY_PAD_CUSTOM &&
            (attr->pads[2 * i] || attr->pads[2 * i + 1]))
            return false;
    }
    return true;
}

static bool is_product(const anm_cpu_array_step *s)
{
    return s->in[1]->panels &&
           anm_cpu_array_is_pointwise(&s->node->attr, &s->in[1]->type);
}

/* Positions behind the first two axes. */
static size_t positions_of(const anm_array_type *t)
{
    size_t n = 1;

    for (unsigned i = 2; i < t->rank; i++)
        n *= (size_t)t->dims[i];
    return n;
}

size_t anm_cpu_array_room_conv(const anm_cpu_array_step *s, unsigned n_members)
{
    (void)n_members;
    if (!is_product(s)) return 0;
    return (size_t)(s->in[0]->type.dims[1] + s->out[0]->type.dims[1]) *
           POSITIONS;
}

/* [rows, n] of `from`, ld apart, to [n, rows]. */
static void turn(float *to, size_t ld_to, const float *from, size_t ld_from,
                 size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < n; j++)
            to[j * ld_to + i] = from[i * ld_from + j];
    }
}

/* A unit of work: n positions from `first` on, of one image, for some panels of
 * output channels. */
typedef struct unit {
    size_t image, first, n, panel, n_panels;
} unit;

static void multiply(const anm_cpu_array_step *s, const anm_cpu_turn *t,
                     const unit *u)
{
    const size_t all = positions_of(&s->out[0]->type);
    const size_t c = (size_t)s->in[0]->type.dims[1];
    const size_t o = (size_t)s->out[0]->type.dims[1];
    const anm_cpu_array *bias = anm_cpu_input(s, 2);
    const size_t channel = u->panel * ANM_PANEL;
    const size_t n_channels = o - channel < u->n_panels * ANM_PANEL
                                  ? o - channel
                                  : u->n_panels * ANM_PANEL;
    float *x = t->scratch, *y = t->scratch + c * POSITIONS;

    turn(x, c, anm_cpu_floats(s->in[0]) + u->image * c * all + u->first, all, c,
         u->n);
    t->kern->gemm_f32(&(anm_gemm_f32){
        .m = u->n,
        .n = o,
        .k = c,
        .a = x,
        .lda = c,
        .w = s->in[1]->panels,
        .w_type = s->in[1]->stored_type,
        .c = y,
        .ldc = o,
        .bias = bias ? bias->data : NULL,
        .act = s->node->attr.act,
        .panel_first = u->panel,
        .panel_count = u->n_panels,
    });
    turn((float *)s->out[0]->data + (u->image * o + channel) * all + u->first,
         all, y + channel, o, u->n, n_channels);
}

static void run_pointwise(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const size_t all = positions_of(&s->out[0]->type);
    const size_t images = (size_t)s->out[0]->type.dims[0];
    const size_t panels = anm_panels((size_t)s->out[0]->type.dims[1]);
    const size_t parts = (all + POSITIONS - 1) / POSITIONS;
    const size_t blocks = images * parts;
    // A text of 32 tokens is one block: channels are divided among members.
    size_t cuts = blocks < t->n_members ? t->n_members : 1;
    if (cuts > panels) cuts = panels;
    const anm_cpu_range r = anm_cpu_array_share(t, blocks * cuts, 1);

    for (size_t i = r.first; i < r.first + r.n; i++) {
        const size_t block = i / cuts, cut = i % cuts;
        const size_t first = block % parts * POSITIONS;
        const size_t panel = panels * cut / cuts;

        multiply(
            s, t,
            &(unit){ .image = block / parts,
                     .first = first,
                     .n = all - first < POSITIONS ? all - first : POSITIONS,
                     .panel = panel,
                     .n_panels = panels * (cut + 1) / cuts - panel });
    }
}

/* ---- Tap by tap ---------------------------------------------------------- */

/* Geometry with three spatial axes, the missing ones of size 1 in front. */
typedef struct space {
    int64_t in[3], out[3], taps[3], before[3], stride[3], dilation[3];
    size_t images, channels, outputs, groups;
} space;

static space space_of(const anm_cpu_array_step *s)
{
    const anm_array_type *x = &s->in[0]->type, *w = &s->in[1]->type;
    const anm_array_attr *attr = &s->node->attr;
    const unsigned n = x->rank - 2, skip = 3 - n;
    anm_array_window window = { 0 };
    space g = { .images = (size_t)x->dims[0],
                .channels = (size_t)x->dims[1],
                .outputs = (size_t)w->dims[0],
                .groups = attr->groups ? (size_t)attr->groups : 1 };

    /* Shape inference has seen that it fits. */
    (void)anm_array_window_of(attr, x, w, &window, NULL);
    for (unsigned i = 0; i < 3; i++) {
        const bool real = i >= skip;
        const unsigned j = real ? i - skip : 0;

        g.in[i] = real ? x->dims[j + 2] : 1;
        g.taps[i] = real ? w->dims[j + 2] : 1;
        g.out[i] = real ? window.out[j] : 1;
        g.before[i] = real ? window.before[j] : 0;
        g.stride[i] = real && attr->strides[j] ? attr->strides[j] : 1;
        g.dilation[i] = real && attr->dilations[j] ? attr->dilations[j] : 1;
    }
    return g;
}

/* One channel's taps at one position of the output. */
static double sum_taps(const space *g, const float *x, const float *w,
                       const int64_t at[3])
{
    double sum = 0.0;

    for (int64_t a = 0; a < g->taps[0]; a++) {
        const int64_t i = at[0] + a * g->dilation[0];
        if (i < 0 || i >= g->in[0]) continue;
        for (int64_t b = 0; b < g->taps[1]; b++) {
            const int64_t j = at[1] + b * g->dilation[1];
            if (j < 0 || j >= g->in[1]) continue;
            const float *row = x + (i * g->in[1] + j) * g->in[2];
            const float *taps = w + (a * g->taps[1] + b) * g->taps[2];
            for (int64_t c = 0; c < g->taps[2]; c++) {
                const int64_t k = at[2] + c * g->dilation[2];
                if (k >= 0 && k < g->in[2])
                    sum += (double)row[k] * (double)taps[c];
            }
        }
    }
    return sum;
}

/* All positions of one output channel of one image. */
static void run_channel(const anm_cpu_array_step *s, const space *g,
                        size_t image, size_t output)
{
    const size_t in_size = (size_t)(g->in[0] * g->in[1] * g->in[2]);
    const size_t out_size = (size_t)(g->out[0] * g->out[1] * g->out[2]);
    const size_t n_taps = (size_t)(g->taps[0] * g->taps[1] * g->taps[2]);
    const size_t per_group = g->channels / g->groups;
    const size_t first = output / (g->outputs / g->groups) * per_group;
    const float *x =
        anm_cpu_floats(s->in[0]) + (image * g->channels + first) * in_size;
    const float *w = anm_cpu_floats(s->in[1]) + output * per_group * n_taps;
    float *y =
        (float *)s->out[0]->data + (image * g->outputs + output) * out_size;
    const anm_cpu_array *bias = anm_cpu_input(s, 2);

    for (size_t p = 0; p < out_size; p++) {
        const int64_t i = (int64_t)p;
        const int64_t at[3] = {
            i / (g->out[1] * g->out[2]) * g->stride[0] - g->before[0],
            i / g->out[2] % g->out[1] * g->stride[1] - g->before[1],
            i % g->out[2] * g->stride[2] - g->before[2],
        };
        double sum = bias ? (double)anm_cpu_floats(bias)[output] : 0.0;

        for (size_t c = 0; c < per_group; c++)
            sum += sum_taps(g, x + c * in_size, w + c * n_taps, at);
        y[p] = (float)sum;
    }
}

void anm_cpu_array_conv(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    if (is_product(s)) {
        run_pointwise(s, t);
        return;
    }
    const space g = space_of(s);
    const anm_cpu_range r = anm_cpu_array_share(t, g.images * g.outputs, 1);

    for (size_t i = r.first; i < r.first + r.n; i++)
        run_channel(s, &g, i / g.outputs, i % g.outputs);
}
