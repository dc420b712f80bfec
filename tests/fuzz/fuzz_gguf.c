/* The header of a GGUF file: whatever the bytes, it is read within its bounds, and what is taken holds together. */
#include "fuzz/files.h"
#include "header.h"
#include "kit/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llama_gguf h;
    struct kit_err err = {0};
    enum kit_status rc = llama_gguf_read(fuzz_file((kit_str){(const char *)data, size}), &h, &err);
    if (rc != KIT_OK) {
        FUZZ_CHECK(rc == KIT_PARSE || rc == KIT_UNSUPPORTED);
        FUZZ_CHECK(err.msg[0] != '\0' && kit_utf8_is_valid(kit_str_c(err.msg)));
        return 0;
    }
    FUZZ_CHECK(h.file_bytes == size);
    FUZZ_CHECK(h.tensor_count == 0 || h.header_bytes + h.tensor_bytes < size + h.alignment);
    FUZZ_CHECK(h.vocab_size <= size && h.block_count <= GGUF_LAYERS_MAX);
    return 0;
}
