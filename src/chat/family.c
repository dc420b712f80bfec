#include "chat/family.h"

static bool shows(kit_str source, const char *text)
{
    return kit_str_find(source, kit_str_c(text)) < source.len;
}

uint32_t chat_family_of(kit_str source)
{
    static const struct {
        const char *text;
        uint32_t forms;
    } signs[] = {{"<|channel|>", CHAT_FORM_HARMONY},
                 {"<tool_call>", CHAT_FORM_TAG | CHAT_FORM_FUNCTION},
                 {"<function=", CHAT_FORM_FUNCTION},
                 {"[TOOL_CALLS]", CHAT_FORM_BRACKET},
                 {"<｜tool▁calls▁begin｜>", CHAT_FORM_DEEPSEEK},
                 {"<|START_ACTION|>", CHAT_FORM_ACTION},
                 {"Action:", CHAT_FORM_ACTION},
                 {"<|tool_call|>", CHAT_FORM_PIPE},
                 {"<|python_tag|>", CHAT_FORM_JSON},
                 {"<|start_header_id|>", CHAT_FORM_JSON},
                 {"<|header_start|>", CHAT_FORM_PYTHON | CHAT_FORM_JSON},
                 {"<start_of_turn>", CHAT_FORM_PYTHON | CHAT_FORM_JSON}};
    uint32_t forms = 0;
    for (size_t i = 0; i < KIT_COUNT(signs); i++) {
        forms |= shows(source, signs[i].text) ? signs[i].forms : 0;
    }
    return forms == 0 ? CHAT_FORM_TAG : forms;
}

void chat_family_forced(uint32_t forms, kit_str tool, struct kit_buf *prefix, struct kit_buf *suffix)
{
    /* Text before and behind the name, and behind the arguments; the first form that the family has. */
    static const struct {
        uint32_t form;
        const char *before, *behind, *end;
    } rows[] = {
        {CHAT_FORM_HARMONY, "<|channel|>commentary to=functions.", " <|constrain|>json<|message|>", "<|call|>"},
        {CHAT_FORM_TAG, "<tool_call>\n{\"name\": \"", "\", \"arguments\": ", "}\n</tool_call>"},
        {CHAT_FORM_BRACKET, "[TOOL_CALLS][{\"name\": \"", "\", \"arguments\": ", "}]"},
        {CHAT_FORM_DEEPSEEK, "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>", "\n```json\n",
         "\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"},
        {CHAT_FORM_ACTION, "<|START_ACTION|>[{\"tool_call_id\": \"0\", \"tool_name\": \"",
         "\", \"parameters\": ", "}]<|END_ACTION|>"},
        {CHAT_FORM_PIPE, "<|tool_call|>[{\"name\": \"", "\", \"arguments\": ", "}]"},
        {CHAT_FORM_FUNCTION, "<function=", ">", "</function>"},
        {CHAT_FORM_JSON, "{\"name\": \"", "\", \"parameters\": ", "}"},
    };
    size_t at = 0;
    while (at < KIT_COUNT(rows) - 1 && (forms & rows[at].form) == 0) {
        at++;
    }
    kit_buf_add(prefix, kit_str_c(rows[at].before));
    kit_buf_add(prefix, tool);
    kit_buf_add(prefix, kit_str_c(rows[at].behind));
    kit_buf_add(suffix, kit_str_c(rows[at].end));
}
