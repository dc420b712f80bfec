/* src/task/rows.h - the rows of a request while they are made: token ids behind each other, cut from encodings.
 *
 * Thread: whoever works on the request. Memory: the builder owns its arrays until task_rows_keep gives them to the
 * request. */
#ifndef TASK_ROWS_H
#define TASK_ROWS_H

#include "task/request.h"
#include "text/encoding.h"

struct task_rows_builder {
    struct task_rows rows; /* so far; owned */
    size_t tokens, token_room;
    size_t row_room;
    uint64_t tokens_max; /* of all rows */
    bool types;          /* keep type ids, unless all are 0 */
    bool places;         /* keep spans and words */
    bool typed;          /* one was not 0 */
};

/* Appends tokens [from, from + count) of an encoding to the row that is open. TOO_LARGE: more than tokens_max; NOMEM. */
KIT_MUST_CHECK enum kit_status task_rows_add(struct task_rows_builder *b, const struct text_encoding *e, uint32_t from,
                                             uint32_t count, struct kit_err *err);
/* Ends the open row; the next add begins another. NOMEM. */
KIT_MUST_CHECK enum kit_status task_rows_end(struct task_rows_builder *b, struct kit_err *err);
/* Gives the rows to the request, with r->tokens and job.rows: each costs its tokens. NOMEM. */
KIT_MUST_CHECK enum kit_status task_rows_keep(struct task_rows_builder *b, struct task_request *r, struct kit_err *err);
/* Frees what was not kept. */
void task_rows_drop(struct task_rows_builder *b);

void task_rows_done(struct task_rows *rows);
/* The first row of an item (of the one behind the last: rows.count), and the item of a row. */
static inline uint32_t task_rows_first(const struct task_request *r, uint32_t item)
{
    return task_item_first(r->rows.firsts, item);
}
static inline uint32_t task_rows_item(const struct task_request *r, uint32_t row)
{
    return task_item_at(r->rows.firsts, r->inputs.item_count, row);
}

#endif
