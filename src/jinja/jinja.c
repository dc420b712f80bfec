#include "jinja/jinja.h"

#include "jinja/build.h"
#include "jinja/eval.h"
#include "jinja/parse.h"
#include "kit/alloc.h"
#include "kit/utf8.h"

#define TEMPLATE_BYTES_MAX (64 * KIT_MIB)
#define SCRATCH_BYTES_MAX (32 * KIT_MIB)

/* --- compile --- */

/* The tokens lie in scratch memory; what the tree borrows is in the source. */
static enum kit_status parse(struct jinja_template *t, kit_str source, struct kit_err *err)
{
    struct kit_arena scratch;
    struct jinja_tokens tokens = {0};
    struct jinja_run r = {.arena = &scratch, .err = err, .depth_max = JINJA_DEPTH_MAX, .steps_max = UINT64_MAX};
    kit_arena_init(&scratch, SCRATCH_BYTES_MAX);
    jinja_lex(&r, source, &tokens);
    r.arena = &t->arena;
    if (r.failed == KIT_OK) {
        t->root = jinja_parse(&r, &tokens, &t->symbols);
    }
    t->names = (struct jinja_names){.loop = jinja_intern(&r, &t->symbols, kit_str_lit("loop")),
                                    .caller = jinja_intern(&r, &t->symbols, kit_str_lit("caller")),
                                    .varargs = jinja_intern(&r, &t->symbols, kit_str_lit("varargs")),
                                    .kwargs = jinja_intern(&r, &t->symbols, kit_str_lit("kwargs"))};
    kit_arena_done(&scratch);
    return r.failed;
}

static enum kit_status fill(struct jinja_template *t, kit_str source, struct kit_err *err)
{
    kit_arena_init(&t->arena, TEMPLATE_BYTES_MAX);
    char *copy = kit_arena_get(&t->arena, source.len + 1);
    if (copy == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for a template of %zu bytes", source.len);
    }
    for (size_t i = 0; i < source.len; i++) {
        copy[i] = source.ptr[i];
    }
    return parse(t, (kit_str){copy, jinja_lex_newlines(copy, source.len)}, err);
}

enum kit_status jinja_compile(kit_str source, struct jinja_template **ret, struct kit_err *err)
{
    if (source.len > JINJA_SOURCE_BYTES_MAX) {
        return kit_fail(err, KIT_TOO_LARGE, "a template has at most %zu bytes, but this one has %zu",
                        JINJA_SOURCE_BYTES_MAX, source.len);
    }
    if (!kit_utf8_is_valid(source)) {
        return kit_fail(err, KIT_PARSE, "a template must be UTF-8");
    }
    struct jinja_template *t = kit_alloc_zero(1, sizeof(*t));
    if (t == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for a template");
    }
    enum kit_status rc = fill(t, source, err);
    if (rc == KIT_OK) {
        *ret = t;
        t = NULL;
    }
    jinja_free(t);
    return rc;
}

void jinja_free(struct jinja_template *t)
{
    if (t != NULL) {
        kit_arena_done(&t->arena);
        kit_alloc_free(t);
    }
}

/* --- render --- */

static void bind(struct jinja_run *r, const struct jinja_context *context)
{
    for (size_t i = context->count; i > 0 && r->failed == KIT_OK; i--) {
        const struct jinja_binding *b = &context->bindings[i - 1];
        kit_str name = jinja_symbol_find(&r->template->symbols, b->name);
        if (name.ptr != NULL && kit_json_type(b->value) != KIT_JSON_NONE) {
            jinja_scope_set(r, r->scope, name, jinja_from_json(r, b->value, !b->trusted));
        }
    }
}

/* Bytes of the run of one origin that begins at `at`. */
static size_t run_bytes(struct jinja_value s, size_t at)
{
    size_t end = at + 1;
    while (end < s.len && jinja_is_user(s, end) == jinja_is_user(s, at)) {
        end++;
    }
    return end - at;
}

static void cut(struct jinja_run *r, struct jinja_value s, struct jinja_text *ret)
{
    size_t count = 0;
    for (size_t at = 0; at < s.len; at += run_bytes(s, at)) {
        count++;
    }
    struct jinja_piece *pieces = jinja_run_get(r, count + 1, sizeof(*pieces));
    if (pieces == NULL) {
        return;
    }
    size_t bytes;
    count = 0;
    for (size_t at = 0; at < s.len; at += bytes) {
        bytes = run_bytes(s, at);
        pieces[count++] = (struct jinja_piece){kit_str_sub(jinja_bytes(s), at, bytes), !jinja_is_user(s, at)};
    }
    *ret = (struct jinja_text){.bytes = jinja_bytes(s), .pieces = pieces, .count = count};
}

enum kit_status jinja_render(const struct jinja_template *t, const struct jinja_context *context,
                             struct kit_arena *arena, struct jinja_text *ret, struct kit_err *err)
{
    struct jinja_build out;
    struct jinja_run r = {.arena = arena,
                          .err = err,
                          .line = 1,
                          .depth_max = JINJA_EVAL_DEPTH_MAX,
                          .steps_max = context->steps_max == 0 ? JINJA_STEPS_MAX : context->steps_max,
                          .output_max = context->output_max == 0 ? JINJA_OUTPUT_MAX : context->output_max,
                          .now_s = context->now_s,
                          .template = t};
    jinja_build_init(&out, &r);
    r.out = &out;
    if (jinja_scope_push(&r) != NULL) {
        bind(&r, context);
        jinja_eval_body(&r, t->root);
    }
    if (r.failed == KIT_OK) {
        cut(&r, jinja_build_value(&out), ret);
    }
    return r.failed;
}
