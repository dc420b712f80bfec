#include "head.h"

#include <string.h>

/* Labels of one item when the rows of a table are spread. */
#define LABELS_EACH 128u

struct projection {
    const struct native_forward *f;
    const struct native_head_pick *pick;
    uint32_t count;
    const float *x; /* [count], stride apart */
    size_t stride;
};

/* x[i] = the picked tokens' hidden states. */
static void gather(const struct native_forward *f, const struct native_head_pick *pick, uint32_t count, float *to,
                   size_t stride)
{
    for (uint32_t i = 0; i < count; i++) {
        memcpy(to + i * stride, f->scratch->x + pick[i].token * f->scratch->x_stride,
               f->config->hidden * sizeof(float));
    }
}

/* y = norm(act(x W)) */
static void transform(const struct native_forward *f, uint32_t count)
{
    const struct native_head_weights *h = &f->weights->head;
    const struct native_scratch *s = f->scratch;
    const struct native_config *c = f->config;
    enum native_act act = c->arch->head[h->kind].act;
    struct native_gemm g = {.kernels = f->kernels,
                            .b = &h->dense,
                            .a = s->h,
                            .c = s->y,
                            .a_stride = s->h_stride,
                            .c_stride = s->x_stride,
                            .rows = count,
                            .act = act != NATIVE_ACT_NONE ? act : c->act};
    native_gemm_run(&g, f->team);
    for (uint32_t i = 0; h->norm.gain != NULL && i < count; i++) {
        float *y = s->y + i * s->x_stride;
        f->kernels->layernorm(y, h->norm.gain, h->norm.bias, c->hidden, c->norm_eps, y);
    }
}

/* One row of the table against all picked vectors at a time, so that each is read once. */
static void project_item(void *arg, uint32_t item, uint32_t worker)
{
    const struct projection *p = arg;
    const struct native_forward *f = p->f;
    const struct native_head_weights *h = &f->weights->head;
    const uint32_t n = f->config->hidden;
    const uint32_t to = KIT_MIN((item + 1) * LABELS_EACH, h->labels);
    float sum[NATIVE_HEAD_PICKS_MAX];
    if (native_forward_stopped(f)) {
        return;
    }
    for (uint32_t label = item * LABELS_EACH; label < to; label++) {
        const float *row = native_tensor_floats(h->out, label, n, f->workers[worker].qkv);
        f->kernels->dots(p->x, p->stride, p->count, row, n, sum);
        for (uint32_t i = 0; i < p->count; i++) {
            p->pick[i].to[label] = sum[i] + h->bias[label];
        }
    }
}

void native_head_run(const struct native_forward *f, const struct native_head_pick *pick, uint32_t count)
{
    const struct native_head_weights *h = &f->weights->head;
    const struct native_scratch *s = f->scratch;
    struct projection p = {.f = f, .pick = pick, .count = count, .x = s->h, .stride = s->h_stride};
    if (count == 0 || native_forward_stopped(f)) {
        return;
    }
    gather(f, pick, count, s->h, s->h_stride);
    if (h->dense.panels != NULL) {
        transform(f, count);
        p.x = s->y;
        p.stride = s->x_stride;
    }
    uint32_t items = (h->labels + LABELS_EACH - 1) / LABELS_EACH;
    native_host_spread(items > 1 ? f->team : (struct native_team){.cores = 1, .worker = f->team.worker}, items,
                       project_item, &p);
}
