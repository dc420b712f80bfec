#include "task/form.h"

#include <stdio.h>

#include "chat/chat.h"
#include "grammar/cache.h"
#include "kit/alloc.h"

#define DEPTH_MAX 64
#define KEY_BYTES_MAX KIT_MIB
#define AROUND_BYTES_MAX (4 * KIT_KIB) /* of what stands around a call's arguments */
#define TOOLS_MAX 128
#define ENDS_MAX 64

/* --- the vocabulary --- */

/* Control tokens are no part of a text. */
static kit_str token_text(void *ctx, int32_t id)
{
    const struct plug_model *m = ctx;
    bool control = (plug_model_token_flags(m, id) & (ACB_TOKEN_SPECIAL | ACB_TOKEN_END)) != 0;
    return control ? (kit_str){0} : plug_model_token(m, id);
}

static uint32_t find_ends(const struct plug_model *m, uint32_t vocab, int32_t ends[ENDS_MAX])
{
    uint32_t count = 0;
    for (uint32_t id = 0; id < vocab && count < ENDS_MAX; id++) {
        if ((plug_model_token_flags(m, (int32_t)id) & ACB_TOKEN_END) != 0) {
            ends[count++] = (int32_t)id;
        }
    }
    return count;
}

static enum kit_status open_grammars(struct task_model *m, struct kit_err *err)
{
    struct plug_model *model = m->loaded->model;
    uint32_t vocab = plug_model_info(model)->vocab_size;
    int32_t ends[ENDS_MAX];
    uint32_t end_count = find_ends(model, vocab, ends);
    struct grammar_vocab *v = NULL;
    enum kit_status rc = grammar_vocab_new(vocab, token_text, model, ends, end_count, &v, err);
    if (rc == KIT_OK) {
        rc = grammar_cache_new(v, GRAMMAR_CACHE_ENTRIES, GRAMMAR_CACHE_BYTES, &m->grammars, err);
    }
    grammar_vocab_unref(v);
    return rc;
}

/* Made when the first question needs it. */
static enum kit_status need_grammars(struct task_model *m, struct kit_err *err)
{
    kit_mutex_lock(&m->grammars_lock);
    enum kit_status rc = m->grammars != NULL ? KIT_OK : open_grammars(m, err);
    kit_mutex_unlock(&m->grammars_lock);
    return rc;
}

/* --- what is asked for --- */

enum form_kind { FORM_NONE, FORM_JSON, FORM_SCHEMA, FORM_GBNF, FORM_CALL };

struct form {
    enum form_kind kind;
    kit_str source; /* of SCHEMA and GBNF */
    kit_json tools; /* of CALL */
    kit_str tool;   /* the one that must be called; empty: any */
    uint32_t forms; /* how the model writes calls */
};

static bool is_json_word(kit_str format)
{
    return kit_str_eq(format, kit_str_lit("\"json\"")) || kit_str_eq(format, kit_str_lit("\"json_object\""));
}

static struct form form_of(const struct task_model *m, const struct task_request *r, kit_json tools)
{
    const struct task_parameters *p = &r->parameters;
    struct form f = {.kind = FORM_NONE, .tools = tools};
    bool free_choice = p->tool_choice.len == 0 || kit_str_eq(p->tool_choice, kit_str_lit("auto")) ||
                       kit_str_eq(p->tool_choice, kit_str_lit("none"));
    if (!free_choice) {
        bool any = kit_str_eq(p->tool_choice, kit_str_lit("required"));
        f.kind = FORM_CALL;
        f.tool = any ? (kit_str){0} : p->tool_choice;
        f.forms = m->chat_template != NULL ? chat_template_forms(m->chat_template) : 0;
    } else if (p->grammar.len > 0) {
        f.kind = FORM_GBNF;
        f.source = p->grammar;
    } else if (p->format.len > 0) {
        f.kind = is_json_word(p->format) ? FORM_JSON : FORM_SCHEMA;
        f.source = p->format;
    }
    return f;
}

/* --- compiling --- */

static enum kit_status make_schema(kit_str source, struct grammar **ret, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    struct schema *s = NULL;
    enum kit_status rc = kit_json_parse(source, DEPTH_MAX, &doc, err);
    if (rc == KIT_OK && kit_json_type(kit_json_root(doc)) != KIT_JSON_OBJECT) {
        rc = kit_fail(err, KIT_INVALID, "must be \"json\" or a JSON Schema, which is an object");
    }
    if (rc == KIT_OK) {
        rc = schema_parse(kit_json_root(doc), NULL, &s, err);
    }
    if (rc == KIT_OK) {
        rc = grammar_from_schema(s, NULL, ret, err);
    }
    schema_free(s);
    kit_json_free(doc);
    return rc;
}

/* A call of one tool: what stands around its arguments, and their schema. */
struct call {
    struct kit_buf before, behind;
    struct schema *schema; /* NULL: any object */
    struct grammar_part parts[3];
};

static kit_json function_of(kit_json tool)
{
    kit_json f = kit_json_get(tool, "function");
    return f.v != NULL ? f : tool;
}

static kit_str name_of(kit_json tool)
{
    return kit_json_str(kit_json_get(function_of(tool), "name"), (kit_str){0});
}

static enum kit_status make_call(const struct form *f, kit_json tool, struct call *c, struct kit_err *err)
{
    kit_json parameters = kit_json_get(function_of(tool), "parameters");
    kit_buf_init(&c->before, AROUND_BYTES_MAX);
    kit_buf_init(&c->behind, AROUND_BYTES_MAX);
    chat_family_forced(f->forms, name_of(tool), &c->before, &c->behind);
    if (c->before.failed != KIT_OK || c->behind.failed != KIT_OK) {
        return kit_fail(err, KIT_TOO_LARGE, "a tool's name is too long");
    }
    enum kit_status rc =
        kit_json_type(parameters) == KIT_JSON_OBJECT ? schema_parse(parameters, NULL, &c->schema, err) : KIT_OK;
    c->parts[0] = (struct grammar_part){.kind = GRAMMAR_PART_TEXT, .text = kit_buf_str(&c->before)};
    c->parts[1] = (struct grammar_part){.kind = c->schema != NULL ? GRAMMAR_PART_SCHEMA : GRAMMAR_PART_OBJECT,
                                        .schema = c->schema};
    c->parts[2] = (struct grammar_part){.kind = GRAMMAR_PART_TEXT, .text = kit_buf_str(&c->behind)};
    return rc;
}

static void drop_call(struct call *c)
{
    kit_buf_done(&c->before);
    kit_buf_done(&c->behind);
    schema_free(c->schema);
}

static bool is_wanted(const struct form *f, kit_json tool)
{
    return f->tool.len == 0 || kit_str_eq(f->tool, name_of(tool));
}

/* Any of the tools, or the one that was named. */
static enum kit_status make_calls(const struct form *f, struct grammar **ret, struct kit_err *err)
{
    size_t room = KIT_MIN(kit_json_count(f->tools), (size_t)TOOLS_MAX);
    struct call *calls = kit_alloc_zero(KIT_MAX(room, (size_t)1), sizeof(*calls));
    struct grammar_part *any = kit_alloc_zero(KIT_MAX(room, (size_t)1), sizeof(*any));
    enum kit_status rc =
        calls != NULL && any != NULL ? KIT_OK : kit_fail(err, KIT_NOMEM, "out of memory for the tools");
    uint32_t count = 0;
    for (struct kit_json_iter i = kit_json_iter(f->tools); rc == KIT_OK && count < room && kit_json_next(&i);) {
        if (is_wanted(f, i.value)) {
            any[count] = (struct grammar_part){.kind = GRAMMAR_PART_ALL_OF, .parts = calls[count].parts, .count = 3};
            rc = make_call(f, i.value, &calls[count++], err);
        }
    }
    if (rc == KIT_OK && count == 0) {
        rc = kit_fail(err, KIT_INVALID, "no tool '%.*s' is among 'tools'", KIT_STR_ARG(kit_str_sub(f->tool, 0, 64)));
    }
    if (rc == KIT_OK) {
        struct grammar_part one = {.kind = GRAMMAR_PART_ONE_OF, .parts = any, .count = count};
        rc = grammar_from_part(&one, NULL, ret, err);
    }
    for (uint32_t i = 0; i < count; i++) {
        drop_call(&calls[i]);
    }
    kit_alloc_free(calls);
    kit_alloc_free(any);
    return rc;
}

static enum kit_status make(void *ctx, struct grammar **ret, struct kit_err *err)
{
    const struct form *f = ctx;
    switch (f->kind) {
    case FORM_JSON:
        return grammar_json_object(NULL, ret, err);
    case FORM_SCHEMA:
        return make_schema(f->source, ret, err);
    case FORM_GBNF:
        return grammar_from_gbnf(f->source, ret, err);
    default:
        return make_calls(f, ret, err);
    }
}

/* --- finding --- */

/* All that the grammar depends on. */
static void write_key(const struct form *f, const struct task_request *r, struct kit_buf *key)
{
    kit_buf_printf(key, "%d %u ", f->kind, f->forms);
    kit_buf_add(key, f->kind == FORM_CALL ? r->parameters.tool_choice : f->source);
    if (f->kind == FORM_CALL) {
        kit_buf_add_char(key, '\0');
        kit_buf_add(key, r->parameters.tools);
    }
}

static enum kit_status blame(const struct form *f, enum kit_status rc, struct kit_err *err)
{
    const char *name = f->kind == FORM_CALL ? "tool_choice" : f->kind == FORM_GBNF ? "grammar" : "format";
    if (rc == KIT_INVALID || rc == KIT_UNPROCESSABLE || rc == KIT_PARSE || rc == KIT_TOO_LARGE) {
        char path[KIT_ERR_PARAM_BYTES];
        snprintf(path, sizeof(path), "parameters.%s", name);
        kit_str_to_c(kit_str_c(path), err->param, sizeof(err->param));
        return kit_err_prefix(err, rc == KIT_TOO_LARGE ? rc : KIT_INVALID, "'%s'", name);
    }
    return rc;
}

enum kit_status task_form_find(struct task_model *m, const struct task_request *r, kit_json tools,
                               struct grammar_masks **ret, struct kit_err *err)
{
    struct form f = form_of(m, r, tools);
    struct kit_buf key;
    if (f.kind == FORM_NONE) {
        *ret = NULL;
        return KIT_OK;
    }
    enum kit_status rc = need_grammars(m, err);
    if (rc != KIT_OK) {
        return rc;
    }
    kit_buf_init(&key, KEY_BYTES_MAX);
    write_key(&f, r, &key);
    rc = key.failed == KIT_OK ? grammar_cache_get(m->grammars, kit_buf_str(&key), make, &f, ret, err)
                              : kit_fail(err, key.failed, "longer than %llu bytes", (unsigned long long)KEY_BYTES_MAX);
    kit_buf_done(&key);
    return blame(&f, rc, err);
}
