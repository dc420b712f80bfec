/* src/api/tei.h - how Text Embeddings Inference says that something went wrong. Thread: the loop of the request. */
#ifndef API_TEI_H
#define API_TEI_H

#include "api/dialect.h"

/* {"error","error_type"} */
void api_tei_fail(struct http_request *h, const struct kit_err *err);

#endif
