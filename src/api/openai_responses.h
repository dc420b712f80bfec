/* src/api/openai_responses.h - what the files of /v1/responses share: a response that is being made, the items of a
 * conversation, and the book of those that are kept (store/).
 *
 * Items are what goes into a response and what comes out of it: messages, calls of functions and what these answered.
 * Source: OpenAI's API reference, "Responses". Thread: as struct api_dialect says, unless said. */
#ifndef API_OPENAI_RESPONSES_H
#define API_OPENAI_RESPONSES_H

#include "api/openai.h"
#include "store/db.h"

#define API_RESPONSE_ID_BYTES 40    /* "resp_", 32 hex digits, NUL */
#define API_RESPONSE_DEPTH_MAX 1000 /* responses of one conversation */

/* Fields of a response that repeat the question. */
#define API_RESPONSE_ECHOES(X)                                                                                         \
    X(INSTRUCTIONS, "instructions", "null")                                                                            \
    X(MAX_OUTPUT_TOKENS, "max_output_tokens", "null")                                                                  \
    X(METADATA, "metadata", "{}")                                                                                      \
    X(PARALLEL_TOOL_CALLS, "parallel_tool_calls", "true")                                                              \
    X(PREVIOUS, "previous_response_id", "null")                                                                        \
    X(TEMPERATURE, "temperature", "1.0")                                                                               \
    X(TEXT, "text", "{\"format\":{\"type\":\"text\"}}")                                                                \
    X(TOOL_CHOICE, "tool_choice", "\"auto\"")                                                                          \
    X(TOOLS, "tools", "[]")                                                                                            \
    X(TOP_P, "top_p", "1.0")                                                                                           \
    X(TRUNCATION, "truncation", "\"disabled\"")

enum api_response_echo {
#define API_RESPONSE_ECHO(name, key, otherwise) API_RESPONSE_##name,
    API_RESPONSE_ECHOES(API_RESPONSE_ECHO)
#undef API_RESPONSE_ECHO
        API_RESPONSE_ECHO_COUNT
};

/* Of a request for a response; lives with its task_request. */
struct api_response {
    struct api *api;
    char id[API_RESPONSE_ID_BYTES];
    char previous[API_RESPONSE_ID_BYTES]; /* "": it begins a conversation */
    bool keep;                            /* it is to be, or was, stored */
    uint64_t created_s;
    kit_str echoes[API_RESPONSE_ECHO_COUNT]; /* JSON; the request's arena; empty: not said */
    kit_str items;                           /* what went in, as a JSON array; likewise */
    struct store_tx *history;                /* api_responses_find; a reference; NULL: none */
    struct kit_buf name, text;               /* of the item that is being told */
    kit_str principal;                       /* whose it is; bytes behind this struct */
};
/* NULL: no memory. */
KIT_MUST_CHECK struct api_response *api_response_new(struct api *a, const struct http_request *h);
void api_response_free(void *own); /* NULL is fine */

/* --- items (openai_responses_items.c) --- */

/* Takes "input" and "instructions", behind what history holds, as the conversation of r, and keeps the items for the book.
 * INVALID naming the place ("input[2].content"), NOMEM. */
KIT_MUST_CHECK enum kit_status api_responses_read_input(struct task_request *r, struct api_response *own, kit_json root,
                                                        struct kit_err *err);

/* --- the book (openai_responses_book.c) --- */

extern const char *const api_responses_migrations[];
extern const uint32_t api_responses_migration_count;

/* Rows of a conversation, oldest first. */
struct api_responses_row {
    kit_str items, response; /* JSON */
};
uint32_t api_responses_rows(const struct store_tx *history);
struct api_responses_row api_responses_row(const struct store_tx *history, uint32_t row);

/* What was found of a conversation: NOT_FOUND also where a part of it has gone. */
KIT_MUST_CHECK enum kit_status api_responses_found(const struct store_tx *history, const char *id, struct kit_err *err);
/* Asks for the response `id` and all before it. asker: as store_tx_new. */
KIT_MUST_CHECK enum kit_status api_responses_find(struct api *a, kit_str principal, const char *id,
                                                  const struct store_asker *asker, struct store_tx **ret,
                                                  struct kit_err *err);
/* Submits what keeps it: `response` is its JSON. TOO_LARGE: larger than all that may be kept. */
KIT_MUST_CHECK enum kit_status api_responses_keep(const struct api_response *own, kit_str response,
                                                  const struct store_asker *asker, struct kit_err *err);

#endif
