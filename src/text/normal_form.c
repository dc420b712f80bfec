#include "text/normal_form.h"

#include <string.h>

#include "kit/alloc.h"
#include "kit/utf8.h"
#include "text/unicode.h"

/* A code point on its way, with what it does to the text (see struct text_edit). */
struct item {
    uint32_t cp;
    int32_t change;
    uint8_t class;
};

/* Items that wait: they fit into `few` nearly always. */
struct list {
    struct item *at;
    size_t count, room;
    struct item few[64];
};

struct form {
    struct text_edit out;
    bool compat, compose;
    struct list run;  /* marks since the last starter, in the order of the text */
    struct list held; /* composing: marks behind `base` that did not join it */
    struct item base; /* composing: the starter that marks may join */
    bool has_base;
};

static void list_init(struct list *l)
{
    l->at = l->few;
    l->count = 0;
    l->room = KIT_COUNT(l->few);
}

static void list_done(struct list *l)
{
    if (l->at != l->few) {
        kit_alloc_free(l->at);
    }
}

static bool list_grow(struct list *l)
{
    struct item *at = kit_alloc_array(l->room * 2, sizeof(*at));
    if (at == NULL) {
        return false;
    }
    memcpy(at, l->at, l->count * sizeof(*at));
    list_done(l);
    l->at = at;
    l->room *= 2;
    return true;
}

static void list_add(struct form *f, struct list *l, struct item item)
{
    if (l->count == l->room && !list_grow(l)) {
        f->out.to->failed = KIT_NOMEM;
        return;
    }
    l->at[l->count++] = item;
}

static void emit(struct form *f, struct item item)
{
    text_edit_put(&f->out, item.cp, item.change);
}

static void emit_base(struct form *f)
{
    if (f->has_base) {
        emit(f, f->base);
        f->has_base = false;
    }
    for (size_t i = 0; i < f->held.count; i++) {
        emit(f, f->held.at[i]);
    }
    f->held.count = 0;
}

/* A mark joins the base unless one of its own class or a higher one stands between. */
static bool join(struct form *f, struct item item)
{
    if (f->held.count > 0 && f->held.at[f->held.count - 1].class >= item.class) {
        return false;
    }
    uint32_t both = text_unicode_compose(f->base.cp, item.cp);
    if (both == 0) {
        return false;
    }
    f->base.cp = both;
    f->base.change += item.change - 1;
    return true;
}

/* Takes items in canonical order. */
static void compose(struct form *f, struct item item)
{
    if (!f->has_base && item.class != 0) {
        emit(f, item);
    } else if (!f->has_base) {
        f->base = item;
        f->has_base = true;
    } else if (join(f, item)) {
        return;
    } else if (item.class != 0) {
        list_add(f, &f->held, item);
    } else {
        emit_base(f);
        f->base = item;
        f->has_base = true;
    }
}

static void pass_on(struct form *f, struct item item)
{
    if (f->compose) {
        compose(f, item);
    } else {
        emit(f, item);
    }
}

/* Stable and linear in the run, however long somebody makes it: one walk for each class that occurs. */
static void flush_run(struct form *f)
{
    struct list *run = &f->run;
    if (run->count == 1) {
        pass_on(f, run->at[0]);
        run->count = 0;
        return;
    }
    bool occurs[256] = {false};
    for (size_t i = 0; i < run->count; i++) {
        occurs[run->at[i].class] = true;
    }
    for (uint32_t class = 1; run->count > 0 && class < 256; class ++) {
        for (size_t i = 0; occurs[class] && i < run->count; i++) {
            if (run->at[i].class == class) {
                pass_on(f, run->at[i]);
            }
        }
    }
    run->count = 0;
}

static void take(struct form *f, uint32_t cp)
{
    uint32_t parts[TEXT_UNICODE_PARTS_MAX];
    uint32_t n = text_unicode_decompose(cp, f->compat, parts);
    for (uint32_t i = 0; i < n; i++) {
        struct item item = {parts[i], i > 0, text_unicode_combining(parts[i])};
        if (item.class != 0) {
            list_add(f, &f->run, item);
            continue;
        }
        if (f->run.count > 0) {
            flush_run(f);
        }
        pass_on(f, item);
    }
}

enum kit_status text_normal_form(struct text_aligned *text, struct text_aligned *spare, bool compat, bool compose)
{
    if (kit_utf8_is_ascii(text_aligned_str(text))) {
        return KIT_OK;
    }
    struct form f = {.out = {.from = text, .to = spare}, .compat = compat, .compose = compose};
    list_init(&f.run);
    list_init(&f.held);
    text_aligned_begin(spare, text);
    uint32_t bytes;
    for (size_t at = 0; at < text->len && spare->failed == KIT_OK; at += bytes) {
        take(&f, kit_utf8_read(text->bytes + at, &bytes));
    }
    flush_run(&f);
    emit_base(&f);
    list_done(&f.run);
    list_done(&f.held);
    text_aligned_swap(text, spare);
    return text->failed;
}
