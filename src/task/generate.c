#include "task/generate.h"

#include "kit/alloc.h"
#include "kit/clock.h"
#include "sample/sample.h"
#include "task/prompt.h"
#include "text/stops.h"

/* One text that is made. Written by the thread that chooses its tokens, one at a time. */
struct choice {
    struct sched_sequence sequence;
    struct task_request *r; /* borrowed: it holds the choice */
    struct task_made made;
    struct sample *sample;    /* owned */
    struct text_stops *stops; /* owned */
    struct kit_buf shown;     /* of a token */
    enum task_finish finish;  /* why it ended */
    uint32_t tokens;          /* chosen */
    uint32_t untold;          /* of them: since the last piece */
    bool over;                /* the scheduler is done with it; under the choices' lock */
    enum kit_status failed;   /* of ours; the scheduler's are in the sequence */
    struct kit_err err;
};

struct task_choices {
    uint32_t count;
    struct kit_mutex lock; /* guards left, and the request's failure: not its own lock, under which cancels come */
    uint32_t left;         /* not done yet */
    struct choice list[];
};

#define SHOWN_BYTES_MAX (64 * KIT_KIB) /* of the text that one token may end */

static struct choice *choice_of(struct sched_sequence *s)
{
    return KIT_CONTAINER(s, struct choice, sequence);
}

/* --- tokens become text --- */

static enum sched_next end(struct choice *c, enum task_finish finish)
{
    c->finish = finish;
    return SCHED_NEXT_END;
}

static enum sched_next fail(struct choice *c, enum kit_status rc)
{
    c->failed = kit_fail(&c->err, rc, "%s", rc == KIT_NOMEM ? "out of memory for the text" : kit_status_text(rc));
    return SCHED_NEXT_END;
}

static enum kit_status keep_token(struct choice *c, const struct sample_choice *s)
{
    if (!task_parameters_has(&c->r->parameters, "logprobs")) {
        return KIT_OK;
    }
    struct task_token t = {.id = s->token, .logprob = s->logprob, .others = s->top_count};
    for (uint32_t i = 0; i < s->top_count; i++) {
        t.top[i] = (struct task_rival){.id = s->top[i].token, .logprob = s->top[i].logprob};
    }
    return task_made_add_token(&c->made, &t);
}

/* What the stop strings let through. */
static enum kit_status show(struct choice *c)
{
    if (c->shown.failed != KIT_OK) {
        return c->shown.failed;
    }
    enum kit_status rc = task_made_add(&c->made, TASK_PIECE_TEXT, 0, kit_buf_str(&c->shown), c->untold);
    c->untold = 0;
    kit_buf_clear(&c->shown);
    return rc;
}

/* What a token stands for; special tokens stand for nothing that is shown. */
static bool put_token(struct choice *c, const struct plug_model *model, int32_t token)
{
    bool special = (plug_model_token_flags(model, token) & ACB_TOKEN_SPECIAL) != 0;
    return text_stops_put(c->stops, special ? (kit_str){0} : plug_model_token(model, token), &c->shown);
}

static enum sched_next take_token(struct choice *c, const struct plug_model *model, const struct sample_choice *s)
{
    c->tokens++;
    if ((plug_model_token_flags(model, s->token) & ACB_TOKEN_END) != 0) {
        return end(c, TASK_FINISH_STOP);
    }
    c->untold++;
    sample_accept(c->sample, s->token);
    enum kit_status rc = keep_token(c, s);
    bool stopped = put_token(c, model, s->token);
    if (rc == KIT_OK && c->shown.len > 0) {
        rc = show(c);
    }
    if (rc != KIT_OK) {
        return fail(c, rc);
    }
    if (stopped) {
        return end(c, TASK_FINISH_STOP);
    }
    return c->tokens == c->sequence.tokens_max ? end(c, TASK_FINISH_LENGTH) : SCHED_NEXT_TOKEN;
}

static enum sched_next next(void *ctx, struct sched_sequence *s, float *logits, int32_t *token)
{
    struct task_model *m = ctx;
    struct choice *c = choice_of(s);
    struct sample_choice chosen;
    c->failed = sample_next(c->sample, logits, NULL, &chosen, &c->err);
    if (c->failed != KIT_OK) {
        return SCHED_NEXT_END;
    }
    *token = chosen.token;
    enum sched_next what = take_token(c, m->loaded->model, &chosen);
    if (task_request_tells(c->r)) {
        task_request_tell(c->r);
    }
    return what;
}

/* --- the end --- */

/* What has waited behind a stop string that did not come. */
static void finish_text(struct choice *c)
{
    text_stops_end(c->stops, &c->shown);
    enum kit_status rc = show(c);
    if (rc != KIT_OK && c->failed == KIT_OK) {
        (void)fail(c, rc);
    }
    task_made_end(&c->made, c->finish != TASK_FINISH_NONE ? c->finish : TASK_FINISH_STOP);
}

static void keep_failure(struct choice *c)
{
    if (c->sequence.failed != KIT_OK) {
        task_request_fail(c->r, c->sequence.failed, &c->sequence.err);
    } else if (c->failed != KIT_OK) {
        task_request_fail(c->r, c->failed, &c->err);
    }
}

/* From the first choice's beginning to the last one's end; the request's job is where timing is read. */
static void keep_times(struct task_request *r)
{
    struct sched_job *job = &r->job;
    job->submitted_ns = job->started_ns = UINT64_MAX;
    for (uint32_t i = 0; i < r->choices->count; i++) {
        const struct sched_sequence *s = &r->choices->list[i].sequence;
        job->submitted_ns = KIT_MIN(job->submitted_ns, s->submitted_ns);
        job->started_ns = s->started_ns > 0 ? KIT_MIN(job->started_ns, s->started_ns) : job->started_ns;
        job->finished_ns = KIT_MAX(job->finished_ns, s->finished_ns);
        job->compute_ns += s->compute_ns;
    }
    job->started_ns = job->started_ns == UINT64_MAX ? 0 : job->started_ns;
}

static uint32_t item_of(const struct choice *c)
{
    return (uint32_t)(c - c->r->choices->list) / c->r->parameters.n;
}

/* Was this the last choice of its input? */
static bool is_item_whole(struct choice *c)
{
    uint32_t n = c->r->parameters.n, first = item_of(c) * n;
    c->over = true;
    for (uint32_t i = first; i < first + n; i++) {
        if (!c->r->choices->list[i].over) {
            return false;
        }
    }
    return c->r->status == KIT_OK;
}

static void done(void *ctx, struct sched_sequence *s)
{
    (void)ctx;
    struct choice *c = choice_of(s);
    struct task_request *r = c->r;
    finish_text(c);
    kit_mutex_lock(&r->choices->lock);
    keep_failure(c);
    bool whole = is_item_whole(c);
    bool last = --r->choices->left == 0;
    kit_mutex_unlock(&r->choices->lock);
    if (whole && task_request_tells(r)) {
        task_news_add(&r->news, item_of(c));
        task_request_tell(r);
    }
    if (last) {
        keep_times(r);
        task_request_send_home(r, false);
    }
}

const struct sched_sink *task_generate_sink(void)
{
    static const struct sched_sink sink = {.next = next, .done = done};
    return &sink;
}

/* --- the beginning --- */

static void free_choice(struct choice *c)
{
    task_made_done(&c->made);
    sample_free(c->sample);
    text_stops_free(c->stops);
    kit_buf_done(&c->shown);
}

void task_choices_free(struct task_choices *c)
{
    if (c == NULL) {
        return;
    }
    for (uint32_t i = 0; i < c->count; i++) {
        free_choice(&c->list[i]);
    }
    kit_mutex_done(&c->lock);
    kit_alloc_free(c);
}

/* A seed gives each choice its own; without one they are by chance. */
static uint64_t seed_of(const struct task_request *r, uint32_t index)
{
    bool given = task_parameters_has(&r->parameters, "seed");
    uint64_t by_chance = kit_clock_ns() ^ (uint64_t)(uintptr_t)r ^ kit_str_hash(kit_str_c(r->request_id));
    return (given ? r->parameters.seed : by_chance) + UINT64_C(0x9E3779B97F4A7C15) * index;
}

static struct sample_options sampling_of(const struct task_request *r, uint32_t index)
{
    const struct task_parameters *p = &r->parameters;
    _Static_assert(sizeof(struct task_bias) == sizeof(struct sample_bias), "one is the other");
    return (struct sample_options){.temperature = p->temperature,
                                   .top_k = p->top_k,
                                   .top_p = p->top_p,
                                   .min_p = p->min_p,
                                   .typical_p = p->typical_p,
                                   .repetition = p->repetition_penalty,
                                   .presence = p->presence_penalty,
                                   .frequency = p->frequency_penalty,
                                   .penalty_last_n = p->penalty_tokens,
                                   .bias = (const struct sample_bias *)(const void *)p->logit_bias.list,
                                   .bias_count = p->logit_bias.count,
                                   .seed = seed_of(r, index),
                                   .logprobs = task_parameters_has(p, "logprobs"),
                                   .logprobs_top = p->logprobs};
}

static enum kit_status open_choice(const struct task_model *m, struct choice *c, const struct task_prompt *prompt,
                                   uint32_t index, struct kit_err *err)
{
    struct task_request *r = c->r;
    struct sample_options sampling = sampling_of(r, index);
    uint32_t room = m->row_tokens_max - prompt->count;
    uint32_t tokens_max = r->parameters.max_tokens > 0 ? KIT_MIN(r->parameters.max_tokens, room) : room;
    c->sequence = (struct sched_sequence){.priority = r->priority,
                                          .deadline_ns = r->deadline_ns,
                                          .principal = r->principal,
                                          .prompt = prompt->ids,
                                          .prompt_count = prompt->count,
                                          .tokens_max = tokens_max,
                                          .keep_prefix = true};
    kit_buf_init(&c->shown, SHOWN_BYTES_MAX);
    enum kit_status rc = sample_new(&sampling, plug_model_info(m->loaded->model)->vocab_size,
                                    prompt->count + tokens_max, &c->sample, err);
    if (rc == KIT_OK) {
        sample_prompt(c->sample, prompt->ids, prompt->count);
        rc = text_stops_new(r->parameters.stop.texts, r->parameters.stop.count, &c->stops, err);
    }
    return rc;
}

static enum kit_status open_choices(struct task_model *m, struct task_request *r, struct kit_err *err)
{
    uint32_t n = r->parameters.n;
    enum kit_status rc = KIT_OK;
    for (uint32_t item = 0; rc == KIT_OK && item < r->inputs.item_count; item++) {
        struct task_prompt prompt = {0};
        rc = task_prompt_make(m, r, item, m->row_tokens_max - 1, &prompt, err);
        r->tokens += prompt.count;
        for (uint32_t i = item * n; rc == KIT_OK && i < (item + 1) * n; i++) {
            rc = open_choice(m, &r->choices->list[i], &prompt, i, err);
        }
    }
    return rc;
}

static enum kit_status prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                               struct kit_err *err)
{
    (void)o;
    uint64_t count = (uint64_t)r->inputs.item_count * r->parameters.n;
    if (count > TASK_CHOICES_MAX) {
        return kit_fail_param(err, KIT_TOO_LARGE, "parameters.n", "%llu texts are wanted, but at most %d at a time",
                              (unsigned long long)count, TASK_CHOICES_MAX);
    }
    struct task_choices *c = kit_alloc_zero(1, sizeof(*c) + count * sizeof(c->list[0]));
    if (c == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %llu texts", (unsigned long long)count);
    }
    c->count = (uint32_t)count;
    kit_mutex_init(&c->lock);
    r->choices = c;
    for (uint32_t i = 0; i < c->count; i++) {
        c->list[i].r = r;
        task_made_init(&c->list[i].made);
    }
    return open_choices(m, r, err);
}

/* Those from `first` on were not taken: they count as done, and the others are not wanted any more. OK: these bring the
 * request home; else the caller does. */
static enum kit_status refuse_rest(struct task_model *m, struct task_request *r, uint32_t first, enum kit_status rc,
                                   const struct kit_err *err)
{
    struct task_choices *c = r->choices;
    kit_mutex_lock(&c->lock);
    task_request_fail(r, rc, err);
    c->left -= c->count - first;
    bool none_left = c->left == 0;
    kit_mutex_unlock(&c->lock);
    if (none_left) {
        return rc;
    }
    task_generate_cancel(m, r);
    return KIT_OK;
}

enum kit_status task_generate_submit(struct task_model *m, struct task_request *r, struct kit_err *err)
{
    struct task_choices *c = r->choices;
    uint32_t retry_after_ms = 0;
    c->left = c->count;
    for (uint32_t i = 0; i < c->count; i++) {
        enum kit_status rc = sched_generate(m->generator, &c->list[i].sequence, &retry_after_ms, err);
        if (rc != KIT_OK) {
            err->retry_after_ms = rc == KIT_FULL && retry_after_ms > 0 ? retry_after_ms : err->retry_after_ms;
            return refuse_rest(m, r, i, rc, err);
        }
    }
    return KIT_OK;
}

void task_generate_cancel(struct task_model *m, struct task_request *r)
{
    for (uint32_t i = 0; r->choices != NULL && i < r->choices->count; i++) {
        sched_generate_cancel(m->generator, r->choices->list[i].sequence.ticket);
    }
}

static bool can(const struct task_model *m)
{
    return m->generates && plug_model_has_vocab(m->loaded->model);
}

const struct task_type task_generate = {
    .kind = TASK_GENERATE,
    .shapes = 1u << TASK_SHAPE_TEXT | 1u << TASK_SHAPE_CHAT | 1u << TASK_SHAPE_TOKENS,
    .takes = "a text, {\"messages\":[…]}, or an array of such",
    .can = can,
    .prepare = prepare,
};

/* --- for who renders it --- */

uint32_t task_generate_choices(const struct task_request *r)
{
    return r->choices != NULL ? r->choices->count : 0;
}

struct task_made *task_generate_made(const struct task_request *r, uint32_t choice)
{
    return &r->choices->list[choice].made;
}

kit_str task_generate_token(const struct task_request *r, int32_t id)
{
    return plug_model_token(r->loaded->model, id);
}

struct task_usage task_generate_usage(const struct task_request *r)
{
    struct task_usage u = {.prompt = r->tokens};
    for (uint32_t i = 0; i < task_generate_choices(r); i++) {
        const struct sched_sequence *s = &r->choices->list[i].sequence;
        u.made += r->choices->list[i].tokens;
        u.cached += i % r->parameters.n == 0 ? s->cached : 0;
        u.prompt_ns = s->first_ns > s->started_ns ? KIT_MAX(u.prompt_ns, s->first_ns - s->started_ns) : u.prompt_ns;
        u.made_ns = s->finished_ns > s->first_ns ? KIT_MAX(u.made_ns, s->finished_ns - s->first_ns) : u.made_ns;
    }
    return u;
}
