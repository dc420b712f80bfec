/* src/api/msp_frame.h - the text frames of /serve/stream (docs/msp.md, section 8): what clients say, and what is said back.
 *
 * Thread: reading: any; writing an item: any that may read the answer (outputs.h). Memory: as each function says. */
#ifndef API_MSP_FRAME_H
#define API_MSP_FRAME_H

#include "api/asker.h"
#include "task/made.h"

enum api_msp_frame_type { API_MSP_FRAME_BAD, API_MSP_FRAME_START, API_MSP_FRAME_CANCEL };

struct api_msp_frame {
    enum api_msp_frame_type type;
    struct kit_err err; /* BAD: what is wrong with it */
    struct task_request
        *question;              /* START: a reference, the caller's. It has failed already when more than its frame and
                                    * its id is wrong with it */
    char id[API_TAG_BYTES_MAX]; /* CANCEL: id_len bytes */
    size_t id_len;
};

/* {"type":"start","id","model","inputs",…} or {"type":"cancel","id"}. how: as for api_asker_new. */
struct api_msp_frame api_msp_frame_read(kit_str text, const struct api_origin *from, const struct task_asker *how);

/* Each appends one frame and '\n', which stands in no JSON text: so frames can be told apart. Failures are out's. */
void api_msp_frame_write_item(struct kit_buf *out, const struct task_request *r, uint32_t index);
/* A piece of a text that is being generated. */
void api_msp_frame_write_delta(struct kit_buf *out, const struct task_request *r, uint32_t choice,
                               const struct task_piece *piece, kit_str text);
void api_msp_frame_write_done(struct kit_buf *out, const struct task_request *r);
/* id: empty when it is about a frame and no question. */
void api_msp_frame_write_error(struct kit_buf *out, kit_str id, const struct kit_err *err, const char *request_id);
/* Takes the first frame off *frames; false: there is none. */
bool api_msp_frame_cut(kit_str *frames, kit_str *ret);

#endif
