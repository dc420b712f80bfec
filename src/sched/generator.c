#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/sync.h"
#include "sched/batcher.h"
#include "sched/metrics.h"
#include "sched/sequence.h"

#define BLOCKED_NS                                                                                                     \
    (20 * KIT_NS_PER_MS) /* nobody can compute, though some wait: readers may have been slow for long by then */
#define KV_WITHOUT_LIMIT (UINT64_C(1) << 40) /* tokens, of an engine whose state does not grow */

struct generator_metrics {
    struct sched_request_metrics requests;
    struct kit_metric_series *step_seconds, *step_tokens, *first_seconds, *prompt, *cached, *generated, *put_back,
        *running, *kv, *kept;
};

/* The mutex is needed because whoever asks wants to know at once whether there is room, and because a stop must not reach
 * the next step. It is held for decisions only, never while the engine works or a function of the sink is called. */
struct sched_generator {
    struct kit_mutex lock;
    struct kit_cond woken, changed; /* the thread; whoever opens or closes */
    struct kit_thread thread;
    struct sched_batcher *batcher;
    struct kit_slots *tickets;
    uint32_t calling; /* threads inside `done` */
    uint32_t stop;    /* the flag of the running step; atomic */
    bool opened, ending, warm, told;
    enum kit_status open_status;
    struct kit_err open_err;

    struct plug_engine *engine;     /* borrowed */
    struct plug_model *model;       /* borrowed */
    struct plug_instance *instance; /* its thread's */
    const struct sched_sink *sink;  /* borrowed */
    void *sink_ctx;
    struct sched_generator_options options;
    struct sched_batcher_options sizes;
    uint32_t vocab_size;
    uint64_t kv_bytes_per_token;
    char *model_id;             /* owned */
    struct sched_part **asking; /* [sequences_max]; owned: parts of this step whose next token is to be chosen */
    struct generator_metrics metrics;
};

/* --- metrics --- */

static void open_metrics(struct generator_metrics *m, kit_str id)
{
    sched_request_metrics_open(&m->requests, id);
    m->step_seconds = METRIC_SERIES(sched_step_seconds, id);
    m->step_tokens = METRIC_SERIES(sched_step_tokens, id);
    m->first_seconds = METRIC_SERIES(sched_first_token_seconds, id);
    m->prompt = METRIC_SERIES(sched_prompt_tokens_total, id);
    m->cached = METRIC_SERIES(sched_cached_tokens_total, id);
    m->generated = METRIC_SERIES(sched_generated_tokens_total, id);
    m->put_back = METRIC_SERIES(sched_put_back_total, id);
    m->running = METRIC_SERIES(sched_sequences_running, id);
    m->kv = METRIC_SERIES(sched_kv_bytes, id);
    m->kept = METRIC_SERIES(sched_kv_kept_bytes, id);
}

static void count_sequence(const struct generator_metrics *m, const struct sched_sequence *s)
{
    sched_request_metrics_ended(&m->requests, s->failed, s->submitted_ns, s->started_ns);
    kit_metric_series_add(m->prompt, s->prompt_done);
    kit_metric_series_add(m->cached, s->cached);
    kit_metric_series_add(m->generated, s->generated);
    kit_metric_series_add(m->put_back, s->put_back);
    if (s->first_ns != 0) {
        kit_metric_series_observe(m->first_seconds, sched_seconds(s->first_ns - s->submitted_ns));
    }
}

static void show_counts(const struct sched_generator *g)
{
    struct sched_generator_counts n = sched_batcher_counts(g->batcher);
    kit_metric_series_set(g->metrics.requests.queue_jobs, n.waiting);
    kit_metric_series_set(g->metrics.requests.queue_tokens, (double)n.tokens_waiting);
    kit_metric_series_set(g->metrics.running, n.running);
    kit_metric_series_set(g->metrics.kv, (double)(n.kv_tokens * g->kv_bytes_per_token));
    kit_metric_series_set(g->metrics.kept, (double)(n.kept_tokens * g->kv_bytes_per_token));
}

/* --- what the batcher wants done; the lock is held --- */

static void stop(struct sched_generator *g)
{
    if (sched_batcher_stops(g->batcher) && !g->told) {
        g->told = true;
        __atomic_store_n(&g->stop, 1, __ATOMIC_RELEASE);
        plug_instance_cancel(g->instance);
    }
}

/* Takes those that are over out, in order. */
static struct sched_sequence *take_done(struct sched_generator *g)
{
    struct sched_sequence *first = NULL, **last = &first;
    for (struct sched_sequence *s; (s = sched_batcher_done(g->batcher)) != NULL; last = &s->next) {
        void *known = kit_slots_remove(g->tickets, s->ticket);
        assert(known == s);
        (void)known;
        *last = s;
    }
    return first;
}

/* Gives them back, without the lock. */
static void give_back(struct sched_generator *g, struct sched_sequence *done)
{
    g->calling++;
    kit_mutex_unlock(&g->lock);
    for (struct sched_sequence *next; done != NULL; done = next) {
        next = done->next;
        done->next = NULL;
        count_sequence(&g->metrics, done);
        g->sink->done(g->sink_ctx, done);
    }
    kit_mutex_lock(&g->lock);
    g->calling--;
}

static void act(struct sched_generator *g)
{
    stop(g);
    show_counts(g);
    struct sched_sequence *done = take_done(g);
    if (done != NULL) {
        give_back(g, done);
        kit_cond_broadcast(&g->changed);
    }
}

/* --- a step: the thread's, without the lock --- */

static enum kit_status run_op(struct sched_generator *g, const struct sched_op *op)
{
    switch (op->kind) {
    case SCHED_OP_TRIM:
        return plug_instance_seq_trim(g->instance, op->seq, op->length, NULL);
    case SCHED_OP_COPY:
        return plug_instance_seq_copy(g->instance, op->from, op->seq, op->length, NULL);
    default:
        plug_instance_seq_end(g->instance, op->seq);
        return KIT_OK;
    }
}

static void choose_one(void *arg, uint32_t i, uint32_t worker)
{
    struct sched_generator *g = arg;
    struct sched_part *part = g->asking[i];
    (void)worker;
    part->answered = !kit_flag_get(&part->sequence->lost);
    if (part->answered) {
        part->next = g->sink->next(g->sink_ctx, part->sequence, part->logits, &part->token);
    }
}

/* Choosing from a large vocabulary takes milliseconds: all that were lent share in it. */
static void choose(struct sched_generator *g, const struct sched_step *step, float *logits, uint32_t cores)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < step->count; i++) {
        if (step->parts[i].wants) {
            step->parts[i].logits = logits + (size_t)step->parts[i].row * g->vocab_size;
            g->asking[n++] = &step->parts[i];
        }
    }
    plug_cores_run(g->engine, cores, n, choose_one, g);
}

static void ask_lengths(struct sched_generator *g, const struct sched_step *step)
{
    for (uint32_t i = 0; i < step->count; i++) {
        step->parts[i].length = plug_instance_seq_length(g->instance, step->parts[i].seq);
    }
}

static enum kit_status compute(struct sched_generator *g, const struct sched_step *step, uint32_t cores,
                               struct kit_err *err)
{
    const struct acb_step call = {.size = sizeof(call),
                                  .cores = cores,
                                  .n = step->n,
                                  .token = step->token,
                                  .seq = step->seq,
                                  .pos = step->pos,
                                  .want = step->want,
                                  .adapter = step->adapter,
                                  .cancelled = &g->stop};
    float *logits = NULL;
    uint64_t from = kit_clock_ns();
    enum kit_status rc = plug_instance_step(g->instance, &call, &logits, err);
    kit_metric_series_observe(g->metrics.step_seconds, sched_seconds(kit_clock_ns() - from));
    kit_metric_series_observe(g->metrics.step_tokens, step->n);
    if (rc == KIT_OK) {
        choose(g, step, logits, cores);
    } else if (rc != KIT_FULL && rc != KIT_UNAVAILABLE) {
        ask_lengths(g, step);
    }
    return rc;
}

/* --- the thread's rounds; the lock is held on entry and on return --- */

/* False: an operation has failed. */
static bool make_ready(struct sched_generator *g)
{
    const struct sched_op *ops;
    uint32_t count = sched_batcher_plan(g->batcher, kit_clock_ns(), &ops);
    bool all = true;
    act(g);
    for (uint32_t i = 0; i < count; i++) {
        kit_mutex_unlock(&g->lock);
        enum kit_status rc = run_op(g, &ops[i]);
        kit_mutex_lock(&g->lock);
        if (rc == KIT_UNAVAILABLE) {
            sched_batcher_close(g->batcher, true, "the engine is lost", kit_clock_ns());
        } else if (rc != KIT_OK) {
            sched_batcher_op_failed(g->batcher, &ops[i]);
        }
        all = all && rc == KIT_OK;
    }
    return all;
}

static bool step_once(struct sched_generator *g, uint32_t cores)
{
    struct sched_step step;
    struct kit_err err = {0};
    while (!make_ready(g)) {
    }
    if (!sched_batcher_step(g->batcher, kit_clock_ns(), &step)) {
        return false;
    }
    g->warm = true;
    g->told = false;
    __atomic_store_n(&g->stop, 0, __ATOMIC_RELEASE);
    kit_mutex_unlock(&g->lock);
    enum kit_status rc = compute(g, &step, cores, &err);
    kit_mutex_lock(&g->lock);
    sched_batcher_finish(g->batcher, rc, &err, kit_clock_ns());
    return true;
}

/* The step is composed when cores have been lent, not before. Between steps they are given back, so that other models have
 * their turns. */
static void work_once(struct sched_generator *g)
{
    kit_mutex_unlock(&g->lock);
    uint32_t cores = plug_cores_acquire(g->engine, 1, g->options.cores_max);
    kit_mutex_lock(&g->lock);
    bool worked = step_once(g, cores);
    plug_cores_release(g->engine, cores);
    act(g);
    if (!worked && !sched_batcher_is_idle(g->batcher) && !g->ending) {
        kit_cond_wait_until(&g->woken, &g->lock, kit_clock_ns() + BLOCKED_NS);
    }
}

/* Until it is woken. An instance that rests for long gives back what it does not need at rest. */
static void rest(struct sched_generator *g)
{
    uint32_t ms = g->options.shrink_after_ms == 0 ? SCHED_REST_MS : g->options.shrink_after_ms;
    uint64_t shrink_ns = g->warm ? kit_clock_ns() + ms * KIT_NS_PER_MS : KIT_NEVER_NS;
    uint64_t due_ns = sched_batcher_deadline(g->batcher);
    if (kit_cond_wait_until(&g->woken, &g->lock, KIT_MIN(shrink_ns, due_ns))) {
        return;
    }
    if (kit_clock_ns() >= shrink_ns) {
        g->warm = false;
        kit_mutex_unlock(&g->lock);
        plug_instance_shrink(g->instance);
        kit_mutex_lock(&g->lock);
    }
    sched_batcher_tick(g->batcher, kit_clock_ns());
    act(g);
}

static enum kit_status open_instance(struct sched_generator *g, struct kit_err *err)
{
    const struct acb_instance_open options = {.size = sizeof(options),
                                              .mode = ACB_MODE_GENERATE,
                                              .cores_max = g->options.cores_max,
                                              .sequences_max = g->sizes.sequences_max,
                                              .call_tokens_max = g->sizes.step_tokens_max,
                                              .kv_bytes_max = g->options.kv_bytes_max};
    return plug_instance_open(g->model, &options, &g->instance, err);
}

static void generator_main(void *arg)
{
    struct sched_generator *g = arg;
    struct kit_err err = {0};
    enum kit_status rc = open_instance(g, &err);
    kit_mutex_lock(&g->lock);
    g->opened = true;
    g->open_status = rc;
    g->open_err = err;
    kit_cond_broadcast(&g->changed);
    while (rc == KIT_OK && !g->ending) {
        if (sched_batcher_is_idle(g->batcher)) {
            rest(g);
        } else {
            work_once(g);
        }
    }
    kit_mutex_unlock(&g->lock);
    plug_instance_close(g->instance);
}

/* --- birth --- */

static uint64_t tokens_of(uint64_t bytes, uint64_t bytes_per_token)
{
    return bytes_per_token > 0 ? bytes / bytes_per_token : bytes > 0 ? KV_WITHOUT_LIMIT : 0;
}

static uint32_t least_of(uint64_t wanted, uint64_t limit)
{
    uint64_t least = limit == 0 || wanted < limit ? wanted : limit;
    return (uint32_t)KIT_MIN(least, UINT32_MAX);
}

static struct sched_batcher_options sizes_of(const struct sched_generator_options *o, const struct acb_model_info *info)
{
    uint32_t sequences = least_of(least_of(o->sequences_max, info->sequences_max), info->call_tokens_max);
    uint32_t step = o->step_tokens_max == 0 ? SCHED_STEP_TOKENS : o->step_tokens_max;
    uint64_t context = o->context_tokens_max == 0 ? UINT32_MAX : o->context_tokens_max;
    return (struct sched_batcher_options){
        .sequences_max = sequences,
        .step_tokens_max = least_of(KIT_MAX(step, sequences), info->call_tokens_max),
        .step_ms_target = o->step_ms_target == 0 ? SCHED_STEP_MS : o->step_ms_target,
        .context_tokens_max = least_of(context, info->row_tokens_max),
        .kv_tokens_max = tokens_of(o->kv_bytes_max, info->kv_bytes_per_token),
        .prefix_tokens_max = tokens_of(o->prefix_bytes_max, info->kv_bytes_per_token),
        .queue_tokens_max = o->queue_tokens_max,
        .queue_jobs_max = o->queue_jobs_max,
        .trim = (info->step_flags & ACB_STEP_TRIM) != 0,
        .fork = (info->step_flags & ACB_STEP_FORK) != 0,
    };
}

static void free_generator(struct sched_generator *g)
{
    if (g == NULL) {
        return;
    }
    kit_mutex_lock(&g->lock);
    g->ending = true;
    kit_cond_signal(&g->woken);
    kit_mutex_unlock(&g->lock);
    kit_thread_join(&g->thread);
    kit_cond_done(&g->woken);
    kit_cond_done(&g->changed);
    kit_mutex_done(&g->lock);
    sched_batcher_free(g->batcher);
    kit_slots_free(g->tickets);
    kit_alloc_free(g->asking);
    kit_alloc_free(g->model_id);
    kit_alloc_free(g);
}

static struct sched_generator *alloc_generator(const struct sched_generator_options *options,
                                               const struct acb_model_info *info)
{
    struct sched_generator *g = kit_alloc_zero(1, sizeof(*g));
    if (g == NULL) {
        return NULL;
    }
    kit_mutex_init(&g->lock);
    kit_cond_init(&g->woken);
    kit_cond_init(&g->changed);
    g->options = *options;
    g->sizes = sizes_of(options, info);
    g->vocab_size = info->vocab_size;
    g->kv_bytes_per_token = info->kv_bytes_per_token;
    g->model_id = kit_alloc_copy(options->model_id, strlen(options->model_id));
    g->options.model_id = g->model_id;
    return g;
}

/* Most sequences inside, and the one that is about to be refused. */
static uint32_t tickets_max(const struct sched_batcher_options *o)
{
    return KIT_MIN(o->queue_jobs_max + o->sequences_max + 1, UINT32_C(1) << 24);
}

static enum kit_status take_memory(struct sched_generator *g, struct kit_err *err)
{
    enum kit_status rc = sched_batcher_new(&g->sizes, &g->batcher, err);
    if (rc != KIT_OK) {
        return rc;
    }
    g->asking = kit_alloc_zero(g->sizes.sequences_max, sizeof(struct sched_part *));
    if (g->model_id == NULL || g->asking == NULL || kit_slots_new(tickets_max(&g->sizes), &g->tickets) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a generator");
    }
    return KIT_OK;
}

static enum kit_status start_thread(struct sched_generator *g, struct kit_err *err)
{
    char name[KIT_THREAD_NAME_BYTES];
    snprintf(name, sizeof(name), "g:%s", g->model_id);
    enum kit_status rc = kit_thread_start(&g->thread, name, generator_main, g, err);
    if (rc != KIT_OK) {
        return rc;
    }
    kit_mutex_lock(&g->lock);
    while (!g->opened) {
        kit_cond_wait(&g->changed, &g->lock);
    }
    rc = g->open_status;
    if (rc != KIT_OK && err != NULL) {
        *err = g->open_err;
    }
    kit_mutex_unlock(&g->lock);
    return rc;
}

enum kit_status sched_generator_open(struct plug_engine *engine, struct plug_model *model,
                                     const struct sched_generator_options *options, const struct sched_sink *sink,
                                     void *sink_ctx, struct sched_generator **ret, struct kit_err *err)
{
    if (options->cores_max == 0) {
        return kit_fail_param(err, KIT_INVALID, "cores_max", "cores_max is 0, but must be at least 1");
    }
    struct sched_generator *g = alloc_generator(options, plug_model_info(model));
    if (g == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a generator");
    }
    g->engine = engine;
    g->model = model;
    g->sink = sink;
    g->sink_ctx = sink_ctx;
    enum kit_status rc = take_memory(g, err);
    if (rc == KIT_OK) {
        open_metrics(&g->metrics, kit_str_c(g->model_id));
        rc = start_thread(g, err);
    }
    if (rc != KIT_OK) {
        free_generator(g);
        return rc;
    }
    *ret = g;
    return KIT_OK;
}

/* --- for clients --- */

/* The ticket comes first, so that nothing can fail once the batcher has the sequence. */
static enum kit_status submit_locked(struct sched_generator *g, struct sched_sequence *s, uint32_t *retry_after_ms,
                                     struct kit_err *err)
{
    kit_id ticket;
    enum kit_status rc = kit_slots_add(g->tickets, s, &ticket);
    if (rc != KIT_OK) {
        return kit_fail(err, rc, "no room for one more request");
    }
    rc = sched_batcher_submit(g->batcher, s, kit_clock_ns(), retry_after_ms, err);
    if (rc != KIT_OK) {
        kit_slots_remove(g->tickets, ticket);
        return rc;
    }
    s->ticket = ticket;
    show_counts(g);
    kit_cond_signal(&g->woken);
    return KIT_OK;
}

enum kit_status sched_generate(struct sched_generator *g, struct sched_sequence *s, uint32_t *retry_after_ms,
                               struct kit_err *err)
{
    kit_mutex_lock(&g->lock);
    enum kit_status rc = submit_locked(g, s, retry_after_ms, err);
    kit_mutex_unlock(&g->lock);
    if (rc != KIT_OK) {
        sched_request_metrics_refused(&g->metrics.requests);
        kit_err_prefix(err, rc, "model '%s'", g->model_id);
    }
    return rc;
}

static void tell(struct sched_generator *g, kit_id ticket,
                 void (*what)(struct sched_batcher *b, struct sched_sequence *s, uint64_t now_ns))
{
    kit_mutex_lock(&g->lock);
    struct sched_sequence *s = kit_slots_get(g->tickets, ticket);
    if (s != NULL) {
        what(g->batcher, s, kit_clock_ns());
        act(g);
        kit_cond_signal(&g->woken);
    }
    kit_mutex_unlock(&g->lock);
}

void sched_generate_cancel(struct sched_generator *g, kit_id ticket)
{
    tell(g, ticket, sched_batcher_cancel);
}

void sched_generate_resume(struct sched_generator *g, kit_id ticket)
{
    tell(g, ticket, sched_batcher_resume);
}

struct sched_generator_counts sched_generator_counts(struct sched_generator *g)
{
    kit_mutex_lock(&g->lock);
    struct sched_generator_counts counts = sched_batcher_counts(g->batcher);
    kit_mutex_unlock(&g->lock);
    return counts;
}

void sched_generator_close(struct sched_generator *g, bool failed, const char *why)
{
    if (g == NULL) {
        return;
    }
    kit_mutex_lock(&g->lock);
    sched_batcher_close(g->batcher, failed, why, kit_clock_ns());
    act(g);
    kit_cond_signal(&g->woken);
    while (!sched_batcher_is_empty(g->batcher) || g->calling > 0) {
        kit_cond_wait(&g->changed, &g->lock);
    }
    kit_mutex_unlock(&g->lock);
    free_generator(g);
}
