/* src/task/labels.h - what a classifier's outputs are called: the back end's meta "labels", and what a tagger's labels say
 * of where an entity begins and ends.
 *
 * Thread: immutable once made. Memory: owns its texts. Source of the prefixes: Ramshaw and Marcus 1995, arXiv
 * cmp-lg/9505040 (B, I, O); BIOES and BILOU add E or L for the last token of an entity and S or U for a lone one. */
#ifndef TASK_LABELS_H
#define TASK_LABELS_H

#include "kit/json.h"

enum task_tag {
    TASK_TAG_INSIDE, /* goes on, or begins where nothing of its name went before; also what has no prefix */
    TASK_TAG_BEGIN,
    TASK_TAG_END,
    TASK_TAG_SINGLE
};

struct task_label {
    kit_str text; /* "B-PER" */
    kit_str name; /* "PER": without its prefix */
    enum task_tag tag;
    uint32_t name_id; /* the first label of that name */
    bool outside;     /* "O": no entity */
};

struct task_labels {
    struct task_label *label; /* [count]; owned */
    uint32_t count;
    struct kit_json_doc *doc; /* owned; texts lie in it, or in made */
    char *made;               /* owned; "LABEL_0" and so on */
};

/* json: an array of strings; what is missing in it, or no string, is called LABEL_<index>, as Hugging Face does. NOMEM;
 * PARSE: it is no JSON. */
KIT_MUST_CHECK enum kit_status task_labels_make(struct task_labels *l, kit_str json, uint32_t count,
                                                struct kit_err *err);
void task_labels_done(struct task_labels *l);

#endif
