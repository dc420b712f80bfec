/* backends/llama/folder.h - which files of a folder are the model: one GGUF, several quantizations, or parts of one.
 *
 * Thread: any; blocks on disk. Memory: the struct is the caller's and owns nothing. */
#ifndef LLAMA_FOLDER_H
#define LLAMA_FOLDER_H

#include "kit/status.h"
#include "kit/str.h"

#define LLAMA_PLUG_PATH_BYTES 4096
#define LLAMA_PLUG_PARTS_MAX 512

struct llama_plug_files {
    char path[LLAMA_PLUG_PATH_BYTES]; /* the file, or the first part "…-00001-of-00003.gguf" */
    uint32_t parts;                   /* >= 1 */
};

/* path: a folder or a file. wanted: "" for the first by name, else a word of the name such as "Q4_K_M", any case. Left
 * out: mmproj files and later parts. Errors: NOT_FOUND (the message lists what there is), IO, INVALID (path too long),
 * PARSE (a part is missing). */
KIT_MUST_CHECK enum kit_status llama_plug_files_find(const char *path, kit_str wanted, struct llama_plug_files *ret,
                                                     struct kit_err *err);
/* Path of part `index`, from 0. */
void llama_plug_files_part(const struct llama_plug_files *f, uint32_t index, char to[LLAMA_PLUG_PATH_BYTES]);

#endif
