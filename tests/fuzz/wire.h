/* tests/fuzz/wire.h - a server with a few routes, and a peer that sends it whatever a run has, over a socket pair.
 *
 * Made once; each run is a connection of its own, and ends with the connection gone and nothing left of its requests. */
#ifndef FUZZ_WIRE_H
#define FUZZ_WIRE_H

#include "fuzz/fuzz.h"

/* Sends the bytes in pieces of `piece` bytes (0: all at once), reads what comes back, and then closes; half: it closes its
 * sending side first and waits for the server to be done. answer: what came back, at most room bytes; returns how many. */
size_t fuzz_wire_run(kit_str bytes, size_t piece, bool half, char *answer, size_t room);

#endif
