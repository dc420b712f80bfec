/* HTTP/1.1 as a client may send it: the first byte says in which pieces it comes and how it ends. */
#include "fuzz/wire.h"

/* Whatever came in, what goes out begins as an answer does. */
static void check_answer(kit_str answer)
{
    kit_str version = kit_str_lit("HTTP/1.1 ");
    FUZZ_CHECK(answer.len == 0 || kit_str_starts(answer, kit_str_sub(version, 0, answer.len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char answer[1024];
    kit_str bytes = {(const char *)data, size};
    uint8_t choice;
    if (fuzz_take_byte(&bytes, &choice)) {
        size_t len = fuzz_wire_run(bytes, choice % 64, choice >= 128, answer, sizeof(answer));
        check_answer((kit_str){answer, len});
    }
    return 0;
}
