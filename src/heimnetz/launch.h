/* src/heimnetz/launch.h - what a service is started with: options as they were given, those of its last start, and the
 * environment. A restart keeps all of it but what is said anew, the key among it: a server must not come back open because
 * somebody else restarted it. Thread: main. Memory: done frees. */
#ifndef HEIMNETZ_LAUNCH_H
#define HEIMNETZ_LAUNCH_H

#include "heimnetz/command.h"
#include "heimnetz/record.h"

/* Appends the options of HEIMNETZ_STARTS that h was given as arguments of the service; paths become whole, so that they
 * hold in any folder. INVALID: a path that is not there; FULL, NOMEM. */
KIT_MUST_CHECK enum kit_status heimnetz_launch_given(const struct heimnetz *h, struct heimnetz_record *r,
                                                     struct kit_err *err);
/* Appends what the last start had, except what h is given anew, and then that. */
KIT_MUST_CHECK enum kit_status heimnetz_launch_again(const struct heimnetz *h, const struct heimnetz_record *before,
                                                     struct heimnetz_record *r, struct kit_err *err);
/* Does what runs have all arguments that are wanted? */
bool heimnetz_launch_has(const struct heimnetz_record *running, const struct heimnetz_record *wanted);
/* The last value of a flag among the arguments; NULL: none. */
const char *heimnetz_launch_value(const struct heimnetz_record *r, const char *flag);

struct heimnetz_environment {
    char **list;         /* "NAME=value", NULL-ended; owned, its strings are not; NULL: our own environment */
    struct kit_buf text; /* of the process it came from */
};

/* The environment of a process, and ours over it where ours is about the services (HEIMNETZ_API_KEY, AETHERCORE_…,
 * CONTEXTFORGE_…). One that may not be read is as if it were empty of these: ours. NOMEM. */
KIT_MUST_CHECK enum kit_status heimnetz_environment_of(const struct heimnetz_process *p,
                                                       struct heimnetz_environment *ret, struct kit_err *err);
const char *heimnetz_environment_get(const struct heimnetz_environment *e, const char *name); /* NULL: not set */
void heimnetz_environment_done(struct heimnetz_environment *e);

#endif
