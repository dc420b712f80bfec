/* src/api/serve.h - POST /serve: the way of one question to task/ and home. Thread: the connection's loop. */
#ifndef API_SERVE_H
#define API_SERVE_H

#include "api/api.h"

/* The loop's `home` channel: a finished request; drop: the loop ends before it was read. */
void api_serve_receive(void *ctx, struct loop_msg *m);
void api_serve_drop(void *ctx, struct loop_msg *m);

#endif
