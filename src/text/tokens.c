#include "text/tokens.h"

#include "kit/alloc.h"

#define FIRST_ROOM ((size_t)64)

void text_tokens_done(struct text_tokens *t)
{
    kit_alloc_free(t->at);
    *t = (struct text_tokens){0};
}

void text_tokens_clear(struct text_tokens *t)
{
    t->count = 0;
    t->words = 0;
    t->failed = KIT_OK;
}

void text_tokens_grow(struct text_tokens *t)
{
    size_t room = KIT_MAX(t->room * 2, FIRST_ROOM);
    struct text_token *at = kit_alloc_resize(t->at, room * sizeof(*at));
    if (at == NULL) {
        t->failed = KIT_NOMEM;
        return;
    }
    t->at = at;
    t->room = room;
}
