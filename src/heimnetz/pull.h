/* src/heimnetz/pull.h - bringing a model from the hub with its progress shown. Thread: main. */
#ifndef HEIMNETZ_PULL_H
#define HEIMNETZ_PULL_H

#include "heimnetz/server.h"

struct heimnetz_pull {
    char id[SERVER_TEXT_BYTES]; /* without the revision */
    char state[32];
    char error[KIT_ERR_MSG_BYTES];
    uint64_t bytes; /* of all files, as far as it was told */
    bool already;   /* it was here */
};

/* Says to the server that "org/name" or "org/name@revision" is wanted. file: which of its files, or a word in the name of
 * one ("Q4_K_M"); NULL: the server chooses. wait: the answer comes when it is here. Errors as client_call, INVALID: the
 * name is too long. client_answer_done(a) is due in any case. */
KIT_MUST_CHECK enum kit_status heimnetz_pull_ask(struct heimnetz *h, const char *name, const char *file, bool wait,
                                                 struct heimnetz_pull *ret, struct client_answer *a,
                                                 struct kit_err *err);
/* Follows it to its end, with a bar on standard error. LOAD_FAILED: it failed; UNAVAILABLE: the server stopped meanwhile;
 * as client_events. */
KIT_MUST_CHECK enum kit_status heimnetz_pull_watch(struct heimnetz *h, struct heimnetz_pull *p, struct kit_err *err);

#endif
