/* The body of POST /serve, read as the API reads it. */
#include "api/msp_question.h"
#include "fuzz/fuzz.h"
#include "loop/chan.h"
#include "kit/utf8.h"

static struct loop *loop;
static struct loop_chan *home;
static struct api api = {.options = {.texts_max = 16, .timeout_max_ms = 60000}};

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

static void check_read(const struct task_request *r)
{
    FUZZ_CHECK(r->inputs.text_count <= api.options.texts_max);
    for (uint32_t i = 0; i < r->inputs.text_count; i++) {
        FUZZ_CHECK(kit_utf8_is_valid(r->inputs.texts[i]));
    }
    for (uint32_t i = 0; i < r->inputs.tensors.count; i++) {
        const struct acb_tensor *t = r->inputs.tensors.tensor[i];
        FUZZ_CHECK(t->rank <= ACB_RANK_MAX && (t->bytes == 0 || t->data != NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task_request *r = NULL;
    struct kit_err err = {0};
    make_home();
    struct task_asker asker = {.home = home};
    FUZZ_CHECK(task_request_new(NULL, &asker, KIT_MIB, &r, &err) == KIT_OK);
    r->body = (kit_str){(const char *)data, size};
    if (api_msp_question_parse(r, &api, &err) == KIT_OK) {
        check_read(r);
    } else {
        FUZZ_CHECK(err.msg[0] != '\0' && kit_utf8_is_valid(kit_str_c(err.msg)) &&
                   kit_utf8_is_valid(kit_str_c(err.param)));
    }
    task_request_unref(r);
    return 0;
}
