/* tests/fuzz/replay.c - runs a fuzz target on a folder of inputs, and on the beginnings of the short ones, without
 * libFuzzer:
 *
 *     fuzz_json tests/fuzz/corpus/json [FILE…]
 *
 * An end that comes too early is what parsers get wrong most, and it costs nothing to try each. */
#include <string.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"
#include "kit/alloc.h"
#include "kit/file.h"

#define BYTES_MAX (16 * KIT_MIB)
#define WHOLE_ABOVE 400 /* bytes; longer inputs are run as they are only */

static size_t runs;

/* A copy of its own, so that a byte read behind the end is seen. */
static void run(const char *bytes, size_t len)
{
    uint8_t *copy = kit_alloc(len);
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, bytes, len);
    LLVMFuzzerTestOneInput(copy, len);
    kit_alloc_free(copy);
    runs++;
}

static void run_file(const char *path)
{
    struct kit_buf file;
    struct kit_err err;
    kit_buf_init(&file, BYTES_MAX);
    if (kit_file_read(path, &file, &err) != KIT_OK) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
    for (size_t len = file.len > WHOLE_ABOVE ? file.len : 1; len <= file.len; len++) {
        run(file.ptr, len);
    }
    kit_buf_done(&file);
}

static bool run_entry(void *folder, const char *name, bool is_folder)
{
    char path[4096];
    FUZZ_CHECK(kit_file_join(path, sizeof(path), kit_str_c(folder), kit_str_c(name), NULL) == KIT_OK);
    if (!is_folder) {
        run_file(path);
    }
    return true;
}

int main(int argc, char **argv)
{
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        struct stat st;
        struct kit_err err;
        if (stat(argv[i], &st) == 0 && !S_ISDIR(st.st_mode)) {
            run_file(argv[i]);
        } else if (kit_file_list(argv[i], run_entry, argv[i], &err) != KIT_OK) {
            fprintf(stderr, "%s\n", err.msg);
            return 1;
        }
    }
    printf("%zu inputs\n", runs);
    return runs > 0 ? 0 : 1;
}
