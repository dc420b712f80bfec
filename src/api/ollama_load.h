/* src/api/ollama_load.h - questions of Ollama's API that ask nothing: they load a model, or unload it. Thread: the loop. */
#ifndef API_OLLAMA_LOAD_H
#define API_OLLAMA_LOAD_H

#include "api/api.h"

/* True: it was such a question, and is or will be answered. chat: of /api/chat, else of /api/generate. */
bool api_ollama_load(struct http_request *h, struct api *a, bool chat);

#endif
