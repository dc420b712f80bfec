#include "grammar/walk.h"

#include "kit/alloc.h"

void grammar_walk_init(struct grammar_walk *w, struct grammar_locals *locals)
{
    *w = (struct grammar_walk){.locals = locals};
}

void grammar_walk_done(struct grammar_walk *w)
{
    kit_alloc_free(w->frame);
    kit_alloc_free(w->head);
    *w = (struct grammar_walk){0};
}

static void fail(struct grammar_walk *w, enum kit_status code)
{
    w->failed = w->failed == KIT_OK ? code : w->failed;
}

static bool room_for_frame(struct grammar_walk *w)
{
    if (w->frames < w->frames_room) {
        return true;
    }
    uint32_t room = w->frames_room * 2 + 64;
    struct grammar_frame *bigger =
        w->frames >= GRAMMAR_FRAMES_MAX ? NULL : kit_alloc_resize(w->frame, room * sizeof(*bigger));
    if (bigger == NULL) {
        fail(w, w->frames >= GRAMMAR_FRAMES_MAX ? KIT_TOO_LARGE : KIT_NOMEM);
        return false;
    }
    w->frame = bigger;
    w->frames_room = room;
    return true;
}

static bool room_for_head(struct grammar_walk *w)
{
    if (w->heads < w->heads_room) {
        return true;
    }
    uint32_t room = w->heads_room * 2 + 64;
    struct grammar_head *bigger = kit_alloc_resize(w->head, room * sizeof(*bigger));
    if (bigger == NULL) {
        fail(w, KIT_NOMEM);
        return false;
    }
    w->head = bigger;
    w->heads_room = room;
    return true;
}

void grammar_walk_clear(struct grammar_walk *w)
{
    w->frames = w->heads = 0;
    w->failed = KIT_OK;
    if (room_for_frame(w)) {
        w->frame[w->frames++] = (struct grammar_frame){GRAMMAR_NEVER, 0, 0};
    }
    w->frames_batch = w->frames;
}

void grammar_walk_batch(struct grammar_walk *w)
{
    w->frames_batch = w->frames;
    w->ended = w->alive = false;
}

/* The frame of a call; GRAMMAR_NEVER: failed. */
static uint32_t push(struct grammar_walk *w, uint32_t ret, uint32_t up)
{
    for (uint32_t i = w->frames_batch; i < w->frames; i++) {
        if (w->frame[i].ret == ret && w->frame[i].up == up) {
            return i;
        }
    }
    if (!room_for_frame(w)) {
        return GRAMMAR_NEVER;
    }
    w->frame[w->frames] = (struct grammar_frame){ret, up, w->frame[up].depth + 1};
    w->deepest = KIT_MAX(w->deepest, w->frame[up].depth + 1);
    return w->frames++;
}

static bool is_there(const struct grammar_walk *w, uint32_t from, uint32_t local, uint32_t frame)
{
    for (uint32_t i = from; i < w->heads; i++) {
        if (w->head[i].local == local && w->head[i].frame == frame) {
            return true;
        }
    }
    return w->heads - from >= GRAMMAR_HEADS_MAX;
}

static void open_calls(struct grammar_walk *w, uint32_t from, uint32_t local, uint32_t frame)
{
    const struct grammar_local *x = w->locals->local[local];
    for (uint32_t i = 0; i < x->calls && w->failed == KIT_OK; i++) {
        uint32_t start = grammar_local_start(w->locals, x->call[i].rule);
        uint32_t ret = grammar_local_ret(w->locals, local, i);
        if (start == GRAMMAR_NEVER || ret == GRAMMAR_NEVER) {
            fail(w, w->locals->failed == KIT_OK ? KIT_INTERNAL : w->locals->failed);
            return;
        }
        bool last = w->locals->local[ret]->only_ends; /* nothing to come back to */
        uint32_t inner = last ? frame : push(w, ret, frame);
        if (inner != GRAMMAR_NEVER) {
            grammar_walk_open(w, from, start, inner);
        }
    }
}

void grammar_walk_open(struct grammar_walk *w, uint32_t from, uint32_t local, uint32_t frame)
{
    if (w->failed != KIT_OK) {
        return; /* perhaps there is not even a bottom */
    }
    local =
        grammar_local_within(w->locals, local, GRAMMAR_DEPTH_MAX - KIT_MIN(w->frame[frame].depth, GRAMMAR_DEPTH_MAX));
    if (local == GRAMMAR_NEVER) {
        fail(w, w->locals->failed);
        return;
    }
    if (is_there(w, from, local, frame) || !room_for_head(w)) {
        return;
    }
    w->head[w->heads++] = (struct grammar_head){local, frame};
    const struct grammar_local *x = w->locals->local[local];
    w->alive |= x->bytes;
    if (x->ends) {
        if (frame == 0) {
            w->ended = true;
        } else {
            grammar_walk_open(w, from, w->frame[frame].ret, w->frame[frame].up);
        }
    }
    if (x->calls > 0) {
        open_calls(w, from, local, frame);
    }
}

void grammar_walk_step(struct grammar_walk *w, uint32_t from, uint32_t to, uint8_t byte)
{
    uint32_t begin = w->heads;
    grammar_walk_batch(w);
    for (uint32_t i = from; i < to && w->failed == KIT_OK; i++) {
        uint32_t next = grammar_local_next(w->locals, w->head[i].local, byte);
        if (next != GRAMMAR_NEVER) {
            grammar_walk_open(w, begin, next, w->head[i].frame);
        }
    }
    fail(w, w->locals->failed);
}

void grammar_walk_kernel(struct grammar_walk *w, uint32_t from, uint32_t to, uint8_t byte)
{
    uint32_t begin = w->heads;
    for (uint32_t i = from; i < to && w->failed == KIT_OK; i++) {
        uint32_t next = grammar_local_next(w->locals, w->head[i].local, byte);
        if (next != GRAMMAR_NEVER && !is_there(w, begin, next, w->head[i].frame) && room_for_head(w)) {
            w->head[w->heads++] = (struct grammar_head){next, w->head[i].frame};
        }
    }
    fail(w, w->locals->failed);
}

/* --- over a tree --- */

struct level {
    uint32_t end;      /* of the siblings */
    uint32_t from, to; /* heads before their byte */
    uint32_t frames;
};

static void allow(struct grammar_found *f, uint32_t token)
{
    for (; token != GRAMMAR_NO_TOKEN; token = f->vocab->same[token]) {
        uint64_t bit = UINT64_C(1) << token % 64;
        f->allowed += (f->bits[token / 64] & bit) == 0;
        f->bits[token / 64] |= bit;
    }
}

static void note_escape(struct grammar_found *f, uint32_t trie, uint32_t node)
{
    if (f->escapes == f->escape_room) {
        uint32_t room = f->escape_room * 2 + 64;
        uint32_t *bigger = kit_alloc_resize(f->escape, room * sizeof(*bigger));
        if (bigger == NULL) {
            f->failed = KIT_NOMEM;
            return;
        }
        f->escape = bigger;
        f->escape_room = room;
    }
    f->escape[f->escapes++] = node | trie << GRAMMAR_ESCAPE_TRIE;
}

void grammar_walk_trie(struct grammar_walk *w, uint32_t trie, uint32_t begin, uint32_t end, uint32_t from, uint32_t to,
                       uint32_t above, struct grammar_found *f)
{
    const struct grammar_trie *t = &f->vocab->trie[trie];
    struct level level[GRAMMAR_TOKEN_BYTES_MAX + 2];
    uint32_t depth = 0;
    bool hole = f->escape_room > 0;
    level[0] = (struct level){end, from, to, w->frames};
    uint32_t heads = w->heads;
    for (uint32_t i = begin; i < end && w->failed == KIT_OK && f->failed == KIT_OK;) {
        while (i >= level[depth].end) {
            depth--;
        }
        w->heads = depth == 0 ? heads : level[depth].to;
        w->frames = level[depth].frames;
        uint32_t skip = t->skip[i];
        if (above > 0 && t->longest[i] <= above) {
            i = skip;
            continue;
        }
        uint32_t first = w->heads;
        grammar_walk_step(w, level[depth].from, level[depth].to, t->byte[i]);
        if (w->alive || w->ended) {
            allow(f, t->token[i]);
        }
        if (w->ended && hole && skip > i + 1) {
            note_escape(f, trie, i);
        }
        if (!w->alive || skip == i + 1) {
            i = skip;
            continue;
        }
        level[++depth] = (struct level){skip, first, w->heads, w->frames};
        i++;
    }
    w->heads = heads;
    w->frames = level[0].frames;
}
