/* src/kit/buf.h - a byte buffer that grows up to a maximum given at birth.
 *
 * Thread: one at a time. Memory: the buffer owns its bytes; a failed append leaves it as it was and sets
 * `failed`, so that a writer of many small pieces can check once at the end. */
#ifndef KIT_BUF_H
#define KIT_BUF_H

#include <stdarg.h>

#include "kit/str.h"

struct kit_buf {
    char *ptr;              /* owned; NULL while empty */
    size_t len;             /* bytes in use */
    size_t room;            /* bytes allocated */
    size_t max;             /* bytes at most */
    enum kit_status failed; /* KIT_OK, or the first failure: FULL or NOMEM */
};

void kit_buf_init(struct kit_buf *b, size_t max); /* allocates nothing */
void kit_buf_done(struct kit_buf *b);             /* NULL or zeroed is fine */
void kit_buf_clear(struct kit_buf *b);            /* len = 0, failed = OK, keeps its room */
kit_str kit_buf_str(const struct kit_buf *b);     /* borrowed until the next change */

/* Makes room for `bytes` more and returns where to write them, or NULL (failed is set). Call kit_buf_grew after
 * writing. */
KIT_MUST_CHECK char *kit_buf_reserve(struct kit_buf *b, size_t bytes);
void kit_buf_grew(struct kit_buf *b, size_t bytes);

/* Each returns OK, FULL (the maximum would be passed) or NOMEM, and may be ignored when b->failed is read in
 * the end. After a failure all further appends do nothing. */
enum kit_status kit_buf_add(struct kit_buf *b, kit_str s);
enum kit_status kit_buf_add_char(struct kit_buf *b, char c);
enum kit_status kit_buf_printf(struct kit_buf *b, const char *format, ...) KIT_PRINTF(2, 3);
enum kit_status kit_buf_vprintf(struct kit_buf *b, const char *format, va_list args) KIT_PRINTF(2, 0);

/* Drops the first `bytes` (at most len) and moves the rest to the front. */
void kit_buf_drop(struct kit_buf *b, size_t bytes);
/* Hands the bytes, one NUL behind them, to the caller (kit_alloc_free) and leaves an empty buffer. NULL when
 * nothing was ever added. *len may be NULL. */
KIT_MUST_CHECK char *kit_buf_take(struct kit_buf *b, size_t *len);

#endif
