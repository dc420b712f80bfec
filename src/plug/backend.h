/* src/plug/backend.h - one plug-in file: opened, asked for its table, checked.
 *
 * Thread: load and unload on the main thread; the rest is read only. Memory: owned by whoever loaded it. */
#ifndef PLUG_BACKEND_H
#define PLUG_BACKEND_H

#include "plug/host.h"

#define PLUG_BACKEND_NAME_BYTES 32

struct plug_backend {
    /* The plug-in's own table, brought to our size: what it is too old to have is NULL or 0. */
    struct acb_plugin table;
    char name[PLUG_BACKEND_NAME_BYTES];
    char *path; /* owned */
    struct plug_host host;
    void *library;
};

/* path: <folder>/<name>.so. services: borrowed until unload. UNSUPPORTED: not a plug-in, another ABI, an incomplete
 * table or another name (the message says which); NOMEM. */
KIT_MUST_CHECK enum kit_status plug_backend_load(const char *path, const struct plug_services *services,
                                                 struct plug_backend **ret, struct kit_err *err);
void plug_backend_unload(struct plug_backend *b); /* its models are closed; NULL is fine */

#endif
