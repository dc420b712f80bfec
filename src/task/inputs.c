#include "task/inputs.h"

#include <stdio.h>
#include <string.h>

static const struct task_shape_fields fields[TASK_SHAPE_COUNT] = {
    [TASK_SHAPE_TEXT] = {.first = "text"},
    [TASK_SHAPE_PAIR] = {.first = "text", .second = "pair", .optional = true},
    [TASK_SHAPE_ANSWER] = {.first = "question", .second = "context"},
    [TASK_SHAPE_RERANK] = {.first = "query", .second = "texts", .list = true},
    [TASK_SHAPE_SIMILARITY] = {.first = "source", .second = "texts", .list = true},
    [TASK_SHAPE_CHAT] = {.first = "messages"},
    [TASK_SHAPE_TOKENS] = {.first = "tokens"},
    [TASK_SHAPE_TENSORS] = {.first = "tensors"},
};

const struct task_shape_fields *task_shape_fields(enum task_shape s)
{
    return &fields[s];
}

uint32_t task_item_at(const uint32_t *firsts, uint32_t item_count, uint32_t place)
{
    if (firsts == NULL) {
        return place;
    }
    uint32_t low = 0, high = item_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (firsts[middle] <= place) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

uint64_t task_inputs_bytes(const struct task_inputs *in)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < in->text_count; i++) {
        bytes += in->texts[i].len + (in->pairs != NULL ? in->pairs[i].len : 0);
    }
    return bytes;
}

const char *task_inputs_path(const struct task_inputs *in, uint32_t text, enum task_part part,
                             char to[KIT_ERR_PARAM_BYTES])
{
    const struct task_shape_fields *f = &fields[in->shape];
    uint32_t item = task_item_at(in->firsts, in->item_count, text), place = text - task_item_first(in->firsts, item);
    int len =
        in->batch ? snprintf(to, KIT_ERR_PARAM_BYTES, "inputs[%u]", item) : snprintf(to, KIT_ERR_PARAM_BYTES, "inputs");
    char *at = to + len;
    size_t room = KIT_ERR_PARAM_BYTES - (size_t)len;
    if (in->shape == TASK_SHAPE_SIMILARITY && place > 0) {
        snprintf(at, room, ".%s[%u]", f->second, place - 1);
    } else if (f->list && part != TASK_PART_FIRST && in->shape != TASK_SHAPE_SIMILARITY) {
        snprintf(at, room, ".%s[%u]", f->second, place);
    } else if (f->second != NULL && part != TASK_PART_BOTH) {
        snprintf(at, room, ".%s", part == TASK_PART_SECOND ? f->second : f->first);
    }
    return to;
}

enum kit_status task_inputs_blame(const struct task_inputs *in, uint32_t text, enum task_part part, enum kit_status rc,
                                  struct kit_err *err)
{
    char path[KIT_ERR_PARAM_BYTES];
    task_inputs_path(in, text, part, path);
    if (err != NULL) {
        memcpy(err->param, path, sizeof(path));
    }
    return kit_err_prefix(err, rc, "%s", path);
}
