/* /, /docs, /openapi.json, /web/{name}: for people, and for programs that look around. */
#include "api/files.h"
#include "api/handlers.h"

#include <assert.h>

#define ROOT_BYTES_MAX (4 * KIT_KIB)

static void send_root_json(struct http_request *r, const struct api *a)
{
    struct kit_buf body;
    struct kit_json_writer w;
    kit_buf_init(&body, ROOT_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    kit_json_open(&w, '{');
    const struct {
        const char *key, *value;
    } rows[] = {{"name", a->options.program},
                {"version", a->options.version},
                {"models", "/models"},
                {"serve", "/serve"},
                {"health", "/health"},
                {"metrics", "/metrics"},
                {"docs", "/docs"},
                {"openapi", "/openapi.json"}};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        kit_json_member_c(&w, rows[i].key, rows[i].value);
    }
    kit_json_close(&w, '}');
    api_send_json(r, 200, &body);
}

static void send_own(struct http_request *r, const char *name)
{
    const struct api_file *f = api_file_find(kit_str_c(name));
    assert(f != NULL); /* tools/embed.py has put it there */
    api_file_send(r, f);
}

/* By what the client accepts; Ollama's clients, which send no wish or any, look for their line. */
void api_root(struct http_request *r, void *ctx)
{
    kit_str accept = http_request_field(r, "Accept");
    if (kit_str_find(accept, kit_str_lit("json")) == accept.len &&
        kit_str_find(accept, kit_str_lit("text/html")) < accept.len) {
        send_own(r, "page.html");
        return;
    }
    http_reply_field(r, "Vary", kit_str_lit("Accept"));
    if (kit_str_find(accept, kit_str_lit("json")) < accept.len) {
        send_root_json(r, ctx);
    } else {
        http_reply_send(r, 200, "text/plain; charset=utf-8", kit_str_lit("Ollama is running"));
    }
}

void api_docs(struct http_request *r, void *ctx)
{
    (void)ctx;
    send_own(r, "docs.html");
}

void api_openapi(struct http_request *r, void *ctx)
{
    (void)ctx;
    send_own(r, "openapi.json");
}

void api_web_file(struct http_request *r, void *ctx)
{
    const struct api_file *f = api_file_find(r->param[0]);
    struct kit_err err = {0};
    (void)ctx;
    if (f == NULL || !f->is_part) {
        kit_fail(&err, KIT_NOT_FOUND, "the pages have no file of that name");
        api_error_send(r, &err);
        return;
    }
    api_file_send(r, f);
}
