#include "chat/chat.h"

#include <string.h>

#include "chat/messages.h"
#include "kit/alloc.h"

#define MESSAGES_BYTES_MAX (64 * KIT_MIB)

/* What a model without a template reads. */
static const char plain_source[] =
    "{{ bos_token }}{% if messages|length == 1 and add_generation_prompt %}{{ messages[0].content }}{% else %}"
    "{% for m in messages %}{{ m.role|capitalize }}: {{ m.content|trim }}\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}{% endif %}";

struct named {
    char *name; /* owned */
    struct jinja_template *template;
    bool tools, developer; /* its source speaks of them */
};

struct chat_template {
    struct named at[CHAT_SOURCES_MAX];
    size_t count;
    bool plain;
    uint32_t forms;
    struct kit_json_doc *tokens; /* {"bos_token": …, "eos_token": …} */
};

static bool speaks_of(kit_str source, const char *word)
{
    return kit_str_find(source, kit_str_c(word)) < source.len;
}

static enum kit_status add_source(struct chat_template *t, const struct chat_source *source, struct kit_err *err)
{
    struct named *n = &t->at[t->count];
    enum kit_status rc = jinja_compile(source->text, &n->template, err);
    if (rc != KIT_OK) {
        return kit_err_prefix(err, rc, "chat template '%.*s'", KIT_STR_ARG(source->name));
    }
    t->count++;
    n->tools = speaks_of(source->text, "tools");
    n->developer = speaks_of(source->text, "developer");
    t->forms |= t->plain ? 0 : chat_family_of(source->text);
    n->name = kit_alloc_copy(source->name.ptr, source->name.len);
    return n->name == NULL ? kit_fail(err, KIT_NOMEM, "no memory for a chat template") : KIT_OK;
}

static enum kit_status keep_tokens(struct chat_template *t, kit_str bos, kit_str eos, struct kit_err *err)
{
    struct kit_buf text;
    struct kit_json_writer w;
    kit_buf_init(&text, KIT_MIB);
    kit_json_writer_init(&w, &text);
    kit_json_open(&w, '{');
    kit_json_member_str(&w, "bos_token", bos);
    kit_json_member_str(&w, "eos_token", eos);
    kit_json_close(&w, '}');
    enum kit_status rc = text.failed == KIT_OK ? kit_json_parse(kit_buf_str(&text), 1, &t->tokens, err)
                                               : kit_fail(err, text.failed, "tokens");
    kit_buf_done(&text);
    return rc;
}

static enum kit_status fill(struct chat_template *t, const struct chat_source *sources, size_t count, kit_str bos,
                            kit_str eos, struct kit_err *err)
{
    enum kit_status rc = keep_tokens(t, bos, eos, err);
    for (size_t i = 0; rc == KIT_OK && i < count; i++) {
        rc = add_source(t, &sources[i], err);
    }
    return rc;
}

enum kit_status chat_template_new(const struct chat_source *sources, size_t count, kit_str bos, kit_str eos,
                                  struct chat_template **ret, struct kit_err *err)
{
    const struct chat_source plain = {kit_str_lit("plain"), {plain_source, sizeof(plain_source) - 1}};
    if (count > CHAT_SOURCES_MAX) {
        return kit_fail(err, KIT_INVALID, "a model has at most %d chat templates", CHAT_SOURCES_MAX);
    }
    struct chat_template *t = kit_alloc_zero(1, sizeof(*t));
    if (t == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for a chat template");
    }
    t->plain = count == 0;
    enum kit_status rc = fill(t, t->plain ? &plain : sources, t->plain ? 1 : count, bos, eos, err);
    if (rc == KIT_OK) {
        *ret = t;
        t = NULL;
    }
    chat_template_free(t);
    return rc;
}

void chat_template_free(struct chat_template *t)
{
    if (t != NULL) {
        for (size_t i = 0; i < t->count; i++) {
            jinja_free(t->at[i].template);
            kit_alloc_free(t->at[i].name);
        }
        kit_json_free(t->tokens);
        kit_alloc_free(t);
    }
}

bool chat_template_is_plain(const struct chat_template *t)
{
    return t->plain;
}

bool chat_template_takes_tools(const struct chat_template *t)
{
    bool some = false;
    for (size_t i = 0; i < t->count; i++) {
        some = some || t->at[i].tools;
    }
    return some && !t->plain;
}

uint32_t chat_template_forms(const struct chat_template *t)
{
    return t->forms;
}

/* --- render --- */

static const struct named *find(const struct chat_template *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->at[i].name, name) == 0) {
            return &t->at[i];
        }
    }
    return NULL;
}

static const struct named *choose(const struct chat_template *t, bool tools)
{
    const struct named *best = tools ? find(t, "tool_use") : NULL;
    best = best == NULL ? find(t, "default") : best;
    return best == NULL ? &t->at[0] : best;
}

#define NAMES_MAX 64

/* The first of equal names counts, so that kwargs replace none of ours. */
static enum kit_status bind(const struct chat_template *t, const struct chat_request *q, kit_json messages,
                            kit_json flags, struct jinja_binding *names, size_t *count, struct kit_err *err)
{
    size_t n = 0;
    names[n++] = (struct jinja_binding){kit_str_lit("messages"), messages, false};
    names[n++] = (struct jinja_binding){kit_str_lit("add_generation_prompt"),
                                        kit_json_get(flags, q->no_generation_prompt ? "no" : "yes"), true};
    kit_json tools = kit_json_count(q->tools) > 0 ? q->tools : kit_json_get(flags, "none");
    names[n++] = (struct jinja_binding){kit_str_lit("tools"), tools, false};
    for (struct kit_json_iter i = kit_json_iter(kit_json_root(t->tokens)); kit_json_next(&i);) {
        names[n++] = (struct jinja_binding){i.key, i.value, true};
    }
    for (struct kit_json_iter i = kit_json_iter(q->kwargs); kit_json_next(&i);) {
        if (n == NAMES_MAX - 1) {
            return kit_fail_param(err, KIT_INVALID, "chat_template_kwargs", "more than %d names for the chat template",
                                  NAMES_MAX - 6);
        }
        names[n++] = (struct jinja_binding){i.key, i.value, false};
    }
    names[n++] = (struct jinja_binding){kit_str_lit("documents"), kit_json_get(flags, "none"), false};
    *count = n;
    return KIT_OK;
}

static bool ends_thinking(kit_str text)
{
    text = kit_str_trim(text);
    return kit_str_ends(text, kit_str_lit("<think>")) || kit_str_ends(text, kit_str_lit("[THINK]")) ||
           kit_str_ends(text, kit_str_lit("<|START_THINKING|>"));
}

static void look_at(const struct chat_template *t, struct chat_prompt *p)
{
    kit_str bos = kit_json_str(kit_json_get(kit_json_root(t->tokens), "bos_token"), (kit_str){0});
    bool trusted = p->text.count > 0 && p->text.pieces[0].trusted;
    p->has_bos = bos.len > 0 && trusted && kit_str_starts(p->text.pieces[0].text, bos);
    const struct jinja_piece *last = p->text.count > 0 ? &p->text.pieces[p->text.count - 1] : NULL;
    p->thinking = last != NULL && last->trusted && ends_thinking(last->text);
}

static enum kit_status render(const struct chat_template *t, const struct named *n, const struct chat_request *q,
                              kit_json messages, struct kit_arena *arena, struct chat_prompt *ret, struct kit_err *err)
{
    struct jinja_binding names[NAMES_MAX];
    struct kit_json_doc *flags = NULL;
    struct chat_prompt prompt = {.has_bos = false};
    struct jinja_context context = {.bindings = names, .now_s = q->now_s};
    enum kit_status rc = kit_json_parse(kit_str_lit("{\"yes\":true,\"no\":false,\"none\":null}"), 1, &flags, err);
    rc = rc == KIT_OK ? bind(t, q, messages, kit_json_root(flags), names, &context.count, err) : rc;
    rc = rc == KIT_OK ? jinja_render(n->template, &context, arena, &prompt.text, err) : rc;
    if (rc == KIT_OK) {
        look_at(t, &prompt);
        *ret = prompt;
    }
    kit_json_free(flags);
    return rc;
}

enum kit_status chat_render(const struct chat_template *t, const struct chat_request *q, struct kit_arena *arena,
                            struct chat_prompt *ret, struct kit_err *err)
{
    bool tools = kit_json_count(q->tools) > 0;
    const struct named *n = choose(t, tools);
    struct kit_json_doc *messages = NULL;
    struct kit_buf text;
    if (tools && (!n->tools || t->plain)) {
        return kit_fail_param(err, KIT_UNPROCESSABLE, "tools", "the chat template of this model takes no tools");
    }
    kit_buf_init(&text, MESSAGES_BYTES_MAX);
    enum kit_status rc = chat_messages_write(q->messages, n->developer, &text, err);
    rc = rc == KIT_OK ? kit_json_parse(kit_buf_str(&text), CHAT_JSON_DEPTH_MAX + 2, &messages, err) : rc;
    rc = rc == KIT_OK ? render(t, n, q, kit_json_root(messages), arena, ret, err) : rc;
    kit_json_free(messages);
    kit_buf_done(&text);
    return rc;
}
