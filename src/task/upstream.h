/* src/task/upstream.h - questions to models of other servers (remote/): our question becomes JSON in the upstream's words, and
 * what it answers becomes pieces of text (made.h), or vectors, as if they had been made here.
 *
 * What an upstream cannot be asked in its words (a grammar in Ollama's, tokens, log probabilities) is refused, not left out.
 * Thread: asked by whoever works on the request; answers come on the remote's thread. Memory: part of the request. */
#ifndef TASK_UPSTREAM_H
#define TASK_UPSTREAM_H

#include "remote/remote.h"
#include "task/request.h"

/* Takes the request over: it comes home with the upstream's answer, or failed. */
void task_upstream_ask(struct task_request *r, struct remote *remote, struct remote_upstream *u, enum remote_kind kind);
/* The asker has left. Under the request's lock, once it is on its way. */
void task_upstream_cancel(struct task_upstream *u);
void task_upstream_free(struct task_upstream *u); /* NULL is fine */

#endif
