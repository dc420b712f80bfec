#include "schema/schema.h"

#include <string.h>

#include "kit/alloc.h"
#include "schema/inner.h"

#define ARENA_BYTES_MAX (64 * KIT_MIB)
#define DEPTH_MAX_OF_ALL 200

static void reader_done(struct schema_reader *r)
{
    kit_alloc_free(r->known);
    kit_alloc_free(r->anchor);
    kit_alloc_free(r->pending);
}

enum kit_status schema_parse(kit_json document, const struct schema_limits *limits, struct schema **ret,
                             struct kit_err *err)
{
    struct schema_limits most = limits == NULL ? SCHEMA_LIMITS : *limits;
    most.depth_max = KIT_MIN(most.depth_max, DEPTH_MAX_OF_ALL);
    struct schema *s = kit_alloc_zero(1, sizeof(*s));
    if (s == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for a schema");
    }
    kit_arena_init(&s->arena, ARENA_BYTES_MAX);
    struct schema_reader r = {.schema = s, .limits = &most, .document = document, .err = err};
    struct schema_place place = {.keyword = "", .resource = document, .depth = 1};
    struct schema_node *root = NULL;
    enum kit_status rc = schema_read(&r, document, &place, &root);
    if (rc == KIT_OK) {
        rc = schema_refs_resolve(&r);
    }
    reader_done(&r);
    if (rc != KIT_OK) {
        schema_free(s);
        return rc;
    }
    s->root = root;
    *ret = s;
    return KIT_OK;
}

void schema_free(struct schema *s)
{
    if (s != NULL) {
        kit_arena_done(&s->arena);
        kit_alloc_free(s);
    }
}

const struct schema_node *schema_root(const struct schema *s)
{
    return s->root;
}

uint32_t schema_count(const struct schema *s)
{
    return s->count;
}
