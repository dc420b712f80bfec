#include "plug/options.h"

#include "kit/buf.h"
#include "kit/json.h"

#define DEPTH_MAX 4

static const struct acb_option *find(const struct acb_plugin *p, kit_str key)
{
    for (uint32_t i = 0; i < p->option_count; i++) {
        if (kit_str_eq(kit_str_c(p->options[i]->key), key)) {
            return p->options[i];
        }
    }
    return NULL;
}

static enum kit_status say_unknown(const struct acb_plugin *p, kit_str key, struct kit_err *err)
{
    char text[KIT_ERR_MSG_BYTES];
    struct kit_buf keys;
    kit_buf_init(&keys, sizeof(text));
    for (uint32_t i = 0; i < p->option_count; i++) {
        (void)kit_buf_printf(&keys, "%s%s", i > 0 ? ", " : "", p->options[i]->key);
    }
    (void)kit_str_to_c(kit_buf_str(&keys), text, sizeof(text));
    kit_buf_done(&keys);
    return kit_fail_param(err, KIT_INVALID, "options", "back end %s has no option '%.*s'; it takes: %s", p->name,
                          KIT_STR_ARG(key), p->option_count > 0 ? text : "none");
}

static enum kit_status check_number(const struct acb_option *o, kit_json v, struct kit_err *err)
{
    double x = kit_json_f64(v, o->min - 1);
    bool whole = o->type != ACB_I64 || x == (double)kit_json_i64(v, INT64_MIN);
    if (kit_json_type(v) != KIT_JSON_NUMBER || !whole || !(x >= o->min && x <= o->max)) {
        return kit_fail_param(err, KIT_INVALID, o->key, "option '%s' must be a %s from %g to %g", o->key,
                              o->type == ACB_I64 ? "whole number" : "number", o->min, o->max);
    }
    return KIT_OK;
}

static enum kit_status check_value(const struct acb_option *o, kit_json v, struct kit_err *err)
{
    if (o->type == ACB_I64 || o->type == ACB_F64) {
        return check_number(o, v, err);
    }
    enum kit_json_type wanted = o->type == ACB_BOOL ? KIT_JSON_BOOL : KIT_JSON_STRING;
    if (kit_json_type(v) != wanted) {
        return kit_fail_param(err, KIT_INVALID, o->key, "option '%s' must be %s, but is %s", o->key,
                              o->type == ACB_BOOL ? "true or false" : "a string", kit_json_type_name(v));
    }
    return KIT_OK;
}

static enum kit_status check_all(const struct acb_plugin *p, kit_json root, struct kit_err *err)
{
    if (kit_json_type(root) != KIT_JSON_OBJECT) {
        return kit_fail_param(err, KIT_INVALID, "options", "options must be an object, but are %s",
                              kit_json_type_name(root));
    }
    enum kit_status rc = KIT_OK;
    for (struct kit_json_iter i = kit_json_iter(root); rc == KIT_OK && kit_json_next(&i);) {
        const struct acb_option *o = find(p, i.key);
        rc = o != NULL ? check_value(o, i.value, err) : say_unknown(p, i.key, err);
    }
    return rc;
}

enum kit_status plug_options_check(const struct acb_plugin *backend, kit_str json, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = kit_json_parse(json, DEPTH_MAX, &doc, err);
    if (rc != KIT_OK) {
        return kit_err_prefix(err, rc, "options");
    }
    rc = check_all(backend, kit_json_root(doc), err);
    kit_json_free(doc);
    return rc;
}
