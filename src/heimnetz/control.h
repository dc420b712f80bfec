/* src/heimnetz/control.h - starts and ends the services of the suite on this machine: `up`, `down`, `restart`.
 *
 * A service that `up` started is written down (record.h), and one heimnetz at a time changes it (<service>.lock). Ready is
 * what the service says itself, by the protocol of sd_notify(3). Thread: main. Memory: records are the caller's. */
#ifndef HEIMNETZ_CONTROL_H
#define HEIMNETZ_CONTROL_H

#include "heimnetz/record.h"
#include "heimnetz/term.h"

struct heimnetz_control {
    const char *service;        /* "aethercore" */
    const char *home;           /* where it comes up when no option says otherwise */
    char url[RECORD_URL_BYTES]; /* where it is looked for when `up` did not write it down */
    const char *name;           /* of this program, for messages */
    const struct heimnetz_term *term;
    char *const *environment;   /* of what is started; NULL: ours */
    uint32_t start_ms, stop_ms; /* how long each may take */
    int lock;                   /* open file; control's own */
};

enum heimnetz_control_outcome {
    CONTROL_STARTED,
    CONTROL_RUNNING, /* it ran already, started by `up` */
    CONTROL_FOREIGN, /* it ran already, started by somebody else; record.process.pid may be 0: not ours to see */
    CONTROL_ENDED,   /* after its drain */
    CONTROL_KILLED,  /* its drain took longer than stop_ms */
    CONTROL_ABSENT,  /* it did not run */
};

/* Makes the state folder and waits until no other heimnetz changes this service. IO, INVALID. */
KIT_MUST_CHECK enum kit_status heimnetz_control_open(struct heimnetz_control *c, struct kit_err *err);
void heimnetz_control_close(struct heimnetz_control *c);

/* Starts it with r's arguments unless it runs, and returns once it is ready: STARTED, RUNNING or FOREIGN, with process and
 * url in *r. NOT_FOUND: its program is not there; CONFLICT: its port is taken (the message names by whom); UNAVAILABLE: it
 * ended at once (why: the last of its log); TIMEOUT: it runs but is not ready. */
KIT_MUST_CHECK enum kit_status heimnetz_control_start(struct heimnetz_control *c, struct heimnetz_record *r,
                                                      enum heimnetz_control_outcome *ret, struct kit_err *err);
/* Ends it: SIGTERM, and after stop_ms SIGKILL. ENDED, KILLED or ABSENT. CONFLICT: it runs, but `up` did not start it;
 * DENIED: it is another user's. */
KIT_MUST_CHECK enum kit_status heimnetz_control_stop(struct heimnetz_control *c, enum heimnetz_control_outcome *ret,
                                                     struct kit_err *err);

#endif
