#include "text/stops.h"

#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/utf8.h"
#include "text/whole.h"

struct stop {
    uint8_t bytes[TEXT_STOP_BYTES_MAX];
    uint16_t border[TEXT_STOP_BYTES_MAX]; /* [i]: the longest proper beginning of bytes[0 … i] that is also its end */
    uint16_t len, matched;                /* matched: bytes of it that the text ends with */
};

struct text_stops {
    struct text_whole whole;
    uint8_t waiting[TEXT_STOP_BYTES_MAX]; /* a ring */
    uint32_t first, waits;
    int found;
    uint32_t count;
    struct stop stop[];
};

static enum kit_status check(const kit_str *stops, uint32_t count, struct kit_err *err)
{
    if (count > TEXT_STOPS_MAX) {
        return kit_fail_param(err, KIT_INVALID, "stop", "stop has %u strings, at most %u are taken", count,
                              TEXT_STOPS_MAX);
    }
    for (uint32_t i = 0; i < count; i++) {
        char param[KIT_ERR_PARAM_BYTES];
        snprintf(param, sizeof(param), "stop[%u]", i);
        if (stops[i].len < 1 || stops[i].len > TEXT_STOP_BYTES_MAX) {
            return kit_fail_param(err, KIT_INVALID, param, "%s has %zu bytes, it must have 1 to %u", param,
                                  stops[i].len, TEXT_STOP_BYTES_MAX);
        }
        if (!kit_utf8_is_valid(stops[i])) {
            return kit_fail_param(err, KIT_INVALID, param, "%s is not valid UTF-8", param);
        }
    }
    return KIT_OK;
}

/* Of a stop string of which `matched` bytes stand at the end of the text: how many do after one more byte. */
static uint16_t follow(const struct stop *s, uint32_t matched, uint8_t byte)
{
    while (matched > 0 && s->bytes[matched] != byte) {
        matched = s->border[matched - 1];
    }
    return (uint16_t)(matched + (s->bytes[matched] == byte));
}

static void prepare(struct stop *s, kit_str text)
{
    memcpy(s->bytes, text.ptr, text.len);
    s->len = (uint16_t)text.len;
    for (uint32_t i = 1; i < s->len; i++) {
        s->border[i] = follow(s, s->border[i - 1], s->bytes[i]);
    }
}

enum kit_status text_stops_new(const kit_str *stops, uint32_t count, struct text_stops **ret, struct kit_err *err)
{
    enum kit_status rc = check(stops, count, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct text_stops *s = kit_alloc_zero(1, sizeof(*s) + count * sizeof(s->stop[0]));
    if (s == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for %u stop strings", count);
    }
    s->count = count;
    s->found = -1;
    for (uint32_t i = 0; i < count; i++) {
        prepare(&s->stop[i], stops[i]);
    }
    *ret = s;
    return KIT_OK;
}

void text_stops_free(struct text_stops *s)
{
    kit_alloc_free(s);
}

int text_stops_found(const struct text_stops *s)
{
    return s->found;
}

/* Shows all that waits, apart from the last `keep` bytes. */
static void show(struct text_stops *s, uint32_t keep, struct kit_buf *out)
{
    for (; s->waits > keep; s->waits--) {
        text_whole_put(&s->whole, (char)s->waiting[s->first], out);
        s->first = (s->first + 1) % TEXT_STOP_BYTES_MAX;
    }
}

/* The bytes at the end of the text that may yet be a stop string, or are the one found. */
static uint32_t match(struct text_stops *s, uint8_t byte)
{
    uint32_t keep = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        struct stop *stop = &s->stop[i];
        stop->matched = follow(stop, stop->matched, byte);
        keep = KIT_MAX(keep, stop->matched);
        if (stop->matched == stop->len && (s->found < 0 || stop->len > s->stop[s->found].len)) {
            s->found = (int)i;
        }
    }
    return s->found < 0 ? keep : s->stop[s->found].len;
}

static void put(struct text_stops *s, uint8_t byte, struct kit_buf *out)
{
    s->waiting[(s->first + s->waits++) % TEXT_STOP_BYTES_MAX] = byte;
    show(s, match(s, byte), out);
    if (s->found >= 0) {
        text_whole_end(&s->whole, out);
    }
}

bool text_stops_put(struct text_stops *s, kit_str bytes, struct kit_buf *out)
{
    for (size_t i = 0; s->found < 0 && i < bytes.len; i++) {
        put(s, (uint8_t)bytes.ptr[i], out);
    }
    return s->found >= 0;
}

void text_stops_end(struct text_stops *s, struct kit_buf *out)
{
    if (s->found < 0) {
        show(s, 0, out);
        text_whole_end(&s->whole, out);
    }
}
