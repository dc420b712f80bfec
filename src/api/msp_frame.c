#include "api/msp_frame.h"

#include <string.h>

#include "api/error.h"
#include "api/msp_question.h"
#include "api/outputs.h"

/* --- reading --- */

static enum kit_status need_id(kit_str id, struct kit_err *err)
{
    return id.len > 0 ? KIT_OK
                      : kit_fail_param(err, KIT_INVALID, "id",
                                       "'id' is missing: what comes back for this question is called by it");
}

/* What is wrong with the question itself is its answer. */
static enum kit_status read_start(kit_json root, size_t bytes, const struct api_origin *from,
                                  const struct task_asker *how, struct api_msp_frame *f)
{
    static const char *const around[] = {"type", "id", NULL};
    struct task_request *r = NULL;
    struct kit_err wrong = {0};
    enum kit_status rc = api_asker_new(from, how, bytes, &r, &f->err);
    if (rc == KIT_OK) {
        rc = api_asker_take_id(r, root, &f->err);
    }
    if (rc == KIT_OK) {
        rc = need_id(r->tag, &f->err);
    }
    if (rc != KIT_OK) {
        task_request_unref(r);
        return rc;
    }
    rc = api_msp_question_read(r, root, around, from->loop->api, &wrong);
    if (rc != KIT_OK) {
        task_request_fail(r, rc, &wrong);
    }
    f->type = API_MSP_FRAME_START;
    f->question = r;
    return KIT_OK;
}

static enum kit_status read_cancel(kit_json root, struct api_msp_frame *f)
{
    kit_str id;
    enum kit_status rc = kit_json_need_str(root, "id", &id, &f->err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (id.len == 0 || id.len > sizeof(f->id)) {
        return kit_fail_param(&f->err, KIT_INVALID, "id", "'id' must be a string of 1 to %d bytes", API_TAG_BYTES_MAX);
    }
    if (kit_json_count(root) != 2) {
        return kit_fail(&f->err, KIT_INVALID, "a cancel has the fields 'type' and 'id', and no other");
    }
    memcpy(f->id, id.ptr, id.len);
    f->id_len = id.len;
    f->type = API_MSP_FRAME_CANCEL;
    return KIT_OK;
}

static enum kit_status read_root(kit_json root, size_t bytes, const struct api_origin *from,
                                 const struct task_asker *how, struct api_msp_frame *f)
{
    if (kit_json_type(root) != KIT_JSON_OBJECT) {
        return kit_fail(&f->err, KIT_INVALID, "a frame must be a JSON object {\"type\",\"id\",…}, but is %s",
                        kit_json_type_name(root));
    }
    kit_str type = kit_json_str(kit_json_get(root, "type"), (kit_str){0});
    if (kit_str_eq(type, kit_str_lit("start"))) {
        return read_start(root, bytes, from, how, f);
    }
    if (kit_str_eq(type, kit_str_lit("cancel"))) {
        return read_cancel(root, f);
    }
    return kit_fail_param(&f->err, KIT_INVALID, "type", "'type' must be 'start' or 'cancel'");
}

struct api_msp_frame api_msp_frame_read(kit_str text, const struct api_origin *from, const struct task_asker *how)
{
    struct api_msp_frame f = {.type = API_MSP_FRAME_BAD};
    struct kit_json_doc *doc = NULL;
    if (api_json_parse(from->loop->api, text, &doc, &f.err) == KIT_OK &&
        read_root(kit_json_root(doc), text.len, from, how, &f) != KIT_OK) {
        f.type = API_MSP_FRAME_BAD;
    }
    kit_json_free(doc);
    return f;
}

/* --- writing --- */

static void begin(struct kit_json_writer *w, struct kit_buf *out, const char *type, kit_str id)
{
    kit_json_writer_init(w, out);
    kit_json_open(w, '{');
    kit_json_member_c(w, "type", type);
    if (id.len > 0) {
        kit_json_member_str(w, "id", id);
    }
}

void api_msp_frame_write_item(struct kit_buf *out, const struct task_request *r, uint32_t index)
{
    struct kit_json_writer w;
    begin(&w, out, "item", r->tag);
    kit_json_member_u64(&w, "index", index);
    kit_json_key(&w, "output");
    api_outputs_write_item(&w, r, index);
    kit_json_close(&w, '}');
    kit_buf_add_char(out, '\n');
}

void api_msp_frame_write_delta(struct kit_buf *out, const struct task_request *r, uint32_t choice,
                               const struct task_piece *piece, kit_str text)
{
    static const char *const names[] = {"text", "reasoning", "tool", "arguments"};
    struct kit_json_writer w;
    begin(&w, out, "delta", r->tag);
    kit_json_member_u64(&w, "index", choice);
    kit_json_member_str(&w, names[piece->kind], text);
    if (piece->kind == TASK_PIECE_CALL || piece->kind == TASK_PIECE_ARGUMENTS) {
        kit_json_member_u64(&w, "call", piece->call);
    }
    kit_json_close(&w, '}');
    kit_buf_add_char(out, '\n');
}

void api_msp_frame_write_done(struct kit_buf *out, const struct task_request *r)
{
    struct kit_json_writer w;
    begin(&w, out, "done", r->tag);
    kit_json_member_u64(&w, "items", r->inputs.item_count);
    api_asker_end(&w, r);
    kit_buf_add_char(out, '\n');
}

void api_msp_frame_write_error(struct kit_buf *out, kit_str id, const struct kit_err *err, const char *request_id)
{
    struct kit_json_writer w;
    begin(&w, out, "error", id);
    kit_json_key(&w, "error");
    api_error_write(&w, err, request_id);
    kit_json_close(&w, '}');
    kit_buf_add_char(out, '\n');
}

bool api_msp_frame_cut(kit_str *frames, kit_str *ret)
{
    return kit_str_cut(frames, '\n', ret);
}
