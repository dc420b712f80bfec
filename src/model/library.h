/* src/model/library.h - for src/model/ only: what catalog.h says of removing and copying lies in library.c.
 *
 * Thread: any; blocks on disk. Memory: none. */
#ifndef MODEL_LIBRARY_H
#define MODEL_LIBRARY_H

#include "model/entry.h"

/* Removes what a crash left on its way into the models folder, or out of it. Before anything else is done there. */
void model_library_sweep(const struct model_catalog *c);

#endif
