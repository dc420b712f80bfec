#include "chat/reply.h"

#include <string.h>

#include "chat/call.h"
#include "kit/alloc.h"

#define PART_BYTES 4096
#define HEADER_BYTES_MAX 512
#define HELD_BYTES_MAX (2 * CHAT_REPLY_CALL_BYTES_MAX) /* a region, space before it, a part */

/* What a mark in the text does. */
enum mark_kind {
    MARK_DROP,
    MARK_CALL,
    MARK_THINK,
    MARK_THINK_END,
    MARK_HEADER, /* of harmony */
    MARK_END     /* of a harmony message */
};

struct mark {
    const char *text;
    enum mark_kind kind;
    uint32_t forms; /* that have it; 0: all */
    bool first;     /* at the start of a reply only */
};

static const struct mark marks[] = {
    {"<think>", MARK_THINK, 0, true},
    {"</think>", MARK_THINK_END, 0, false},
    {"[THINK]", MARK_THINK, CHAT_FORM_BRACKET, true},
    {"[/THINK]", MARK_THINK_END, CHAT_FORM_BRACKET, false},
    {"<|START_THINKING|>", MARK_THINK, CHAT_FORM_ACTION, true},
    {"<|END_THINKING|>", MARK_THINK_END, CHAT_FORM_ACTION, false},
    {"<|START_RESPONSE|>", MARK_DROP, CHAT_FORM_ACTION, false},
    {"<|END_RESPONSE|>", MARK_DROP, CHAT_FORM_ACTION, false},
    {"<tool_call>", MARK_CALL, CHAT_FORM_TAG, false},
    {"</tool_call>", MARK_DROP, CHAT_FORM_TAG, false},
    {"<function=", MARK_CALL, CHAT_FORM_FUNCTION, false},
    {"[TOOL_CALLS]", MARK_CALL, CHAT_FORM_BRACKET, false},
    {"<｜tool▁calls▁begin｜>", MARK_DROP, CHAT_FORM_DEEPSEEK, false},
    {"<｜tool▁calls▁end｜>", MARK_DROP, CHAT_FORM_DEEPSEEK, false},
    {"<｜tool▁call▁begin｜>", MARK_CALL, CHAT_FORM_DEEPSEEK, false},
    {"<｜tool▁call▁end｜>", MARK_DROP, CHAT_FORM_DEEPSEEK, false},
    {"<|START_ACTION|>", MARK_CALL, CHAT_FORM_ACTION, false},
    {"<|END_ACTION|>", MARK_DROP, CHAT_FORM_ACTION, false},
    {"Action:", MARK_CALL, CHAT_FORM_ACTION, false},
    {"<|tool_call|>", MARK_CALL, CHAT_FORM_PIPE, false},
    {"<|/tool_call|>", MARK_DROP, CHAT_FORM_PIPE, false},
    {"<|python_tag|>", MARK_CALL, CHAT_FORM_JSON, false},
    {"<|eom_id|>", MARK_DROP, CHAT_FORM_JSON, false},
    {"{", MARK_CALL, CHAT_FORM_JSON, true},
    {"[", MARK_CALL, CHAT_FORM_PYTHON, true},
    {"```tool_code", MARK_CALL, CHAT_FORM_PYTHON, false},
    {"<|start|>", MARK_HEADER, CHAT_FORM_HARMONY, false},
    {"<|channel|>", MARK_HEADER, CHAT_FORM_HARMONY, false},
    {"<|end|>", MARK_END, CHAT_FORM_HARMONY, false},
    {"<|return|>", MARK_END, CHAT_FORM_HARMONY, false},
};

struct chat_reply {
    struct chat_reply_options options;
    struct kit_buf held; /* bytes that are not told yet */
    struct chat_calls calls;
    uint32_t call_count;
    bool fresh;      /* no content and no call so far: marks of the start count */
    bool reasoning;  /* what comes is reasoning */
    bool skip_space; /* space in front is dropped */
    bool header;     /* harmony: from <|start|> or <|channel|> to <|message|> */
    bool ended;      /* no more bytes come */
    size_t retry_at; /* bytes of `held` from which on it is worth looking again */
};

/* --- telling --- */

static void tell(struct chat_reply *r, enum chat_event_type type, kit_str text)
{
    if (text.len > 0) {
        struct chat_event e = {.type = type, .text = text};
        r->options.event(r->options.ctx, &e);
    }
}

static void tell_calls(struct chat_reply *r)
{
    for (size_t i = 0; i < r->calls.count; i++) {
        struct chat_event e = {.type = CHAT_EVENT_CALL,
                               .call = r->call_count++,
                               .name = chat_call_name(&r->calls, i),
                               .arguments = chat_call_arguments(&r->calls, i)};
        r->options.event(r->options.ctx, &e);
    }
}

static kit_str held(const struct chat_reply *r)
{
    return kit_buf_str(&r->held);
}

static void drop(struct chat_reply *r, size_t bytes)
{
    kit_buf_drop(&r->held, bytes);
    r->retry_at = 0;
}

static size_t spaces_before(kit_str s)
{
    size_t at = 0;
    while (at < s.len && strchr(" \n\r\t", s.ptr[at]) != NULL && s.ptr[at] != '\0') {
        at++;
    }
    return at;
}

static size_t without_spaces(kit_str s)
{
    while (s.len > 0 && spaces_before(kit_str_sub(s, s.len - 1, 1)) == 1) {
        s.len--;
    }
    return s.len;
}

/* --- marks --- */

/* front: the mark stands before everything else but space. */
static bool counts(const struct chat_reply *r, const struct mark *m, bool front)
{
    bool harmony = (r->options.forms & CHAT_FORM_HARMONY) != 0;
    bool thinks = m->kind == MARK_THINK || m->kind == MARK_THINK_END;
    bool known = m->forms == 0 || (m->forms & r->options.forms) != 0;
    if (!known || (m->first && !front) || (thinks && (r->options.keep_thinking || harmony))) {
        return false;
    }
    return r->reasoning ? m->kind == MARK_THINK_END || harmony : m->kind != MARK_THINK_END;
}

/* The longest mark that stands at s[at]; *partial: a longer one may, when more bytes come. */
static const struct mark *mark_at(const struct chat_reply *r, kit_str s, size_t at, bool front, bool *partial)
{
    const struct mark *best = NULL;
    kit_str rest = kit_str_sub(s, at, s.len);
    for (size_t i = 0; i < KIT_COUNT(marks); i++) {
        kit_str text = kit_str_c(marks[i].text);
        if (!counts(r, &marks[i], front)) {
            continue;
        }
        if (kit_str_starts(rest, text)) {
            best = best == NULL || strlen(best->text) < text.len ? &marks[i] : best;
        } else if (kit_str_starts(text, rest)) {
            *partial = true;
        }
    }
    return best;
}

static bool may_begin(char c)
{
    return c == '<' || c == '[' || c == '{' || c == '`' || c == 'A';
}

/* Where the first mark stands or may yet stand; s.len: nowhere. *ret: the mark; NULL: that is not to be told yet. */
static size_t find_mark(const struct chat_reply *r, kit_str s, const struct mark **ret)
{
    size_t lead = spaces_before(s);
    *ret = NULL;
    for (size_t at = lead; at < s.len; at++) {
        bool partial = false;
        const struct mark *m = may_begin(s.ptr[at]) ? mark_at(r, s, at, r->fresh && at == lead, &partial) : NULL;
        if (partial && !r->ended) {
            return at;
        }
        if (m != NULL) {
            *ret = m;
            return at;
        }
    }
    return s.len;
}

/* --- steps: each takes something off the front of what is held; false: more bytes are needed --- */

/* Tells the first bytes as what they are. */
static void give(struct chat_reply *r, size_t bytes)
{
    tell(r, r->reasoning ? CHAT_EVENT_REASONING : CHAT_EVENT_CONTENT, kit_str_sub(held(r), 0, bytes));
    r->fresh = r->fresh && (r->reasoning || bytes == 0);
    r->skip_space = r->skip_space && bytes == 0;
    drop(r, bytes);
}

/* The region of a call lies behind `lead` bytes of space. The answer depends on its first bytes only, never on how many of
 * them came at once. */
static bool read_call(struct chat_reply *r, const struct mark *m, size_t lead)
{
    size_t used = 0;
    bool full = r->held.len - lead > CHAT_REPLY_CALL_BYTES_MAX;
    if (r->held.len < r->retry_at && !r->ended && !full) {
        return false;
    }
    kit_str region = kit_str_sub(held(r), lead, CHAT_REPLY_CALL_BYTES_MAX);
    enum chat_scan rc = chat_calls_read(&r->calls, (enum chat_form)m->forms, region, &used);
    if (rc == CHAT_SCAN_MORE && !r->ended && !full) {
        r->retry_at = r->held.len + 1 + r->held.len / 64;
        return false;
    }
    if (rc != CHAT_SCAN_GOOD) {
        give(r, lead + strlen(m->text));
        return true;
    }
    tell_calls(r);
    drop(r, lead + used);
    r->skip_space = true;
    r->fresh = false;
    return true;
}

static void meet(struct chat_reply *r, const struct mark *m)
{
    if (m->kind == MARK_HEADER) {
        r->header = true;
        return;
    }
    drop(r, strlen(m->text));
    if (m->kind != MARK_DROP) {
        r->reasoning = m->kind == MARK_THINK;
        r->skip_space = true;
    }
}

/* --- harmony --- */

static bool has_word(kit_str s, const char *word)
{
    return kit_str_find(s, kit_str_c(word)) < s.len;
}

/* "to=functions.name" of a header; empty: none. */
static kit_str recipient(kit_str header)
{
    size_t at = kit_str_find(header, kit_str_lit("to="));
    kit_str name = at == header.len ? (kit_str){0} : kit_str_sub(header, at + 3, header.len);
    size_t end = 0;
    while (end < name.len && name.ptr[end] != ' ' && name.ptr[end] != '<' && name.ptr[end] != '\n') {
        end++;
    }
    name = kit_str_sub(name, 0, end);
    return kit_str_starts(name, kit_str_lit("functions.")) ? kit_str_sub(name, 10, name.len) : name;
}

static const char *const enders[] = {"<|call|>", "<|end|>", "<|return|>", "<|start|>", "<|channel|>"};

/* Where a message ends, and the bytes of its end mark; at the end of the reply it ends too. */
static bool message_end(const struct chat_reply *r, kit_str s, size_t from, size_t *end, size_t *mark)
{
    *end = s.len;
    *mark = 0;
    for (size_t i = 0; i < KIT_COUNT(enders); i++) {
        kit_str text = kit_str_c(enders[i]);
        size_t at = from + kit_str_find(kit_str_sub(s, from, s.len), text);
        if (at < *end) {
            *end = at;
            *mark = i < 3 ? text.len : 0;
        }
    }
    return *end < s.len || r->ended;
}

static void leave_header(struct chat_reply *r, size_t bytes)
{
    drop(r, bytes);
    r->header = false;
    r->reasoning = false;
    r->skip_space = true;
}

/* What begins like a header and is none. */
static void give_header(struct chat_reply *r)
{
    r->header = false;
    r->reasoning = false;
    give(r, strlen("<|start|>"));
}

/* A call: from its header to its end. Arguments that are no object make all of it content. */
static bool harmony_call(struct chat_reply *r, kit_str name, size_t body)
{
    size_t end, mark;
    kit_str s = kit_str_sub(held(r), 0, CHAT_REPLY_CALL_BYTES_MAX);
    bool full = r->held.len > s.len;
    if (!message_end(r, s, body, &end, &mark)) {
        if (full) {
            give_header(r);
        }
        return full;
    }
    kit_str arguments = kit_str_trim(kit_str_sub(s, body, end - body));
    if (!chat_scan_is_json(arguments, true)) {
        give_header(r);
        return true;
    }
    struct chat_event e = {.type = CHAT_EVENT_CALL, .call = r->call_count++, .name = name, .arguments = arguments};
    r->options.event(r->options.ctx, &e);
    leave_header(r, end + mark);
    r->fresh = false;
    return true;
}

/* A header that does not come to its message within the limit is content. */
static bool read_header(struct chat_reply *r)
{
    size_t body = 0;
    kit_str header = {0};
    kit_str s = kit_str_sub(held(r), 0, HEADER_BYTES_MAX);
    enum chat_scan rc = chat_scan_until(s, &body, kit_str_lit("<|message|>"), &header);
    if (rc != CHAT_SCAN_GOOD && !r->ended && r->held.len < HEADER_BYTES_MAX) {
        return false;
    }
    kit_str name = recipient(header);
    if (rc == CHAT_SCAN_GOOD && name.len > 0) {
        return harmony_call(r, name, body);
    }
    if (rc != CHAT_SCAN_GOOD) {
        give_header(r);
        return true;
    }
    bool reasoning = has_word(header, "analysis");
    leave_header(r, body);
    r->reasoning = reasoning;
    return true;
}

/* --- all together --- */

/* Space is held back: it goes when a call or an end of reasoning follows. */
static bool step_text(struct chat_reply *r)
{
    const struct mark *m;
    size_t at = find_mark(r, held(r), &m);
    size_t kept = without_spaces(kit_str_sub(held(r), 0, at));
    bool space_stays = m == NULL ? r->ended : m->kind == MARK_DROP;
    size_t bytes = space_stays ? at : kept;
    if (bytes > 0) {
        give(r, bytes);
        return true;
    }
    if (m == NULL) {
        return false;
    }
    if (m->kind == MARK_CALL) {
        return read_call(r, m, at);
    }
    drop(r, at);
    meet(r, m);
    return true;
}

static bool step(struct chat_reply *r)
{
    if (r->header) {
        return read_header(r);
    }
    if (r->skip_space) {
        drop(r, spaces_before(held(r)));
    }
    return r->held.len > 0 && step_text(r);
}

enum kit_status chat_reply_feed(struct chat_reply *r, kit_str bytes)
{
    while (bytes.len > 0) {
        kit_str part = kit_str_sub(bytes, 0, PART_BYTES);
        if (kit_buf_add(&r->held, part) != KIT_OK) {
            return KIT_NOMEM;
        }
        while (step(r)) {
        }
        bytes = kit_str_sub(bytes, part.len, bytes.len);
    }
    return r->held.failed;
}

enum kit_status chat_reply_end(struct chat_reply *r)
{
    r->ended = true;
    while (step(r)) {
    }
    return r->held.failed;
}

uint32_t chat_reply_calls(const struct chat_reply *r)
{
    return r->call_count;
}

enum kit_status chat_reply_new(const struct chat_reply_options *options, struct chat_reply **ret, struct kit_err *err)
{
    struct chat_reply *r = kit_alloc_zero(1, sizeof(*r));
    if (r == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory to read a reply");
    }
    *r = (struct chat_reply){.options = *options,
                             .fresh = true,
                             .reasoning = options->thinking && !options->keep_thinking,
                             .skip_space = options->thinking && !options->keep_thinking};
    kit_buf_init(&r->held, HELD_BYTES_MAX);
    chat_calls_init(&r->calls, options->tools, HELD_BYTES_MAX);
    *ret = r;
    return KIT_OK;
}

void chat_reply_free(struct chat_reply *r)
{
    if (r != NULL) {
        kit_buf_done(&r->held);
        chat_calls_done(&r->calls);
        kit_alloc_free(r);
    }
}
