/* src/heimnetz/places.h - where heimnetz keeps what it knows of the services that it started: $HEIMNETZ_STATE, else for
 * root /var/lib/heimnetz, else $XDG_STATE_HOME/heimnetz. There lie <service>.pid, <service>.log and <service>.lock.
 * Source: XDG Base Directory Specification 0.8. Thread: any; reads the environment. Memory: the caller's buffers. */
#ifndef HEIMNETZ_PLACES_H
#define HEIMNETZ_PLACES_H

#include "kit/status.h"

#define PLACES_BYTES 4096

/* INVALID: no HOME, or the path is too long. Nothing is made. */
KIT_MUST_CHECK enum kit_status heimnetz_places_state(char ret[PLACES_BYTES], struct kit_err *err);
/* "<state>/<service><ending>", ending ".pid" for instance. */
KIT_MUST_CHECK enum kit_status heimnetz_places_of(const char *service, const char *ending, char ret[PLACES_BYTES],
                                                  struct kit_err *err);
/* The program beside the one that runs: "<folder of heimnetz>/<service>". NOT_FOUND: it is not there. */
KIT_MUST_CHECK enum kit_status heimnetz_places_program(const char *service, char ret[PLACES_BYTES],
                                                       struct kit_err *err);

#endif
