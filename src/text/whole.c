#include "text/whole.h"

#include "kit/utf8.h"

#define BAD kit_str_lit("\xEF\xBF\xBD") /* U+FFFD */

/* The byte may stand behind what is held. */
static bool goes_on(const struct text_whole *w, char byte)
{
    return w->held_count == 1 ? kit_utf8_second_fits(w->held[0], byte) : kit_utf8_is_inside(byte);
}

void text_whole_end(struct text_whole *w, struct kit_buf *out)
{
    if (w->held_count > 0) {
        kit_buf_add(out, BAD);
        w->held_count = 0;
    }
}

void text_whole_put(struct text_whole *w, char byte, struct kit_buf *out)
{
    if (w->held_count > 0 && !goes_on(w, byte)) {
        text_whole_end(w, out);
    }
    if (w->held_count == 0 && kit_utf8_bytes_from(byte) == 0) {
        kit_buf_add(out, BAD);
        return;
    }
    w->held[w->held_count++] = byte;
    if (w->held_count == kit_utf8_bytes_from(w->held[0])) {
        kit_buf_add(out, (kit_str){w->held, w->held_count});
        w->held_count = 0;
    }
}
