/* src/chat/chat.h - a conversation as a model's prompt, by the template that came with the model.
 *
 * Messages and tools come as OpenAI's API has them. What the template sees is what transformers shows it, with these
 * differences: content that is null or missing is "", parts of text are joined by newlines, arguments that are JSON text
 * are the object, a tool's message has the name of the function that it answers, and "developer" is "system" unless the
 * template knows it. Reasoning is there as reasoning_content and thinking.
 *
 * To tokenize a prompt: special tokens are those that lie in trusted pieces only; the text between two of them is one text,
 * whatever its pieces. Thread: a chat_template is immutable and shared. Memory: see each call. */
#ifndef CHAT_CHAT_H
#define CHAT_CHAT_H

#include "chat/family.h"
#include "jinja/jinja.h"

#define CHAT_SOURCES_MAX 16
#define CHAT_MESSAGES_MAX 10000
#define CHAT_JSON_DEPTH_MAX 30 /* of messages */

/* A template by name, as tokenizer_config.json has them: "default", "tool_use", … */
struct chat_source {
    kit_str name;
    kit_str text;
};

struct chat_template;

/* count 0: the model has no template. Then the prompt is plain text: a lone message as it is, several as lines "User: …" and
 * "Assistant: …", and chat_template_is_plain says so, for a warning. bos, eos: the texts of those tokens, may be empty. All
 * is copied. Errors: those of jinja_compile with the name of the template, INVALID for more than CHAT_SOURCES_MAX. */
KIT_MUST_CHECK enum kit_status chat_template_new(const struct chat_source *sources, size_t count, kit_str bos,
                                                 kit_str eos, struct chat_template **ret, struct kit_err *err);
void chat_template_free(struct chat_template *t); /* NULL is fine */
bool chat_template_is_plain(const struct chat_template *t);
bool chat_template_takes_tools(const struct chat_template *t);
uint32_t chat_template_forms(const struct chat_template *t); /* CHAT_FORM_…: how its model writes calls; plain: 0 */

struct chat_request {
    kit_json messages; /* an array */
    kit_json tools;    /* an array, or {NULL} */
    kit_json kwargs;   /* an object whose members the template sees as names (enable_thinking, documents), or {NULL} */
    bool no_generation_prompt; /* false: the prompt ends where the assistant's text begins */
    int64_t now_s;             /* as jinja_context has it */
};

struct chat_prompt {
    struct jinja_text text;
    bool has_bos;  /* it begins with the bos token already */
    bool thinking; /* it ends inside the reasoning: the reply begins there (chat_reply_options.thinking) */
};

/* *ret lies in the arena. With tools, the template "tool_use" is taken where there is one. Errors: INVALID with param such as
 * "messages[2].content" for what is no conversation, UNPROCESSABLE where the template takes no tools, UNSUPPORTED for parts
 * that are no text; those of jinja_render. */
KIT_MUST_CHECK enum kit_status chat_render(const struct chat_template *t, const struct chat_request *request,
                                           struct kit_arena *arena, struct chat_prompt *ret, struct kit_err *err);

#endif
