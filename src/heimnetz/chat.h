/* src/heimnetz/chat.h - a conversation with a model: what was said, what is asked next, the answer as it comes.
 *
 * The server keeps nothing of it: every question has all messages so far. Thread: main. Memory: texts are owned by the
 * chat, 64 MiB at most; heimnetz_chat_done. */
#ifndef HEIMNETZ_CHAT_H
#define HEIMNETZ_CHAT_H

#include "heimnetz/command.h"

struct heimnetz_message {
    bool answer;  /* the model's; otherwise the user's */
    kit_str text; /* owned */
};

/* What one question cost, or all of them. */
struct heimnetz_chat_cost {
    uint64_t questions, prompt_tokens, cached_tokens, tokens; /* of which the server had the beginning; made */
    uint64_t first_ns, total_ns;                              /* to the first piece, to the end */
};

struct heimnetz_chat {
    struct heimnetz *h;                /* borrowed */
    const char *model;                 /* borrowed */
    char *system;                      /* owned; NULL: nothing is said first */
    struct heimnetz_message *messages; /* [count]; owned */
    uint32_t count, room;
    size_t bytes;        /* of all messages */
    uint64_t tokens_max; /* of an answer; 0: the server's own limit */
    struct heimnetz_chat_cost last, all;
    int status;   /* HTTP, of the last answer; 0: nothing answered */
    bool cut_off; /* the last answer ended because of tokens_max or the model's context */
};

void heimnetz_chat_init(struct heimnetz_chat *c, struct heimnetz *h, const char *model);
void heimnetz_chat_done(struct heimnetz_chat *c);
void heimnetz_chat_clear(struct heimnetz_chat *c); /* forgets the messages */
/* What the model is told before anything else; empty: nothing. NOMEM. */
KIT_MUST_CHECK enum kit_status heimnetz_chat_set_system(struct heimnetz_chat *c, kit_str text, struct kit_err *err);

/* Appends the body of POST /v1/chat/completions: all messages and, unless it is empty, `text` behind them. See out->failed. */
void heimnetz_chat_write(const struct heimnetz_chat *c, kit_str text, bool stream, struct kit_buf *out);

/* Asks, and hands on each piece of the answer to say(ctx); reasoning: the model thinks aloud, which is no part of it. Both
 * become messages. stop: see client_post_events. CANCELLED: it was called off; what came until then is kept, unless it is
 * nothing. After any other error nothing is kept. TOO_LARGE: the conversation is. */
KIT_MUST_CHECK enum kit_status heimnetz_chat_ask(struct heimnetz_chat *c, kit_str text,
                                                 void (*say)(void *ctx, bool reasoning, kit_str piece),
                                                 bool (*stop)(void *ctx), void *ctx, struct kit_err *err);

/* Writes {"model","messages"} to a file, as the API takes it. */
KIT_MUST_CHECK enum kit_status heimnetz_chat_save(const struct heimnetz_chat *c, const char *path, struct kit_err *err);

#endif
