#include "heimnetz/bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/sse.h"
#include "fetch/group.h"
#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/json.h"

#define BODY_BYTES_MAX (128 * KIT_MIB)
#define REFUSAL_BYTES_MAX (16 * KIT_KIB)
#define DEPTH_MAX 64
#define CONNECT_MS 10000
#define LOOK_MS 50 /* how often go_on is asked */
#define ADDRESS_BYTES 1024
#define KEY_FIELD_BYTES 4096

struct bench {
    const struct heimnetz_bench_plan *plan;
    struct heimnetz_bench_result *result;
    struct fetch_group *group; /* owned */
    struct shot *first;        /* under way; owned */
    uint64_t started, running;
    uint64_t due_ns; /* of the next one, in an open loop */
    uint64_t random;
    char url[ADDRESS_BYTES], key[KEY_FIELD_BYTES];
};

/* One request. */
struct shot {
    struct bench *bench;
    struct shot *next;
    struct kit_buf body, refusal;
    struct client_sse sse;
    uint64_t from_ns, last_ns; /* when it was due; the last piece, 0: none yet */
    uint64_t pieces, prompt_tokens, cached_tokens, tokens;
    bool ended; /* the server said that it is whole */
    char fault[BENCH_FAULT_BYTES];
};

/* --- what is asked --- */

/* splitmix64: the same prompts in every run. */
static uint64_t mix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Begins with another word in each request, so that no server has the beginning already. */
static void add_words(struct kit_buf *out, uint32_t count, uint64_t seed)
{
    static const char *const words[] = {"time", "year",  "people", "way",    "day",   "man",   "thing", "woman",
                                        "life", "child", "world",  "school", "state", "house", "week",  "hand",
                                        "part", "place", "case",   "point",  "night", "water", "room",  "book",
                                        "word", "city",  "name",   "number", "story", "fact",  "month", "light"};
    kit_buf_printf(out, "%llu", (unsigned long long)seed);
    for (uint32_t i = 1; i < count; i++) {
        kit_buf_printf(out, " %s", words[mix(&seed) % KIT_COUNT(words)]);
    }
}

static void write_message(struct kit_json_writer *w, const struct heimnetz_bench_plan *plan, uint64_t number)
{
    struct kit_buf text;
    kit_buf_init(&text, BODY_BYTES_MAX);
    if (plan->prompt.len == 0) {
        add_words(&text, plan->prompt_tokens, number);
    }
    kit_json_key(w, "messages");
    kit_json_open(w, '[');
    kit_json_open(w, '{');
    kit_json_member_c(w, "role", "user");
    kit_json_member_str(w, "content", plan->prompt.len > 0 ? plan->prompt : kit_buf_str(&text));
    kit_json_close(w, '}');
    kit_json_close(w, ']');
    kit_buf_done(&text);
}

static void write_body(struct kit_buf *out, const struct heimnetz_bench_plan *plan, uint64_t number)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "model", plan->model);
    write_message(&w, plan, number);
    kit_json_member_u64(&w, "max_tokens", plan->max_tokens);
    kit_json_member_u64(&w, "temperature", 0);
    kit_json_member_bool(&w, "stream", true);
    kit_json_key(&w, "stream_options");
    kit_json_open(&w, '{');
    kit_json_member_bool(&w, "include_usage", true);
    kit_json_close(&w, '}');
    kit_json_close(&w, '}');
}

/* --- what comes --- */

static double ms_between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (double)(to_ns - from_ns) / 1e6 : 0;
}

static void note_piece(struct shot *s)
{
    struct heimnetz_bench_result *r = s->bench->result;
    uint64_t now_ns = kit_clock_ns();
    heimnetz_spread_add(s->pieces == 0 ? &r->first : &r->between,
                        ms_between(s->pieces == 0 ? s->from_ns : s->last_ns, now_ns));
    s->last_ns = now_ns;
    s->pieces++;
}

static bool has_text(kit_json delta)
{
    static const char *const names[] = {"content", "reasoning_content", "reasoning"};
    bool has = false;
    for (size_t i = 0; i < KIT_COUNT(names); i++) {
        has = has || kit_json_str(kit_json_get(delta, names[i]), (kit_str){0}).len > 0;
    }
    return has || kit_json_count(kit_json_get(delta, "tool_calls")) > 0;
}

static void take_usage(struct shot *s, kit_json usage)
{
    kit_json details = kit_json_get(usage, "prompt_tokens_details");
    s->prompt_tokens = (uint64_t)kit_json_i64(kit_json_get(usage, "prompt_tokens"), 0);
    s->cached_tokens = (uint64_t)kit_json_i64(kit_json_get(details, "cached_tokens"), 0);
    s->tokens = (uint64_t)kit_json_i64(kit_json_get(usage, "completion_tokens"), 0);
}

/* {"error":{"message"}}, {"error":"…"}, or text. */
static void take_fault(struct shot *s, kit_str text)
{
    struct kit_json_doc *doc = NULL;
    kit_str said = kit_str_trim(text);
    if (kit_json_parse(text, DEPTH_MAX, &doc, NULL) == KIT_OK) {
        kit_json error = kit_json_get(kit_json_root(doc), "error");
        said = kit_json_str(kit_json_get(error, "message"), kit_json_str(error, said));
    }
    kit_str_to_c(said, s->fault, sizeof(s->fault));
    kit_json_free(doc);
}

static void read_event(struct shot *s, kit_str data, kit_json event)
{
    if (kit_json_type(kit_json_get(event, "error")) > KIT_JSON_NULL) {
        take_fault(s, data);
    }
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(event, "choices")); kit_json_next(&i);) {
        if (has_text(kit_json_get(i.value, "delta"))) {
            note_piece(s);
        }
        s->ended = s->ended || kit_json_type(kit_json_get(i.value, "finish_reason")) == KIT_JSON_STRING;
    }
    if (kit_json_type(kit_json_get(event, "usage")) == KIT_JSON_OBJECT) {
        take_usage(s, kit_json_get(event, "usage"));
    }
}

static bool take_event(void *ctx, kit_str data)
{
    struct shot *s = ctx;
    struct kit_json_doc *doc = NULL;
    if (kit_json_parse(data, DEPTH_MAX, &doc, NULL) == KIT_OK) {
        read_event(s, data, kit_json_root(doc));
    }
    kit_json_free(doc);
    return s->fault[0] == '\0';
}

static bool take_head(void *ctx, struct fetch_transfer *t)
{
    (void)ctx, (void)t;
    return true;
}

static bool take_piece(void *ctx, kit_str bytes)
{
    struct shot *s = ctx;
    return client_sse_feed(&s->sse, bytes, take_event, s);
}

/* --- one request's life --- */

static void release(struct shot *s)
{
    struct shot **at = &s->bench->first;
    while (*at != s) {
        at = &(*at)->next;
    }
    *at = s->next;
    s->bench->running--;
    client_sse_done(&s->sse);
    kit_buf_done(&s->body);
    kit_buf_done(&s->refusal);
    kit_alloc_free(s);
}

static void count_fault(struct heimnetz_bench_result *r, const char *text)
{
    uint32_t i = 0;
    while (i < r->fault_count && strcmp(r->faults[i].text, text) != 0) {
        i++;
    }
    if (i == BENCH_FAULTS_MAX) {
        i--;
        kit_str_to_c(kit_str_lit("others"), r->faults[i].text, sizeof(r->faults[i].text));
    } else if (i == r->fault_count) {
        kit_str_to_c(kit_str_c(text), r->faults[i].text, sizeof(r->faults[i].text));
        r->fault_count++;
    }
    r->faults[i].count++;
}

static void fail(struct shot *s, int status, enum kit_status rc, const struct kit_err *err)
{
    char text[BENCH_FAULT_BYTES];
    struct heimnetz_bench_result *r = s->bench->result;
    if (s->fault[0] == '\0') {
        take_fault(s, kit_buf_str(&s->refusal));
    }
    const char *why = s->fault[0] != '\0' ? s->fault : rc != KIT_OK ? err->msg : "the answer has no end";
    if (status >= 400) {
        snprintf(text, sizeof(text), "HTTP %d: %.*s", status, BENCH_FAULT_BYTES - 32, why);
    } else {
        kit_str_to_c(kit_str_c(why), text, sizeof(text));
    }
    r->failed++;
    r->unanswered += status == 0 ? 1 : 0;
    count_fault(r, text);
}

static void take_end(void *ctx, struct fetch_transfer *t, enum kit_status rc, const struct kit_err *err)
{
    struct shot *s = ctx;
    struct heimnetz_bench_result *r = s->bench->result;
    int status = fetch_transfer_status(t);
    if (rc != KIT_OK || status != 200 || !s->ended || s->fault[0] != '\0') {
        fail(s, status, rc, err);
    } else {
        r->done++;
        r->prompt_tokens += s->prompt_tokens;
        r->cached_tokens += s->cached_tokens;
        r->tokens += s->tokens > 0 ? s->tokens : s->pieces;
        heimnetz_spread_add(&r->whole, ms_between(s->from_ns, kit_clock_ns()));
    }
    release(s);
}

static struct shot *new_shot(struct bench *b, uint64_t from_ns)
{
    struct shot *s = kit_alloc_zero(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->bench = b;
    s->from_ns = from_ns;
    client_sse_init(&s->sse);
    kit_buf_init(&s->body, BODY_BYTES_MAX);
    kit_buf_init(&s->refusal, REFUSAL_BYTES_MAX);
    write_body(&s->body, b->plan, b->started + 1);
    s->next = b->first;
    b->first = s;
    b->running++;
    return s;
}

static enum kit_status send(struct shot *s, struct kit_err *err)
{
    struct fetch_transfer *transfer;
    const struct bench *b = s->bench;
    const struct fetch_group_request ask = {
        .method = "POST",
        .url = b->url,
        .fields = {"Content-Type: application/json", "Accept: text/event-stream", b->key[0] != '\0' ? b->key : NULL},
        .body = kit_buf_str(&s->body),
        .connect_timeout_ms = CONNECT_MS,
        .timeout_ms = b->plan->timeout_ms,
        .refusal = &s->refusal,
        .head = take_head,
        .piece = take_piece,
        .done = take_end,
        .ctx = s};
    return s->body.failed == KIT_OK ? fetch_group_start(b->group, &ask, &transfer, err)
                                    : kit_fail(err, s->body.failed, "the prompt is too long");
}

static enum kit_status start(struct bench *b, uint64_t from_ns, struct kit_err *err)
{
    struct shot *s = new_shot(b, from_ns);
    enum kit_status rc = s != NULL ? send(s, err) : kit_fail(err, KIT_NOMEM, "out of memory for a request");
    if (rc != KIT_OK) {
        if (s != NULL) {
            release(s);
        }
        return rc;
    }
    b->started++;
    b->result->running_max = KIT_MAX(b->result->running_max, (uint32_t)b->running);
    return KIT_OK;
}

/* --- which is next, and when --- */

/* Time to the next of events that come at random, `rate` a second. */
static uint64_t gap_ns(struct bench *b)
{
    double u = (double)(mix(&b->random) >> 11) / 9007199254740992.0; /* [0, 1) */
    return (uint64_t)(-log(1 - u) / b->plan->rate * 1e9);
}

static bool is_due(const struct bench *b)
{
    bool open = b->plan->rate > 0;
    return b->started < b->plan->requests && b->running < (open ? BENCH_RUNNING_MAX : b->plan->concurrency) &&
           (!open || kit_clock_ns() >= b->due_ns);
}

static enum kit_status start_due(struct bench *b, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    while (rc == KIT_OK && is_due(b)) {
        bool open = b->plan->rate > 0;
        rc = start(b, open ? b->due_ns : kit_clock_ns(), err);
        b->due_ns += open ? gap_ns(b) : 0;
    }
    return rc;
}

/* The last millisecond before a request is due is not slept through. */
static uint32_t wait_ms(const struct bench *b)
{
    if (b->plan->rate <= 0 || b->started == b->plan->requests || b->running == BENCH_RUNNING_MAX) {
        return LOOK_MS;
    }
    uint64_t now_ns = kit_clock_ns(), left_ns = b->due_ns > now_ns ? b->due_ns - now_ns : 0;
    return (uint32_t)KIT_MIN(left_ns / KIT_NS_PER_MS, (uint64_t)LOOK_MS);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * KIT_NS_PER_S + (uint64_t)t.tv_nsec;
}

static enum kit_status loop(struct bench *b, bool (*go_on)(void *ctx, uint64_t ended), void *ctx, struct kit_err *err)
{
    struct heimnetz_bench_result *r = b->result;
    uint64_t from_ns = kit_clock_ns(), cpu_from_ns = cpu_ns();
    enum kit_status rc = KIT_OK;
    b->due_ns = from_ns;
    while (rc == KIT_OK && r->done + r->failed < b->plan->requests) {
        r->interrupted = !go_on(ctx, r->done + r->failed);
        if (r->interrupted) {
            break;
        }
        rc = start_due(b, err);
        rc = rc == KIT_OK ? fetch_group_run(b->group, wait_ms(b), err) : rc;
    }
    r->wall_ns = kit_clock_ns() - from_ns;
    r->own_cpu_ns = cpu_ns() - cpu_from_ns;
    return rc;
}

static enum kit_status open_bench(struct bench *b, struct kit_err *err)
{
    const struct heimnetz_bench_plan *p = b->plan;
    bool fits = snprintf(b->url, sizeof(b->url), "%s/v1/chat/completions", p->url) < (int)sizeof(b->url);
    if (p->key != NULL) {
        fits = fits && snprintf(b->key, sizeof(b->key), "Authorization: Bearer %s", p->key) < (int)sizeof(b->key);
    }
    return fits ? fetch_group_new(&b->group, err) : kit_fail(err, KIT_INVALID, "the address or the key is too long");
}

enum kit_status heimnetz_bench_run(const struct heimnetz_bench_plan *plan, bool (*go_on)(void *ctx, uint64_t ended),
                                   void *ctx, struct heimnetz_bench_result *ret, struct kit_err *err)
{
    struct bench b = {.plan = plan, .result = ret};
    memset(ret, 0, sizeof(*ret));
    enum kit_status rc = open_bench(&b, err);
    rc = rc == KIT_OK ? loop(&b, go_on, ctx, err) : rc;
    fetch_group_free(b.group);
    while (b.first != NULL) {
        release(b.first);
    }
    return rc;
}
