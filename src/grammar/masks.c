#include "grammar/masks.h"

#include <string.h>

#include "grammar/walk.h"
#include "kit/alloc.h"
#include "kit/sync.h"

#define KEY_MAX 4096 /* words of a stack's name; longer ones are not kept */
#define SLOTS 4096   /* of masks for whole stacks */
#define FEW 1024     /* allowed tokens that are kept as a list */

/* Allowed tokens, as a list when they are few. */
struct grammar_mask {
    uint64_t *bits; /* NULL: list */
    uint32_t *list; /* tokens; NULL with bits */
    uint32_t count;
    uint32_t *escape;
    uint32_t escapes;
    uint32_t deepest; /* calls that a token may open */
    bool leaves;      /* the rule may be complete before any byte */
};

struct kept { /* a mask of a whole stack */
    struct kept *next;
    struct grammar_mask mask;
    uint64_t hash;
    uint32_t words;
    uint32_t key[];
};

/* Atomics and locks are kit's and loop's; here sequences of several threads share what they have worked out. */
struct grammar_masks {
    struct kit_ref refs;
    struct grammar *grammar;
    struct grammar_vocab *vocab;
    struct kit_mutex lock; /* all below */
    struct grammar_locals locals;
    struct grammar_walk walk, alone; /* of a sequence's stacks; of one state without any */
    struct kept **slot;
    size_t bytes, bytes_max; /* of masks */
    uint64_t *scratch;       /* [words] */
    uint32_t *key;
    uint32_t root; /* local */
};

struct grammar_state {
    struct grammar_masks *m;
    struct grammar_frame *frame; /* those of the heads; [0] is the bottom */
    struct grammar_head *head;
    uint32_t frames, heads;
    bool ended;
};

/* --- life --- */

static void mask_done(struct grammar_mask *x)
{
    kit_alloc_free(x->bits);
    kit_alloc_free(x->list);
    kit_alloc_free(x->escape);
}

static size_t mask_bytes(const struct grammar_masks *m, const struct grammar_mask *x)
{
    return sizeof(*x) + (x->bits != NULL ? m->vocab->words * 8 : x->count * 4) + x->escapes * 4;
}

static void forget_stacks(struct grammar_masks *m)
{
    for (uint32_t i = 0; i < SLOTS && m->slot != NULL; i++) {
        while (m->slot[i] != NULL) {
            struct kept *k = m->slot[i];
            m->slot[i] = k->next;
            m->bytes -= mask_bytes(m, &k->mask) + k->words * 4 + sizeof(*k);
            mask_done(&k->mask);
            kit_alloc_free(k);
        }
    }
}

static void forget_states(struct grammar_masks *m)
{
    for (uint32_t i = 0; i < m->locals.count; i++) {
        struct grammar_mask *x = m->locals.local[i]->mask;
        m->locals.local[i]->mask = NULL;
        if (x != NULL) {
            m->bytes -= mask_bytes(m, x);
            mask_done(x);
            kit_alloc_free(x);
        }
    }
}

/* Room for a mask: when all is full, what was kept for stacks goes first, then what was kept for states. */
static void make_room(struct grammar_masks *m, size_t bytes)
{
    if (m->bytes + bytes > m->bytes_max) {
        forget_stacks(m);
    }
    if (m->bytes + bytes > m->bytes_max) {
        forget_states(m);
    }
}

static bool set_up(struct grammar_masks *m)
{
    uint32_t words = m->vocab == NULL ? 0 : m->vocab->words;
    if (grammar_locals_init(&m->locals, m->grammar) != KIT_OK) {
        return false;
    }
    grammar_walk_init(&m->walk, &m->locals);
    grammar_walk_init(&m->alone, &m->locals);
    m->slot = kit_alloc_zero(SLOTS, sizeof(struct kept *));
    m->scratch = kit_alloc_zero(words + 1, sizeof(*m->scratch));
    m->key = kit_alloc_array(KEY_MAX, sizeof(*m->key));
    m->root = grammar_local_of_node(&m->locals, m->grammar->root);
    return m->slot != NULL && m->scratch != NULL && m->key != NULL && m->root != GRAMMAR_NEVER;
}

enum kit_status grammar_masks_new(struct grammar *g, struct grammar_vocab *vocab, size_t masks_bytes_max,
                                  struct grammar_masks **ret, struct kit_err *err)
{
    struct grammar_masks *m = kit_alloc_zero(1, sizeof(*m));
    if (m == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for masks");
    }
    kit_ref_init(&m->refs);
    kit_mutex_init(&m->lock);
    m->grammar = grammar_ref(g);
    m->vocab = vocab == NULL ? NULL : grammar_vocab_ref(vocab);
    m->bytes_max = masks_bytes_max;
    if (!set_up(m)) {
        grammar_masks_unref(m);
        return kit_fail(err, KIT_NOMEM, "no memory for masks");
    }
    *ret = m;
    return KIT_OK;
}

struct grammar_masks *grammar_masks_ref(struct grammar_masks *m)
{
    kit_ref_up(&m->refs);
    return m;
}

void grammar_masks_unref(struct grammar_masks *m)
{
    if (m == NULL || !kit_ref_down(&m->refs)) {
        return;
    }
    forget_stacks(m);
    forget_states(m);
    kit_alloc_free(m->slot);
    kit_alloc_free(m->scratch);
    kit_alloc_free(m->key);
    grammar_walk_done(&m->walk);
    grammar_walk_done(&m->alone);
    grammar_locals_done(&m->locals);
    grammar_vocab_unref(m->vocab);
    grammar_unref(m->grammar);
    kit_mutex_done(&m->lock);
    kit_alloc_free(m);
}

size_t grammar_masks_bytes(struct grammar_masks *m)
{
    kit_mutex_lock(&m->lock);
    size_t bytes = grammar_bytes(m->grammar) + m->locals.arena.bytes + m->bytes + sizeof(*m);
    kit_mutex_unlock(&m->lock);
    return bytes;
}

bool grammar_masks_worn(struct grammar_masks *m)
{
    kit_mutex_lock(&m->lock);
    bool worn = m->locals.failed != KIT_OK || m->locals.arena.bytes > GRAMMAR_LOCALS_BYTES_MAX / 2;
    kit_mutex_unlock(&m->lock);
    return worn;
}

/* --- what one state allows --- */

/* Characters of any kind that may certainly follow, at most those of the longest plain token. */
static uint32_t plain_run(struct grammar_masks *m, uint32_t local)
{
    uint32_t run = 0;
    for (; run < m->vocab->plain_longest; run++) {
        uint32_t next = grammar_local_plain(&m->locals, local);
        if (next == GRAMMAR_NEVER) {
            return run;
        }
        if (next == local) {
            return m->vocab->plain_longest;
        }
        local = next;
    }
    return run;
}

/* All plain tokens of at most `run` characters. */
static uint32_t set_plain(const struct grammar_masks *m, uint64_t *bits, uint32_t run)
{
    const struct grammar_vocab *v = m->vocab;
    uint32_t all = v->length_at[GRAMMAR_TOKEN_BYTES_MAX + 1];
    uint32_t count = v->length_at[run + 1];
    if (count < all / 2) {
        for (uint32_t i = 0; i < count; i++) {
            bits[v->by_length[i] / 64] |= UINT64_C(1) << v->by_length[i] % 64;
        }
        return count;
    }
    memcpy(bits, v->plain, v->words * sizeof(*bits));
    for (uint32_t i = count; i < all; i++) {
        bits[v->by_length[i] / 64] &= ~(UINT64_C(1) << v->by_length[i] % 64);
    }
    return count;
}

static enum kit_status keep_bits(const struct grammar_masks *m, const uint64_t *bits, uint32_t allowed,
                                 struct grammar_mask *x)
{
    x->count = allowed;
    if (allowed > FEW) {
        x->bits = kit_alloc_copy(bits, m->vocab->words * sizeof(*bits));
        return x->bits == NULL ? KIT_NOMEM : KIT_OK;
    }
    x->list = kit_alloc_array(allowed + 1, sizeof(*x->list));
    if (x->list == NULL) {
        return KIT_NOMEM;
    }
    uint32_t at = 0;
    for (uint32_t word = 0; word < m->vocab->words; word++) {
        for (uint64_t rest = bits[word]; rest != 0; rest &= rest - 1) {
            x->list[at++] = word * 64 + (uint32_t)__builtin_ctzll(rest);
        }
    }
    return KIT_OK;
}

/* Walks both trees from one state with nothing around it. */
static enum kit_status work_out(struct grammar_masks *m, uint32_t local, struct grammar_mask *x)
{
    const struct grammar_vocab *v = m->vocab;
    struct grammar_walk *w = &m->alone;
    memset(m->scratch, 0, v->words * sizeof(*m->scratch));
    struct grammar_found f = {.vocab = v, .bits = m->scratch, .escape_room = 64};
    f.escape = kit_alloc_array(f.escape_room, sizeof(*f.escape));
    if (f.escape == NULL) {
        return KIT_NOMEM;
    }
    uint32_t run = plain_run(m, local);
    f.allowed = run == 0 ? 0 : set_plain(m, m->scratch, run);
    grammar_walk_clear(w);
    grammar_walk_batch(w);
    w->deepest = 0;
    grammar_walk_open(w, 0, local, 0);
    x->leaves = w->ended;
    uint32_t heads = w->heads;
    grammar_walk_trie(w, GRAMMAR_OTHER, 0, v->trie[GRAMMAR_OTHER].count, 0, heads, 0, &f);
    if (run < v->plain_longest) {
        grammar_walk_trie(w, GRAMMAR_PLAIN, 0, v->trie[GRAMMAR_PLAIN].count, 0, heads, run, &f);
    }
    enum kit_status rc = w->failed != KIT_OK ? w->failed : f.failed;
    rc = rc == KIT_OK ? m->locals.failed : rc;
    rc = rc == KIT_OK ? keep_bits(m, m->scratch, f.allowed, x) : rc;
    x->escape = f.escape;
    x->deepest = w->deepest;
    x->escapes = f.escapes;
    return rc;
}

static enum kit_status own_mask(struct grammar_masks *m, uint32_t local, const struct grammar_mask **ret)
{
    struct grammar_local *l = m->locals.local[local];
    if (l->mask == NULL) {
        struct grammar_mask *x = kit_alloc_zero(1, sizeof(*x));
        enum kit_status rc = x == NULL ? KIT_NOMEM : work_out(m, local, x);
        if (rc != KIT_OK) {
            if (x != NULL) {
                mask_done(x);
                kit_alloc_free(x);
            }
            return rc;
        }
        make_room(m, mask_bytes(m, x)); /* may forget others; nobody holds one now */
        m->bytes += mask_bytes(m, x);
        l->mask = x;
    }
    *ret = l->mask;
    return KIT_OK;
}

/* --- what a stack allows --- */

static void add_mask(const struct grammar_masks *m, const struct grammar_mask *x, struct grammar_found *f)
{
    if (x->bits == NULL) {
        for (uint32_t i = 0; i < x->count; i++) {
            f->bits[x->list[i] / 64] |= UINT64_C(1) << x->list[i] % 64;
        }
        return;
    }
    for (uint32_t i = 0; i < m->vocab->words; i++) {
        f->bits[i] |= x->bits[i];
    }
}

static enum kit_status add_head(struct grammar_masks *m, struct grammar_head h, struct grammar_found *f);

/* Behind the end of a head's rule: its tokens that go on there. */
static enum kit_status add_behind(struct grammar_masks *m, const struct grammar_mask *x, struct grammar_head behind,
                                  struct grammar_found *f)
{
    struct grammar_walk *w = &m->walk;
    uint32_t heads = w->heads;
    uint32_t frames = w->frames;
    grammar_walk_batch(w);
    grammar_walk_open(w, heads, behind.local, behind.frame);
    uint32_t to = w->heads;
    for (uint32_t i = 0; i < x->escapes && w->failed == KIT_OK; i++) {
        uint32_t trie = x->escape[i] >> GRAMMAR_ESCAPE_TRIE;
        uint32_t node = x->escape[i] & ~(1U << GRAMMAR_ESCAPE_TRIE);
        grammar_walk_trie(w, trie, node + 1, m->vocab->trie[trie].skip[node], heads, to, 0, f);
    }
    w->heads = heads;
    w->frames = frames;
    return w->failed;
}

/* So deep that calls may reach the limit within one token: the whole walk, with all that is open. */
static enum kit_status add_walked(struct grammar_masks *m, struct grammar_head h, struct grammar_found *f)
{
    struct grammar_walk *w = &m->walk;
    uint32_t heads = w->heads;
    uint32_t frames = w->frames;
    grammar_walk_batch(w);
    grammar_walk_open(w, heads, h.local, h.frame);
    uint32_t to = w->heads;
    for (uint32_t t = 0; t < GRAMMAR_TRIES; t++) {
        grammar_walk_trie(w, t, 0, m->vocab->trie[t].count, heads, to, 0, f);
    }
    w->heads = heads;
    w->frames = frames;
    return w->failed;
}

static enum kit_status add_head(struct grammar_masks *m, struct grammar_head h, struct grammar_found *f)
{
    const struct grammar_frame *frame = &m->walk.frame[h.frame];
    struct grammar_head behind = {frame->ret, frame->up};
    const struct grammar_mask *x = NULL;
    enum kit_status rc = own_mask(m, h.local, &x);
    if (rc != KIT_OK) {
        return rc;
    }
    if (frame->depth + x->deepest + m->grammar->need_most > GRAMMAR_DEPTH_MAX) {
        return add_walked(m, h, f);
    }
    add_mask(m, x, f);
    if (h.frame == 0) {
        return KIT_OK;
    }
    bool leaves = x->leaves;
    if (x->escapes > 0) {
        rc = add_behind(m, x, behind, f);
    }
    return rc == KIT_OK && leaves ? add_head(m, behind, f) : rc;
}

/* --- masks of whole stacks --- */

/* The heads and what is around them as words; 0: too long. */
static uint32_t name_stacks(struct grammar_masks *m, uint32_t heads)
{
    const struct grammar_walk *w = &m->walk;
    uint32_t words = 0;
    for (uint32_t i = 0; i < heads; i++) {
        if (words + GRAMMAR_DEPTH_MAX + 2 > KEY_MAX) {
            return 0;
        }
        m->key[words++] = w->head[i].local;
        for (uint32_t frame = w->head[i].frame; frame != 0; frame = w->frame[frame].up) {
            m->key[words++] = w->frame[frame].ret;
        }
        m->key[words++] = GRAMMAR_NEVER;
    }
    return words;
}

static uint64_t hash_key(const struct grammar_masks *m, uint32_t words)
{
    uint64_t hash = words;
    for (uint32_t i = 0; i < words; i++) {
        hash = (hash ^ m->key[i]) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    return hash ^ hash >> 32;
}

static const struct kept *find_kept(const struct grammar_masks *m, uint64_t hash, uint32_t words)
{
    for (const struct kept *k = m->slot[hash % SLOTS]; k != NULL; k = k->next) {
        if (k->hash == hash && k->words == words && memcmp(k->key, m->key, words * sizeof(*m->key)) == 0) {
            return k;
        }
    }
    return NULL;
}

/* Without room or memory it is worked out again the next time. */
static void keep(struct grammar_masks *m, uint64_t hash, uint32_t words, const uint64_t *bits, uint32_t allowed)
{
    struct kept *k = kit_alloc_zero(1, sizeof(*k) + words * sizeof(*k->key));
    if (k == NULL) {
        return;
    }
    if (keep_bits(m, bits, allowed, &k->mask) != KIT_OK) {
        mask_done(&k->mask);
        kit_alloc_free(k);
        return;
    }
    k->hash = hash;
    k->words = words;
    memcpy(k->key, m->key, words * sizeof(*k->key));
    size_t bytes = mask_bytes(m, &k->mask) + words * 4 + sizeof(*k);
    make_room(m, bytes);
    m->bytes += bytes;
    k->next = m->slot[hash % SLOTS];
    m->slot[hash % SLOTS] = k;
}

static uint32_t count_bits(const uint64_t *bits, uint32_t words)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < words; i++) {
        count += (uint32_t)__builtin_popcountll(bits[i]);
    }
    return count;
}

/* bits are cleared. */
static enum kit_status fill_mask(struct grammar_masks *m, uint64_t *bits, uint32_t *allowed)
{
    uint32_t heads = m->walk.heads;
    uint32_t words = name_stacks(m, heads);
    uint64_t hash = hash_key(m, words);
    const struct kept *k = words == 0 ? NULL : find_kept(m, hash, words);
    struct grammar_found f = {.vocab = m->vocab, .bits = bits};
    if (k != NULL) {
        add_mask(m, &k->mask, &f);
        *allowed = k->mask.count;
        return KIT_OK;
    }
    for (uint32_t i = 0; i < heads; i++) {
        enum kit_status rc = add_head(m, m->walk.head[i], &f);
        if (rc != KIT_OK) {
            return rc;
        }
    }
    *allowed = count_bits(bits, m->vocab->words);
    if (words > 0) {
        keep(m, hash, words, bits, *allowed);
    }
    return KIT_OK;
}

/* --- states --- */

enum kit_status grammar_state_new(struct grammar_masks *m, struct grammar_state **ret, struct kit_err *err)
{
    struct grammar_state *s = kit_alloc_zero(1, sizeof(*s));
    if (s != NULL) {
        s->frame = kit_alloc_zero(1, sizeof(*s->frame));
        s->head = kit_alloc_zero(1, sizeof(*s->head));
    }
    if (s == NULL || s->frame == NULL || s->head == NULL) {
        grammar_state_free(s);
        return kit_fail(err, KIT_NOMEM, "no memory for a grammar");
    }
    s->m = grammar_masks_ref(m);
    s->frame[0] = (struct grammar_frame){GRAMMAR_NEVER, 0, 0};
    s->head[0] = (struct grammar_head){m->root, 0};
    s->frames = s->heads = 1;
    *ret = s;
    return KIT_OK;
}

void grammar_state_free(struct grammar_state *s)
{
    if (s != NULL) {
        grammar_masks_unref(s->m);
        kit_alloc_free(s->frame);
        kit_alloc_free(s->head);
        kit_alloc_free(s);
    }
}

/* The state's heads and frames become those of the walk: heads [0, s->heads). False: no memory. */
static bool load(const struct grammar_state *s, struct grammar_walk *w)
{
    grammar_walk_clear(w);
    while (w->frames_room < s->frames || w->heads_room < s->heads) {
        uint32_t frames = KIT_MAX(w->frames_room, s->frames + 64);
        uint32_t heads = KIT_MAX(w->heads_room, s->heads + 64);
        struct grammar_frame *frame = kit_alloc_resize(w->frame, frames * sizeof(*frame));
        w->frame = frame == NULL ? w->frame : frame;
        struct grammar_head *head = kit_alloc_resize(w->head, heads * sizeof(*head));
        w->head = head == NULL ? w->head : head;
        if (frame == NULL || head == NULL) {
            return false;
        }
        w->frames_room = frames;
        w->heads_room = heads;
    }
    if (w->failed != KIT_OK) {
        return false;
    }
    memcpy(w->frame, s->frame, s->frames * sizeof(*s->frame));
    memcpy(w->head, s->head, s->heads * sizeof(*s->head));
    w->frames = s->frames;
    w->heads = s->heads;
    return true;
}

static uint32_t open_all(struct grammar_walk *w, uint32_t from, uint32_t to)
{
    uint32_t begin = w->heads;
    grammar_walk_batch(w);
    for (uint32_t i = from; i < to; i++) {
        grammar_walk_open(w, begin, w->head[i].local, w->head[i].frame);
    }
    return begin;
}

/* The frames that heads [from, to) need, numbered anew; the state takes them. */
static bool save(struct grammar_state *s, const struct grammar_walk *w, uint32_t from)
{
    uint32_t heads = w->heads - from;
    uint32_t *new_of = kit_alloc_zero(w->frames, sizeof(*new_of));
    struct grammar_frame *frame = kit_alloc_array(w->frames, sizeof(*frame));
    struct grammar_head *head = kit_alloc_array(heads, sizeof(*head));
    bool good = new_of != NULL && frame != NULL && head != NULL;
    if (good) {
        for (uint32_t i = from; i < w->heads; i++) {
            for (uint32_t f = w->head[i].frame; f != 0 && new_of[f] == 0; f = w->frame[f].up) {
                new_of[f] = 1;
            }
        }
        uint32_t frames = 0;
        for (uint32_t f = 0; f < w->frames; f++) { /* what is above a frame has a smaller number */
            if (f == 0 || new_of[f] != 0) {
                frame[frames] = w->frame[f];
                frame[frames].up = new_of[w->frame[f].up];
                new_of[f] = frames++;
            }
        }
        for (uint32_t i = 0; i < heads; i++) {
            head[i] = (struct grammar_head){w->head[from + i].local, new_of[w->head[from + i].frame]};
        }
        kit_alloc_free(s->frame);
        kit_alloc_free(s->head);
        s->frame = frame;
        s->head = head;
        s->frames = frames;
        s->heads = heads;
        frame = NULL;
        head = NULL;
    }
    kit_alloc_free(new_of);
    kit_alloc_free(frame);
    kit_alloc_free(head);
    return good;
}

static enum kit_status said(enum kit_status rc, struct kit_err *err)
{
    return rc == KIT_OK          ? KIT_OK
           : rc == KIT_TOO_LARGE ? kit_fail(err, rc, "the grammar has too many states")
                                 : kit_fail(err, rc, "no memory for a grammar");
}

static bool is_complete(const struct grammar_state *s, struct grammar_walk *w)
{
    open_all(w, 0, s->heads);
    w->heads = s->heads;
    w->frames = s->frames;
    return w->ended;
}

enum kit_status grammar_state_mask(struct grammar_state *s, uint64_t *bits, uint32_t *ret_allowed, struct kit_err *err)
{
    struct grammar_masks *m = s->m;
    uint32_t allowed = 0;
    memset(bits, 0, m->vocab->words * sizeof(*bits));
    kit_mutex_lock(&m->lock);
    enum kit_status rc = KIT_NOMEM;
    bool complete = s->ended;
    if (load(s, &m->walk)) {
        complete = complete || is_complete(s, &m->walk);
        rc = s->ended ? KIT_OK : fill_mask(m, bits, &allowed);
    }
    kit_mutex_unlock(&m->lock);
    for (uint32_t i = 0; i < m->vocab->ends && complete; i++) {
        bits[m->vocab->end[i] / 64] |= UINT64_C(1) << m->vocab->end[i] % 64;
        allowed++;
    }
    if (ret_allowed != NULL) {
        *ret_allowed = allowed;
    }
    return said(rc, err);
}

static enum kit_status go(struct grammar_state *s, kit_str bytes, struct kit_err *err)
{
    struct grammar_walk *w = &s->m->walk;
    if (!load(s, w)) {
        return said(KIT_NOMEM, err);
    }
    uint32_t from = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        uint32_t begin = open_all(w, from, w->heads);
        uint32_t to = w->heads;
        grammar_walk_kernel(w, begin, to, (uint8_t)bytes.ptr[i]);
        from = to;
        if (w->failed != KIT_OK) {
            return said(w->failed, err);
        }
        if (w->heads == to) {
            return kit_fail(err, KIT_INVALID, "the grammar does not allow this token here (its byte %zu)", i);
        }
    }
    return save(s, w, from) ? KIT_OK : said(KIT_NOMEM, err);
}

enum kit_status grammar_state_accept_bytes(struct grammar_state *s, kit_str bytes, struct kit_err *err)
{
    if (s->ended) {
        return kit_fail(err, KIT_INVALID, "the text has ended");
    }
    kit_mutex_lock(&s->m->lock);
    enum kit_status rc = go(s, bytes, err);
    kit_mutex_unlock(&s->m->lock);
    return rc;
}

enum kit_status grammar_state_accept(struct grammar_state *s, int32_t token, struct kit_err *err)
{
    if (grammar_vocab_is_end(s->m->vocab, token)) {
        if (!s->ended && !grammar_state_complete(s)) {
            return kit_fail(err, KIT_INVALID, "the text is not complete yet");
        }
        s->ended = true;
        return KIT_OK;
    }
    kit_str bytes = grammar_vocab_token(s->m->vocab, token);
    if (bytes.len == 0) {
        return kit_fail(err, KIT_INVALID, "token %d is never part of a text", (int)token);
    }
    return grammar_state_accept_bytes(s, bytes, err);
}

bool grammar_state_complete(struct grammar_state *s)
{
    kit_mutex_lock(&s->m->lock);
    bool complete = s->ended || (load(s, &s->m->walk) && is_complete(s, &s->m->walk));
    kit_mutex_unlock(&s->m->lock);
    return complete;
}

bool grammar_state_ended(const struct grammar_state *s)
{
    return s->ended;
}

/* The one byte that heads [from, to) allow; false: none, or a choice. */
static bool only_byte(struct grammar_walk *w, uint32_t from, uint32_t to, uint8_t *ret)
{
    const struct grammar *g = w->locals->g;
    uint32_t found = 0;
    for (uint32_t c = 0; c < g->classes && found < 2; c++) {
        bool single = g->class_of[(uint8_t)(g->class_byte[c] + 1)] != c || g->class_byte[c] == 255;
        for (uint32_t i = from; i < to; i++) {
            if (grammar_local_next(w->locals, w->head[i].local, g->class_byte[c]) != GRAMMAR_NEVER) {
                found += single ? 1 : 2;
                *ret = g->class_byte[c];
                break;
            }
        }
    }
    return found == 1;
}

size_t grammar_state_forced(struct grammar_state *s, char *buf, size_t room)
{
    size_t len = 0;
    kit_mutex_lock(&s->m->lock);
    struct grammar_walk *w = &s->m->walk;
    if (!s->ended && load(s, w)) {
        uint32_t begin = open_all(w, 0, s->heads);
        uint8_t byte = 0;
        while (len < room && !w->ended && w->failed == KIT_OK && only_byte(w, begin, w->heads, &byte)) {
            uint32_t to = w->heads;
            grammar_walk_step(w, begin, to, byte);
            begin = to;
            buf[len++] = (char)byte;
        }
    }
    kit_mutex_unlock(&s->m->lock);
    return len;
}
