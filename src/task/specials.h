/* src/task/specials.h - the special tokens of a vocabulary, to be found in a text that may name them.
 *
 * Thread: built once, then read by any. Memory: owns the list; the texts are borrowed from the model. */
#ifndef TASK_SPECIALS_H
#define TASK_SPECIALS_H

#include "plug/engine.h"

struct task_specials {
    struct task_special {
        kit_str text;
        int32_t id;
    } * list; /* [count], in order of texts; owned */
    uint32_t count;
    size_t longest;      /* bytes */
    uint8_t firsts[256]; /* 1: one begins with this byte */
};

/* Zeroed before. NOMEM. */
KIT_MUST_CHECK enum kit_status task_specials_make(struct task_specials *s, const struct plug_model *m,
                                                  struct kit_err *err);
void task_specials_done(struct task_specials *s);
/* The longest one that `text` begins with, or NULL. */
const struct task_special *task_specials_at(const struct task_specials *s, kit_str text);

#endif
