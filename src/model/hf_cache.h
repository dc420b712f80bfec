/* src/model/hf_cache.h - which models lie in Hugging Face's cache, where other programs have put them.
 *
 * models--org--name/refs/main names the commit, snapshots/<commit>/ is the model, read in place: its files are links into
 * blobs/. A repository without that branch and a snapshot that is not complete (folder.h) are left out.
 * Source: "Hub Local Cache", the layout that huggingface_hub documents for other programs.
 * Thread: any; blocks on disk. Memory: the result is the caller's. */
#ifndef MODEL_HF_CACHE_H
#define MODEL_HF_CACHE_H

#include "model/scan.h"

/* max: models at most. Errors: NOT_FOUND (there is no such cache), IO, NOMEM. */
KIT_MUST_CHECK enum kit_status model_hf_cache_scan(const char *cache, uint32_t max, struct model_scan *ret,
                                                   struct kit_err *err);

#endif
