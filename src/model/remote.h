/* src/model/remote.h - models of other servers in the catalog: shown, found by their id, never loaded here.
 *
 * Such an entry has origin MODEL_SOURCE_REMOTE, its upstream's name as back end, and is ready or failed, as the upstream is.
 * What lies here counts before what lies elsewhere under the same id; of several upstreams, the first to say so has it.
 * Thread: any; the catalog's lock inside. Memory: the catalog's. */
#ifndef MODEL_REMOTE_H
#define MODEL_REMOTE_H

#include "model/catalog.h"

#define MODEL_UPSTREAM_BYTES 32 /* of an upstream's name, with its NUL */
#define MODEL_REMOTE_TASKS "generate,embed"

/* 1 … MODEL_ID_BYTES_MAX bytes, printable ASCII without blanks, quotes or backslash: "llama3:8b" is one, too. */
bool model_remote_id_is_valid(kit_str id);

/* The upstream answers, and these are its models: they are ready; others that it had are gone. ids [count]: valid ones; what
 * is here or elsewhere already is left out. FULL: models_max, as many as fit are in; NOMEM. */
KIT_MUST_CHECK enum kit_status model_remote_set(struct model_catalog *c, const char *upstream, const kit_str *ids,
                                                uint32_t count, struct kit_err *err);
/* It does not answer, or not well: those that it has are failed, with this reason. */
void model_remote_fail(struct model_catalog *c, const char *upstream, const char *why);

/* Is this a model of an upstream? Its name then, and why it cannot be asked now ("" when it can). */
bool model_remote_find(struct model_catalog *c, kit_str id, char upstream[MODEL_UPSTREAM_BYTES],
                       char why[KIT_ERR_MSG_BYTES]);

#endif
