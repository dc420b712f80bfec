/* src/schema/inner.h - what reading a schema shares between its files. For src/schema/ only. */
#ifndef SCHEMA_INNER_H
#define SCHEMA_INNER_H

#include "kit/arena.h"
#include "schema/schema.h"

struct schema {
    struct kit_arena arena; /* everything below */
    const struct schema_node *root;
    uint32_t count;
};

struct schema_known { /* a value of the document that has been read as a schema */
    const void *value;
    struct schema_node *node;
};

struct schema_anchor { /* "$anchor", or "$id" where name begins a resource */
    kit_json resource; /* where it stands; {NULL} for an id */
    kit_str name;
    struct schema_node *node;
    kit_json value;
};

struct schema_pending { /* a reference that is resolved when all is read */
    const struct schema_node **slot;
    struct schema_node *node; /* which has it */
    kit_str text;
    kit_json resource;
};

struct schema_reader {
    struct schema *schema;
    const struct schema_limits *limits;
    kit_json document;
    struct kit_err *err;
    struct schema_known *known; /* [known_mask + 1] by hash, at most half full */
    uint32_t known_mask;
    struct schema_anchor *anchor;
    uint32_t anchors, anchors_room;
    struct schema_pending *pending;
    uint32_t pendings, pendings_room;
};

/* A schema that stands in one being read: its place, and what it needs to go on. */
struct schema_place {
    struct schema_node *up;
    const char *keyword;
    kit_str step;
    kit_json resource; /* the nearest schema above with an "$id", or the document */
    uint32_t depth;
};

/* Reads value as a schema, once; what it holds too. */
KIT_MUST_CHECK enum kit_status schema_read(struct schema_reader *r, kit_json value, const struct schema_place *place,
                                           struct schema_node **ret);

/* What has been read from value; NULL: nothing. */
struct schema_node *schema_known_get(const struct schema_reader *r, kit_json value);
KIT_MUST_CHECK enum kit_status schema_known_put(struct schema_reader *r, kit_json value, struct schema_node *node);

/* Notes a reference, an anchor. */
KIT_MUST_CHECK enum kit_status schema_ref_note(struct schema_reader *r, struct schema_pending p);
KIT_MUST_CHECK enum kit_status schema_anchor_note(struct schema_reader *r, struct schema_anchor a);
/* Resolves all that was noted; reads what only references reach. */
KIT_MUST_CHECK enum kit_status schema_refs_resolve(struct schema_reader *r);

#endif
