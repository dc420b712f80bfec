/* Tokenizing on one thread: every line of a file, again and again for some seconds.
 *
 *     text_bench FOLDER TEXTS.txt [SECONDS]        prints {"megabytes_per_second": …, "tokens_per_second": …}
 */
#include <stdio.h>
#include <stdlib.h>

#include "kit/clock.h"
#include "kit/file.h"
#include "text/tokenizer.h"

struct bench {
    struct text_tokenizer *tokenizer;
    struct text_scratch *scratch;
    struct kit_buf texts;
    uint64_t bytes, tokens;
};

static enum kit_status open_all(struct bench *b, char **argv, struct kit_err *err)
{
    kit_buf_init(&b->texts, KIT_GIB);
    enum kit_status rc = text_tokenizer_open(argv[1], &b->tokenizer, err);
    if (rc == KIT_OK) {
        rc = kit_file_read(argv[2], &b->texts, err);
    }
    return rc == KIT_OK ? text_scratch_new(&b->scratch) : rc;
}

static enum kit_status encode_all(struct bench *b, struct kit_err *err)
{
    struct text_options options = {.add_special = true, .max_tokens = TEXT_TOKENS_UNLIMITED};
    kit_str rest = kit_buf_str(&b->texts);
    for (kit_str line; kit_str_cut(&rest, '\n', &line);) {
        struct text_encoding e;
        enum kit_status rc = text_tokenizer_encode(b->tokenizer, b->scratch, line, NULL, &options, &e, err);
        if (rc != KIT_OK) {
            return rc;
        }
        b->bytes += line.len;
        b->tokens += e.count;
    }
    return KIT_OK;
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    struct kit_err err = {.msg = "out of memory"};
    if (argc < 3) {
        fprintf(stderr, "usage: text_bench FOLDER TEXTS.txt [SECONDS]\n");
        return 2;
    }
    enum kit_status rc = open_all(&b, argv, &err);
    rc = rc == KIT_OK ? encode_all(&b, &err) : rc; /* once to warm up */
    b.bytes = 0;
    b.tokens = 0;
    uint64_t started_ns = kit_clock_ns();
    uint64_t until_ns = started_ns + (uint64_t)((argc > 3 ? atof(argv[3]) : 2) * KIT_NS_PER_S);
    while (rc == KIT_OK && kit_clock_ns() < until_ns) {
        rc = encode_all(&b, &err);
    }
    if (rc != KIT_OK) {
        fprintf(stderr, "text_bench: %s\n", err.msg);
        return 1;
    }
    double seconds = (double)(kit_clock_ns() - started_ns) / KIT_NS_PER_S;
    printf("{\"megabytes_per_second\": %.3f, \"tokens_per_second\": %.0f}\n", (double)b.bytes / seconds / 1e6,
           (double)b.tokens / seconds);
    text_scratch_free(b.scratch);
    text_tokenizer_free(b.tokenizer);
    kit_buf_done(&b.texts);
    return 0;
}
