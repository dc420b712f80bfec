/* src/heimnetz/chat_command.h - what a person may type in a conversation beside messages: lines that begin with a slash.
 * Thread: main. */
#ifndef HEIMNETZ_CHAT_COMMAND_H
#define HEIMNETZ_CHAT_COMMAND_H

#include "heimnetz/chat.h"

/* Does what the line says, and tells of it. False: the person leaves. */
bool heimnetz_chat_command(struct heimnetz_chat *c, kit_str line);

#endif
