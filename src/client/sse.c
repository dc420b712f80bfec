#include "client/sse.h"

#define EVENT_BYTES_MAX (1 * KIT_MIB)

void client_sse_init(struct client_sse *s)
{
    *s = (struct client_sse){0};
    kit_buf_init(&s->line, EVENT_BYTES_MAX);
    kit_buf_init(&s->data, EVENT_BYTES_MAX);
}

void client_sse_done(struct client_sse *s)
{
    kit_buf_done(&s->line);
    kit_buf_done(&s->data);
}

static void add_data(struct client_sse *s, kit_str value)
{
    if (s->data.len > 0) {
        kit_buf_add_char(&s->data, '\n');
    }
    if (value.len > 0 && value.ptr[0] == ' ') {
        value = kit_str_sub(value, 1, value.len);
    }
    kit_buf_add(&s->data, value);
}

/* One line without its ending. An empty one ends the event. */
static bool end_line(struct client_sse *s, bool (*fn)(void *ctx, kit_str data), void *ctx)
{
    bool more = true;
    kit_str line = kit_buf_str(&s->line);
    if (line.len == 0 && s->data.len > 0) {
        more = fn(ctx, kit_buf_str(&s->data));
        kit_buf_clear(&s->data);
    } else if (kit_str_starts(line, kit_str_lit("data:"))) {
        add_data(s, kit_str_sub(line, 5, line.len));
    }
    kit_buf_clear(&s->line);
    return more;
}

bool client_sse_feed(struct client_sse *s, kit_str bytes, bool (*fn)(void *ctx, kit_str data), void *ctx)
{
    bool more = true;
    for (size_t i = 0; more && i < bytes.len; i++) {
        char c = bytes.ptr[i];
        bool paired = c == '\n' && s->after_cr; /* the second half of CR LF */
        s->after_cr = c == '\r';
        if (c != '\n' && c != '\r') {
            kit_buf_add_char(&s->line, c);
        } else if (!paired) {
            more = end_line(s, fn, ctx);
        }
    }
    return more && s->line.failed == KIT_OK && s->data.failed == KIT_OK;
}
