/* The header of a GGUF file: what is sound is read, what is not is refused by name, whatever the bytes are. */
#include "header.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "kit/alloc.h"
#include "kit/file.h"
#include "support/temp.h"
#include "support/test.h"

static struct kit_buf tiny; /* the bytes of a sound file */

static enum kit_status read_bytes(const char *bytes, size_t len, struct llama_gguf *h, struct kit_err *err)
{
    char path[TEST_PATH_BYTES];
    (void)test_temp_write(path, "header.gguf", (kit_str){bytes, len});
    return llama_gguf_read(path, h, err);
}

TEST(a_sound_file_is_read)
{
    struct llama_gguf h = {0};
    struct kit_err err = {0};
    if (llama_gguf_read(TEST_GGUF "/generate/tiny.gguf", &h, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    assert_string_equal(h.architecture, "llama");
    assert_int_equal(h.context_length, 512);
    assert_int_equal(h.block_count, 2);
    assert_int_equal(h.head_count, 4);
    assert_int_equal(h.head_count_kv, 2);
    assert_int_equal(h.vocab_size, 275);
    assert_int_equal(h.tensor_count, 20);
    assert_false(h.has_pooling);
    assert_true(h.header_bytes + h.tensor_bytes == h.file_bytes);
    assert_true(llama_gguf_is(TEST_GGUF "/generate/tiny.gguf"));
}

TEST(a_file_that_was_cut_anywhere_is_refused)
{
    for (size_t len = 0; len < tiny.len; len += len < 12000 ? 37 : 9973) {
        struct llama_gguf h;
        struct kit_err err = {0};
        assert_int_equal(read_bytes(tiny.ptr, len, &h, &err), KIT_PARSE);
        assert_int_not_equal(err.msg[0], 0);
    }
}

/* Every byte of the first part, set to each of a few values: nothing may crash, and what is taken must be sound. */
TEST(any_changed_byte_is_harmless)
{
    static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xff};
    char path[TEST_PATH_BYTES];
    char *bytes = kit_alloc_copy(tiny.ptr, tiny.len);
    assert_non_null(bytes);
    int fd = open(test_temp_write(path, "changed.gguf", kit_buf_str(&tiny)), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    for (off_t at = 0; at < 10000; at += at < 1500 ? 1 : 7) {
        for (size_t v = 0; v < sizeof(values); v++) {
            struct llama_gguf h;
            assert_int_equal(pwrite(fd, &values[v], 1, at), 1);
            enum kit_status rc = llama_gguf_read_fd(fd, "changed", &h, NULL);
            assert_true(rc == KIT_OK || rc == KIT_PARSE || rc == KIT_UNSUPPORTED);
            assert_true(rc != KIT_OK || h.header_bytes + h.tensor_bytes < h.file_bytes + h.alignment);
        }
        assert_int_equal(pwrite(fd, bytes + at, 1, at), 1);
    }
    (void)close(fd);
    kit_alloc_free(bytes);
}

/* --- headers by hand --- */

struct maker {
    char bytes[4096];
    size_t len;
};

static void put(struct maker *m, const void *from, size_t n)
{
    memcpy(m->bytes + m->len, from, n);
    m->len += n;
}

static void put_u32(struct maker *m, uint32_t n)
{
    put(m, &n, sizeof(n));
}

static void put_u64(struct maker *m, uint64_t n)
{
    put(m, &n, sizeof(n));
}

static void put_text(struct maker *m, const char *text)
{
    put_u64(m, strlen(text));
    put(m, text, strlen(text));
}

static struct maker start(uint64_t tensors, uint64_t pairs)
{
    struct maker m = {.len = 0};
    put(&m, "GGUF", 4);
    put_u32(&m, 3);
    put_u64(&m, tensors);
    put_u64(&m, pairs);
    return m;
}

static void put_pair_u32(struct maker *m, const char *key, uint32_t n)
{
    put_text(m, key);
    put_u32(m, 4);
    put_u32(m, n);
}

static void put_architecture(struct maker *m)
{
    put_text(m, "general.architecture");
    put_u32(m, 8);
    put_text(m, "llama");
}

static void put_tensor(struct maker *m, const char *name, uint64_t n, uint32_t type, uint64_t offset)
{
    put_text(m, name);
    put_u32(m, 1);
    put_u64(m, n);
    put_u32(m, type);
    put_u64(m, offset);
}

static void assert_refused(const struct maker *m, const char *says)
{
    struct llama_gguf h;
    struct kit_err err = {0};
    assert_int_equal(read_bytes(m->bytes, m->len, &h, &err), KIT_PARSE);
    if (strstr(err.msg, says) == NULL) {
        fail_msg("'%s' does not say '%s'", err.msg, says);
    }
}

TEST(the_key_or_tensor_at_fault_is_named)
{
    struct maker m = start(0, 2);
    put_architecture(&m);
    put_pair_u32(&m, "llama.block_count", 100000);
    assert_refused(&m, "'llama.block_count' is 100000");

    m = start(0, 2);
    put_architecture(&m);
    put_text(&m, "llama.context_length");
    put_u32(&m, 8);
    put_text(&m, "many");
    assert_refused(&m, "'llama.context_length' is of type string");

    m = start(0, 1);
    put_pair_u32(&m, "general.alignment", 33);
    assert_refused(&m, "'general.alignment' is 33");

    m = start(0, 1);
    put_text(&m, "wild");
    put_u32(&m, 9);
    put_u32(&m, 4);
    put_u64(&m, UINT64_MAX / 2);
    assert_refused(&m, "'wild' says that it has");

    m = start(0, 1);
    put_text(&m, "deep");
    put_u32(&m, 9);
    put_u32(&m, 9);
    put_u64(&m, 1);
    assert_refused(&m, "'deep' is an array of type 9");

    m = start(0, 1);
    put_text(&m, "strange");
    put_u32(&m, 77);
    assert_refused(&m, "'strange' is of type 77");
}

TEST(a_tensor_that_cannot_be_is_named)
{
    static const struct {
        uint64_t n, offset;
        uint32_t type;
        const char *says;
    } cases[] = {
        {0, 0, 0, "dimension 0 is 0"},
        {UINT64_MAX, 0, 0, "dimension 0 is"},
        {32, 0, 4, "is of type 4, which is none"},
        {33, 0, 8, "do not fill blocks of 32"},
        {32, 64, 0, "begins at 64"},
        {1 << 20, 0, 0, "larger than the file"},
        {64, 0, 0, "it was cut"},
    };
    for (size_t k = 0; k < KIT_COUNT(cases); k++) {
        struct maker m = start(1, 0);
        put_tensor(&m, "blk.0.w", cases[k].n, cases[k].type, cases[k].offset);
        m.len += 200; /* data */
        assert_refused(&m, cases[k].says);
    }
}

TEST(a_special_token_that_is_none_is_named)
{
    struct maker m = start(0, 2);
    put_text(&m, "tokenizer.ggml.tokens");
    put_u32(&m, 9);
    put_u32(&m, 8);
    put_u64(&m, 2);
    put_text(&m, "a");
    put_text(&m, "b");
    put_pair_u32(&m, "tokenizer.ggml.eos_token_id", 2);
    assert_refused(&m, "'tokenizer.ggml.eos_token_id' is 2");
}

int main(void)
{
    kit_buf_init(&tiny, KIT_MIB);
    if (kit_file_read(TEST_GGUF "/generate/tiny.gguf", &tiny, NULL) != KIT_OK) {
        return 1;
    }
    int rc = TEST_RUN(TEST_OF(a_sound_file_is_read), TEST_OF(a_file_that_was_cut_anywhere_is_refused),
                      TEST_OF(any_changed_byte_is_harmless), TEST_OF(the_key_or_tensor_at_fault_is_named),
                      TEST_OF(a_tensor_that_cannot_be_is_named), TEST_OF(a_special_token_that_is_none_is_named));
    kit_buf_done(&tiny);
    return rc;
}
