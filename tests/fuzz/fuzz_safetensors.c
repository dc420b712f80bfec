/* A safetensors file: opened, and every tensor that the engine could read is read. */
#include "fuzz/files.h"
#include "safetensors.h"
#include "kit/utf8.h"

#define FLOATS_MAX 4096

static void read_rows(const struct native_tensor *t)
{
    static float row[FLOATS_MAX];
    uint64_t rows = t->rank == 2 ? t->shape[0] : 1;
    uint64_t n = t->rank == 0 ? 1 : t->shape[t->rank - 1];
    if (t->dtype == NATIVE_OTHER || t->rank > 2 || n == 0 || n > FLOATS_MAX) {
        return;
    }
    for (uint64_t i = 0; i < rows && i < 16; i++) {
        native_tensor_row(t, i, n, row);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a", "b", "weight", "w"};
    struct native_safetensors *s = NULL;
    struct kit_err err = {0};
    if (native_safetensors_open(fuzz_file((kit_str){(const char *)data, size}), &s, &err) != KIT_OK) {
        FUZZ_CHECK(s == NULL && err.msg[0] != '\0' && kit_utf8_is_valid(kit_str_c(err.msg)));
        return 0;
    }
    for (size_t i = 0; i < KIT_COUNT(names); i++) {
        const struct native_tensor *t = native_safetensors_find(s, kit_str_c(names[i]));
        if (t != NULL) {
            FUZZ_CHECK(t->from <= size && t->bytes <= size - t->from);
            read_rows(t);
        }
    }
    native_safetensors_close(s);
    return 0;
}
