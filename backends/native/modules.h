/* backends/native/modules.h - a sentence-transformers folder: modules.json and what it names.
 *
 * A folder without modules.json is a plain one: mean pooling, not normalised. Thread: any; blocks on disk. */
#ifndef NATIVE_MODULES_H
#define NATIVE_MODULES_H

#include "config.h"

/* Fills folder, pooling and normalize. Errors as native_config_read. */
KIT_MUST_CHECK enum kit_status native_modules_read(const char *folder, struct native_config *c, struct kit_err *err);

/* Fills context_tokens: sentence_bert_config.json's max_seq_length, or `positions`, whichever is less. */
KIT_MUST_CHECK enum kit_status native_modules_context(struct native_config *c, struct kit_err *err);

#endif
