#include "task/scratch.h"

void task_scratches_init(struct task_scratches *s)
{
    kit_mutex_init(&s->lock);
    s->count = 0;
}

void task_scratches_done(struct task_scratches *s)
{
    while (s->count > 0) {
        text_scratch_free(s->resting[--s->count]);
    }
    kit_mutex_done(&s->lock);
}

enum kit_status task_scratches_take(struct task_scratches *s, struct text_scratch **ret)
{
    struct text_scratch *scratch = NULL;
    kit_mutex_lock(&s->lock);
    if (s->count > 0) {
        scratch = s->resting[--s->count];
    }
    kit_mutex_unlock(&s->lock);
    if (scratch == NULL) {
        return text_scratch_new(ret);
    }
    *ret = scratch;
    return KIT_OK;
}

void task_scratches_give(struct task_scratches *s, struct text_scratch *scratch)
{
    kit_mutex_lock(&s->lock);
    if (s->count < TASK_SCRATCHES_KEPT) {
        s->resting[s->count++] = scratch;
        scratch = NULL;
    }
    kit_mutex_unlock(&s->lock);
    text_scratch_free(scratch);
}
