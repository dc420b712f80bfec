/* src/model/folder.h - what one folder holds: a model of which format, or none.
 *
 * A folder is a model when it holds config.json, *.gguf, *.onnx, *.pt or echo.json.
 * Thread: any; blocks on disk. Memory: none. */
#ifndef MODEL_FOLDER_H
#define MODEL_FOLDER_H

#include "kit/str.h"

struct model_folder {
    const char *format; /* "safetensors", "gguf", "onnx", "torchscript", "custom"; NULL: no model. Lives for ever */
    /* Its weights are there, whole as far as names and sizes tell: one file of weights, or as many shards as their names
     * say, none of them empty or a link to nothing. False for what is "custom". */
    bool complete;
    bool pulled; /* the hub client has brought it: hub/record.h */
};

/* What kit_file_list fails with. */
KIT_MUST_CHECK enum kit_status model_folder_look(const char *path, struct model_folder *ret, struct kit_err *err);

/* "model-00002-of-00005.safetensors": one of 5. 0: not the name of a shard.
 * Source: the sharded checkpoints that transformers' save_pretrained writes. */
uint32_t model_folder_shards(kit_str name);

#endif
