/* src/model/list.h - the list that a scan fills (scan.h). Thread: one at a time. Memory: owned by the list until taken. */
#ifndef MODEL_LIST_H
#define MODEL_LIST_H

#include "kit/buf.h"
#include "model/scan.h"

struct model_list {
    struct kit_buf found; /* struct model_found, one behind the other */
    uint32_t max;
    bool cut;
};

void model_list_init(struct model_list *l, uint32_t max);
void model_list_done(struct model_list *l);
/* False: the list is full (cut is set) or there was no memory (found.failed): stop. */
bool model_list_add(struct model_list *l, const struct model_found *f);
/* Sorts by id and hands over. NOMEM: an add has failed. */
KIT_MUST_CHECK enum kit_status model_list_take(struct model_list *l, struct model_scan *ret, struct kit_err *err);

#endif
