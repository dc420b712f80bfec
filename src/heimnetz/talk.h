/* src/heimnetz/talk.h - a conversation at the terminal, or one question out of a pipe: what `chat` and `run` end in.
 * Thread: main. */
#ifndef HEIMNETZ_TALK_H
#define HEIMNETZ_TALK_H

#include "heimnetz/command.h"

/* Talks to a model, which is loaded first. The command's exit code; what failed has been told. Where input and output are
 * a terminal: until the person leaves; else standard input is one message, its answer goes to standard output, with --json
 * as the server's own document. */
int heimnetz_talk(struct heimnetz *h, const char *model);

#endif
