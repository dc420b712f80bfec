#include "task/choice.h"

#include "kit/alloc.h"
#include "kit/clock.h"

#define SHOWN_BYTES_MAX (64 * KIT_KIB) /* of the text that one token may end */
#define SEED_STEP UINT64_C(0x9E3779B97F4A7C15)

/* --- tokens become text --- */

static enum sched_next end(struct task_choice *c, enum task_finish finish)
{
    c->finish = finish;
    return SCHED_NEXT_END;
}

static enum sched_next fail(struct task_choice *c, enum kit_status rc)
{
    c->failed = kit_fail(&c->err, rc, "%s", rc == KIT_NOMEM ? "out of memory for the text" : kit_status_text(rc));
    return SCHED_NEXT_END;
}

static enum kit_status keep_token(struct task_choice *c, const struct sample_choice *s)
{
    if (!c->keeps_tokens) {
        return KIT_OK;
    }
    struct task_token t = {.id = s->token, .logprob = s->logprob, .others = s->top_count};
    for (uint32_t i = 0; i < s->top_count; i++) {
        t.top[i] = (struct task_rival){.id = s->top[i].token, .logprob = s->top[i].logprob};
    }
    return task_made_add_token(&c->made, &t);
}

static void add(struct task_choice *c, enum task_piece_kind kind, uint32_t call, kit_str text)
{
    enum kit_status rc = task_made_add(&c->made, kind, call, text, c->untold);
    c->untold = 0;
    if (rc != KIT_OK && c->failed == KIT_OK) {
        (void)fail(c, rc);
    }
}

static void take_event(void *ctx, const struct chat_event *e)
{
    struct task_choice *c = ctx;
    if (e->type == CHAT_EVENT_CALL) {
        add(c, TASK_PIECE_CALL, e->call, e->name);
        add(c, TASK_PIECE_ARGUMENTS, e->call, e->arguments);
    } else {
        add(c, e->type == CHAT_EVENT_CONTENT ? TASK_PIECE_TEXT : TASK_PIECE_REASONING, 0, e->text);
    }
}

/* What the stop strings let through. */
static void tell_shown(struct task_choice *c)
{
    enum kit_status rc = c->shown.failed;
    if (rc == KIT_OK && c->shown.len > 0) {
        if (c->reply == NULL) {
            add(c, TASK_PIECE_TEXT, 0, kit_buf_str(&c->shown));
        } else {
            rc = chat_reply_feed(c->reply, kit_buf_str(&c->shown));
        }
    }
    kit_buf_clear(&c->shown);
    if (rc != KIT_OK && c->failed == KIT_OK) {
        (void)fail(c, rc);
    }
}

/* Special tokens stand for nothing that is shown, but some of them open the calls that a reply is read for. */
static bool put_token(struct task_choice *c, const struct plug_model *model, int32_t token)
{
    bool hidden = c->reply == NULL && (plug_model_token_flags(model, token) & ACB_TOKEN_SPECIAL) != 0;
    return text_stops_put(c->stops, hidden ? (kit_str){0} : plug_model_token(model, token), &c->shown);
}

static enum sched_next take_token(struct task_choice *c, const struct plug_model *model, const struct sample_choice *s)
{
    c->tokens++;
    if ((plug_model_token_flags(model, s->token) & ACB_TOKEN_END) != 0) {
        return end(c, TASK_FINISH_STOP);
    }
    c->untold++;
    sample_accept(c->sample, s->token);
    enum kit_status rc = keep_token(c, s);
    bool stopped = put_token(c, model, s->token);
    tell_shown(c);
    if (rc != KIT_OK || c->failed != KIT_OK) {
        return c->failed != KIT_OK ? SCHED_NEXT_END : fail(c, rc);
    }
    if (stopped) {
        return end(c, TASK_FINISH_STOP);
    }
    return c->tokens == c->sequence.tokens_max ? end(c, TASK_FINISH_LENGTH) : SCHED_NEXT_TOKEN;
}

static enum kit_status choose(struct task_choice *c, float *logits, struct sample_choice *ret)
{
    enum kit_status rc = KIT_OK;
    if (c->form != NULL) {
        rc = grammar_state_mask(c->form, c->mask, NULL, &c->err);
    }
    if (rc == KIT_OK) {
        rc = sample_next(c->sample, logits, c->mask, ret, &c->err);
    }
    return rc == KIT_OK && c->form != NULL ? grammar_state_accept(c->form, ret->token, &c->err) : rc;
}

enum sched_next task_choice_next(const struct task_model *m, struct task_choice *c, float *logits, int32_t *token)
{
    struct sample_choice chosen;
    c->failed = choose(c, logits, &chosen);
    if (c->failed != KIT_OK) {
        return SCHED_NEXT_END;
    }
    *token = chosen.token;
    return take_token(c, m->loaded->model, &chosen);
}

void task_choice_end(struct task_choice *c)
{
    text_stops_end(c->stops, &c->shown);
    tell_shown(c);
    if (c->reply != NULL && chat_reply_end(c->reply) != KIT_OK && c->failed == KIT_OK) {
        (void)fail(c, KIT_NOMEM);
    }
    enum task_finish finish = c->finish != TASK_FINISH_NONE ? c->finish : TASK_FINISH_STOP;
    bool calls = c->reply != NULL && chat_reply_calls(c->reply) > 0;
    task_made_end(&c->made, finish == TASK_FINISH_STOP && calls ? TASK_FINISH_CALLS : finish,
                  text_stops_found(c->stops));
}

/* --- the beginning --- */

/* A seed gives each choice its own; without one they are by chance. */
static uint64_t seed_of(const struct task_request *r, uint32_t index)
{
    bool given = task_parameters_has(&r->parameters, "seed");
    uint64_t by_chance = kit_clock_ns() ^ (uint64_t)(uintptr_t)r ^ kit_str_hash(kit_str_c(r->request_id));
    return (given ? r->parameters.seed : by_chance) + SEED_STEP * index;
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

static enum kit_status open_sample(const struct task_model *m, struct task_choice *c, uint32_t index,
                                   const struct task_prompt *prompt, struct kit_err *err)
{
    struct sample_options sampling = sampling_of(c->r, index);
    enum kit_status rc = sample_new(&sampling, plug_model_info(m->loaded->model)->vocab_size,
                                    prompt->count + c->sequence.tokens_max, &c->sample, err);
    if (rc == KIT_OK) {
        sample_prompt(c->sample, prompt->ids, prompt->count);
    }
    return rc;
}

static enum kit_status open_form(const struct task_model *m, struct task_choice *c, struct grammar_masks *form,
                                 struct kit_err *err)
{
    if (form == NULL) {
        return KIT_OK;
    }
    uint32_t vocab = plug_model_info(m->loaded->model)->vocab_size;
    c->mask = kit_alloc_zero((vocab + 63) / 64, sizeof(*c->mask));
    return c->mask != NULL ? grammar_state_new(form, &c->form, err)
                           : kit_fail(err, KIT_NOMEM, "out of memory for a mask over %u tokens", vocab);
}

/* A bare prompt is gone on with; a reply may hold thoughts and calls. */
static enum kit_status open_reply(struct task_choice *c, const struct task_choice_options *o, struct kit_err *err)
{
    if (c->r->inputs.shape != TASK_SHAPE_CHAT) {
        return KIT_OK;
    }
    struct chat_reply_options options = {
        .forms = o->forms, .tools = o->tools, .thinking = o->prompt->thinking, .event = take_event, .ctx = c};
    return chat_reply_new(&options, &c->reply, err);
}

/* The prompt first, as it came. */
static enum kit_status echo(struct task_choice *c, uint32_t item, struct kit_err *err)
{
    const struct task_inputs *in = &c->r->inputs;
    bool wanted = c->r->parameters.echo && in->shape == TASK_SHAPE_TEXT;
    enum kit_status rc = wanted ? task_made_add(&c->made, TASK_PIECE_TEXT, 0, in->texts[item], 0) : KIT_OK;
    return rc == KIT_OK ? rc : kit_fail(err, rc, "out of memory for the prompt");
}

enum kit_status task_choice_open(const struct task_model *m, struct task_choice *c, uint32_t index,
                                 const struct task_choice_options *o, struct kit_err *err)
{
    struct task_request *r = c->r;
    uint32_t room = m->row_tokens_max - o->prompt->count;
    uint32_t tokens_max = KIT_MIN(r->parameters.max_tokens, room);
    c->sequence = (struct sched_sequence){.priority = r->priority,
                                          .deadline_ns = r->deadline_ns,
                                          .principal = r->principal,
                                          .prompt = o->prompt->ids,
                                          .prompt_count = o->prompt->count,
                                          .tokens_max = tokens_max,
                                          .adapter = o->adapter,
                                          .keep_prefix = true};
    c->keeps_tokens = task_parameters_has(&r->parameters, "logprobs");
    kit_buf_init(&c->shown, SHOWN_BYTES_MAX);
    enum kit_status rc = open_sample(m, c, index, o->prompt, err);
    if (rc == KIT_OK) {
        rc = text_stops_new(r->parameters.stop.texts, r->parameters.stop.count, &c->stops, err);
    }
    if (rc == KIT_OK) {
        rc = open_form(m, c, o->form, err);
    }
    if (rc == KIT_OK) {
        rc = echo(c, o->item, err);
    }
    return rc == KIT_OK ? open_reply(c, o, err) : rc;
}

void task_choice_done(struct task_choice *c)
{
    task_made_done(&c->made);
    sample_free(c->sample);
    grammar_state_free(c->form);
    kit_alloc_free(c->mask);
    text_stops_free(c->stops);
    chat_reply_free(c->reply);
    kit_buf_done(&c->shown);
}
