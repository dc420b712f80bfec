/* What a client sends once it has a WebSocket; the first byte says in which pieces it comes and how it ends. */
#include "fuzz/wire.h"

#include <string.h>

#define BYTES_MAX 16384
#define ASK                                                                                                            \
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"        \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* Frames of the server: not masked, no reserved bits, sound lengths (RFC 6455, section 5). */
static void check_frames(kit_str frames)
{
    while (frames.len >= 2) {
        uint8_t first = (uint8_t)frames.ptr[0];
        uint8_t second = (uint8_t)frames.ptr[1];
        size_t head = second == 126 ? 4 : 2;
        FUZZ_CHECK((first & 0xF0) == 0x80 && second <= 126);
        if (frames.len < head) {
            return;
        }
        size_t len = second;
        if (second == 126) {
            len = (size_t)(uint8_t)frames.ptr[2] << 8 | (uint8_t)frames.ptr[3];
            FUZZ_CHECK(len >= 126);
        }
        FUZZ_CHECK(len <= 125 || (first & 0x08) == 0);
        frames = kit_str_sub(frames, head + len, frames.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[BYTES_MAX + sizeof(ASK)];
    static char answer[2 * BYTES_MAX];
    kit_str frames = {(const char *)data, size};
    uint8_t choice;
    if (!fuzz_take_byte(&frames, &choice) || frames.len > BYTES_MAX) {
        return 0;
    }
    memcpy(text, ASK, sizeof(ASK) - 1);
    memcpy(text + sizeof(ASK) - 1, frames.ptr, frames.len);
    kit_str all = {text, sizeof(ASK) - 1 + frames.len};
    kit_str got = {answer, fuzz_wire_run(all, choice % 64, choice >= 128, answer, sizeof(answer))};
    size_t end = kit_str_find(got, kit_str_lit("\r\n\r\n"));
    FUZZ_CHECK(kit_str_starts(got, kit_str_lit("HTTP/1.1 101 ")) && end < got.len);
    check_frames(kit_str_sub(got, end + 4, got.len));
    return 0;
}
