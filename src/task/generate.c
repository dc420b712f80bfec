#include "task/generate.h"

#include "kit/alloc.h"
#include "task/choice.h"
#include "task/form.h"

#define TOOLS_DEPTH_MAX 64

struct task_choices {
    uint32_t count;
    /* Guards left, over of each, and the request's failure: not its own lock, under which cancels come. */
    struct kit_mutex lock;
    uint32_t left;              /* not done yet */
    struct kit_json_doc *tools; /* owned; NULL: none */
    struct task_choice list[];
};

static struct task_choice *choice_of(struct sched_sequence *s)
{
    return KIT_CONTAINER(s, struct task_choice, sequence);
}

static enum sched_next next(void *ctx, struct sched_sequence *s, float *logits, int32_t *token)
{
    struct task_choice *c = choice_of(s);
    enum sched_next what = task_choice_next(ctx, c, logits, token);
    if (task_request_tells(c->r)) {
        task_request_tell(c->r);
    }
    return what;
}

/* --- the end --- */

static void keep_failure(struct task_choice *c)
{
    if (c->sequence.failed != KIT_OK) {
        task_request_fail(c->r, c->sequence.failed, &c->sequence.err);
    } else if (c->failed != KIT_OK) {
        task_request_fail(c->r, c->failed, &c->err);
    }
}

/* From the first choice's beginning to the last one's end; the request's job is where timing is read. */
void task_choices_keep_times(struct task_request *r)
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

static uint32_t item_of(const struct task_choice *c)
{
    return (uint32_t)(c - c->r->choices->list) / c->r->parameters.n;
}

/* Was this the last choice of its input? */
static bool is_item_whole(struct task_choice *c)
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
    struct task_choice *c = choice_of(s);
    struct task_request *r = c->r;
    task_choice_end(c);
    kit_mutex_lock(&r->choices->lock);
    keep_failure(c);
    if (is_item_whole(c) && task_request_tells(r)) {
        task_news_add(&r->news, item_of(c));
        task_request_tell(r);
    }
    bool last = --r->choices->left == 0;
    kit_mutex_unlock(&r->choices->lock); /* unless it was the last, the request may be home and gone from here on */
    if (last) {
        task_choices_keep_times(r);
        task_request_send_home(r, false);
    }
}

const struct sched_sink *task_generate_sink(void)
{
    static const struct sched_sink sink = {.next = next, .done = done};
    return &sink;
}

/* --- the beginning --- */

void task_choices_free(struct task_choices *c)
{
    if (c == NULL) {
        return;
    }
    for (uint32_t i = 0; i < c->count; i++) {
        task_choice_done(&c->list[i]);
    }
    kit_mutex_done(&c->lock);
    kit_json_free(c->tools);
    kit_alloc_free(c);
}

/* "none" is as if there were none. */
static bool wants_tools(const struct task_request *r)
{
    return r->parameters.tools.len > 0 && !kit_str_eq(r->parameters.tool_choice, kit_str_lit("none"));
}

static enum kit_status read_tools(struct task_request *r, struct kit_err *err)
{
    enum kit_status rc =
        wants_tools(r) ? kit_json_parse(r->parameters.tools, TOOLS_DEPTH_MAX, &r->choices->tools, err) : KIT_OK;
    return rc == KIT_OK || rc == KIT_NOMEM ? rc : kit_err_prefix(err, KIT_INVALID, "'tools'");
}

static enum kit_status open_item(struct task_model *m, struct task_request *r, uint32_t item,
                                 struct task_choice_options *o, struct kit_err *err)
{
    uint32_t n = r->parameters.n;
    struct task_prompt prompt = {0};
    enum kit_status rc = task_prompt_make(m, r, item, o->tools, m->row_tokens_max - 1, &prompt, err);
    r->tokens += prompt.count;
    o->prompt = &prompt;
    o->item = item;
    for (uint32_t i = item * n; rc == KIT_OK && i < (item + 1) * n; i++) {
        rc = task_choice_open(m, &r->choices->list[i], i, o, err);
    }
    return rc;
}

static enum kit_status open_choices(struct task_model *m, struct task_request *r, struct kit_err *err)
{
    struct task_choice_options o = {0};
    enum kit_status rc = read_tools(r, err);
    if (rc == KIT_OK && r->choices->tools != NULL) {
        o.tools = kit_json_root(r->choices->tools);
        o.forms = chat_template_forms(m->chat_template);
    }
    if (rc == KIT_OK && r->parameters.adapter.len > 0) {
        rc = task_adapters_find(&m->adapters, m->loaded->model, m->loaded->folder, r->parameters.adapter, &o.adapter,
                                err);
    }
    if (rc == KIT_OK) {
        rc = task_form_find(m, r, o.tools, &o.form, err);
    }
    for (uint32_t item = 0; rc == KIT_OK && item < r->inputs.item_count; item++) {
        rc = open_item(m, r, item, &o, err);
    }
    grammar_masks_unref(o.form);
    return rc;
}

enum kit_status task_choices_new(struct task_request *r, struct kit_err *err)
{
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
    return KIT_OK;
}

struct task_choice *task_choices_at(struct task_request *r, uint32_t choice)
{
    return &r->choices->list[choice];
}

static enum kit_status prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                               struct kit_err *err)
{
    (void)o;
    enum kit_status rc = task_choices_new(r, err);
    return rc == KIT_OK ? open_choices(m, r, err) : rc;
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

uint64_t task_generate_prompt_now(const struct task_request *r)
{
    return r->upstream == NULL ? r->tokens : 0;
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
