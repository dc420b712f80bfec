#include "jinja/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum kit_status jinja_run_fail(struct jinja_run *r, enum kit_status code, const char *format, ...)
{
    if (r->failed != KIT_OK) {
        return r->failed;
    }
    char text[KIT_ERR_MSG_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    r->failed = kit_fail(r->err, code, "line %u: %s", r->line, text);
    return r->failed;
}

void *jinja_run_get(struct jinja_run *r, size_t count, size_t bytes)
{
    if (r->failed != KIT_OK) {
        return NULL;
    }
    void *p = kit_arena_zero(r->arena, count, bytes);
    if (p == NULL) {
        bool over = bytes != 0 && count > (r->arena->max - KIT_MIN(r->arena->bytes, r->arena->max)) / bytes;
        jinja_run_fail(r, over ? KIT_TOO_LARGE : KIT_NOMEM, "the template needs more than %zu bytes of memory",
                       r->arena->max);
    }
    return p;
}

kit_str jinja_run_copy(struct jinja_run *r, kit_str s)
{
    char *copy = jinja_run_get(r, s.len + 1, 1);
    if (copy == NULL) {
        return (kit_str){0};
    }
    if (s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    return (kit_str){copy, s.len};
}

bool jinja_run_step(struct jinja_run *r, uint64_t steps)
{
    r->steps += steps;
    if (r->steps > r->steps_max) {
        jinja_run_fail(r, KIT_TOO_LARGE, "the template takes more than %llu steps", (unsigned long long)r->steps_max);
    }
    return r->failed == KIT_OK;
}

bool jinja_run_enter(struct jinja_run *r)
{
    if (r->failed == KIT_OK && r->depth >= r->depth_max) {
        jinja_run_fail(r, KIT_TOO_LARGE, "nested deeper than %u levels", r->depth_max);
    }
    if (r->failed != KIT_OK) {
        return false;
    }
    r->depth++;
    return true;
}

void jinja_run_leave(struct jinja_run *r)
{
    r->depth--;
}
