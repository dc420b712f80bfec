/* src/hub/crew.h - the connections of a pull: each fetches one range of one file at a time.
 *
 * The first hole of the first file that lacks something goes to the next free connection. A connection that fails gives
 * its range back; the file waits longer each time before it is tried again. A server that answers a range with the whole
 * file gets one connection a file. For src/hub/ only. Thread: the pull's. Memory: owned by the
 * pull. */
#ifndef HUB_CREW_H
#define HUB_CREW_H

#include "hub/file.h"
#include "hub/session.h"

struct hub_slot;

struct hub_crew {
    struct hub_session *session; /* borrowed */
    const char *commit;          /* borrowed: what every answer has to be of */
    struct hub_file *files;      /* [count], borrowed */
    uint32_t count;
    struct hub_slot *slots; /* [session->o->connections], owned */
    uint64_t chunk_bytes;
    uint64_t not_before_ns; /* the server has asked for a pause */
    uint64_t fetched;       /* bytes, over all */
};

/* NOMEM. */
KIT_MUST_CHECK enum kit_status hub_crew_init(struct hub_crew *c, struct hub_session *s, const char *commit,
                                             struct hub_file *files, uint32_t count, struct kit_err *err);
void hub_crew_done(struct hub_crew *c); /* ends what runs; zeroed is fine */

/* Settles what has ended and gives every free connection something to do. Any error ends the pull. */
KIT_MUST_CHECK enum kit_status hub_crew_go_on(struct hub_crew *c, struct kit_err *err);

#endif
