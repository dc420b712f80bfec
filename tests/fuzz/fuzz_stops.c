/* Stop strings of a client over a text of a model, in one piece and byte by byte. */
#include "fuzz/fuzz.h"
#include "kit/utf8.h"
#include "text/stops.h"

static bool run(const kit_str *stops, uint32_t count, kit_str text, size_t piece, struct kit_buf *out, int *found)
{
    struct text_stops *s = NULL;
    if (text_stops_new(stops, count, &s, NULL) != KIT_OK) {
        return false;
    }
    for (size_t at = 0; at < text.len; at += piece) {
        bool ended = text_stops_put(s, kit_str_sub(text, at, piece), out);
        FUZZ_CHECK(ended == (text_stops_found(s) >= 0));
        FUZZ_CHECK(kit_utf8_is_valid(kit_buf_str(out)));
    }
    *found = text_stops_found(s);
    text_stops_end(s, out);
    text_stops_free(s);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kit_str rest = {(const char *)data, size};
    kit_str stops[TEXT_STOPS_MAX + 1] = {0};
    uint8_t count;
    int found = -1;
    int found_by_byte = -1;
    struct kit_buf whole, by_byte;
    kit_buf_init(&whole, KIT_MIB);
    kit_buf_init(&by_byte, KIT_MIB);
    if (size > 10000 || !fuzz_take_byte(&rest, &count)) {
        return 0;
    }
    count %= TEXT_STOPS_MAX + 2;
    for (uint32_t i = 0; i < count; i++) {
        stops[i] = fuzz_take_part(&rest);
    }
    if (run(stops, count, rest, rest.len + 1, &whole, &found)) {
        FUZZ_CHECK(run(stops, count, rest, 1, &by_byte, &found_by_byte));
        FUZZ_CHECK(found == found_by_byte);
        FUZZ_CHECK(kit_str_eq(kit_buf_str(&whole), kit_buf_str(&by_byte)));
        FUZZ_CHECK(kit_utf8_is_valid(kit_buf_str(&whole)));
    }
    kit_buf_done(&whole);
    kit_buf_done(&by_byte);
    return 0;
}
