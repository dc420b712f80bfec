#include "chat/call.h"

#include <string.h>

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        enum chat_scan try_ = (call);                                                                                  \
        if (try_ != CHAT_SCAN_GOOD) {                                                                                  \
            return try_;                                                                                               \
        }                                                                                                              \
    } while (0)

void chat_calls_init(struct chat_calls *c, kit_json tools, size_t bytes_max)
{
    *c = (struct chat_calls){.tools = tools};
    kit_buf_init(&c->text, bytes_max);
}

void chat_calls_clear(struct chat_calls *c)
{
    kit_buf_clear(&c->text);
    c->count = 0;
}

void chat_calls_done(struct chat_calls *c)
{
    kit_buf_done(&c->text);
}

kit_str chat_call_name(const struct chat_calls *c, size_t index)
{
    return kit_str_sub(kit_buf_str(&c->text), c->at[index].name, c->at[index].name_len);
}

kit_str chat_call_arguments(const struct chat_calls *c, size_t index)
{
    return kit_str_sub(kit_buf_str(&c->text), c->at[index].arguments, c->at[index].arguments_len);
}

/* --- adding --- */

static bool begin(struct chat_calls *c, kit_str name)
{
    if (c->count == CHAT_CALLS_MAX || name.len == 0) {
        return false;
    }
    struct chat_call *call = &c->at[c->count];
    *call = (struct chat_call){.name = c->text.len, .name_len = name.len, .arguments = c->text.len + name.len};
    kit_buf_add(&c->text, name);
    return true;
}

/* What was appended since begin are the arguments. */
static enum chat_scan end(struct chat_calls *c)
{
    struct chat_call *call = &c->at[c->count];
    call->arguments_len = c->text.len - call->arguments;
    c->count++;
    bool good = c->text.failed == KIT_OK && chat_scan_is_json(chat_call_arguments(c, c->count - 1), true);
    return good ? CHAT_SCAN_GOOD : CHAT_SCAN_BAD;
}

/* arguments: JSON text of an object, or of a string that holds one; empty: no arguments. */
static enum chat_scan add(struct chat_calls *c, kit_str name, kit_str arguments)
{
    arguments = kit_str_trim(arguments);
    if (!begin(c, name)) {
        return CHAT_SCAN_BAD;
    }
    if (arguments.len > 0 && arguments.ptr[0] == '"') {
        struct kit_json_doc *doc = NULL;
        if (kit_json_parse(arguments, 1, &doc, NULL) == KIT_OK) {
            kit_buf_add(&c->text, kit_json_str(kit_json_root(doc), (kit_str){0}));
        }
        kit_json_free(doc);
    } else {
        bool none = arguments.len == 0 || kit_str_eq(arguments, kit_str_lit("null"));
        kit_buf_add(&c->text, none ? kit_str_lit("{}") : arguments);
    }
    return end(c);
}

/* --- {"name": …, "arguments": …} --- */

static bool is_one_of(kit_str key, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (kit_str_eq(key, kit_str_c(*names))) {
            return true;
        }
    }
    return false;
}

/* A complete object, valid or not. Its members are walked in its own text, so that the arguments go on as they are. */
static enum chat_scan add_object(struct chat_calls *c, kit_str object)
{
    static const char *const names[] = {"\"name\"", "\"tool_name\"", "\"function_name\"", NULL};
    static const char *const values[] = {"\"arguments\"", "\"parameters\"", NULL};
    kit_str name = {0};
    kit_str arguments = {0};
    if (!chat_scan_is_json(object, true)) {
        return CHAT_SCAN_BAD;
    }
    for (size_t at = 1; chat_scan_space(object, &at) == CHAT_SCAN_GOOD && object.ptr[at] != '}';) {
        size_t from = at;
        TRY(chat_scan_json(object, &at));
        kit_str key = kit_str_sub(object, from, at - from);
        TRY(chat_scan_space(object, &at));
        at++; /* the colon */
        TRY(chat_scan_space(object, &at));
        from = at;
        TRY(chat_scan_json(object, &at));
        kit_str value = kit_str_sub(object, from, at - from);
        if (is_one_of(key, names) && value.ptr[0] == '"') {
            name = kit_str_sub(value, 1, value.len - 2);
        } else if (is_one_of(key, values)) {
            arguments = value;
        }
        TRY(chat_scan_space(object, &at));
        at += object.ptr[at] == ',';
    }
    return add(c, name, arguments);
}

static enum chat_scan read_object(struct chat_calls *c, kit_str s, size_t *at)
{
    TRY(chat_scan_space(s, at));
    size_t from = *at;
    if (s.ptr[from] != '{') {
        return CHAT_SCAN_BAD;
    }
    TRY(chat_scan_json(s, at));
    return add_object(c, kit_str_sub(s, from, *at - from));
}

/* One object, or an array of them. */
static enum chat_scan read_objects(struct chat_calls *c, kit_str s, size_t *at)
{
    TRY(chat_scan_space(s, at));
    if (s.ptr[*at] != '[') {
        return read_object(c, s, at);
    }
    size_t end_at = *at;
    TRY(chat_scan_json(s, &end_at));
    for (++*at;;) {
        TRY(chat_scan_space(s, at));
        if (s.ptr[*at] == ']') {
            break;
        }
        TRY(read_object(c, s, at));
        TRY(chat_scan_space(s, at));
        *at += s.ptr[*at] == ',';
    }
    *at = end_at;
    return c->count > 0 ? CHAT_SCAN_GOOD : CHAT_SCAN_BAD;
}

/* --- parameters that are written as text --- */

static kit_json tool_named(kit_json tools, kit_str name)
{
    for (struct kit_json_iter i = kit_json_iter(tools); kit_json_next(&i);) {
        kit_json function = kit_json_get(i.value, "function");
        if (kit_str_eq(kit_json_str(kit_json_get(function, "name"), (kit_str){0}), name)) {
            return function;
        }
    }
    return (kit_json){NULL};
}

/* True where the tool says that the parameter is a string. */
static bool is_string(kit_json tool, kit_str key)
{
    kit_json properties = kit_json_get(kit_json_get(tool, "parameters"), "properties");
    for (struct kit_json_iter i = kit_json_iter(properties); kit_json_next(&i);) {
        if (kit_str_eq(i.key, key)) {
            return kit_str_eq(kit_json_str(kit_json_get(i.value, "type"), (kit_str){0}), kit_str_lit("string"));
        }
    }
    return false;
}

static kit_str without_lines(kit_str s)
{
    s = kit_str_starts(s, kit_str_lit("\n")) ? kit_str_sub(s, 1, s.len) : s;
    return kit_str_ends(s, kit_str_lit("\n")) ? kit_str_sub(s, 0, s.len - 1) : s;
}

/* What is JSON and may be is taken as it is, all else becomes a string. */
static void add_parameter(struct chat_calls *c, kit_json tool, kit_str key, kit_str value)
{
    struct kit_json_writer w;
    const struct chat_call *call = &c->at[c->count];
    kit_buf_add(&c->text, c->text.len == call->arguments ? kit_str_lit("{") : kit_str_lit(", "));
    kit_json_writer_init(&w, &c->text);
    kit_json_put_str(&w, kit_str_trim(key));
    kit_buf_add(&c->text, kit_str_lit(": "));
    value = without_lines(value);
    if (!is_string(tool, kit_str_trim(key)) && chat_scan_is_json(kit_str_trim(value), false)) {
        kit_buf_add(&c->text, kit_str_trim(value));
    } else {
        kit_json_writer_init(&w, &c->text);
        kit_json_put_str(&w, value);
    }
}

static enum chat_scan end_parameters(struct chat_calls *c)
{
    bool none = c->text.len == c->at[c->count].arguments;
    kit_buf_add(&c->text, none ? kit_str_lit("{}") : kit_str_lit("}"));
    return end(c);
}

/* What opens a parameter; over: instead of it came the end of them all. */
static enum chat_scan open_parameter(kit_str s, size_t *at, kit_str opening, kit_str ending, bool *over)
{
    TRY(chat_scan_space(s, at));
    size_t before = *at;
    enum chat_scan rc = chat_scan_text(s, at, opening);
    *over = rc == CHAT_SCAN_BAD;
    if (*over) {
        *at = before;
        rc = chat_scan_text(s, at, ending);
    }
    return rc;
}

/* <function=name> and its parameters or JSON, </function>. */
static enum chat_scan read_function(struct chat_calls *c, kit_str s, size_t *at)
{
    kit_str name, key, value;
    bool over;
    TRY(chat_scan_text(s, at, kit_str_lit("<function=")));
    TRY(chat_scan_until(s, at, kit_str_lit(">"), &name));
    name = kit_str_trim(name);
    TRY(chat_scan_space(s, at));
    if (s.ptr[*at] == '{') {
        size_t from = *at;
        TRY(chat_scan_json(s, at));
        kit_str arguments = kit_str_sub(s, from, *at - from);
        TRY(chat_scan_space(s, at));
        TRY(chat_scan_text(s, at, kit_str_lit("</function>")));
        return add(c, name, arguments);
    }
    if (!begin(c, name)) {
        return CHAT_SCAN_BAD;
    }
    kit_json tool = tool_named(c->tools, name);
    for (;;) {
        TRY(open_parameter(s, at, kit_str_lit("<parameter="), kit_str_lit("</function>"), &over));
        if (over) {
            return end_parameters(c);
        }
        TRY(chat_scan_until(s, at, kit_str_lit(">"), &key));
        TRY(chat_scan_until(s, at, kit_str_lit("</parameter>"), &value));
        add_parameter(c, tool, key, value);
    }
}

/* name, then <arg_key>k</arg_key><arg_value>v</arg_value>…, up to </tool_call>. */
static enum chat_scan read_pairs(struct chat_calls *c, kit_str s, size_t *at)
{
    kit_str name, key, value;
    bool over;
    TRY(chat_scan_name(s, at, &name));
    if (!begin(c, name)) {
        return CHAT_SCAN_BAD;
    }
    kit_json tool = tool_named(c->tools, name);
    for (;;) {
        TRY(open_parameter(s, at, kit_str_lit("<arg_key>"), kit_str_lit("</tool_call>"), &over));
        if (over) {
            return end_parameters(c);
        }
        TRY(chat_scan_until(s, at, kit_str_lit("</arg_key>"), &key));
        TRY(chat_scan_space(s, at));
        TRY(chat_scan_text(s, at, kit_str_lit("<arg_value>")));
        TRY(chat_scan_until(s, at, kit_str_lit("</arg_value>"), &value));
        add_parameter(c, tool, key, value);
    }
}

/* --- the forms; each begins at its opener --- */

static enum chat_scan read_tag(struct chat_calls *c, kit_str s, size_t *at)
{
    TRY(chat_scan_text(s, at, kit_str_lit("<tool_call>")));
    TRY(chat_scan_space(s, at));
    char first = s.ptr[*at];
    return first == '{' || first == '[' ? read_objects(c, s, at)
           : first == '<'               ? read_function(c, s, at)
                                        : read_pairs(c, s, at);
}

static enum chat_scan read_bracket(struct chat_calls *c, kit_str s, size_t *at)
{
    kit_str name, id;
    TRY(chat_scan_text(s, at, kit_str_lit("[TOOL_CALLS]")));
    TRY(chat_scan_space(s, at));
    if (s.ptr[*at] == '[' || s.ptr[*at] == '{') {
        return read_objects(c, s, at);
    }
    TRY(chat_scan_name(s, at, &name));
    TRY(chat_scan_space(s, at));
    size_t before = *at;
    enum chat_scan rc = chat_scan_text(s, at, kit_str_lit("[CALL_ID]"));
    if (rc == CHAT_SCAN_GOOD) {
        TRY(chat_scan_name(s, at, &id));
        before = *at;
    } else if (rc == CHAT_SCAN_MORE) {
        return rc;
    }
    *at = before;
    rc = chat_scan_text(s, at, kit_str_lit("[ARGS]"));
    if (rc == CHAT_SCAN_MORE) {
        return rc;
    }
    TRY(chat_scan_space(s, at));
    size_t from = *at;
    if (s.ptr[from] != '{') {
        return CHAT_SCAN_BAD;
    }
    TRY(chat_scan_json(s, at));
    return add(c, name, kit_str_sub(s, from, *at - from));
}

/* Behind "call▁begin": name<sep>{…} or type<sep>name, a fence and {…}. */
static enum chat_scan read_deepseek(struct chat_calls *c, kit_str s, size_t *at)
{
    kit_str type, name;
    TRY(chat_scan_text(s, at, kit_str_lit("<｜tool▁call▁begin｜>")));
    TRY(chat_scan_until(s, at, kit_str_lit("<｜tool▁sep｜>"), &type));
    TRY(chat_scan_space(s, at));
    bool fenced = s.ptr[*at] != '{';
    name = type;
    if (fenced) {
        TRY(chat_scan_until(s, at, kit_str_lit("\n"), &name));
        TRY(chat_scan_space(s, at));
        TRY(chat_scan_text(s, at, kit_str_lit("```json")));
        TRY(chat_scan_space(s, at));
    }
    size_t from = *at;
    TRY(s.ptr[from] == '{' ? CHAT_SCAN_GOOD : CHAT_SCAN_BAD);
    TRY(chat_scan_json(s, at));
    size_t arguments_end = *at;
    if (fenced) {
        TRY(chat_scan_space(s, at));
        TRY(chat_scan_text(s, at, kit_str_lit("```")));
    }
    return add(c, kit_str_trim(name), kit_str_sub(s, from, arguments_end - from));
}

static enum chat_scan read_action(struct chat_calls *c, kit_str s, size_t *at)
{
    bool fenced = s.ptr[0] == 'A';
    TRY(chat_scan_text(s, at, fenced ? kit_str_lit("Action:") : kit_str_lit("<|START_ACTION|>")));
    TRY(chat_scan_space(s, at));
    if (fenced) {
        TRY(chat_scan_text(s, at, kit_str_lit("```json")));
    }
    TRY(read_objects(c, s, at));
    if (fenced) {
        TRY(chat_scan_space(s, at));
        TRY(chat_scan_text(s, at, kit_str_lit("```")));
    }
    return CHAT_SCAN_GOOD;
}

static enum chat_scan read_pipe(struct chat_calls *c, kit_str s, size_t *at)
{
    TRY(chat_scan_text(s, at, kit_str_lit("<|tool_call|>")));
    return read_objects(c, s, at);
}

/* name=value, …) */
static enum chat_scan read_python_args(struct chat_calls *c, kit_str s, size_t *at)
{
    kit_str key;
    struct kit_json_writer w;
    for (bool more = false;; more = true) {
        TRY(chat_scan_space(s, at));
        if (s.ptr[*at] == ')') {
            ++*at;
            return end_parameters(c);
        }
        TRY(chat_scan_name(s, at, &key));
        TRY(chat_scan_space(s, at));
        TRY(chat_scan_text(s, at, kit_str_lit("=")));
        TRY(chat_scan_space(s, at));
        kit_buf_add(&c->text, more ? kit_str_lit(", ") : kit_str_lit("{"));
        kit_json_writer_init(&w, &c->text);
        kit_json_put_str(&w, key);
        kit_buf_add(&c->text, kit_str_lit(": "));
        TRY(chat_scan_python(s, at, &c->text));
        TRY(chat_scan_space(s, at));
        TRY(s.ptr[*at] == ',' || s.ptr[*at] == ')' ? CHAT_SCAN_GOOD : CHAT_SCAN_BAD);
        *at += s.ptr[*at] == ',';
    }
}

static enum chat_scan read_python_call(struct chat_calls *c, kit_str s, size_t *at)
{
    kit_str name;
    TRY(chat_scan_name(s, at, &name));
    TRY(chat_scan_text(s, at, kit_str_lit("(")));
    return begin(c, name) ? read_python_args(c, s, at) : CHAT_SCAN_BAD;
}

/* [f(…), g(…)] */
static enum chat_scan read_python_list(struct chat_calls *c, kit_str s, size_t *at)
{
    TRY(chat_scan_text(s, at, kit_str_lit("[")));
    for (;;) {
        TRY(chat_scan_space(s, at));
        TRY(read_python_call(c, s, at));
        TRY(chat_scan_space(s, at));
        char next = s.ptr[(*at)++];
        if (next == ']') {
            return CHAT_SCAN_GOOD;
        }
        TRY(next == ',' ? CHAT_SCAN_GOOD : CHAT_SCAN_BAD);
    }
}

static enum chat_scan read_python(struct chat_calls *c, kit_str s, size_t *at)
{
    if (s.ptr[0] == '[') {
        return read_python_list(c, s, at);
    }
    TRY(chat_scan_text(s, at, kit_str_lit("```tool_code")));
    TRY(chat_scan_space(s, at));
    size_t before = *at;
    enum chat_scan rc = chat_scan_text(s, at, kit_str_lit("print("));
    TRY(rc == CHAT_SCAN_BAD ? CHAT_SCAN_GOOD : rc);
    bool printed = rc == CHAT_SCAN_GOOD;
    *at = printed ? *at : before;
    TRY(s.ptr[KIT_MIN(*at, s.len - 1)] == '[' ? read_python_list(c, s, at) : read_python_call(c, s, at));
    if (printed) {
        TRY(chat_scan_space(s, at));
        TRY(chat_scan_text(s, at, kit_str_lit(")")));
    }
    TRY(chat_scan_space(s, at));
    return chat_scan_text(s, at, kit_str_lit("```"));
}

/* The whole reply is an object; <|python_tag|> may stand before it, or before name.call(…). */
static enum chat_scan read_json(struct chat_calls *c, kit_str s, size_t *at)
{
    if (s.ptr[0] == '<') {
        TRY(chat_scan_text(s, at, kit_str_lit("<|python_tag|>")));
        TRY(chat_scan_space(s, at));
    }
    if (s.ptr[*at] == '{') {
        return read_object(c, s, at);
    }
    kit_str name;
    TRY(chat_scan_name(s, at, &name));
    TRY(chat_scan_text(s, at, kit_str_lit("(")));
    name = kit_str_ends(name, kit_str_lit(".call")) ? kit_str_sub(name, 0, name.len - 5) : name;
    return begin(c, name) ? read_python_args(c, s, at) : CHAT_SCAN_BAD;
}

enum chat_scan chat_calls_read(struct chat_calls *c, enum chat_form form, kit_str text, size_t *used)
{
    static const struct {
        enum chat_form form;
        enum chat_scan (*read)(struct chat_calls *c, kit_str s, size_t *at);
    } readers[] = {{CHAT_FORM_TAG, read_tag},         {CHAT_FORM_FUNCTION, read_function},
                   {CHAT_FORM_BRACKET, read_bracket}, {CHAT_FORM_DEEPSEEK, read_deepseek},
                   {CHAT_FORM_ACTION, read_action},   {CHAT_FORM_PIPE, read_pipe},
                   {CHAT_FORM_PYTHON, read_python},   {CHAT_FORM_JSON, read_json}};
    chat_calls_clear(c);
    *used = 0;
    for (size_t i = 0; i < KIT_COUNT(readers); i++) {
        if (readers[i].form == form) {
            return readers[i].read(c, text, used);
        }
    }
    return CHAT_SCAN_BAD;
}
