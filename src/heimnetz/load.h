/* src/heimnetz/load.h - loading a model with its progress shown. Thread: main. */
#ifndef HEIMNETZ_LOAD_H
#define HEIMNETZ_LOAD_H

#include "heimnetz/command.h"

/* Asks for the model and follows its events until it is ready, with a bar on standard error. KIT_OK: it is ready.
 * LOAD_FAILED, CONFLICT (unloaded meanwhile), UNAVAILABLE (the server ended the stream), what client_call fails with.
 * *a: what the server said to the wish; client_answer_done is due in any case. */
KIT_MUST_CHECK enum kit_status heimnetz_load(struct heimnetz *h, const char *id, struct client_answer *a,
                                             struct kit_err *err);

#endif
