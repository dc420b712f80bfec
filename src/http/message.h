/* src/http/message.h - a request and its reply: all that a handler needs. Threads and memory: in the two headers. */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include "http/reply.h"
#include "http/request.h"

#endif
