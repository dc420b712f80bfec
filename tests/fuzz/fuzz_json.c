/* JSON: what is read and written again must be the same value. */
#include "fuzz/fuzz.h"
#include "kit/json.h"
#include "kit/utf8.h"

#define DEPTH 32

static void write_value(struct kit_json_writer *w, kit_json v)
{
    switch (kit_json_type(v)) {
    case KIT_JSON_BOOL:
        kit_json_put_bool(w, kit_json_bool(v, false));
        return;
    case KIT_JSON_NUMBER:
        kit_json_put_f64(w, kit_json_f64(v, 0));
        return;
    case KIT_JSON_STRING:
        kit_json_put_str(w, kit_json_str(v, (kit_str){0}));
        return;
    case KIT_JSON_ARRAY:
    case KIT_JSON_OBJECT:
        break;
    default:
        kit_json_put_null(w);
        return;
    }
    bool named = kit_json_type(v) == KIT_JSON_OBJECT;
    size_t items = 0;
    kit_json_open(w, named ? '{' : '[');
    for (struct kit_json_iter i = kit_json_iter(v); kit_json_next(&i); items++) {
        if (named) {
            kit_json_key_str(w, i.key);
        }
        write_value(w, i.value);
    }
    FUZZ_CHECK(items == kit_json_count(v));
    kit_json_close(w, named ? '}' : ']');
}

static void check_same(kit_json a, kit_json b)
{
    enum kit_json_type type = kit_json_type(a);
    FUZZ_CHECK(type == kit_json_type(b) && kit_json_count(a) == kit_json_count(b));
    FUZZ_CHECK(type != KIT_JSON_STRING || kit_str_eq(kit_json_str(a, (kit_str){0}), kit_json_str(b, (kit_str){0})));
    FUZZ_CHECK(type != KIT_JSON_NUMBER || kit_json_f64(a, 0) == kit_json_f64(b, 1));
    FUZZ_CHECK(type != KIT_JSON_BOOL || kit_json_bool(a, false) == kit_json_bool(b, true));
    if (type != KIT_JSON_ARRAY && type != KIT_JSON_OBJECT) {
        return;
    }
    struct kit_json_iter j = kit_json_iter(b);
    for (struct kit_json_iter i = kit_json_iter(a); kit_json_next(&i);) {
        FUZZ_CHECK(kit_json_next(&j) && kit_str_eq(i.key, j.key));
        check_same(i.value, j.value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kit_json_doc *doc = NULL;
    struct kit_json_doc *again = NULL;
    struct kit_err err = {0};
    if (kit_json_parse((kit_str){(const char *)data, size}, DEPTH, &doc, &err) != KIT_OK) {
        FUZZ_CHECK(doc == NULL && err.msg[0] != '\0' && kit_utf8_is_valid(kit_str_c(err.msg)));
        return 0;
    }
    struct kit_buf out;
    struct kit_json_writer w;
    kit_buf_init(&out, 64 * KIT_MIB);
    kit_json_writer_init(&w, &out);
    write_value(&w, kit_json_root(doc));
    FUZZ_CHECK(out.failed == KIT_OK);
    FUZZ_CHECK(kit_json_parse(kit_buf_str(&out), DEPTH, &again, &err) == KIT_OK);
    check_same(kit_json_root(doc), kit_json_root(again));
    kit_json_free(doc);
    kit_json_free(again);
    kit_buf_done(&out);
    return 0;
}
