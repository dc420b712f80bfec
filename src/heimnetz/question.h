/* src/heimnetz/question.h - what `heimnetz aethercore serve` is asked: texts from the command line, files and standard input,
 * and the body of POST /serve that they make.
 *
 * Thread: main. Memory: texts are argv's or lie in the question's arena, at most 64 MiB; heimnetz_question_done. */
#ifndef HEIMNETZ_QUESTION_H
#define HEIMNETZ_QUESTION_H

#include "heimnetz/command.h"
#include "kit/arena.h"

struct heimnetz_item {
    kit_str text;   /* a text; the question of an answer */
    kit_str second; /* its pair; the context of an answer; ptr NULL: none */
};

struct heimnetz_question {
    const char *model;
    const char *task;            /* NULL: the model's own */
    kit_str query;               /* texts are ranked against it; ptr NULL: none */
    bool similarity;             /* and not ranked but compared */
    bool answers;                /* items are questions and contexts */
    struct heimnetz_item *items; /* [count] in the order given; owned */
    uint32_t count, room;
    struct kit_arena arena;
};

/* Reads h's words and options; standard input when nothing else says a text, or where "-" does. INVALID: what is missing
 * or does not go together; IO, TOO_LARGE, NOMEM. heimnetz_question_done is due in any case. */
KIT_MUST_CHECK enum kit_status heimnetz_question_read(const struct heimnetz *h, struct heimnetz_question *ret,
                                                      struct kit_err *err);
void heimnetz_question_done(struct heimnetz_question *q);

/* Appends the body of POST /serve. INVALID: an option's value; else see out->failed. */
KIT_MUST_CHECK enum kit_status heimnetz_question_write(const struct heimnetz *h, const struct heimnetz_question *q,
                                                       struct kit_buf *out, struct kit_err *err);

#endif
