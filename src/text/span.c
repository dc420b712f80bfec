#include "text/span.h"

#include "kit/alloc.h"

#define FIRST_ROOM ((size_t)64)

void text_spans_done(struct text_spans *s)
{
    kit_alloc_free(s->at);
    *s = (struct text_spans){0};
}

void text_spans_clear(struct text_spans *s)
{
    s->count = 0;
    s->failed = KIT_OK;
}

void text_spans_grow(struct text_spans *s)
{
    size_t room = KIT_MAX(s->room * 2, FIRST_ROOM);
    struct text_span *at = kit_alloc_resize(s->at, room * sizeof(*at));
    if (at == NULL) {
        s->failed = KIT_NOMEM;
        return;
    }
    s->at = at;
    s->room = room;
}
