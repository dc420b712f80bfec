/* src/chat/messages.h - messages of OpenAI's API as templates expect them, as JSON: content is one text,
 * arguments of calls are objects.
 *
 * Thread: any; pure. Memory: the caller's buffer. */
#ifndef CHAT_MESSAGES_H
#define CHAT_MESSAGES_H

#include "kit/json.h"

/* Appends the array. developer: the template knows that role. Errors: INVALID with param, UNSUPPORTED, TOO_LARGE; out's. */
KIT_MUST_CHECK enum kit_status chat_messages_write(kit_json messages, bool developer, struct kit_buf *out,
                                                   struct kit_err *err);

#endif
