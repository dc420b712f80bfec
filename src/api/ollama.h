/* src/api/ollama.h - what the files of Ollama's API share (ollama_*.c): errors, names, settings, lines, times.
 *
 * The API as its own clients (ollama 0.6 for Python among them) speak it: lines of JSON, streamed unless "stream": false;
 * nanoseconds; a name without a tag means ":latest", which an id of ours does not carry. Thread: as struct api_dialect says. */
#ifndef API_OLLAMA_H
#define API_OLLAMA_H

#include "api/dialect.h"

/* {"error":"…"} */
void api_ollama_fail(struct http_request *h, const struct kit_err *err);
void api_ollama_tell_error(struct api_telling *t, const struct kit_err *err);

/* Parses r->body, whatever its Content-Type says: *doc is the caller's, *root its object, "model" (or "name") in r->model_id.
 * PARSE, INVALID, NOMEM. */
KIT_MUST_CHECK enum kit_status api_ollama_parse(struct task_request *r, const struct api *a, struct kit_json_doc **doc,
                                                kit_json *root, struct kit_err *err);
/* Parses a body that names a model; as api_ollama_parse. */
KIT_MUST_CHECK enum kit_status api_ollama_read_name(const struct api *a, kit_str body, struct kit_json_doc **doc,
                                                    char *id, struct kit_err *err);
kit_str api_ollama_strip(kit_str name); /* without ":latest", and without a hub's name before it */
/* "5m", "1h30m", seconds, less than 0 for ever: models stay loaded until they are unloaded, so all that counts is whether it
 * is 0. INVALID. */
KIT_MUST_CHECK enum kit_status api_ollama_read_keep_alive(kit_json v, bool *ret_unload, struct kit_err *err);
/* Afterwards, when it said 0: struct api_dialect's `after`. */
void api_ollama_after(struct api *a, const struct task_request *r);
/* {"error":"…"} */
void api_ollama_write_error(struct kit_buf *out, const struct kit_err *err);

/* The id that a name means, into [MODEL_ID_BYTES_MAX + 1]. INVALID: empty or too long. */
KIT_MUST_CHECK enum kit_status api_ollama_id(kit_str name, char *to, struct kit_err *err);
/* "options", "format", "stream", "keep_alive". */
KIT_MUST_CHECK enum kit_status api_ollama_read_settings(struct task_request *r, kit_json root, struct kit_err *err);

/* {"model","created_at", of a line; the caller writes on. */
void api_ollama_begin_line(struct kit_json_writer *w, struct kit_buf *out, const struct task_request *r);
/* "done":false} and the line's end, */
void api_ollama_end_line(struct kit_json_writer *w);
/* or "done":true with how it went. */
void api_ollama_end_last(struct kit_json_writer *w, const struct task_request *r);

#endif
