#include "model/list.h"

#include <stdlib.h>
#include <string.h>

void model_list_init(struct model_list *l, uint32_t max)
{
    *l = (struct model_list){.max = max};
    kit_buf_init(&l->found, (size_t)max * sizeof(struct model_found));
}

void model_list_done(struct model_list *l)
{
    kit_buf_done(&l->found);
}

bool model_list_add(struct model_list *l, const struct model_found *f)
{
    if (l->found.len / sizeof(*f) == l->max) {
        l->cut = true;
        return false;
    }
    return kit_buf_add(&l->found, (kit_str){.ptr = (const char *)f, .len = sizeof(*f)}) == KIT_OK;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct model_found *)a)->id, ((const struct model_found *)b)->id);
}

enum kit_status model_list_take(struct model_list *l, struct model_scan *ret, struct kit_err *err)
{
    size_t bytes = 0;
    if (l->found.failed != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "no memory for the list of models");
    }
    ret->found = (struct model_found *)(void *)kit_buf_take(&l->found, &bytes);
    ret->count = (uint32_t)(bytes / sizeof(struct model_found));
    ret->cut = l->cut;
    if (ret->count > 1) {
        qsort(ret->found, ret->count, sizeof(ret->found[0]), by_id);
    }
    return KIT_OK;
}
