#include "http/request.h"

#include "http/body.h"
#include "http/target.h"

kit_str http_request_field(const struct http_request *r, const char *name)
{
    kit_str wanted = kit_str_c(name);
    for (uint32_t i = 0; i < r->field_count; i++) {
        if (r->fields[i].name.len == wanted.len && kit_str_eq_nocase(r->fields[i].name, wanted)) {
            return r->fields[i].value;
        }
    }
    return (kit_str){0};
}

bool http_tokens_next(struct http_tokens *t, kit_str *token)
{
    for (;;) {
        while (kit_str_cut(&t->rest, ',', token)) {
            *token = kit_str_trim(*token);
            if (token->len > 0) {
                return true;
            }
        }
        while (t->field < t->request->field_count &&
               !kit_str_eq_nocase(t->request->fields[t->field].name, kit_str_c(t->name))) {
            t->field++;
        }
        if (t->field == t->request->field_count) {
            return false;
        }
        t->rest = t->request->fields[t->field++].value;
    }
}

bool http_request_lists(const struct http_request *r, const char *name, kit_str token)
{
    struct http_tokens t = {.request = r, .name = name};
    for (kit_str one; http_tokens_next(&t, &one);) {
        if (kit_str_eq_nocase(one, token)) {
            return true;
        }
    }
    return false;
}

/* "q=0.5" among the parameters of an element, in thousandths; 1000 where nothing is said, 0 for what is none. */
static int weight_of(kit_str parameters)
{
    for (kit_str piece; kit_str_cut(&parameters, ';', &piece);) {
        piece = kit_str_trim(piece);
        if (kit_str_eq_nocase(kit_str_sub(piece, 0, 2), kit_str_lit("q="))) {
            double q = 0;
            bool good = kit_str_to_f64(kit_str_sub(piece, 2, piece.len), &q) == KIT_OK && q >= 0 && q <= 1;
            return good ? (int)(q * 1000) : 0;
        }
    }
    return 1000;
}

int http_request_weight(const struct http_request *r, const char *name, const char *element)
{
    struct http_tokens t = {.request = r, .name = name};
    int others = -1;
    for (kit_str token; http_tokens_next(&t, &token);) {
        size_t end = kit_str_find_char(token, ';');
        kit_str value = kit_str_trim(kit_str_sub(token, 0, end));
        int weight = weight_of(kit_str_sub(token, end + 1, token.len));
        if (kit_str_eq_nocase(value, kit_str_c(element))) {
            return weight;
        }
        others = kit_str_eq(value, kit_str_lit("*")) ? weight : others;
    }
    return others;
}

static bool decodes_to(kit_str sent, kit_str name)
{
    size_t at = 0, len = 0;
    while (at < sent.len && len < name.len) {
        bool plus = sent.ptr[at] == '+';
        char c = http_target_next(sent, &at);
        if ((plus ? ' ' : c) != name.ptr[len++]) {
            return false;
        }
    }
    return at == sent.len && len == name.len;
}

kit_str http_request_query(struct http_request *r, const char *name)
{
    kit_str rest = r->query, pair, value = {0};
    while (kit_str_cut(&rest, '&', &pair)) {
        size_t eq = kit_str_find_char(pair, '=');
        if (!decodes_to(kit_str_sub(pair, 0, eq), kit_str_c(name))) {
            continue;
        }
        kit_str raw = kit_str_sub(pair, eq + (eq < pair.len), pair.len);
        return http_target_decode(r->arena, raw, true, &value) == KIT_OK ? value : (kit_str){0};
    }
    return value;
}

char *http_request_take_body(struct http_request *r, size_t *len)
{
    return http_body_take(http_exchange_of(r), len);
}

void http_request_on_gone(struct http_request *r, void (*gone)(struct http_request *r))
{
    r->reply->gone = gone;
}

const char *http_method_name(enum http_method method)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    return names[method];
}
