/* src/kit/map.h - files mapped read-only, with a guard against files that are cut while mapped.
 *
 * A SIGBUS inside a registered mapping does not end the process: the rest of the mapping is replaced by zero pages
 * and the mapping is marked broken. Whoever computes from it asks kit_map_broken afterwards and throws its result
 * away. A SIGBUS anywhere else keeps its old meaning.
 * Thread: open, close, advise: one at a time for one mapping; broken: any. Memory: owned by whoever opened it. */
#ifndef KIT_MAP_H
#define KIT_MAP_H

#include "kit/str.h"

struct kit_map;

/* Installs the SIGBUS handler, once for the process; later calls do nothing. */
KIT_MUST_CHECK enum kit_status kit_map_guard_install(struct kit_err *err);

/* Maps the whole of a regular file. At most KIT_MAP_MAX mappings at a time (FULL). Errors: NOT_FOUND, IO, NOMEM. */
#define KIT_MAP_MAX 1024
KIT_MUST_CHECK enum kit_status kit_map_open(const char *path, struct kit_map **ret, struct kit_err *err);
void kit_map_close(struct kit_map *m);          /* NULL is fine */
kit_str kit_map_bytes(const struct kit_map *m); /* borrowed until close */
bool kit_map_broken(const struct kit_map *m);

/* Tells the kernel that a range was copied and is not needed now (MADV_DONTNEED on whole pages inside it). */
void kit_map_forget(const struct kit_map *m, size_t from, size_t bytes);

#endif
