/* src/api/msp_stream.h - what the files of /serve/stream share: a socket with its questions. For src/api/ only.
 *
 * What is to be sent is pulled: a question that has something to say stands in a queue, and when the socket has room the
 * first one says one frame and goes to the end. So questions take turns, and a client that reads slowly makes nothing grow:
 * what it has not read are places in its questions' news (task/news.h). Only what is said about broken frames is kept as
 * text; while there is too much of that, nothing more is read from the client.
 *
 * msp_stream.c has the socket's life; _frames.c takes what the client says, _turns.c decides who speaks when, _says.c what.
 * Thread: the socket's loop; long frames are read, and large items written, on the work pool. Memory: a stream is its
 * socket's until `gone`; what comes back later finds the stream and its question by their ids, or nothing. */
#ifndef API_MSP_STREAM_H
#define API_MSP_STREAM_H

#include "api/handlers.h"
#include "api/msp_frame.h"
#include "http/ws.h"
#include "task/made.h"

#define API_MSP_STREAM_OUT_BYTES_MAX (512 * KIT_MIB)

struct api_msp_open_question {
    struct task_request *r;      /* a reference */
    kit_id part;                 /* in stream->questions */
    uint64_t bytes;              /* of its frame: taken from api.bodies */
    uint32_t told;               /* items that were said, or are being written: the place in its news */
    struct task_cursor *cursors; /* of generate: what was said of each choice; owned; NULL: nothing yet */
    uint32_t turn;               /* the choice whose turn it is */
    struct kit_buf item;         /* written on the pool, to be said */
    bool away;                   /* the pool writes an item of it */
    bool home;                   /* its answer is there */
    bool cancelled;              /* by a frame */
    bool queued;
    struct api_msp_open_question *next; /* in the queue of those who have something to say */
};

struct api_msp_stream {
    struct http_ws *ws;
    struct api_loop *loop;
    struct kit_slots *questions;                 /* owned; each entry is */
    struct api_msp_open_question *first, **last; /* have something to say */
    struct loop_task turn;                       /* to say it */
    struct kit_buf out;                          /* frames that the socket has not taken yet */
    size_t out_at;                               /* of them: bytes that it has */
    bool full;                                   /* it is: `writable` comes */
    bool paused;                                 /* nothing is read from it */
    bool reading;                                /* the pool reads a frame: the next one has to wait */
    bool draining;
};

/* --- msp_stream.c --- */

struct api_msp_stream *api_msp_stream_find(struct api_loop *al, kit_id socket); /* NULL: it is gone */

/* --- msp_stream_frames.c --- */

/* A message of the client's: starts or cancels a question, or is refused with an error frame. */
void api_msp_stream_take_frame(struct http_ws *ws, bool text, kit_str bytes);
/* The last frame of q is said, or nobody will hear it: frees q. */
void api_msp_stream_end_question(struct api_msp_stream *s, struct api_msp_open_question *q);

/* --- msp_stream_turns.c --- */

/* q may have something to say. While the pool writes an item of it, only its cancel is. */
void api_msp_stream_queue(struct api_msp_stream *s, struct api_msp_open_question *q);
void api_msp_stream_turn_soon(struct api_msp_stream *s);
/* Sends what the socket takes, at most its turn's share; may close the socket, which frees nothing yet. */
void api_msp_stream_turn(struct api_msp_stream *s);
/* Reads from the client, or not: while the pool reads a frame, and while too much waits to be sent. */
void api_msp_stream_pause_or_read(struct api_msp_stream *s);

/* --- msp_stream_says.c --- */

/* Appends q's next frame to s->out, or nothing, and queues q again as long as there may be more. After the last one q is
 * no more. */
void api_msp_stream_say(struct api_msp_stream *s, struct api_msp_open_question *q);

#endif
