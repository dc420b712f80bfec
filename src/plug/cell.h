/* src/plug/cell.h - the worker process of a model: entry point of the child. See engine.h for the parent's side.
 *
 * The child loads one plug-in and one model in it, and serves its instances, each on a thread of its own, until it is
 * told to go, its parent is gone, or its back end takes it down. Thread: the main thread. */
#ifndef PLUG_CELL_H
#define PLUG_CELL_H

#include "kit/status.h"

/* True when argv asks for a cell ("--cell"): main hands over at once and returns plug_cell_main's answer as exit code. */
bool plug_cell_wanted(int argc, char *const *argv);
int plug_cell_main(int argc, char *const *argv); /* 0 clean, 1 failure, 2 usage */

#endif
