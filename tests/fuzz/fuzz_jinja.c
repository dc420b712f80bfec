/* Templates: whatever a source says, it compiles or it does not, and renders or fails within its limits; what is printed is
 * the same at each turn and comes in pieces that are its bytes. First part: the source; the second, where there is one: the
 * JSON of the context. */
#include "fuzz/fuzz.h"
#include "jinja/jinja.h"
#include "kit/utf8.h"

#include <string.h>

#define ARENA_BYTES (16 * KIT_MIB)
#define NAMES_MAX 16

static const char sample[] =
    "{\"messages\":[{\"role\":\"user\",\"content\":\"hi <|x|> \\u00fc\"},{\"role\":\"assistant\","
    "\"content\":null}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
    "\"parameters\":{\"a\":1.5}}}],\"n\":3,\"bos_token\":\"<s>\",\"yes\":true}";

static enum kit_status render(const struct jinja_template *t, kit_json names, struct kit_arena *arena,
                              struct jinja_text *ret, struct kit_err *err)
{
    struct jinja_binding bindings[NAMES_MAX];
    size_t count = 0;
    for (struct kit_json_iter i = kit_json_iter(names); count < NAMES_MAX && kit_json_next(&i);) {
        bindings[count++] = (struct jinja_binding){i.key, i.value, kit_str_eq(i.key, kit_str_lit("bos_token"))};
    }
    struct jinja_context context = {
        .bindings = bindings, .count = count, .now_s = 1, .steps_max = 100000, .output_max = 256 * KIT_KIB};
    kit_arena_init(arena, ARENA_BYTES);
    return jinja_render(t, &context, arena, ret, err);
}

static void check_pieces(const struct jinja_text *text)
{
    size_t at = 0;
    for (size_t i = 0; i < text->count; i++) {
        const struct jinja_piece *p = &text->pieces[i];
        FUZZ_CHECK(p->text.len > 0 && p->text.len <= text->bytes.len - at);
        FUZZ_CHECK(memcmp(p->text.ptr, text->bytes.ptr + at, p->text.len) == 0);
        FUZZ_CHECK(i == 0 || p->trusted != p[-1].trusted);
        at += p->text.len;
    }
    FUZZ_CHECK(at == text->bytes.len);
    FUZZ_CHECK(kit_utf8_is_valid(text->bytes));
}

static void render_twice(const struct jinja_template *t, kit_json names)
{
    struct kit_arena arenas[2];
    struct jinja_text texts[2] = {{{0}, NULL, 0}, {{0}, NULL, 0}};
    struct kit_err err = {0};
    enum kit_status first = render(t, names, &arenas[0], &texts[0], &err);
    FUZZ_CHECK(first == KIT_OK || (err.msg[0] != '\0' && kit_utf8_is_valid(kit_str_c(err.msg))));
    FUZZ_CHECK(render(t, names, &arenas[1], &texts[1], NULL) == first);
    check_pieces(&texts[0]);
    FUZZ_CHECK(kit_str_eq(texts[0].bytes, texts[1].bytes));
    kit_arena_done(&arenas[0]);
    kit_arena_done(&arenas[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kit_str rest = {(const char *)data, size};
    kit_str source = fuzz_take_part(&rest);
    struct jinja_template *t = NULL;
    struct kit_json_doc *doc = NULL;
    struct kit_err err = {0};
    if (jinja_compile(source, &t, &err) != KIT_OK) {
        FUZZ_CHECK(t == NULL && err.msg[0] != '\0' && kit_utf8_is_valid(kit_str_c(err.msg)));
        return 0;
    }
    if (kit_json_parse(rest.len > 0 ? rest : kit_str_c(sample), 100, &doc, NULL) == KIT_OK) {
        render_twice(t, kit_json_root(doc));
    }
    kit_json_free(doc);
    jinja_free(t);
    return 0;
}
