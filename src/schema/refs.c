#include "schema/inner.h"

#include <string.h>

#include "kit/alloc.h"
#include "schema/pointer.h"

static uint32_t slot_of(const struct schema_reader *r, const void *value)
{
    uint64_t hash = (uint64_t)(uintptr_t)value * UINT64_C(0x9E3779B97F4A7C15);
    uint32_t at = (uint32_t)(hash >> 32) & r->known_mask;
    while (r->known[at].value != NULL && r->known[at].value != value) {
        at = (at + 1) & r->known_mask;
    }
    return at;
}

struct schema_node *schema_known_get(const struct schema_reader *r, kit_json value)
{
    return r->known == NULL ? NULL : r->known[slot_of(r, value.v)].node;
}

static enum kit_status grow_known(struct schema_reader *r)
{
    uint32_t old_slots = r->known == NULL ? 0 : r->known_mask + 1;
    struct schema_known *old = r->known;
    uint32_t slots = KIT_MAX(64U, old_slots * 2);
    struct schema_known *bigger = kit_alloc_zero(slots, sizeof(*bigger));
    if (bigger == NULL) {
        return kit_fail(r->err, KIT_NOMEM, "no memory for a schema");
    }
    r->known = bigger;
    r->known_mask = slots - 1;
    for (uint32_t i = 0; i < old_slots; i++) {
        if (old[i].value != NULL) {
            r->known[slot_of(r, old[i].value)] = old[i];
        }
    }
    kit_alloc_free(old);
    return KIT_OK;
}

enum kit_status schema_known_put(struct schema_reader *r, kit_json value, struct schema_node *node)
{
    if (r->known == NULL || r->schema->count * 2 > r->known_mask) {
        enum kit_status rc = grow_known(r);
        if (rc != KIT_OK) {
            return rc;
        }
    }
    r->known[slot_of(r, value.v)] = (struct schema_known){value.v, node};
    return KIT_OK;
}

/* Room for one more item of an array that kit_alloc holds. */
static enum kit_status grow(struct schema_reader *r, void **array, uint32_t count, uint32_t *room, size_t bytes)
{
    if (count < *room) {
        return KIT_OK;
    }
    uint32_t more = KIT_MAX(16U, *room * 2);
    void *bigger = kit_alloc_resize(*array, more * bytes);
    if (bigger == NULL) {
        return kit_fail(r->err, KIT_NOMEM, "no memory for a schema");
    }
    *array = bigger;
    *room = more;
    return KIT_OK;
}

enum kit_status schema_ref_note(struct schema_reader *r, struct schema_pending p)
{
    void *array = r->pending;
    enum kit_status rc = grow(r, &array, r->pendings, &r->pendings_room, sizeof(p));
    r->pending = array;
    if (rc == KIT_OK) {
        r->pending[r->pendings++] = p;
    }
    return rc;
}

enum kit_status schema_anchor_note(struct schema_reader *r, struct schema_anchor a)
{
    for (uint32_t i = 0; i < r->anchors; i++) {
        if (r->anchor[i].resource.v == a.resource.v && kit_str_eq(r->anchor[i].name, a.name)) {
            return schema_fail(a.node, KIT_INVALID, r->err, "the name '%.*s' is there twice",
                               KIT_STR_ARG(kit_str_sub(a.name, 0, 60)));
        }
    }
    void *array = r->anchor;
    enum kit_status rc = grow(r, &array, r->anchors, &r->anchors_room, sizeof(a));
    r->anchor = array;
    if (rc == KIT_OK) {
        r->anchor[r->anchors++] = a;
    }
    return rc;
}

static const struct schema_anchor *find_anchor(const struct schema_reader *r, kit_json resource, kit_str name)
{
    for (uint32_t i = 0; i < r->anchors; i++) {
        if (r->anchor[i].resource.v == resource.v && kit_str_eq(r->anchor[i].name, name)) {
            return &r->anchor[i];
        }
    }
    return NULL;
}

static enum kit_status leads_nowhere(const struct schema_reader *r, const struct schema_pending *p)
{
    return schema_fail(p->node, KIT_UNPROCESSABLE, r->err,
                       "the reference '%.*s' leads to no schema of this document (nothing is fetched)",
                       KIT_STR_ARG(kit_str_sub(p->text, 0, 80)));
}

/* The resource that the part before '#' names. */
static bool find_resource(const struct schema_reader *r, const struct schema_pending *p, kit_str uri, kit_json *ret)
{
    *ret = p->resource;
    if (uri.len == 0) {
        return true;
    }
    const struct schema_anchor *a = find_anchor(r, (kit_json){NULL}, uri);
    if (a != NULL) {
        *ret = a->value;
    }
    return a != NULL;
}

static enum kit_status read_target(struct schema_reader *r, const struct schema_pending *p, kit_json value,
                                   kit_str fragment, kit_json resource, const struct schema_node **ret)
{
    enum kit_json_type type = kit_json_type(value);
    if (type != KIT_JSON_OBJECT && type != KIT_JSON_BOOL) {
        return leads_nowhere(r, p);
    }
    struct schema_node *node = schema_known_get(r, value);
    enum kit_status rc = KIT_OK;
    if (node == NULL) {
        struct schema_place place = {.keyword = "", .step = fragment, .resource = resource, .depth = 1};
        rc = schema_read(r, value, &place, &node);
    }
    *ret = node;
    return rc;
}

static enum kit_status resolve(struct schema_reader *r, const struct schema_pending *p, const struct schema_node **ret)
{
    size_t hash = kit_str_find_char(p->text, '#');
    kit_str fragment = kit_str_sub(p->text, hash + 1, p->text.len);
    kit_json resource;
    if (!find_resource(r, p, kit_str_sub(p->text, 0, hash), &resource)) {
        return leads_nowhere(r, p);
    }
    if (fragment.len > 0 && fragment.ptr[0] != '/') {
        const struct schema_anchor *a = find_anchor(r, resource, fragment);
        *ret = a == NULL ? NULL : a->node;
        return a == NULL ? leads_nowhere(r, p) : KIT_OK;
    }
    kit_json value;
    if (schema_pointer_find(resource, fragment, &r->schema->arena, &value) != KIT_OK) {
        return kit_fail(r->err, KIT_NOMEM, "no memory for a schema");
    }
    return read_target(r, p, value, fragment, resource, ret);
}

enum kit_status schema_refs_resolve(struct schema_reader *r)
{
    for (uint32_t i = 0; i < r->pendings; i++) { /* resolving may read more, and note more */
        struct schema_pending p = r->pending[i];
        enum kit_status rc = resolve(r, &p, p.slot);
        if (rc != KIT_OK) {
            return rc;
        }
    }
    return KIT_OK;
}
