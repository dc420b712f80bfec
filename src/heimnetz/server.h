/* src/heimnetz/server.h - the model server's answers, as commands need them: asked, checked, put into words.
 *
 * Thread: main. Memory: the caller's buffers; answers are freed by client_answer_done. */
#ifndef HEIMNETZ_SERVER_H
#define HEIMNETZ_SERVER_H

#include "heimnetz/command.h"

#define SERVER_PATH_BYTES 1024
#define SERVER_TEXT_BYTES 256

/* Calls. False: it failed, or --json was wanted and is printed; *code is the command's exit code then. True: *a holds a
 * document, and client_answer_done is due. */
bool heimnetz_server_call(struct heimnetz *h, const char *method, const char *path, kit_str body,
                          struct client_answer *a, int *code);
/* The same for a model: "/models/<id>/<action>". */
bool heimnetz_server_call_model(struct heimnetz *h, const char *method, const char *id, const char *action,
                                struct client_answer *a, int *code);

/* Members of an answer; "-" and 0 where they are missing. */
kit_str heimnetz_server_text(kit_json object, const char *key);
uint64_t heimnetz_server_number(kit_json object, const char *key);

/* "1 of 3 ready, 1 failed" out of the checks of /health. Returns buf. */
char *heimnetz_server_models(kit_json checks, char buf[SERVER_TEXT_BYTES]);
/* "90.9 MB in models, of 8.0 GB". Returns buf. */
char *heimnetz_server_memory(kit_json checks, char buf[SERVER_TEXT_BYTES]);
/* What a model of /models holds: weights, KV, caches. */
uint64_t heimnetz_server_bytes(kit_json model);

#endif
