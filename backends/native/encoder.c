#include "encoder.h"

#include "attention.h"

/* Tokens of one item when steps of single tokens are spread. */
#define TOKENS_EACH 16u

/* A step over the tokens [0, count) of what x and y point at. */
struct step {
    const struct native_forward *f;
    const struct native_norm *norm;
    const float *from;
    float *to;
    size_t stride;
    uint32_t count;
};

static uint32_t divide_up(uint32_t a, uint32_t b)
{
    return (a + b - 1) / b;
}

/* --- the block's tokens --- */

static uint32_t list_tokens(const struct native_forward *f)
{
    struct native_scratch *s = f->scratch;
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->row_count; i++) {
        s->start[i] = n;
        for (uint32_t t = f->batch->row_from[f->row[i]]; t < f->batch->row_from[f->row[i] + 1]; t++) {
            s->token[n++] = t;
        }
    }
    s->start[f->row_count] = n;
    return n;
}

/* --- embeddings: word + position + type, normalised --- */

static void add_row(const struct native_tensor *t, uint64_t row, uint32_t n, float *piece, float *to)
{
    native_tensor_row(t, row, n, piece);
    for (uint32_t i = 0; i < n; i++) {
        to[i] += piece[i];
    }
}

static void embed_token(const struct native_forward *f, uint32_t i, float *piece)
{
    const struct native_weights *w = f->weights;
    const struct native_batch *b = f->batch;
    const uint32_t token = f->scratch->token[i];
    const uint32_t n = f->config->hidden;
    float *to = f->scratch->x + i * f->scratch->x_stride;
    native_tensor_row(w->word, b->id[token], n, to);
    if (w->type != NULL) {
        add_row(w->type, b->type[token], n, piece, to);
    }
    add_row(w->position, b->position[token], n, piece, to);
    f->kernels->layernorm(to, w->embed_norm.gain, w->embed_norm.bias, n, f->config->norm_eps, to);
}

static void embed_item(void *arg, uint32_t item, uint32_t worker)
{
    const struct step *s = arg;
    float *piece = s->f->workers[worker].y; /* not in use yet */
    for (uint32_t i = item * TOKENS_EACH; i < KIT_MIN((item + 1) * TOKENS_EACH, s->count); i++) {
        embed_token(s->f, i, piece);
    }
}

static void embed(const struct native_forward *f, uint32_t tokens)
{
    struct step s = {.f = f, .count = tokens};
    native_host_spread(f->team, divide_up(tokens, TOKENS_EACH), embed_item, &s);
}

/* --- attention --- */

struct heads {
    const struct native_forward *f;
};

static void attend_item(void *arg, uint32_t item, uint32_t worker)
{
    const struct native_forward *f = ((const struct heads *)arg)->f;
    const struct native_scratch *s = f->scratch;
    const uint32_t heads = f->config->heads;
    const uint32_t head = f->config->hidden / heads;
    const uint32_t row = item / heads;
    float *query = s->qkv + s->start[row] * s->qkv_stride + (size_t)(item % heads) * head;
    struct native_attention a = {.kernels = f->kernels,
                                 .query = query,
                                 .key = query + f->config->hidden,
                                 .value = query + 2 * (size_t)f->config->hidden,
                                 .stride = s->qkv_stride,
                                 .tokens = s->start[row + 1] - s->start[row],
                                 .head = head};
    native_attention_run(&a, &f->workers[worker]);
}

static void attend(const struct native_forward *f)
{
    struct heads h = {.f = f};
    native_host_spread(f->team, f->row_count * f->config->heads, attend_item, &h);
}

/* --- norms --- */

static void norm_item(void *arg, uint32_t item, uint32_t worker)
{
    const struct step *s = arg;
    const struct native_config *c = s->f->config;
    (void)worker;
    for (uint32_t i = item * TOKENS_EACH; i < KIT_MIN((item + 1) * TOKENS_EACH, s->count); i++) {
        s->f->kernels->layernorm(s->from + i * s->stride, s->norm->gain, s->norm->bias, c->hidden, c->norm_eps,
                                 s->to + i * s->stride);
    }
}

/* A few tokens are done sooner than a team is called. */
static void normalise(const struct native_forward *f, const struct native_norm *norm, const float *from, float *to,
                      uint32_t count)
{
    struct step s = {.f = f, .norm = norm, .from = from, .to = to, .stride = f->scratch->x_stride, .count = count};
    struct native_team team = count > 4 * TOKENS_EACH ? f->team : (struct native_team){.cores = 1};
    native_host_spread(team, divide_up(count, TOKENS_EACH), norm_item, &s);
}

/* --- a layer --- */

static void project_qkv(const struct native_forward *f, const struct native_layer *l, uint32_t tokens)
{
    const struct native_scratch *s = f->scratch;
    struct native_gemm g = {.kernels = f->kernels,
                            .b = &l->qkv,
                            .a = s->x,
                            .c = s->qkv,
                            .a_stride = s->x_stride,
                            .c_stride = s->qkv_stride,
                            .rows = tokens};
    native_gemm_run(&g, f->team);
}

/* x = norm(x + attention W), for `rows` tokens from `at` on. */
static void project_out(const struct native_forward *f, const struct native_layer *l, uint32_t at, uint32_t rows)
{
    const struct native_scratch *s = f->scratch;
    float *x = s->x + at * s->x_stride;
    struct native_gemm g = {.kernels = f->kernels,
                            .b = &l->out,
                            .a = s->qkv + at * s->qkv_stride,
                            .add = x,
                            .c = s->y,
                            .a_stride = s->qkv_stride,
                            .add_stride = s->x_stride,
                            .c_stride = s->x_stride,
                            .rows = rows};
    native_gemm_run(&g, f->team);
    normalise(f, &l->out_norm, s->y, x, rows);
}

/* x = norm(x + act(x U) D), likewise. */
static void feed_forward(const struct native_forward *f, const struct native_layer *l, uint32_t at, uint32_t rows)
{
    const struct native_scratch *s = f->scratch;
    float *x = s->x + at * s->x_stride;
    struct native_gemm up = {.kernels = f->kernels,
                             .b = &l->up,
                             .a = x,
                             .c = s->h,
                             .a_stride = s->x_stride,
                             .c_stride = s->h_stride,
                             .rows = rows,
                             .act = f->config->act};
    struct native_gemm down = {.kernels = f->kernels,
                               .b = &l->down,
                               .a = s->h,
                               .add = x,
                               .c = s->y,
                               .a_stride = s->h_stride,
                               .add_stride = s->x_stride,
                               .c_stride = s->x_stride,
                               .rows = rows};
    native_gemm_run(&up, f->team);
    native_gemm_run(&down, f->team);
    normalise(f, &l->down_norm, s->y, x, rows);
}

static bool run_layer(const struct native_forward *f, const struct native_layer *l, uint32_t tokens)
{
    project_qkv(f, l, tokens);
    if (native_forward_stopped(f)) {
        return false;
    }
    attend(f);
    for (uint32_t at = 0; at < tokens && !native_forward_stopped(f); at += NATIVE_FFN_ROWS) {
        uint32_t rows = KIT_MIN(tokens - at, NATIVE_FFN_ROWS);
        project_out(f, l, at, rows);
        feed_forward(f, l, at, rows);
    }
    return !native_forward_stopped(f);
}

bool native_encoder_run(const struct native_forward *f)
{
    if (native_forward_stopped(f)) {
        return false;
    }
    uint32_t tokens = list_tokens(f);
    embed(f, tokens);
    for (uint32_t i = 0; i < f->config->layers; i++) {
        if (!run_layer(f, &f->weights->layer[i], tokens)) {
            return false;
        }
    }
    return true;
}
