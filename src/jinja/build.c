#include "jinja/build.h"

#include <string.h>

void jinja_build_init(struct jinja_build *b, struct jinja_run *r)
{
    *b = (struct jinja_build){.r = r};
}

static void *moved(struct jinja_run *r, const void *old, size_t len, size_t room)
{
    void *p = jinja_run_get(r, room, 1);
    if (p != NULL && len > 0) {
        memcpy(p, old, len);
    }
    return p;
}

static bool make_room(struct jinja_build *b, size_t bytes)
{
    if (bytes > b->r->output_max || b->len > b->r->output_max - bytes) {
        jinja_run_fail(b->r, KIT_TOO_LARGE, "a text of more than %zu bytes", b->r->output_max);
    }
    if (!jinja_run_step(b->r, bytes / 64)) {
        return false;
    }
    if (b->len + bytes <= b->room) {
        return true;
    }
    size_t room = KIT_MAX(b->room * 2, KIT_MAX(b->len + bytes, 32));
    char *ptr = moved(b->r, b->ptr, b->len, room);
    uint8_t *marks = b->marks == NULL ? NULL : moved(b->r, b->marks, b->len, room);
    if (b->r->failed == KIT_OK) {
        b->ptr = ptr;
        b->marks = marks;
        b->room = room;
    }
    return b->r->failed == KIT_OK;
}

/* From now on each byte has its own mark. */
static bool begin_marks(struct jinja_build *b)
{
    if (b->marks == NULL) {
        b->marks = jinja_run_get(b->r, b->room, 1);
        if (b->marks != NULL) {
            memset(b->marks, b->user, b->len);
        }
    }
    return b->marks != NULL;
}

static void add(struct jinja_build *b, kit_str s, const uint8_t *marks, bool user)
{
    if (s.len == 0 || !make_room(b, s.len)) {
        return;
    }
    if (b->len == 0 && marks == NULL) {
        b->user = user;
    }
    if ((marks != NULL || b->marks != NULL || user != b->user) && !begin_marks(b)) {
        return;
    }
    memcpy(b->ptr + b->len, s.ptr, s.len);
    if (b->marks != NULL && marks != NULL) {
        memcpy(b->marks + b->len, marks, s.len);
    } else if (b->marks != NULL) {
        memset(b->marks + b->len, user, s.len);
    }
    b->len += s.len;
}

void jinja_build_add(struct jinja_build *b, kit_str s, bool user)
{
    add(b, s, NULL, user);
}

void jinja_build_c(struct jinja_build *b, const char *text)
{
    add(b, kit_str_c(text), NULL, false);
}

void jinja_build_str(struct jinja_build *b, struct jinja_value s)
{
    add(b, jinja_bytes(s), s.marks, s.user);
}

void jinja_build_as(struct jinja_build *b, kit_str text, struct jinja_value s, size_t at)
{
    add(b, text, NULL, jinja_is_user(s, at));
}

struct jinja_value jinja_build_value(const struct jinja_build *b)
{
    struct jinja_value v = jinja_str((kit_str){b->ptr == NULL ? "" : b->ptr, b->len}, b->user);
    v.marks = b->marks;
    return v;
}

bool jinja_is_user(struct jinja_value s, size_t at)
{
    return s.marks == NULL ? s.user : s.marks[at] != 0;
}
