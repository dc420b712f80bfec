/* src/chat/call.h - one region of a reply that calls tools, read as a whole. For src/chat/ only.
 *
 * Thread: one. Memory: a list of calls owns what it holds. */
#ifndef CHAT_CALL_H
#define CHAT_CALL_H

#include "chat/family.h"
#include "chat/scan.h"
#include "kit/json.h"

#define CHAT_CALLS_MAX 64 /* of a region */

struct chat_call {
    size_t name, name_len, arguments, arguments_len; /* places in chat_calls.text */
};

struct chat_calls {
    struct kit_buf text;
    struct chat_call at[CHAT_CALLS_MAX];
    size_t count;
    kit_json tools; /* borrowed: OpenAI's shape; types of parameters that are written without quotes */
};

void chat_calls_init(struct chat_calls *c, kit_json tools, size_t bytes_max);
void chat_calls_clear(struct chat_calls *c);
void chat_calls_done(struct chat_calls *c);
kit_str chat_call_name(const struct chat_calls *c, size_t index);
kit_str chat_call_arguments(const struct chat_calls *c, size_t index); /* a JSON object */

/* The region that `text` begins with, which is one of the form's openers. GOOD: *used bytes of it are the region. MORE: not
 * to be told yet. BAD: it is no call. */
enum chat_scan chat_calls_read(struct chat_calls *c, enum chat_form form, kit_str text, size_t *used);

#endif
