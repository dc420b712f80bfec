/* src/task/words.h - in which words an upstream is asked, and what its answers mean. For src/task/ only.
 *
 * Thread: as upstream.h says. Memory: the tables live for ever. */
#ifndef TASK_WORDS_H
#define TASK_WORDS_H

#include "task/choice.h"
#include "task/upstream.h"

struct task_words {
    const char *chat, *text, *embed; /* paths */
    enum remote_form form;           /* of a text that is made */
    /* The body of a question; its inputs and parameters suit the kind. UNPROCESSABLE: there are no words for it. */
    enum kit_status (*write)(struct task_upstream *u, struct kit_json_writer *w, struct kit_err *err);
    /* A value of the answer. */
    enum kit_status (*made)(struct task_upstream *u, kit_json v, struct kit_err *err);
    enum kit_status (*embedded)(struct task_upstream *u, kit_json v, struct kit_err *err);
};
extern const struct task_words task_words_openai, task_words_ollama;

struct task_upstream {
    struct remote_call call;
    struct remote *remote;      /* borrowed */
    struct remote_upstream *at; /* borrowed */
    struct task_request *r;     /* borrowed: it holds this */
    const struct task_words *words;
    struct kit_buf body;
    uint32_t open;                      /* choices that have not ended */
    uint32_t vectors;                   /* that have come */
    uint32_t calls[TASK_CHOICES_MAX];   /* of tools that were begun, of each choice, */
    uint32_t numbers[TASK_CHOICES_MAX]; /* and the upstream's number of the last one, from 1 */
};

/* --- what the words need of questions --- */

/* A member with the value of a parameter, if it was said. */
struct task_word {
    const char *parameter, *key;
};
void task_words_write(struct kit_json_writer *w, const struct task_request *r, const struct task_word *words,
                      size_t count);
enum kit_status task_words_cannot(const struct task_upstream *u, const char *what,
                                  struct kit_err *err); /* UNPROCESSABLE */

/* --- what they make of answers --- */

/* A piece of a choice; tell once a value. INVALID choice: IO. */
KIT_MUST_CHECK enum kit_status task_words_add(struct task_upstream *u, uint32_t choice, enum task_piece_kind kind,
                                              kit_str text, struct kit_err *err);
/* A call begins; its arguments follow as pieces, or are whole. number: the upstream's. */
KIT_MUST_CHECK enum kit_status task_words_begin_call(struct task_upstream *u, uint32_t choice, uint32_t number,
                                                     kit_str name, struct kit_err *err);
void task_words_finish(struct task_upstream *u, uint32_t choice, enum task_finish finish);
void task_words_use(struct task_upstream *u, int64_t prompt, int64_t made, int64_t cached); /* tokens; -1: not said */
KIT_MUST_CHECK enum kit_status task_words_add_vector(struct task_upstream *u, uint32_t index, kit_json numbers,
                                                     struct kit_err *err);
/* {"error"} in the middle of an answer: IO with its words. OK: there is none. */
KIT_MUST_CHECK enum kit_status task_words_error(const struct task_upstream *u, kit_json v, struct kit_err *err);

#endif
