/* src/api/asker.h - what POST /serve, POST /serve/batch and /serve/stream share: how a question is made for task/, and how
 * its answer is written. Thread: any, unless said. */
#ifndef API_ASKER_H
#define API_ASKER_H

#include "api/api.h"

/* On whose behalf, whatever protocol it came by. */
struct api_origin {
    struct api_loop *loop;                  /* answers come home to it; borrowed, as long as the api */
    char request_id[HTTP_REQUEST_ID_BYTES]; /* of the HTTP request, or of the upgrade */
    uint64_t principal;                     /* hash of who asks */
    uint64_t deadline_ns;
};

struct api_origin api_origin_of(struct api *a, const struct http_request *h); /* the loop's thread */

/* An empty question. how: render, answered, told, id, part, and parse where the question comes as r->body. Channels and ctx
 * (the struct api_loop) are set here; news are wanted when `told` is there. question_bytes: of its JSON, which bounds what
 * it may take. NOMEM. */
KIT_MUST_CHECK enum kit_status api_asker_new(const struct api_origin *from, const struct task_asker *how,
                                             size_t question_bytes, struct task_request **ret, struct kit_err *err);

/* The body becomes r->body, without a copy. NOMEM. */
KIT_MUST_CHECK enum kit_status api_asker_take_body(struct task_request *r, struct http_request *h, struct kit_err *err);

/* Takes the member "id" of a question among many into r->tag; one that is missing or null leaves it empty. INVALID: no
 * string, or not of 1 to API_TAG_BYTES_MAX bytes; NOMEM. */
#define API_TAG_BYTES_MAX 128
KIT_MUST_CHECK enum kit_status api_asker_take_id(struct task_request *r, kit_json question, struct kit_err *err);

#define API_ANSWER_BYTES_MAX (512 * KIT_MIB)
/* Begins r->answer with '{'; the caller writes what identifies the answer, */
void api_asker_begin(struct kit_json_writer *w, struct task_request *r);
/* and this the rest up to '}': "model" … "timing", with "outputs" unless they have been told row by row. */
void api_asker_end(struct kit_json_writer *w, const struct task_request *r);
/* Renders r->answer where the work pool has not done so yet. False: it is none, r->err says why (too large, no memory). */
KIT_MUST_CHECK bool api_asker_render(struct task_request *r);

#endif
