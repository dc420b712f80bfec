/* src/schema/pointer.h - JSON pointers (RFC 6901) in fragments of references. For src/schema/ only.
 *
 * Thread: any; pure. Memory: the arena's. */
#ifndef SCHEMA_POINTER_H
#define SCHEMA_POINTER_H

#include "kit/arena.h"
#include "kit/json.h"

/* The value that a fragment ("", "/a/b~1c", percent-encoded as in a URI) names below root; {NULL}: none.
 * Errors: NOMEM. */
KIT_MUST_CHECK enum kit_status schema_pointer_find(kit_json root, kit_str fragment, struct kit_arena *arena,
                                                   kit_json *ret);

/* A member by its name, which may hold any byte. {NULL}: none. */
kit_json schema_pointer_member(kit_json object, kit_str name);

#endif
