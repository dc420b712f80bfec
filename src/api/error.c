#include "api/error.h"

#include <stdio.h>

#define ERROR_BYTES_MAX (8 * KIT_KIB)
#define MS_PER_S 1000

const char *api_error_text(const struct kit_err *err)
{
    return err->msg[0] != '\0' ? err->msg : kit_status_text(err->code);
}

void api_error_write(struct kit_json_writer *w, const struct kit_err *err, const char *request_id)
{
    kit_json_open(w, '{');
    kit_json_member_c(w, "code", kit_status_name(err->code));
    kit_json_member_c(w, "message", api_error_text(err));
    if (err->param[0] != '\0') {
        kit_json_member_c(w, "param", err->param);
    }
    if (err->retry_after_ms > 0) {
        kit_json_member_u64(w, "retry_after_ms", err->retry_after_ms);
    }
    kit_json_member_c(w, "request_id", request_id);
    kit_json_close(w, '}');
}

static void add_retry_after(struct http_request *r, const struct kit_err *err)
{
    char text[16];
    if (err->retry_after_ms > 0) {
        int len = snprintf(text, sizeof(text), "%u", (err->retry_after_ms + MS_PER_S - 1) / MS_PER_S);
        http_reply_field(r, "Retry-After", (kit_str){.ptr = text, .len = (size_t)len});
    }
}

void api_error_reply(struct http_request *r, int status, const struct kit_err *err, api_error_writer *write)
{
    struct kit_buf body;
    struct kit_json_writer w;
    kit_buf_init(&body, ERROR_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    write(&w, err, r->request_id);
    add_retry_after(r, err);
    kit_str text = body.failed == KIT_OK ? kit_buf_str(&body) : kit_str_lit("{\"error\":{\"code\":\"out_of_memory\"}}");
    http_reply_send(r, status, "application/json", text);
    kit_buf_done(&body);
}

static void write_whole(struct kit_json_writer *w, const struct kit_err *err, const char *request_id)
{
    kit_json_open(w, '{');
    kit_json_key(w, "error");
    api_error_write(w, err, request_id);
    kit_json_close(w, '}');
}

void api_error_send(struct http_request *r, const struct kit_err *err)
{
    api_error_reply(r, kit_status_http(err->code), err, write_whole);
}
