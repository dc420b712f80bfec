#include "kit/buf.h"

#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"

#define ROOM_MIN ((size_t)64)

void kit_buf_init(struct kit_buf *b, size_t max)
{
    *b = (struct kit_buf){.max = max};
}

void kit_buf_done(struct kit_buf *b)
{
    if (b != NULL) {
        kit_alloc_free(b->ptr);
        kit_buf_init(b, b->max);
    }
}

void kit_buf_clear(struct kit_buf *b)
{
    b->len = 0;
    b->failed = KIT_OK;
}

kit_str kit_buf_str(const struct kit_buf *b)
{
    return (kit_str){.ptr = b->ptr, .len = b->len};
}

/* One byte more than `room` is allocated: for the NUL of vsnprintf and of kit_buf_take. */
static enum kit_status grow(struct kit_buf *b, size_t need)
{
    size_t twice = b->room > b->max / 2 ? b->max : b->room * 2;
    size_t room = KIT_MIN(b->max, KIT_MAX(need, KIT_MAX(twice, ROOM_MIN)));
    char *ptr = room == SIZE_MAX ? NULL : kit_alloc_resize(b->ptr, room + 1);
    if (ptr == NULL) {
        return KIT_NOMEM;
    }
    b->ptr = ptr;
    b->room = room;
    return KIT_OK;
}

char *kit_buf_reserve(struct kit_buf *b, size_t bytes)
{
    if (b->failed == KIT_OK && (b->len > b->max || bytes > b->max - b->len)) {
        b->failed = KIT_FULL;
    }
    if (b->failed == KIT_OK && (b->ptr == NULL || bytes > b->room - b->len)) {
        b->failed = grow(b, b->len + bytes);
    }
    return b->failed == KIT_OK ? b->ptr + b->len : NULL;
}

void kit_buf_grew(struct kit_buf *b, size_t bytes)
{
    b->len += bytes;
}

enum kit_status kit_buf_add(struct kit_buf *b, kit_str s)
{
    char *to = kit_buf_reserve(b, s.len);
    if (to != NULL && s.len > 0) {
        memcpy(to, s.ptr, s.len);
        b->len += s.len;
    }
    return b->failed;
}

enum kit_status kit_buf_add_char(struct kit_buf *b, char c)
{
    char *to = kit_buf_reserve(b, 1);
    if (to != NULL) {
        *to = c;
        b->len++;
    }
    return b->failed;
}

enum kit_status kit_buf_printf(struct kit_buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum kit_status rc = kit_buf_vprintf(b, format, args);
    va_end(args);
    return rc;
}

/* First try into what room there is; only a text that does not fit is made twice. */
enum kit_status kit_buf_vprintf(struct kit_buf *b, const char *format, va_list args)
{
    char *to = kit_buf_reserve(b, 0);
    if (to == NULL) {
        return b->failed;
    }
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(to, b->room - b->len + 1, format, args);
    if (len < 0) {
        b->failed = KIT_NOMEM; /* the only failure left to vsnprintf with our formats */
    } else if ((size_t)len > b->room - b->len) {
        to = kit_buf_reserve(b, (size_t)len);
        if (to != NULL) {
            vsnprintf(to, (size_t)len + 1, format, again);
        }
    }
    va_end(again);
    b->len += b->failed == KIT_OK ? (size_t)len : 0;
    return b->failed;
}

void kit_buf_drop(struct kit_buf *b, size_t bytes)
{
    if (bytes > 0 && b->len > 0) {
        bytes = KIT_MIN(bytes, b->len);
        memmove(b->ptr, b->ptr + bytes, b->len - bytes);
        b->len -= bytes;
    }
}

char *kit_buf_take(struct kit_buf *b, size_t *len)
{
    char *ptr = b->ptr;
    if (ptr != NULL) {
        ptr[b->len] = '\0';
    }
    if (len != NULL) {
        *len = b->len;
    }
    kit_buf_init(b, b->max);
    return ptr;
}
