#include "text/words.h"

void text_words_init(struct text_words *w)
{
    *w = (struct text_words){0};
    text_aligned_init(&w->rewritten[0], 0);
    text_aligned_init(&w->rewritten[1], 0);
}

void text_words_done(struct text_words *w)
{
    for (int i = 0; i < 2; i++) {
        text_aligned_done(&w->rewritten[i]);
        text_spans_done(&w->lists[i]);
    }
    w->text = NULL;
    w->spans = NULL;
}

void text_words_begin(struct text_words *w, const struct text_aligned *text, struct text_span range, size_t bytes_max)
{
    w->text = text;
    w->spans = &w->lists[0];
    w->rewritten[0].max = bytes_max;
    w->rewritten[1].max = bytes_max;
    text_spans_clear(w->spans);
    text_spans_add(w->spans, range.start, range.end);
}

static struct text_spans *other_list(struct text_words *w)
{
    struct text_spans *other = &w->lists[w->spans == &w->lists[0]];
    text_spans_clear(other);
    return other;
}

enum kit_status text_words_cut(struct text_words *w, const void *step,
                               void (*cut)(const void *step, const char *text, struct text_span word,
                                           struct text_spans *out))
{
    const struct text_spans *from = w->spans;
    struct text_spans *to = other_list(w);
    for (size_t i = 0; i < from->count; i++) {
        cut(step, w->text->bytes, from->at[i], to);
    }
    w->spans = to;
    return from->failed != KIT_OK ? from->failed : to->failed;
}

enum kit_status text_words_rewrite(struct text_words *w, const void *step,
                                   void (*put)(const void *step, const struct text_aligned *from, struct text_span word,
                                               struct text_aligned *out))
{
    const struct text_spans *from = w->spans;
    struct text_spans *to = other_list(w);
    struct text_aligned *out = &w->rewritten[w->text == &w->rewritten[0]];
    text_aligned_begin(out, w->text);
    for (size_t i = 0; i < from->count && out->failed == KIT_OK; i++) {
        size_t start = out->len;
        put(step, w->text, from->at[i], out);
        if (out->len > start) {
            text_spans_add(to, start, out->len);
        }
    }
    w->text = out;
    w->spans = to;
    if (out->failed == KIT_OK && out->len > out->max) {
        out->failed = KIT_TOO_LARGE;
    }
    return from->failed != KIT_OK ? from->failed : to->failed != KIT_OK ? to->failed : out->failed;
}
