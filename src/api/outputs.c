#include "api/outputs.h"

#include "api/tensors.h"
#include "task/generate.h"
#include "task/model.h"
#include "task/points.h"
#include "task/rows.h"
#include "task/tokenize.h"

#define TOKEN_BYTES_MAX 4096

/* The hits of an item. */
static const struct task_hit *hits_of(const struct task_request *r, uint32_t item, uint32_t *count)
{
    uint32_t row = task_rows_first(r, item);
    *count = r->hits.counts[row];
    return task_hits_of(&r->hits, row);
}

static const struct task_model *model_of(const struct task_request *r)
{
    return task_model_of(r->loaded);
}

static void put_score(struct kit_json_writer *w, float score)
{
    kit_json_key(w, "score");
    kit_json_put_f32(w, score);
}

/* --- places in a text --- */

static void put_place(struct kit_json_writer *w, struct task_points *p, const struct task_hit *hit)
{
    kit_json_member_u64(w, "start", task_points_before(p, hit->start));
    kit_json_member_u64(w, "end", task_points_before(p, hit->end));
}

static kit_str text_at(const struct task_points *p, const struct task_hit *hit)
{
    return kit_str_sub(p->text, hit->start, hit->end - hit->start);
}

/* --- one input of each task --- */

static void write_vectors_of_tokens(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    kit_json_open(w, '[');
    for (uint64_t i = r->rows.offsets[item]; i < r->rows.offsets[item + 1]; i++) {
        kit_json_put_f32s(w, r->vectors + i * r->stride, r->dimensions);
    }
    kit_json_close(w, ']');
}

static void write_vector(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    if (r->parameters.pooling == TASK_POOLING_NONE) {
        write_vectors_of_tokens(w, r, item);
    } else {
        kit_json_put_f32s(w, r->vectors + (size_t)item * r->stride, r->dimensions);
    }
}

static void write_similarities(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    uint32_t count;
    const struct task_hit *hits = hits_of(r, item, &count);
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < count; i++) {
        kit_json_put_f32(w, hits[i].score);
    }
    kit_json_close(w, ']');
}

static void write_ranks(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    uint32_t count;
    const struct task_hit *hits = hits_of(r, item, &count);
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < count; i++) {
        kit_json_open(w, '{');
        kit_json_member_u64(w, "index", hits[i].id);
        put_score(w, hits[i].score);
        if (r->parameters.return_text) {
            kit_json_member_str(w, "text", r->inputs.pairs[task_rows_first(r, item) + hits[i].id]);
        }
        kit_json_close(w, '}');
    }
    kit_json_close(w, ']');
}

static void write_labels(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    uint32_t count;
    const struct task_hit *hits = hits_of(r, item, &count);
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < count; i++) {
        kit_json_open(w, '{');
        kit_json_member_str(w, "label", model_of(r)->labels.label[hits[i].id].text);
        put_score(w, hits[i].score);
        kit_json_close(w, '}');
    }
    kit_json_close(w, ']');
}

static void write_entities(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    uint32_t count;
    const struct task_hit *hits = hits_of(r, item, &count);
    struct task_points points;
    task_points_init(&points, r->inputs.texts[item]);
    bool tags = r->parameters.aggregation == TASK_AGGREGATION_NONE;
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < count; i++) {
        const struct task_label *label = &model_of(r)->labels.label[hits[i].id];
        kit_json_open(w, '{');
        kit_json_member_str(w, "label", tags ? label->text : label->name);
        put_score(w, hits[i].score);
        put_place(w, &points, &hits[i]);
        kit_json_member_str(w, "text", text_at(&points, &hits[i]));
        kit_json_close(w, '}');
    }
    kit_json_close(w, ']');
}

static void write_mask(struct kit_json_writer *w, const struct task_request *r, const struct task_hit *hits,
                       uint32_t count)
{
    struct kit_buf token;
    kit_buf_init(&token, TOKEN_BYTES_MAX);
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < count; i++) {
        int32_t id = (int32_t)hits[i].id;
        kit_buf_clear(&token);
        if (text_tokenizer_decode(model_of(r)->tokenizer, &id, 1, false, &token) == KIT_NOMEM) {
            w->out->failed = w->out->failed == KIT_OK ? KIT_NOMEM : w->out->failed;
        }
        kit_json_open(w, '{');
        kit_json_member_str(w, "token", kit_buf_str(&token));
        put_score(w, hits[i].score);
        kit_json_close(w, '}');
    }
    kit_json_close(w, ']');
    kit_buf_done(&token);
}

static void write_masks(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    uint32_t count, masks = r->masks.firsts[item + 1] - r->masks.firsts[item];
    const struct task_hit *hits = hits_of(r, item, &count);
    if (masks == 1) {
        write_mask(w, r, hits, count);
        return;
    }
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < masks; i++) {
        write_mask(w, r, hits + (size_t)i * (count / masks), count / masks);
    }
    kit_json_close(w, ']');
}

static bool has_answers(const struct task_request *r)
{
    return r->parameters.top_k > 1;
}

static void write_answers(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    uint32_t count;
    const struct task_hit *hits = hits_of(r, item, &count);
    struct task_points points;
    task_points_init(&points, r->inputs.pairs[item]);
    if (has_answers(r)) {
        kit_json_open(w, '[');
    }
    for (uint32_t i = 0; i < count; i++) {
        kit_json_open(w, '{');
        kit_json_member_str(w, "text", text_at(&points, &hits[i]));
        put_score(w, hits[i].score);
        put_place(w, &points, &hits[i]);
        kit_json_close(w, '}');
    }
    if (has_answers(r)) {
        kit_json_close(w, ']');
    }
}

/* --- a text that was made --- */

static void write_made_calls(struct kit_json_writer *w, struct task_made *m, struct kit_buf *text)
{
    kit_json_key(w, "tool_calls");
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < task_made_calls(m); i++) {
        kit_json_open(w, '{');
        task_made_gather(m, TASK_PIECE_CALL, i, text);
        kit_json_member_str(w, "name", kit_buf_str(text));
        task_made_gather(m, TASK_PIECE_ARGUMENTS, i, text);
        kit_json_member_str(w, "arguments", kit_buf_str(text));
        kit_json_close(w, '}');
    }
    kit_json_close(w, ']');
}

static void write_token(struct kit_json_writer *w, const struct task_request *r, int32_t id, float logprob)
{
    kit_json_member_str(w, "token", task_generate_token(r, id));
    kit_json_member_u64(w, "id", (uint64_t)id);
    kit_json_key(w, "logprob");
    kit_json_put_f32(w, logprob);
}

static void write_made_tokens(struct kit_json_writer *w, const struct task_request *r, struct task_made *m)
{
    struct task_token t;
    kit_json_key(w, "tokens");
    kit_json_open(w, '[');
    for (uint32_t i = 0; task_made_token(m, i, &t); i++) {
        kit_json_open(w, '{');
        write_token(w, r, t.id, t.logprob);
        kit_json_key(w, "top");
        kit_json_open(w, '[');
        for (uint32_t k = 0; k < t.others; k++) {
            kit_json_open(w, '{');
            write_token(w, r, t.top[k].id, t.top[k].logprob);
            kit_json_close(w, '}');
        }
        kit_json_close(w, ']');
        kit_json_close(w, '}');
    }
    kit_json_close(w, ']');
}

static void write_choice(struct kit_json_writer *w, const struct task_request *r, uint32_t choice)
{
    static const char *const ends[] = {NULL, "stop", "length", "tool_calls"};
    struct task_made *m = task_generate_made(r, choice);
    struct kit_buf text;
    kit_buf_init(&text, TASK_MADE_BYTES_MAX);
    kit_json_open(w, '{');
    task_made_gather(m, TASK_PIECE_TEXT, 0, &text);
    kit_json_member_str(w, "text", kit_buf_str(&text));
    if (task_made_gather(m, TASK_PIECE_REASONING, 0, &text)) {
        kit_json_member_str(w, "reasoning", kit_buf_str(&text));
    }
    if (task_made_calls(m) > 0) {
        write_made_calls(w, m, &text);
    }
    if (task_parameters_has(&r->parameters, "logprobs")) {
        write_made_tokens(w, r, m);
    }
    kit_json_member_c(w, "end", ends[task_made_finish(m)]);
    kit_json_close(w, '}');
    kit_buf_done(&text);
}

/* One text, or as many as were asked for. */
static void write_choices(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    uint32_t n = r->parameters.n;
    if (n == 1) {
        write_choice(w, r, item);
        return;
    }
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < n; i++) {
        write_choice(w, r, item * n + i);
    }
    kit_json_close(w, ']');
}

/* --- tokens --- */

/* Where it stands in the text that was sent, if it stands for a part of it. */
static void write_span(struct kit_json_writer *w, const struct task_request *r, uint64_t token, struct task_points *p)
{
    bool placed = r->rows.spans != NULL && r->rows.words[token] != TEXT_NO_WORD;
    const char *const names[] = {"start", "stop"};
    uint32_t bytes[2] = {0};
    if (placed) {
        bytes[0] = r->rows.spans[token].start;
        bytes[1] = r->rows.spans[token].end;
    }
    for (size_t i = 0; i < KIT_COUNT(names); i++) {
        kit_json_key(w, names[i]);
        if (placed) {
            kit_json_put_u64(w, task_points_before(p, bytes[i]));
        } else {
            kit_json_put_null(w);
        }
    }
}

static void write_tokens(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    struct task_points points;
    struct kit_buf text;
    task_points_init(&points, r->inputs.texts[item]);
    kit_buf_init(&text, TOKEN_BYTES_MAX);
    kit_json_open(w, '[');
    for (uint64_t i = r->rows.offsets[item]; i < r->rows.offsets[item + 1]; i++) {
        int32_t id = r->rows.ids[i];
        kit_buf_clear(&text);
        task_tokens_text(model_of(r), &id, 1, false, &text);
        kit_json_open(w, '{');
        kit_json_member_u64(w, "id", (uint64_t)id);
        kit_json_member_str(w, "text", kit_buf_str(&text));
        kit_json_member_bool(w, "special", task_token_is_special(model_of(r), id));
        write_span(w, r, i, &points);
        kit_json_close(w, '}');
    }
    kit_json_close(w, ']');
    kit_buf_done(&text);
}

static void write_text(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    uint64_t from = r->rows.offsets[item];
    struct kit_buf text;
    kit_buf_init(&text, TASK_MADE_BYTES_MAX);
    task_tokens_text(model_of(r), r->rows.ids + from, (uint32_t)(r->rows.offsets[item + 1] - from),
                     r->parameters.skip_special_tokens, &text);
    kit_json_put_str(w, kit_buf_str(&text));
    kit_buf_done(&text);
}

static void write_tensors(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    (void)item;
    api_tensors_write(w, r->outputs.tensor, r->outputs.count);
}

/* --- all of it --- */

static bool always(const struct task_request *r)
{
    (void)r;
    return true;
}

static const struct {
    void (*write)(struct kit_json_writer *w, const struct task_request *r, uint32_t item);
    bool (*bare)(const struct task_request *r); /* what a single input gives is all of "outputs"; NULL: never */
} looks[TASK_KIND_COUNT] = {
    [TASK_EMBED] = {write_vector, NULL},
    [TASK_SIMILARITY] = {write_similarities, always},
    [TASK_RERANK] = {write_ranks, always},
    [TASK_CLASSIFY] = {write_labels, NULL},
    [TASK_TOKEN_CLASSIFY] = {write_entities, NULL},
    [TASK_FILL_MASK] = {write_masks, NULL},
    [TASK_ANSWER] = {write_answers, has_answers},
    [TASK_GENERATE] = {write_choices, NULL},
    [TASK_RAW] = {write_tensors, always},
    [TASK_TOKENIZE] = {write_tokens, NULL},
    [TASK_DETOKENIZE] = {write_text, NULL},
};

void api_outputs_write_item(struct kit_json_writer *w, const struct task_request *r, uint32_t index)
{
    looks[r->kind].write(w, r, index);
}

void api_outputs_write(struct kit_json_writer *w, const struct task_request *r)
{
    if (!r->inputs.batch && looks[r->kind].bare != NULL && looks[r->kind].bare(r)) {
        api_outputs_write_item(w, r, 0);
        return;
    }
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < r->inputs.item_count; i++) {
        api_outputs_write_item(w, r, i);
    }
    kit_json_close(w, ']');
}
