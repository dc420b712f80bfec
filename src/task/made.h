/* src/task/made.h - the text that a language model makes, as it is made.
 *
 * A question becomes one or more choices: texts that are generated side by side. What a choice has made so far is a list of
 * pieces over one run of bytes, with room for all that it may make: adding never waits for a reader, and a reader keeps its
 * own place (struct task_cursor) and reads when it likes; pieces of one kind that it has not read yet come as one.
 * Thread: a choice is written by the thread that chooses its tokens and read by any. Memory: part of the request. */
#ifndef TASK_MADE_H
#define TASK_MADE_H

#include "kit/buf.h"
#include "kit/sync.h"
#include "task/parameters.h"

enum task_finish {
    TASK_FINISH_NONE,   /* it goes on */
    TASK_FINISH_STOP,   /* the model ended it, or a stop string did */
    TASK_FINISH_LENGTH, /* as many tokens as were wanted, or as the model takes */
    TASK_FINISH_CALLS,  /* the model ended it, and it calls tools */
};

enum task_piece_kind {
    TASK_PIECE_TEXT,      /* of the answer */
    TASK_PIECE_REASONING, /* thoughts before it */
    TASK_PIECE_CALL,      /* a call of a tool begins; the text is its name */
    TASK_PIECE_ARGUMENTS, /* of the call that began last: JSON */
};

/* Places and tokens are those of the choice; what a reader gets is the part that it has not had. */
struct task_piece {
    enum task_piece_kind kind;
    uint32_t call;                     /* of CALL and ARGUMENTS: which one, from 0 */
    size_t at, len;                    /* bytes of the choice's text */
    uint32_t first_token, token_count; /* that made it; tokens of calls are counted with the next piece */
};

/* A token as it was chosen; kept where logprobs are wanted. */
struct task_token {
    int32_t id;
    float logprob;
    uint32_t others; /* of top */
    struct task_rival {
        int32_t id;
        float logprob;
    } top[TASK_LOGPROBS_MAX]; /* likeliest first */
};

/* What a choice has made. Zero it, then task_made_init. */
struct task_made {
    struct kit_mutex lock; /* guards what follows, for the time of a copy */
    struct kit_buf text;   /* of all pieces, behind each other */
    struct kit_buf pieces; /* struct task_piece */
    struct kit_buf tokens; /* struct task_token */
    enum task_finish finish;
    int stop;
};

#define TASK_MADE_BYTES_MAX (64 * KIT_MIB) /* of the text of one choice */

void task_made_init(struct task_made *m);
void task_made_done(struct task_made *m);
/* Appends; text that continues the last piece joins it. An empty text adds nothing but a CALL. tokens: how many made it.
 * NOMEM; FULL: more than TASK_MADE_BYTES_MAX. */
KIT_MUST_CHECK enum kit_status task_made_add(struct task_made *m, enum task_piece_kind kind, uint32_t call,
                                             kit_str text, uint32_t tokens);
KIT_MUST_CHECK enum kit_status task_made_add_token(struct task_made *m, const struct task_token *t); /* NOMEM */
/* stop: index of the stop string that has ended it; -1: none did. */
void task_made_end(struct task_made *m, enum task_finish finish, int stop);
int task_made_stop(struct task_made *m);

/* A reader's place; zero to begin with. */
struct task_cursor {
    uint32_t piece;
    size_t byte;     /* of that piece: read already, */
    uint32_t tokens; /* and so many of its tokens */
    bool begun;
};
/* The next piece, or what was added to it since; its bytes go to the end of `text`. False: nothing is there now, or `text` has
 * no room (text->failed). */
bool task_made_read(struct task_made *m, struct task_cursor *at, struct task_piece *ret, struct kit_buf *text);
/* Replaces what is in `text` by all that was made of a kind (of CALL and ARGUMENTS: of that call). False: there is none. */
bool task_made_gather(struct task_made *m, enum task_piece_kind kind, uint32_t call, struct kit_buf *text);
uint32_t task_made_calls(struct task_made *m); /* how many */
/* The index-th token, where they are kept. False: it is not there (yet). */
bool task_made_token(struct task_made *m, uint32_t index, struct task_token *ret);
/* How it ended; NONE: it has not. */
enum task_finish task_made_finish(struct task_made *m);

#endif
