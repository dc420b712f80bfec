#include "task/labels.h"

#include <stdio.h>

#include "kit/alloc.h"

#define DEPTH_MAX 4
#define MADE_BYTES 24 /* "LABEL_4294967295" */

static void read_prefix(struct task_label *l)
{
    static const struct {
        char letter;
        enum task_tag tag;
    } prefixes[] = {{'B', TASK_TAG_BEGIN}, {'I', TASK_TAG_INSIDE}, {'M', TASK_TAG_INSIDE}, {'E', TASK_TAG_END},
                    {'L', TASK_TAG_END},   {'S', TASK_TAG_SINGLE}, {'U', TASK_TAG_SINGLE}};
    l->name = l->text;
    l->outside = kit_str_eq(l->text, kit_str_lit("O"));
    for (size_t i = 0; l->text.len > 2 && l->text.ptr[1] == '-' && i < KIT_COUNT(prefixes); i++) {
        if (l->text.ptr[0] == prefixes[i].letter) {
            l->tag = prefixes[i].tag;
            l->name = kit_str_sub(l->text, 2, l->text.len - 2);
        }
    }
}

/* Labels are few: comparing each with those before it is done once a model. */
static void number_names(struct task_labels *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        uint32_t same = 0;
        while (!kit_str_eq(l->label[same].name, l->label[i].name)) {
            same++;
        }
        l->label[i].name_id = same;
    }
}

static void make_up(struct task_labels *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        char *text = l->made + (size_t)i * MADE_BYTES;
        int len = snprintf(text, MADE_BYTES, "LABEL_%u", i);
        l->label[i].text = (kit_str){.ptr = text, .len = (size_t)len};
    }
}

static void take_texts(struct task_labels *l, kit_json array)
{
    bool list = kit_json_type(array) == KIT_JSON_ARRAY;
    for (struct kit_json_iter i = kit_json_iter(array); list && kit_json_next(&i) && i.index < l->count;) {
        if (kit_json_type(i.value) == KIT_JSON_STRING) {
            l->label[i.index].text = kit_json_str(i.value, (kit_str){0});
        }
    }
}

enum kit_status task_labels_make(struct task_labels *l, kit_str json, uint32_t count, struct kit_err *err)
{
    *l = (struct task_labels){.count = count};
    l->label = kit_alloc_zero(count, sizeof(*l->label));
    l->made = kit_alloc_array(count, MADE_BYTES);
    enum kit_status rc = l->label == NULL || l->made == NULL
                             ? kit_fail(err, KIT_NOMEM, "out of memory for %u labels", count)
                         : json.len > 0 ? kit_json_parse(json, DEPTH_MAX, &l->doc, err)
                                        : KIT_OK;
    if (rc != KIT_OK) {
        task_labels_done(l);
        return rc;
    }
    make_up(l);
    if (l->doc != NULL) {
        take_texts(l, kit_json_root(l->doc));
    }
    for (uint32_t i = 0; i < count; i++) {
        read_prefix(&l->label[i]);
    }
    number_names(l);
    return KIT_OK;
}

void task_labels_done(struct task_labels *l)
{
    kit_alloc_free(l->label);
    kit_alloc_free(l->made);
    kit_json_free(l->doc);
    *l = (struct task_labels){0};
}
