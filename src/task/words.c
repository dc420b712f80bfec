#include "task/words.h"

#include <math.h>
#include <stdio.h>

#include "kit/alloc.h"
#include "task/generate.h"

#define DIMENSIONS_MAX (1u << 20)
#define SAID_BYTES 160 /* of an upstream's own words */

/* --- questions --- */

static void put_texts(struct kit_json_writer *w, const struct task_list *l)
{
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < l->count; i++) {
        kit_json_put_str(w, l->texts[i]);
    }
    kit_json_close(w, ']');
}

static void put_biases(struct kit_json_writer *w, const struct task_biases *b)
{
    kit_json_open(w, '{');
    for (uint32_t i = 0; i < b->count; i++) {
        char key[16];
        int len = snprintf(key, sizeof(key), "%d", b->list[i].token);
        kit_json_key_str(w, (kit_str){.ptr = key, .len = (size_t)len});
        kit_json_put_f32(w, b->list[i].bias);
    }
    kit_json_close(w, '}');
}

static void put(struct kit_json_writer *w, const struct task_parameter *row, const void *value)
{
    switch (row->type) {
    case TASK_PARAMETER_BOOL:
        kit_json_put_bool(w, *(const bool *)value);
        break;
    case TASK_PARAMETER_COUNT:
        kit_json_put_u64(w, *(const uint32_t *)value);
        break;
    case TASK_PARAMETER_NUMBER:
        kit_json_put_f32(w, *(const float *)value);
        break;
    case TASK_PARAMETER_SEED:
        kit_json_put_i64(w, (int64_t) * (const uint64_t *)value);
        break;
    case TASK_PARAMETER_NAME:
        kit_json_put_c(w, row->names[*(const uint32_t *)value]);
        break;
    case TASK_PARAMETER_TEXT:
        kit_json_put_str(w, *(const kit_str *)value);
        break;
    case TASK_PARAMETER_TEXTS:
        put_texts(w, value);
        break;
    case TASK_PARAMETER_BIASES:
        put_biases(w, value);
        break;
    case TASK_PARAMETER_JSON:
        kit_json_put_raw(w, *(const kit_str *)value);
        break;
    }
}

void task_words_write(struct kit_json_writer *w, const struct task_request *r, const struct task_word *words,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (task_parameters_has(&r->parameters, words[i].parameter)) {
            const struct task_parameter *row = task_parameter_at(task_parameter_of(words[i].parameter));
            kit_json_key(w, words[i].key);
            put(w, row, (const char *)&r->parameters + row->offset);
        }
    }
}

enum kit_status task_words_cannot(const struct task_upstream *u, const char *what, struct kit_err *err)
{
    return kit_fail(err, KIT_UNPROCESSABLE, "model '%s' is served by '%s', which cannot be asked for %s",
                    u->r->model_id, remote_upstream_name(u->at), what);
}

/* --- answers --- */

static enum kit_status fail_answer(const struct task_upstream *u, const char *what, struct kit_err *err)
{
    return kit_fail(err, KIT_IO, "upstream '%s' answers %s", remote_upstream_name(u->at), what);
}

enum kit_status task_words_add(struct task_upstream *u, uint32_t choice, enum task_piece_kind kind, kit_str text,
                               struct kit_err *err)
{
    if (choice >= task_generate_choices(u->r)) {
        return fail_answer(u, "more texts than were asked for", err);
    }
    struct task_choice *c = task_choices_at(u->r, choice);
    uint32_t call = kind == TASK_PIECE_ARGUMENTS ? u->calls[choice] - 1 : 0;
    if (text.len == 0 || (kind == TASK_PIECE_ARGUMENTS && u->calls[choice] == 0)) {
        return KIT_OK;
    }
    c->sequence.first_ns = c->sequence.first_ns == 0 ? kit_clock_ns() : c->sequence.first_ns;
    c->tokens++;
    enum kit_status rc = task_made_add(&c->made, kind, call, text, 0);
    return rc == KIT_OK ? KIT_OK
                        : kit_fail(err, rc == KIT_FULL ? KIT_TOO_LARGE : rc, "no room for the text of upstream '%s'",
                                   remote_upstream_name(u->at));
}

enum kit_status task_words_begin_call(struct task_upstream *u, uint32_t choice, uint32_t number, kit_str name,
                                      struct kit_err *err)
{
    if (choice >= task_generate_choices(u->r)) {
        return fail_answer(u, "more texts than were asked for", err);
    }
    if (name.len == 0 || (u->calls[choice] > 0 && u->numbers[choice] == number + 1)) {
        return KIT_OK; /* it goes on */
    }
    u->numbers[choice] = number + 1;
    uint32_t call = u->calls[choice]++;
    enum kit_status rc = task_made_add(&task_choices_at(u->r, choice)->made, TASK_PIECE_CALL, call, name, 0);
    return rc == KIT_OK ? KIT_OK
                        : kit_fail(err, rc, "no room for the calls of upstream '%s'", remote_upstream_name(u->at));
}

void task_words_finish(struct task_upstream *u, uint32_t choice, enum task_finish finish)
{
    if (choice < task_generate_choices(u->r)) {
        struct task_choice *c = task_choices_at(u->r, choice);
        if (c->finish == TASK_FINISH_NONE) {
            c->finish = finish == TASK_FINISH_STOP && u->calls[choice] > 0 ? TASK_FINISH_CALLS : finish;
            u->open--;
        }
    }
    u->call.complete = u->call.complete || u->open == 0;
}

/* What all choices took stands with the first. */
void task_words_use(struct task_upstream *u, int64_t prompt, int64_t made, int64_t cached)
{
    struct task_request *r = u->r;
    r->tokens = prompt >= 0 ? (uint64_t)prompt : r->tokens;
    for (uint32_t i = 0; made >= 0 && i < task_generate_choices(r); i++) {
        task_choices_at(r, i)->tokens = i == 0 ? (uint32_t)KIT_MIN(made, UINT32_MAX) : 0;
    }
    if (cached > 0 && task_generate_choices(r) > 0) {
        task_choices_at(r, 0)->sequence.cached = (uint32_t)KIT_MIN(cached, UINT32_MAX);
    }
}

static enum kit_status make_vectors(struct task_upstream *u, size_t dimensions, struct kit_err *err)
{
    struct task_request *r = u->r;
    if (dimensions == 0 || dimensions > DIMENSIONS_MAX) {
        return fail_answer(u, "vectors of a length that none has", err);
    }
    uint32_t wanted = r->parameters.dimensions;
    r->stride = (uint32_t)dimensions;
    r->dimensions = wanted > 0 ? KIT_MIN(wanted, r->stride) : r->stride;
    r->parameters.normalize = r->parameters.normalize || r->dimensions < r->stride; /* cut here, not there */
    r->rows.count = r->inputs.text_count;
    r->vectors = kit_alloc_array((size_t)r->rows.count * r->stride, sizeof(float));
    return r->vectors != NULL ? KIT_OK : kit_fail(err, KIT_NOMEM, "out of memory for %u vectors", r->rows.count);
}

enum kit_status task_words_add_vector(struct task_upstream *u, uint32_t index, kit_json numbers, struct kit_err *err)
{
    struct task_request *r = u->r;
    enum kit_status rc = r->vectors == NULL ? make_vectors(u, kit_json_count(numbers), err) : KIT_OK;
    if (rc != KIT_OK) {
        return rc;
    }
    if (index != u->vectors || index >= r->rows.count || kit_json_count(numbers) != r->stride) {
        return fail_answer(u, "vectors that do not belong to the texts", err);
    }
    float *to = r->vectors + (size_t)index * r->stride;
    for (struct kit_json_iter i = kit_json_iter(numbers); kit_json_next(&i);) {
        double x = kit_json_f64(i.value, NAN);
        if (!isfinite(x)) {
            return fail_answer(u, "vectors that are not all numbers", err);
        }
        to[i.index] = (float)x;
    }
    u->vectors++;
    return KIT_OK;
}

enum kit_status task_words_error(const struct task_upstream *u, kit_json v, struct kit_err *err)
{
    kit_json error = kit_json_get(v, "error");
    char said[SAID_BYTES];
    if (kit_json_type(error) <= KIT_JSON_NULL) {
        return KIT_OK;
    }
    kit_str_to_c(kit_json_str(kit_json_get(error, "message"), kit_json_str(error, kit_str_lit("an error"))), said,
                 sizeof(said));
    return kit_fail(err, KIT_IO, "upstream '%s': %s", remote_upstream_name(u->at), said);
}
