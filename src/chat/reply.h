/* src/chat/reply.h - what a model writes, as it writes it: content, reasoning and calls of tools.
 *
 * Bytes go in as they come, events come out. How the bytes were cut does not matter: the texts of the events, put together,
 * and the calls are the same. Nothing is lost: what looks like a call and is none comes out as content. Gone are only the
 * marks themselves, and white space before a call, around it and around reasoning.
 *
 * A call is told when it is complete, its arguments in one piece. A call that does not end, or is longer than
 * CHAT_REPLY_CALL_BYTES_MAX, is content. Special tokens must be in the bytes as text. Thread: one. Memory: owned, at most
 * about three times that limit. */
#ifndef CHAT_REPLY_H
#define CHAT_REPLY_H

#include "chat/family.h"
#include "kit/json.h"

#define CHAT_REPLY_CALL_BYTES_MAX (256 * KIT_KIB)

enum chat_event_type { CHAT_EVENT_CONTENT, CHAT_EVENT_REASONING, CHAT_EVENT_CALL };

struct chat_event {
    enum chat_event_type type;
    kit_str text;      /* CONTENT, REASONING: the next bytes of it; not empty */
    uint32_t call;     /* CALL: its number, from 0 */
    kit_str name;      /* CALL */
    kit_str arguments; /* CALL: a JSON object, as the model wrote it where it wrote JSON */
};

struct chat_reply_options {
    uint32_t forms;     /* CHAT_FORM_…; 0: no tools, all calls are content */
    kit_json tools;     /* borrowed until the reply is freed; {NULL}: none */
    bool thinking;      /* the prompt ends inside the reasoning (chat_prompt.thinking) */
    bool keep_thinking; /* reasoning is content, marks included */
    void (*event)(void *ctx, const struct chat_event *e); /* its texts are borrowed for the call */
    void *ctx;
};

struct chat_reply;
KIT_MUST_CHECK enum kit_status chat_reply_new(const struct chat_reply_options *options, struct chat_reply **ret,
                                              struct kit_err *err);
void chat_reply_free(struct chat_reply *r); /* NULL is fine */
/* NOMEM: the reply is of no use any more. */
KIT_MUST_CHECK enum kit_status chat_reply_feed(struct chat_reply *r, kit_str bytes);
/* No more bytes come: what was held back comes out. Then feed may not be called. */
KIT_MUST_CHECK enum kit_status chat_reply_end(struct chat_reply *r);
uint32_t
chat_reply_calls(const struct chat_reply *r); /* calls so far: finish_reason is "tool_calls" where there are some */

#endif
