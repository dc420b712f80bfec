#include "sched/prefix.h"

#include <assert.h>
#include <string.h>

#include "kit/alloc.h"
#include "sched/node.h"

struct node {
    struct node *parent, *children, *next; /* next: its sibling */
    const void *adapter;
    uint32_t count;      /* tokens; 0: the root */
    uint32_t refs, busy; /* entries that end here or below; of those, busy ones */
    uint32_t matched;    /* of the path that carries the stamp: tokens from the root to where it left this node */
    uint64_t stamp;
    int32_t *tokens; /* [count]; owned */
};

struct entry {
    struct node *end; /* NULL: not there */
    uint32_t length, ready;
    bool busy;
    struct sched_node used; /* among those that are not busy */
};

struct sched_prefix {
    struct node root;
    uint64_t tokens, idle, stamp;
    struct sched_node used; /* not busy, the least lately used first */
    uint32_t count;
    struct entry entries[];
};

enum kit_status sched_prefix_new(uint32_t entries, struct sched_prefix **ret)
{
    assert(entries >= 1 && entries <= SCHED_PREFIX_ENTRIES_MAX);
    struct sched_prefix *p = kit_alloc_zero(1, sizeof(*p) + entries * sizeof(p->entries[0]));
    if (p == NULL) {
        return KIT_NOMEM;
    }
    p->count = entries;
    sched_node_init(&p->used);
    *ret = p;
    return KIT_OK;
}

void sched_prefix_free(struct sched_prefix *p)
{
    for (uint32_t e = 0; p != NULL && e < p->count; e++) {
        if (p->entries[e].end != NULL) {
            sched_prefix_remove(p, e);
        }
    }
    kit_alloc_free(p);
}

/* --- nodes --- */

static void free_node(struct node *n)
{
    kit_alloc_free(n->tokens);
    kit_alloc_free(n);
}

static struct node *make_node(const void *adapter, uint32_t count)
{
    struct node *n = kit_alloc_zero(1, sizeof(*n));
    if (n == NULL) {
        return NULL;
    }
    n->adapter = adapter;
    n->count = count;
    n->tokens = kit_alloc_array(count, sizeof(n->tokens[0]));
    if (n->tokens == NULL) {
        kit_alloc_free(n);
        return NULL;
    }
    return n;
}

static struct node **place_of(struct node *n)
{
    struct node **at = &n->parent->children;
    while (*at != n) {
        at = &(*at)->next;
    }
    return at;
}

static void replace(struct node *old, struct node *with)
{
    *place_of(old) = with;
    with->next = old->next;
    with->parent = old->parent;
}

static void adopt(struct node *parent, struct node *child)
{
    child->parent = parent;
    child->next = parent->children;
    parent->children = child;
}

/* Cuts a node in two behind its first k tokens, 0 < k < count. The lower one stays where the entries look for it. */
static enum kit_status split(struct node *n, uint32_t k)
{
    struct node *upper = make_node(n->adapter, k);
    if (upper == NULL) {
        return KIT_NOMEM;
    }
    memcpy(upper->tokens, n->tokens, k * sizeof(n->tokens[0]));
    memmove(n->tokens, n->tokens + k, (n->count - k) * sizeof(n->tokens[0]));
    n->count -= k;
    upper->refs = n->refs;
    upper->busy = n->busy;
    replace(n, upper);
    adopt(upper, n);
    return KIT_OK;
}

/* A node that is nothing but the way to its only child becomes one with it; without memory it stays. */
static void merge(struct node *n)
{
    struct node *child = n->children;
    if (n->count == 0 || child == NULL || child->next != NULL || child->refs != n->refs) {
        return;
    }
    int32_t *tokens = kit_alloc_array((size_t)n->count + child->count, sizeof(*tokens));
    if (tokens == NULL) {
        return;
    }
    memcpy(tokens, n->tokens, n->count * sizeof(*tokens));
    memcpy(tokens + n->count, child->tokens, child->count * sizeof(*tokens));
    kit_alloc_free(child->tokens);
    child->tokens = tokens;
    child->count += n->count;
    replace(n, child);
    free_node(n);
}

/* --- texts --- */

static int32_t token_at(const struct sched_prefix_text *t, uint32_t i)
{
    return i < t->head_count ? t->head[i] : t->tail[i - t->head_count];
}

/* How many of the n tokens are those of the text from i on. */
static uint32_t count_equal(const struct sched_prefix_text *t, uint32_t i, const int32_t *tokens, uint32_t n)
{
    uint32_t k = 0;
    while (k < n && tokens[k] == token_at(t, i + k)) {
        k++;
    }
    return k;
}

/* The next node in order, without those below n unless `below`. */
static struct node *next_node(struct node *n, bool below)
{
    if (below && n->children != NULL) {
        return n->children;
    }
    while (n != NULL && n->next == NULL) {
        n = n->parent;
    }
    return n == NULL ? NULL : n->next;
}

/* Stamps each node that the first `most` tokens of the text lead into, with how many tokens that makes. */
static void mark(struct sched_prefix *p, const struct sched_prefix_text *text, uint32_t most)
{
    bool is_through = true;
    p->stamp++;
    p->root.stamp = p->stamp;
    for (struct node *n = p->root.children; n != NULL; n = next_node(n, is_through)) {
        uint32_t from = n->parent->matched;
        uint32_t equal =
            n->adapter == text->adapter ? count_equal(text, from, n->tokens, KIT_MIN(n->count, most - from)) : 0;
        is_through = equal == n->count;
        if (equal > 0) {
            n->stamp = p->stamp;
            n->matched = from + equal;
        }
    }
}

static void copy_tokens(int32_t *to, const struct sched_prefix_text *text, uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        to[i] = token_at(text, from + i);
    }
}

/* --- counting --- */

/* For the nodes from `end` up to `top`, which is not counted. */
static void count_path(struct sched_prefix *p, struct node *end, const struct node *top, int32_t refs, int32_t busy)
{
    for (struct node *n = end; n != top; n = n->parent) {
        bool was_idle = n->refs > 0 && n->busy == 0;
        n->refs = (uint32_t)((int32_t)n->refs + refs);
        n->busy = (uint32_t)((int32_t)n->busy + busy);
        bool is_idle = n->refs > 0 && n->busy == 0;
        p->idle = p->idle - (was_idle ? n->count : 0) + (is_idle ? n->count : 0);
    }
}

static void prune(struct sched_prefix *p, struct node *n)
{
    while (n->count > 0 && n->refs == 0) {
        struct node *parent = n->parent;
        *place_of(n) = n->next;
        p->tokens -= n->count;
        free_node(n);
        n = parent;
    }
    merge(n);
}

/* --- entries --- */

/* The node of the entry's path that ends at a depth; it is made when none does. NULL: no memory. */
static struct node *place(struct sched_prefix *p, uint32_t entry, uint32_t depth)
{
    if (depth == 0) {
        return &p->root;
    }
    struct node *n = p->entries[entry].end;
    uint32_t end = p->entries[entry].length;
    assert(n != NULL && depth <= end);
    for (; end - n->count >= depth; n = n->parent) {
        end -= n->count;
    }
    if (end == depth) {
        return n;
    }
    return split(n, depth - (end - n->count)) == KIT_OK ? n->parent : NULL;
}

/* A node below `at` for the text's tokens from `from` on; `at` itself when there are none. NULL: no memory. */
static struct node *grow(struct sched_prefix *p, struct node *at, const struct sched_prefix_text *text, uint32_t from)
{
    uint32_t count = text->head_count + text->tail_count - from;
    if (count == 0) {
        return at;
    }
    struct node *leaf = make_node(text->adapter, count);
    if (leaf != NULL) {
        copy_tokens(leaf->tokens, text, from, count);
        p->tokens += count;
        adopt(at, leaf);
    }
    return leaf;
}

enum kit_status sched_prefix_add(struct sched_prefix *p, uint32_t entry, const struct sched_prefix_text *text,
                                 bool busy, uint32_t source, uint32_t shared)
{
    struct entry *e = &p->entries[entry];
    assert(entry < p->count && e->end == NULL && shared <= text->head_count + text->tail_count);
    struct node *at = place(p, source, shared);
    struct node *end = at == NULL ? NULL : grow(p, at, text, shared);
    if (end == NULL) {
        return KIT_NOMEM;
    }
    *e = (struct entry){.end = end, .length = text->head_count + text->tail_count, .busy = busy};
    count_path(p, end, &p->root, 1, busy);
    if (!busy) {
        sched_node_append(&p->used, &e->used);
    }
    return KIT_OK;
}

void sched_prefix_remove(struct sched_prefix *p, uint32_t entry)
{
    struct entry *e = &p->entries[entry];
    struct node *end = e->end;
    assert(entry < p->count && end != NULL);
    if (!e->busy) {
        sched_node_remove(&e->used);
    }
    e->end = NULL;
    count_path(p, end, &p->root, -1, e->busy ? -1 : 0);
    prune(p, end);
}

enum kit_status sched_prefix_cut(struct sched_prefix *p, uint32_t entry, uint32_t length)
{
    struct entry *e = &p->entries[entry];
    struct node *end = e->end, *at = place(p, entry, length);
    if (at == NULL) {
        return KIT_NOMEM;
    }
    e->end = at;
    e->length = length;
    e->ready = KIT_MIN(e->ready, length);
    count_path(p, end, at, -1, e->busy ? -1 : 0);
    prune(p, end);
    return KIT_OK;
}

enum kit_status sched_prefix_extend(struct sched_prefix *p, uint32_t entry, const struct sched_prefix_text *text)
{
    struct entry *e = &p->entries[entry];
    struct node *at = e->end, *end = grow(p, at, text, e->length);
    if (end == NULL) {
        return KIT_NOMEM;
    }
    e->end = end;
    e->length = text->head_count + text->tail_count;
    count_path(p, end, at, 1, e->busy);
    merge(at);
    return KIT_OK;
}

void sched_prefix_set_ready(struct sched_prefix *p, uint32_t entry, uint32_t ready)
{
    assert(ready <= p->entries[entry].length);
    p->entries[entry].ready = ready;
}

void sched_prefix_set_busy(struct sched_prefix *p, uint32_t entry, bool busy)
{
    struct entry *e = &p->entries[entry];
    assert(e->end != NULL && e->busy != busy);
    e->busy = busy;
    count_path(p, e->end, &p->root, 0, busy ? 1 : -1);
    if (busy) {
        sched_node_remove(&e->used);
    } else {
        sched_node_append(&p->used, &e->used);
    }
}

void sched_prefix_touch(struct sched_prefix *p, uint32_t entry)
{
    if (!p->entries[entry].busy) {
        sched_node_to_back(&p->used, &p->entries[entry].used);
    }
}

/* --- looking --- */

/* How many tokens the entry has in common with the text whose path is stamped. */
static uint32_t common_with_path(const struct sched_prefix *p, const struct entry *e)
{
    const struct node *n = e->end;
    while (n->stamp != p->stamp) {
        n = n->parent;
    }
    return n->matched;
}

static void offer(struct sched_prefix_match *m, const struct sched_prefix *p, uint32_t entry, bool whole)
{
    const struct entry *e = &p->entries[entry];
    uint32_t common = common_with_path(p, e);
    uint32_t ready = KIT_MIN(common, e->ready);
    bool is_source = !whole || (!e->busy && common == e->length);
    bool is_better = ready > m->ready || (ready == m->ready && ready > 0 && !e->busy && p->entries[m->source].busy);
    if (is_source && is_better) {
        m->ready = ready;
        m->source = entry;
    }
    if (common > m->coming) {
        m->coming = common;
        m->awaited = entry;
    }
}

struct sched_prefix_match sched_prefix_find(struct sched_prefix *p, const struct sched_prefix_text *text, uint32_t most,
                                            bool whole)
{
    struct sched_prefix_match m = {.source = SCHED_PREFIX_NONE, .awaited = SCHED_PREFIX_NONE};
    mark(p, text, most);
    for (uint32_t e = 0; e < p->count; e++) {
        if (p->entries[e].end != NULL) {
            offer(&m, p, e, whole);
        }
    }
    return m;
}

static bool leads_through(const struct node *end, const struct node *through)
{
    while (end != NULL && end != through) {
        end = end->parent;
    }
    return end != NULL;
}

uint32_t sched_prefix_covered(const struct sched_prefix *p, uint32_t entry)
{
    for (struct sched_node *at = p->used.next; at != &p->used; at = at->next) {
        struct entry *e = KIT_CONTAINER(at, struct entry, used);
        if (e != &p->entries[entry] && leads_through(p->entries[entry].end, e->end)) {
            return (uint32_t)(e - p->entries);
        }
    }
    return SCHED_PREFIX_NONE;
}

uint32_t sched_prefix_oldest(const struct sched_prefix *p, uint32_t except)
{
    for (struct sched_node *at = p->used.next; at != &p->used; at = at->next) {
        uint32_t entry = (uint32_t)(KIT_CONTAINER(at, struct entry, used) - p->entries);
        if (entry != except) {
            return entry;
        }
    }
    return SCHED_PREFIX_NONE;
}

bool sched_prefix_has(const struct sched_prefix *p, uint32_t entry)
{
    return p->entries[entry].end != NULL;
}

uint32_t sched_prefix_length(const struct sched_prefix *p, uint32_t entry)
{
    return p->entries[entry].length;
}

uint64_t sched_prefix_tokens(const struct sched_prefix *p)
{
    return p->tokens;
}

uint64_t sched_prefix_idle(const struct sched_prefix *p)
{
    return p->idle;
}
