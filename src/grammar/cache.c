#include "grammar/cache.h"

#include <string.h>

#include "kit/alloc.h"
#include "kit/sync.h"

#define KEY_BYTES_MAX (1 * KIT_MIB)

struct entry {
    struct entry *newer, *older;
    struct grammar_masks *masks;
    uint64_t hash;
    size_t len;
    char key[];
};

/* The lock is held for look-ups only; what is found is counted, so that it outlives its entry. */
struct grammar_cache {
    struct kit_mutex lock;
    struct grammar_vocab *vocab;
    struct entry *newest, *oldest;
    uint32_t entries, entries_max;
    size_t bytes_max;
    uint64_t hits, misses;
};

enum kit_status grammar_cache_new(struct grammar_vocab *vocab, uint32_t entries_max, size_t bytes_max,
                                  struct grammar_cache **ret, struct kit_err *err)
{
    struct grammar_cache *c = kit_alloc_zero(1, sizeof(*c));
    if (c == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for a cache of grammars");
    }
    kit_mutex_init(&c->lock);
    c->vocab = vocab == NULL ? NULL : grammar_vocab_ref(vocab);
    c->entries_max = KIT_MAX(entries_max, 1U);
    c->bytes_max = bytes_max;
    *ret = c;
    return KIT_OK;
}

static void unlink_entry(struct grammar_cache *c, struct entry *e)
{
    *(e->newer == NULL ? &c->newest : &e->newer->older) = e->older;
    *(e->older == NULL ? &c->oldest : &e->older->newer) = e->newer;
    c->entries--;
}

static void link_entry(struct grammar_cache *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest == NULL ? &c->oldest : &c->newest->newer) = e;
    c->newest = e;
    c->entries++;
}

static void drop(struct grammar_cache *c, struct entry *e)
{
    unlink_entry(c, e);
    grammar_masks_unref(e->masks);
    kit_alloc_free(e);
}

void grammar_cache_free(struct grammar_cache *c)
{
    if (c != NULL) {
        while (c->newest != NULL) {
            drop(c, c->newest);
        }
        grammar_vocab_unref(c->vocab);
        kit_mutex_done(&c->lock);
        kit_alloc_free(c);
    }
}

/* Eight bytes at a time; keys are compared whole besides. */
static uint64_t hash_of(kit_str key)
{
    uint64_t hash = key.len * UINT64_C(0x9E3779B97F4A7C15);
    while (key.len > 0) {
        uint64_t word = 0;
        size_t bytes = KIT_MIN(key.len, sizeof(word));
        memcpy(&word, key.ptr, bytes);
        hash = (hash ^ word) * UINT64_C(0xFF51AFD7ED558CCD);
        hash ^= hash >> 32;
        key = kit_str_sub(key, bytes, key.len);
    }
    return hash;
}

static struct entry *find(const struct grammar_cache *c, kit_str key, uint64_t hash)
{
    for (struct entry *e = c->newest; e != NULL; e = e->older) {
        if (e->hash == hash && e->len == key.len && memcmp(e->key, key.ptr, key.len) == 0) {
            return e;
        }
    }
    return NULL;
}

static size_t all_bytes(const struct grammar_cache *c)
{
    size_t bytes = 0;
    for (const struct entry *e = c->newest; e != NULL; e = e->older) {
        bytes += grammar_masks_bytes(e->masks) + e->len + sizeof(*e);
    }
    return bytes;
}

/* A reference to what is there already, if it is. One that has used up its room makes place for a new one. */
static struct grammar_masks *take(struct grammar_cache *c, kit_str key, uint64_t hash)
{
    struct grammar_masks *found = NULL;
    kit_mutex_lock(&c->lock);
    struct entry *e = find(c, key, hash);
    if (e != NULL && grammar_masks_worn(e->masks)) {
        drop(c, e);
        e = NULL;
    }
    if (e != NULL) {
        unlink_entry(c, e);
        link_entry(c, e);
        found = grammar_masks_ref(e->masks);
        c->hits++;
    } else {
        c->misses++;
    }
    kit_mutex_unlock(&c->lock);
    return found;
}

/* Keeps masks under the key; when somebody was faster, theirs are used. */
static struct grammar_masks *put(struct grammar_cache *c, struct entry *e, struct grammar_masks *masks)
{
    kit_mutex_lock(&c->lock);
    struct entry *other = find(c, (kit_str){e->key, e->len}, e->hash);
    if (other != NULL) {
        struct grammar_masks *theirs = grammar_masks_ref(other->masks);
        kit_mutex_unlock(&c->lock);
        grammar_masks_unref(masks);
        kit_alloc_free(e);
        return theirs;
    }
    e->masks = grammar_masks_ref(masks);
    link_entry(c, e);
    while (c->entries > 1 && (c->entries > c->entries_max || all_bytes(c) > c->bytes_max)) {
        drop(c, c->oldest);
    }
    kit_mutex_unlock(&c->lock);
    return masks;
}

static enum kit_status make_masks(struct grammar_cache *c,
                                  enum kit_status (*make)(void *ctx, struct grammar **ret, struct kit_err *err),
                                  void *ctx, struct grammar_masks **ret, struct kit_err *err)
{
    struct grammar *g = NULL;
    enum kit_status rc = make(ctx, &g, err);
    rc = rc == KIT_OK ? grammar_masks_new(g, c->vocab, GRAMMAR_MASKS_BYTES, ret, err) : rc;
    grammar_unref(g);
    return rc;
}

enum kit_status grammar_cache_get(struct grammar_cache *c, kit_str key,
                                  enum kit_status (*make)(void *ctx, struct grammar **ret, struct kit_err *err),
                                  void *ctx, struct grammar_masks **ret, struct kit_err *err)
{
    if (key.len > KEY_BYTES_MAX) {
        return kit_fail(err, KIT_TOO_LARGE, "a schema or grammar of %zu bytes; at most %zu are taken", key.len,
                        KEY_BYTES_MAX);
    }
    uint64_t hash = hash_of(key);
    struct grammar_masks *masks = take(c, key, hash);
    if (masks != NULL) {
        *ret = masks;
        return KIT_OK;
    }
    enum kit_status rc = make_masks(c, make, ctx, &masks, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct entry *e = kit_alloc_zero(1, sizeof(*e) + key.len);
    if (e == NULL) {
        *ret = masks; /* used, and not kept */
        return KIT_OK;
    }
    e->hash = hash;
    e->len = key.len;
    memcpy(e->key, key.ptr, key.len);
    *ret = put(c, e, masks);
    return KIT_OK;
}

struct grammar_cache_counts grammar_cache_counts(struct grammar_cache *c)
{
    kit_mutex_lock(&c->lock);
    struct grammar_cache_counts counts = {c->hits, c->misses, c->entries, all_bytes(c)};
    kit_mutex_unlock(&c->lock);
    return counts;
}
