/* tests/fuzz/files.h - bytes of a run as files, for parsers that take a path. In memory where the system allows it. */
#ifndef FUZZ_FILES_H
#define FUZZ_FILES_H

#include "fuzz/fuzz.h"

/* The path of a file that holds these bytes; the same file each time. */
const char *fuzz_file(kit_str bytes);
/* A folder of this process' own, which goes with it. */
const char *fuzz_folder(void);
/* Writes <folder>/name anew, its folders too; empty bytes remove it. */
void fuzz_folder_put(const char *name, kit_str bytes);

#endif
