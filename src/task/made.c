#include "task/made.h"

#define PIECES_MAX (UINT32_C(1) << 22)

void task_made_init(struct task_made *m)
{
    kit_mutex_init(&m->lock);
    kit_buf_init(&m->text, TASK_MADE_BYTES_MAX);
    kit_buf_init(&m->pieces, PIECES_MAX * sizeof(struct task_piece));
    kit_buf_init(&m->tokens, PIECES_MAX * sizeof(struct task_token));
    m->finish = TASK_FINISH_NONE;
    m->stop = -1;
}

void task_made_done(struct task_made *m)
{
    kit_buf_done(&m->text);
    kit_buf_done(&m->pieces);
    kit_buf_done(&m->tokens);
    kit_mutex_done(&m->lock);
}

static struct task_piece *piece_at(const struct task_made *m, size_t index)
{
    return (struct task_piece *)(void *)m->pieces.ptr + index;
}

static size_t piece_count(const struct task_made *m)
{
    return m->pieces.len / sizeof(struct task_piece);
}

static struct task_piece *last_piece(const struct task_made *m)
{
    return piece_count(m) > 0 ? piece_at(m, piece_count(m) - 1) : NULL;
}

static bool joins(const struct task_piece *last, enum task_piece_kind kind, uint32_t call)
{
    return last != NULL && last->kind == kind && last->call == call && kind != TASK_PIECE_CALL;
}

static enum kit_status append_piece(struct task_made *m, enum task_piece_kind kind, uint32_t call)
{
    const struct task_piece *last = last_piece(m);
    struct task_piece p = {.kind = kind,
                           .call = call,
                           .at = m->text.len,
                           .first_token = last != NULL ? last->first_token + last->token_count : 0};
    return kit_buf_add(&m->pieces, (kit_str){.ptr = (const char *)&p, .len = sizeof(p)});
}

enum kit_status task_made_add(struct task_made *m, enum task_piece_kind kind, uint32_t call, kit_str text,
                              uint32_t tokens)
{
    enum kit_status rc = KIT_OK;
    kit_mutex_lock(&m->lock);
    bool nothing = text.len == 0 && kind != TASK_PIECE_CALL && (tokens == 0 || last_piece(m) == NULL);
    if (!nothing && text.len + tokens > 0 && !joins(last_piece(m), kind, call)) {
        rc = append_piece(m, kind, call);
    }
    if (!nothing && rc == KIT_OK) {
        rc = kit_buf_add(&m->text, text);
    }
    if (!nothing && rc == KIT_OK) {
        last_piece(m)->len += text.len;
        last_piece(m)->token_count += tokens;
    }
    kit_mutex_unlock(&m->lock);
    return rc;
}

enum kit_status task_made_add_token(struct task_made *m, const struct task_token *t)
{
    kit_mutex_lock(&m->lock);
    enum kit_status rc = kit_buf_add(&m->tokens, (kit_str){.ptr = (const char *)t, .len = sizeof(*t)});
    kit_mutex_unlock(&m->lock);
    return rc;
}

void task_made_end(struct task_made *m, enum task_finish finish, int stop)
{
    kit_mutex_lock(&m->lock);
    m->stop = stop;
    m->finish = finish;
    kit_mutex_unlock(&m->lock);
}

int task_made_stop(struct task_made *m)
{
    kit_mutex_lock(&m->lock);
    int stop = m->stop;
    kit_mutex_unlock(&m->lock);
    return stop;
}

enum task_finish task_made_finish(struct task_made *m)
{
    kit_mutex_lock(&m->lock);
    enum task_finish finish = m->finish;
    kit_mutex_unlock(&m->lock);
    return finish;
}

/* --- reading --- */

/* Has the reader had all of the piece that it stands at, and is there another? */
static void go_on(const struct task_made *m, struct task_cursor *at)
{
    if (at->piece + 1 < piece_count(m) && at->byte == piece_at(m, at->piece)->len) {
        at->piece++;
        at->byte = 0;
        at->tokens = 0;
        at->begun = false;
    }
}

static bool has_more(const struct task_cursor *at, const struct task_piece *p)
{
    return !at->begun || at->byte < p->len || at->tokens < p->token_count;
}

static bool copy_rest(const struct task_made *m, struct task_cursor *at, struct task_piece *ret, struct kit_buf *text)
{
    const struct task_piece *p = piece_at(m, at->piece);
    kit_str all = kit_buf_str(&m->text);
    if (!has_more(at, p) || kit_buf_add(text, kit_str_sub(all, p->at + at->byte, p->len - at->byte)) != KIT_OK) {
        return false;
    }
    *ret = *p;
    ret->at += at->byte;
    ret->len -= at->byte;
    ret->first_token += at->tokens;
    ret->token_count -= at->tokens;
    *at = (struct task_cursor){.piece = at->piece, .byte = p->len, .tokens = p->token_count, .begun = true};
    return true;
}

bool task_made_read(struct task_made *m, struct task_cursor *at, struct task_piece *ret, struct kit_buf *text)
{
    kit_mutex_lock(&m->lock);
    go_on(m, at);
    bool read = at->piece < piece_count(m) && copy_rest(m, at, ret, text);
    kit_mutex_unlock(&m->lock);
    return read;
}

static bool is_of(const struct task_piece *p, enum task_piece_kind kind, uint32_t call)
{
    bool of_call = kind == TASK_PIECE_CALL || kind == TASK_PIECE_ARGUMENTS;
    return p->kind == kind && (!of_call || p->call == call);
}

bool task_made_gather(struct task_made *m, enum task_piece_kind kind, uint32_t call, struct kit_buf *text)
{
    bool found = false;
    kit_buf_clear(text);
    kit_mutex_lock(&m->lock);
    for (size_t i = 0; i < piece_count(m); i++) {
        const struct task_piece *p = piece_at(m, i);
        if (is_of(p, kind, call)) {
            kit_buf_add(text, kit_str_sub(kit_buf_str(&m->text), p->at, p->len));
            found = true;
        }
    }
    kit_mutex_unlock(&m->lock);
    return found;
}

uint32_t task_made_calls(struct task_made *m)
{
    uint32_t count = 0;
    kit_mutex_lock(&m->lock);
    for (size_t i = 0; i < piece_count(m); i++) {
        count += piece_at(m, i)->kind == TASK_PIECE_CALL;
    }
    kit_mutex_unlock(&m->lock);
    return count;
}

bool task_made_token(struct task_made *m, uint32_t index, struct task_token *ret)
{
    kit_mutex_lock(&m->lock);
    bool there = index < m->tokens.len / sizeof(*ret);
    if (there) {
        *ret = ((const struct task_token *)(const void *)m->tokens.ptr)[index];
    }
    kit_mutex_unlock(&m->lock);
    return there;
}
