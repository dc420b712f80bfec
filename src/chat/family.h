/* src/chat/family.h - how models write calls of tools: the forms, and which of them a model's template shows.
 *
 * A form is recognised by the text that opens it. A family is the set of forms that a model may use; it is read off the
 * model's template, which shows the model its own earlier calls in that form. Thread: any; pure. Memory: none. */
#ifndef CHAT_FAMILY_H
#define CHAT_FAMILY_H

#include "kit/buf.h"

enum chat_form {
    CHAT_FORM_TAG =
        1 << 0, /* <tool_call>{"name":…,"arguments":…}</tool_call>: Hermes, Qwen; inside it also FUNCTION, or
                                    name and <arg_key>k</arg_key><arg_value>v</arg_value> pairs: GLM */
    CHAT_FORM_FUNCTION =
        1 << 1, /* <function=name>{…}</function>, or with <parameter=k>v</parameter>: Functionary, Qwen3-Coder */
    CHAT_FORM_BRACKET = 1 << 2,  /* [TOOL_CALLS][{…}] or [TOOL_CALLS]name[ARGS]{…}: Mistral */
    CHAT_FORM_DEEPSEEK = 1 << 3, /* <｜tool▁call▁begin｜>… */
    CHAT_FORM_ACTION =
        1 << 4, /* <|START_ACTION|>[{"tool_name":…,"parameters":…}]<|END_ACTION|>, Action: ```json […]```: Command-R */
    CHAT_FORM_PIPE = 1 << 5, /* <|tool_call|>[{…}]: Granite, Phi-4 */
    CHAT_FORM_JSON = 1 << 6, /* {"name":…,"parameters":…} as the whole reply, after <|python_tag|> or not: Llama 3 */
    CHAT_FORM_PYTHON = 1 << 7, /* [f(x=1), g()] as the whole reply, or in ```tool_code```: Llama 4, Gemma */
    CHAT_FORM_HARMONY = 1 << 8 /* <|channel|>commentary to=functions.name<|message|>{…}<|call|>: gpt-oss */
};

/* The forms that a template's source shows; CHAT_FORM_TAG where it shows none. */
uint32_t chat_family_of(kit_str template_source);

/* What must stand around the arguments, a JSON object, where a call of that tool is forced. Both are appended. The reply is
 * prefix, arguments, suffix; chat_reply reads it as that call. */
void chat_family_forced(uint32_t forms, kit_str tool, struct kit_buf *prefix, struct kit_buf *suffix);

#endif
