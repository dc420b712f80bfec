#include "task/specials.h"

#include <stdlib.h>

#include "kit/alloc.h"

static int by_text(const void *a, const void *b)
{
    return kit_str_cmp(((const struct task_special *)a)->text, ((const struct task_special *)b)->text);
}

static bool is_special(const struct plug_model *m, int32_t id)
{
    return (plug_model_token_flags(m, id) & ACB_TOKEN_SPECIAL) != 0 && plug_model_token(m, id).len > 0;
}

static void add(struct task_specials *s, kit_str text, int32_t id)
{
    s->list[s->count++] = (struct task_special){.text = text, .id = id};
    s->longest = KIT_MAX(s->longest, text.len);
    s->firsts[(unsigned char)text.ptr[0]] = 1;
}

enum kit_status task_specials_make(struct task_specials *s, const struct plug_model *m, struct kit_err *err)
{
    int32_t vocab = (int32_t)plug_model_info(m)->vocab_size;
    uint32_t count = 0;
    for (int32_t id = 0; id < vocab; id++) {
        count += is_special(m, id);
    }
    s->list = kit_alloc_array(KIT_MAX(count, 1u), sizeof(*s->list));
    if (s->list == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u special tokens", count);
    }
    for (int32_t id = 0; id < vocab; id++) {
        if (is_special(m, id)) {
            add(s, plug_model_token(m, id), id);
        }
    }
    qsort(s->list, s->count, sizeof(*s->list), by_text);
    return KIT_OK;
}

void task_specials_done(struct task_specials *s)
{
    kit_alloc_free(s->list);
}

const struct task_special *task_specials_at(const struct task_specials *s, kit_str text)
{
    if (text.len == 0 || !s->firsts[(unsigned char)text.ptr[0]]) {
        return NULL;
    }
    for (size_t len = KIT_MIN(s->longest, text.len); len > 0; len--) {
        struct task_special wanted = {.text = kit_str_sub(text, 0, len)};
        const struct task_special *found = bsearch(&wanted, s->list, s->count, sizeof(*s->list), by_text);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}
