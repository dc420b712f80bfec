/* What an upstream answers, cut anywhere: cut into values and taken as text, or as vectors. The first byte says in whose words
 * and to what. */
#include "fuzz/fuzz.h"
#include "kit/utf8.h"
#include "loop/chan.h"
#include "remote/inner.h"
#include "task/generate.h"
#include "task/words.h"

#define CHOICES 2
#define PIECE_BYTES 7

static struct loop *loop;
static struct loop_chan *home;
static struct remote_upstream upstream = {.name = "fuzz"};

static void ignore(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    (void)m;
}

static void make_home(void)
{
    struct loop_chan_options chan = {.max = 1, .receive = ignore, .drop = ignore};
    if (loop == NULL) {
        FUZZ_CHECK(loop_new(&loop, NULL) == KIT_OK);
        FUZZ_CHECK(loop_chan_new(loop, &chan, &home, NULL) == KIT_OK);
    }
}

static enum kit_status value(struct remote_call *c, kit_json v, struct kit_err *err)
{
    struct task_upstream *u = KIT_CONTAINER(c, struct task_upstream, call);
    return u->r->kind == TASK_EMBED ? u->words->embedded(u, v, err) : u->words->made(u, v, err);
}

static void check_text(struct task_made *m)
{
    struct kit_buf text;
    kit_buf_init(&text, TASK_MADE_BYTES_MAX);
    for (uint32_t i = 0; i < task_made_calls(m); i++) {
        task_made_gather(m, TASK_PIECE_ARGUMENTS, i, &text);
        FUZZ_CHECK(kit_utf8_is_valid(kit_buf_str(&text)));
    }
    task_made_gather(m, TASK_PIECE_TEXT, 0, &text);
    FUZZ_CHECK(kit_utf8_is_valid(kit_buf_str(&text)));
    kit_buf_done(&text);
}

static void check(struct task_upstream *u)
{
    FUZZ_CHECK(u->vectors <= CHOICES && u->open <= task_generate_choices(u->r));
    for (uint32_t i = 0; i < task_generate_choices(u->r); i++) {
        check_text(task_generate_made(u->r, i));
    }
}

static void answer(struct task_upstream *u, kit_str bytes)
{
    struct kit_err err = {0};
    bool good = true;
    remote_call_open(&u->call, true);
    while (good && bytes.len > 0) {
        good = remote_call_take(&u->call, kit_str_sub(bytes, 0, PIECE_BYTES));
        bytes = kit_str_sub(bytes, PIECE_BYTES, bytes.len);
    }
    if (!good || remote_call_end(&u->call, &err) != KIT_OK) {
        err = good ? err : u->call.err;
        FUZZ_CHECK(err.code != KIT_OK && err.msg[0] != '\0' && kit_utf8_is_valid(kit_str_c(err.msg)));
    }
    kit_buf_done(&u->call.in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kit_str rest = {.ptr = (const char *)data, .len = size}, texts[CHOICES] = {kit_str_lit("a"), kit_str_lit("b")};
    struct task_request *r = NULL;
    struct kit_err err = {0};
    uint8_t how = 0;
    make_home();
    struct task_asker asker = {.home = home};
    FUZZ_CHECK(task_request_new(NULL, &asker, KIT_MIB, &r, &err) == KIT_OK);
    fuzz_take_byte(&rest, &how);
    r->kind = (how & 1) != 0 ? TASK_EMBED : TASK_GENERATE;
    r->parameters.n = 1;
    r->inputs = (struct task_inputs){.texts = texts, .text_count = CHOICES, .item_count = CHOICES};
    FUZZ_CHECK(task_choices_new(r, &err) == KIT_OK);
    struct task_upstream u = {.at = &upstream, .r = r, .open = CHOICES};
    u.words = (how & 2) != 0 ? &task_words_ollama : &task_words_openai;
    u.call = (struct remote_call){.upstream = &upstream, .value = value};
    u.call.form = r->kind == TASK_EMBED ? REMOTE_WHOLE : u.words->form;
    answer(&u, rest);
    check(&u);
    task_request_unref(r);
    return 0;
}
