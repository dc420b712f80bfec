/* Plug-ins that are older or newer than the host, or none at all. */
#include "support/test.h"

#include "plug/engine.h"

static struct plug_engine *open_engine(void)
{
    struct plug_options options = {
        .folder = TEST_STRANGE_PLUGINS, .cell_exe = "/nonexistent", .cores_max = 2, .backends_max = PLUG_BACKENDS_MAX};
    struct plug_engine *e = NULL;
    struct kit_err err = {0};
    assert_int_equal(plug_engine_new(&options, &e, &err), KIT_OK);
    return e;
}

static struct plug_model *open_model(struct plug_engine *e, const char *backend)
{
    struct plug_model_options options = {.folder = "/", .isolation = PLUG_IN_PROCESS};
    struct plug_model *m = NULL;
    struct kit_err err = {0};
    assert_int_equal(plug_engine_choose(e, "/", backend, &options.backend, &err), KIT_OK);
    assert_int_equal(plug_model_open(e, &options, &m, &err), KIT_OK);
    return m;
}

TEST(abi_engine_leaves_out_what_does_not_speak_this_version)
{
    struct plug_engine *e = open_engine();
    assert_string_equal(plug_engine_backend(e, 0)->name, "newer");
    assert_string_equal(plug_engine_backend(e, 1)->name, "old");
    assert_null(plug_engine_backend(e, 2));
    plug_engine_free(e);
}

TEST(abi_an_old_plugin_with_a_shorter_table_works)
{
    struct plug_engine *e = open_engine();
    const struct acb_plugin *p = plug_engine_backend(e, 1);
    assert_false(ACB_HAS(p, cancel));
    assert_false(ACB_HAS(p, step));
    assert_false(ACB_HAS(p, stop));
    assert_true(ACB_HAS(p, infer));
    struct plug_model *m = open_model(e, "old");
    struct plug_instance *i = NULL;
    struct acb_instance_open options = {.size = sizeof(options), .cores_max = 1};
    assert_int_equal(plug_instance_open(m, &options, &i, NULL), KIT_OK);
    struct acb_want want = {.size = sizeof(want), .name = "answer"};
    const struct acb_want *wants[] = {&want};
    struct acb_infer infer = {.size = sizeof(infer), .cores = 1, .want_count = 1, .wants = wants};
    struct plug_outputs out = {0};
    assert_int_equal(plug_instance_infer(i, &infer, &out, NULL), KIT_OK);
    assert_int_equal(((uint8_t *)out.tensor[0]->data)[0], 42);
    plug_outputs_done(&out);
    plug_instance_cancel(i);
    plug_instance_shrink(i);
    plug_instance_close(i);
    uint64_t bytes[KIT_LEDGER_KIND_COUNT];
    enum kit_ledger_source source[KIT_LEDGER_KIND_COUNT];
    plug_model_bytes(m, bytes, source);
    assert_int_equal(bytes[KIT_LEDGER_WEIGHTS], 0);
    assert_null(plug_model_meta(m, "architecture").ptr);
    plug_model_close(m);
    plug_engine_free(e);
}

TEST(abi_a_newer_plugin_with_longer_structs_works)
{
    struct plug_engine *e = open_engine();
    struct plug_model *m = open_model(e, "newer");
    const struct acb_model_info *info = plug_model_info(m);
    assert_int_equal(info->input_count, 2);
    assert_string_equal(info->inputs[0]->name, "first");
    assert_string_equal(info->inputs[1]->name, "second");
    assert_int_equal(info->inputs[1]->dtype, ACB_I64);
    assert_int_equal(info->vocab_size, 7);
    plug_model_close(m);
    plug_engine_free(e);
}

int main(void)
{
    return TEST_RUN(TEST_OF(abi_engine_leaves_out_what_does_not_speak_this_version),
                    TEST_OF(abi_an_old_plugin_with_a_shorter_table_works),
                    TEST_OF(abi_a_newer_plugin_with_longer_structs_works));
}
