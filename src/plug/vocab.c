#include "plug/vocab.h"

#include <inttypes.h>
#include <string.h>

#include "kit/alloc.h"
#include "plug/engine.h"
#include "plug/status.h"

#define TOKEN_BYTES_MAX ((uint64_t)KIT_MIB) /* of one token */

/* The texts while they are read. */
struct texts {
    char *at; /* owned */
    uint64_t len, room;
};

static bool reserve(struct texts *t, uint64_t more)
{
    if (t->room - t->len >= more) {
        return true;
    }
    uint64_t room = KIT_MIN(KIT_MAX(2 * t->room, t->len + more), PLUG_VOCAB_BYTES_MAX);
    char *at = room - t->len >= more ? kit_alloc_resize(t->at, room) : NULL;
    if (at == NULL) {
        return false;
    }
    t->at = at;
    t->room = room;
    return true;
}

/* Asks once with the room that there is, and again when the token needs more. */
static int32_t read_token(const struct acb_plugin *table, void *model, int32_t id, struct texts *t)
{
    uint64_t bytes = t->room - t->len;
    int32_t rc = table->detokenize(model, id, ACB_TOKENIZE_SPECIAL, t->at + t->len, &bytes);
    if (rc == ACB_FULL) {
        if (bytes > TOKEN_BYTES_MAX || !reserve(t, bytes)) {
            return ACB_NOMEM;
        }
        bytes = t->room - t->len;
        rc = table->detokenize(model, id, ACB_TOKENIZE_SPECIAL, t->at + t->len, &bytes);
    }
    if (rc == ACB_OK && bytes > t->room - t->len) {
        return ACB_FAILED;
    }
    t->len += rc == ACB_OK ? bytes : 0;
    return rc;
}

static uint64_t size_of(uint64_t count, uint64_t text_bytes)
{
    return sizeof(struct plug_vocab) + count * sizeof(uint32_t) + text_bytes + count;
}

static char *text_of(const struct plug_vocab *v)
{
    return (char *)(uintptr_t)(v->ends + v->count);
}

static uint8_t *flags_of(const struct plug_vocab *v)
{
    return (uint8_t *)text_of(v) + v->text_bytes;
}

/* The block from what was read; without flags yet. */
static struct plug_vocab *assemble(const uint32_t *ends, uint32_t count, const struct texts *t)
{
    struct plug_vocab *v = kit_alloc(size_of(count, t->len));
    if (v != NULL) {
        v->count = count;
        v->text_bytes = (uint32_t)t->len;
        memcpy(v->ends, ends, count * sizeof(*ends));
        memcpy(text_of(v), t->at, t->len);
    }
    return v;
}

static int32_t read_all(const struct acb_plugin *table, void *model, uint32_t count, uint32_t *ends, struct texts *t)
{
    int32_t rc = reserve(t, 4096) ? ACB_OK : ACB_NOMEM;
    for (uint32_t id = 0; rc == ACB_OK && id < count; id++) {
        rc = read_token(table, model, (int32_t)id, t);
        ends[id] = (uint32_t)t->len;
    }
    return rc;
}

enum kit_status plug_vocab_read(const struct acb_plugin *table, void *model, uint32_t count, struct plug_vocab **ret,
                                uint64_t *bytes, struct kit_err *err)
{
    struct texts texts = {0};
    uint32_t *ends = kit_alloc((uint64_t)count * sizeof(*ends));
    int32_t rc = ends != NULL ? read_all(table, model, count, ends, &texts) : ACB_NOMEM;
    struct plug_vocab *v = rc == ACB_OK ? assemble(ends, count, &texts) : NULL;
    kit_alloc_free(ends);
    kit_alloc_free(texts.at);
    if (v == NULL) {
        bool memory = rc == ACB_OK || rc == ACB_NOMEM;
        return memory ? kit_fail(err, KIT_NOMEM, "no memory for a vocabulary of %" PRIu32 " tokens", count)
                      : kit_fail(err, KIT_INTERNAL, "the back end does not know the tokens of its own vocabulary");
    }
    for (uint32_t id = 0; id < count; id++) {
        flags_of(v)[id] = table->token_flags != NULL ? (uint8_t)table->token_flags(model, (int32_t)id) : 0;
    }
    *ret = v;
    *bytes = size_of(count, v->text_bytes);
    return KIT_OK;
}

bool plug_vocab_ok(const struct plug_vocab *v, uint64_t bytes, uint32_t count)
{
    if (bytes < sizeof(*v) || v->count != count || v->text_bytes > PLUG_VOCAB_BYTES_MAX ||
        bytes != size_of(count, v->text_bytes)) {
        return false;
    }
    uint32_t before = 0;
    for (uint32_t id = 0; id < count; id++) {
        if (v->ends[id] < before) {
            return false;
        }
        before = v->ends[id];
    }
    return before == v->text_bytes;
}

kit_str plug_vocab_token(const struct plug_vocab *v, int32_t id)
{
    if (id < 0 || (uint32_t)id >= v->count) {
        return (kit_str){0};
    }
    uint32_t start = id > 0 ? v->ends[id - 1] : 0;
    return (kit_str){text_of(v) + start, v->ends[id] - start};
}

uint32_t plug_vocab_flags(const struct plug_vocab *v, int32_t id)
{
    return id < 0 || (uint32_t)id >= v->count ? 0 : flags_of(v)[id];
}
