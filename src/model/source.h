/* src/model/source.h - where a model comes from, and where its files lie.
 *
 * Thread: any; pure. Memory: none. */
#ifndef MODEL_SOURCE_H
#define MODEL_SOURCE_H

#include "kit/str.h"

#define MODEL_COMMIT_BYTES 65 /* 40 or 64 hexadecimal digits and a NUL */

/* hub: in the models folder, where a pull has put it. remote: another server has it (remote.h). */
#define MODEL_SOURCES(X) X(FOLDER, "models") X(HF_CACHE, "hf_cache") X(HUB, "hub") X(REMOTE, "remote")

enum model_source {
#define MODEL_SOURCE_ENUM(name, text) MODEL_SOURCE_##name,
    MODEL_SOURCES(MODEL_SOURCE_ENUM)
#undef MODEL_SOURCE_ENUM
        MODEL_SOURCE_COUNT
};
const char *model_source_text(enum model_source s); /* "hf_cache"; lives for ever */

/* The folder of a model: root/id, or, in Hugging Face's cache, root/models--org--name/snapshots/commit. INVALID: longer
 * than buf; NOMEM. */
KIT_MUST_CHECK enum kit_status model_source_path(char *buf, size_t size, const char *root, enum model_source source,
                                                 const char *id, const char *commit, struct kit_err *err);

#endif
