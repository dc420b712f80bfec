#include "hub/plan.h"

#include <stdio.h>

#include "support/test.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA1 "a9993e364706816aba3e25717850c26c9cd0d89d"

static struct kit_err err;

static enum kit_status read_plan(const char *json, const char *file, struct hub_plan *p)
{
    struct kit_json_doc *doc = NULL;
    assert_ok(kit_json_parse(kit_str_c(json), 16, &doc, NULL));
    enum kit_status rc = hub_plan_read(kit_json_root(doc), "org/name", kit_str_c(file), p, &err);
    kit_json_free(doc);
    return rc;
}

/* A listing of these names, with commas between them. */
static enum kit_status read_names(const char *names, const char *file, struct hub_plan *p)
{
    struct kit_buf json;
    kit_str rest = kit_str_c(names), name;
    kit_buf_init(&json, 1 << 20);
    kit_buf_printf(&json, "{\"sha\":\"" COMMIT "\",\"siblings\":[");
    for (bool comma = false; kit_str_cut(&rest, ',', &name); comma = true) {
        kit_buf_printf(&json, "%s{\"rfilename\":\"%.*s\"}", comma ? "," : "", KIT_STR_ARG(name));
    }
    kit_buf_printf(&json, "]}%c", '\0');
    enum kit_status rc = read_plan(json.ptr, file, p);
    kit_buf_done(&json);
    return rc;
}

static void assert_plan(const char *names, const char *file, const char *expected)
{
    struct hub_plan p = {0};
    char text[2048] = "";
    if (read_names(names, file, &p) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    for (uint32_t i = 0; i < p.count; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof(text) - at, "%s%s", i > 0 ? "," : "", p.files[i].path);
    }
    assert_string_equal(text, expected);
    assert_string_equal(p.commit, COMMIT);
    hub_plan_done(&p);
}

static void assert_refused(const char *names, const char *file, enum kit_status expected, const char *says)
{
    struct hub_plan p = {0};
    assert_int_equal(read_names(names, file, &p), expected);
    if (strstr(err.msg, says) == NULL) {
        fail_msg("'%s' is not in '%s'", says, err.msg);
    }
    assert_null(p.files);
}

TEST(plan_takes_what_a_model_needs_and_weights_last)
{
    assert_plan(".gitattributes,README.md,pytorch_model.bin,model.safetensors,tf_model.h5,flax_model.msgpack,"
                "onnx/model.onnx,openvino/model.bin,rust_model.ot,config.json,tokenizer.json,vocab.txt,train_script.py",
                "", "config.json,tokenizer.json,vocab.txt,model.safetensors");
}

TEST(plan_takes_the_modules_of_sentence_transformers)
{
    assert_plan("config.json,model.safetensors,modules.json,1_Pooling/config.json,2_Dense/config.json,"
                "2_Dense/model.safetensors,2_Dense/pytorch_model.bin,x_Pooling/config.json,onnx/config.json,"
                "sentence_bert_config.json",
                "",
                "config.json,modules.json,1_Pooling/config.json,2_Dense/config.json,2_Dense/model.safetensors,"
                "sentence_bert_config.json,model.safetensors");
}

TEST(plan_takes_an_index_and_its_shards)
{
    assert_plan("config.json,model.safetensors.index.json,model-00001-of-00002.safetensors,"
                "model-00002-of-00002.safetensors,consolidated-00001-of-00001.safetensors,"
                "pytorch_model-00001-of-00002.bin,original/model-00001-of-00001.safetensors",
                "",
                "config.json,model.safetensors.index.json,model-00001-of-00002.safetensors,"
                "model-00002-of-00002.safetensors");
}

TEST(plan_prefers_one_file_to_shards)
{
    assert_plan("model.safetensors.index.json,model-00001-of-00001.safetensors,model.safetensors,config.json", "",
                "config.json,model.safetensors");
}

TEST(plan_takes_the_only_gguf_and_asks_where_there_are_more)
{
    assert_plan("config.json,x-Q4_K_M.gguf", "", "config.json,x-Q4_K_M.gguf");
    assert_refused("a-Q4_K_M.gguf,a-Q8_0.gguf", "", KIT_INVALID, "a-Q4_K_M.gguf, a-Q8_0.gguf");
    assert_string_equal(err.param, "file");
    assert_plan("a-Q4_K_M.gguf,a-Q8_0.gguf", "q8_0", "a-Q8_0.gguf");
    assert_plan("a-Q4_K_M.gguf,a-Q8_0.gguf", "a-Q4_K_M.gguf", "a-Q4_K_M.gguf");
    assert_plan("a.gguf,sub/a.gguf", "a.gguf", "a.gguf");
    assert_plan("sub/a.gguf,a.gguf", "a.gguf", "a.gguf");
    assert_refused("a-Q4_K_M.gguf,a-Q4_K_S.gguf", "Q4_K", KIT_INVALID, "more than one file 'Q4_K'");
    assert_refused("a-Q4_K_M.gguf", "Q5", KIT_NOT_FOUND, "no file 'Q5'");
}

TEST(plan_takes_all_shards_of_a_file_that_is_named)
{
    assert_plan("q8-00001-of-00002.gguf,q8-00002-of-00002.gguf,q4-00001-of-00002.gguf", "q8-00001-of-00002.gguf",
                "q8-00001-of-00002.gguf,q8-00002-of-00002.gguf");
}

TEST(plan_says_what_there_is_instead_of_weights)
{
    assert_refused("config.json,pytorch_model.bin,model.onnx", "", KIT_UNPROCESSABLE, "pytorch_model.bin, model.onnx");
    assert_refused("config.json,README.md", "", KIT_UNPROCESSABLE, "nothing with weights");
    assert_refused("model.safetensors,README.md", "", KIT_UNPROCESSABLE, "no config.json");
    assert_refused("config.json,model.safetensors.index.json", "", KIT_UNPROCESSABLE, "nothing with weights");
}

TEST(plan_takes_nothing_where_a_name_leads_out)
{
    static const char *const names[] = {"../evil.json", "/etc/passwd", "a/../../b", "x\\\\y", "a\\u0000b", "", "a//b"};
    for (size_t i = 0; i < KIT_COUNT(names); i++) {
        char text[128];
        snprintf(text, sizeof(text), "config.json,%s,model.safetensors", names[i]);
        assert_refused(text, "", KIT_IO, "would lead out");
    }
}

TEST(plan_does_not_write_names_that_are_odd)
{
    char text[600] = "config.json,model.safetensors,1_";
    memset(text + strlen(text), 'x', 300);
    strcat(text, "/config.json");
    assert_refused(text, "", KIT_UNPROCESSABLE, "not taken here");
    assert_refused("a b.gguf", "", KIT_UNPROCESSABLE, "not taken here");
}

TEST(plan_takes_a_file_once_and_not_too_many)
{
    struct kit_buf names;
    assert_plan("model.safetensors,config.json,config.json,model.safetensors", "", "config.json,model.safetensors");
    kit_buf_init(&names, 1 << 20);
    kit_buf_printf(&names, "config.json,model.safetensors");
    for (int i = 0; i < 5000; i++) {
        kit_buf_printf(&names, ",file-%d.txt", i);
    }
    kit_buf_add_char(&names, '\0');
    assert_plan(names.ptr, "", "config.json,model.safetensors");
    names.len--;
    for (int i = 0; i < 5000; i++) {
        kit_buf_printf(&names, ",%d_X/config.json", i);
    }
    kit_buf_add_char(&names, '\0');
    assert_refused(names.ptr, "", KIT_TOO_LARGE, "more than 1024");
    kit_buf_done(&names);
}

TEST(plan_knows_sizes_and_proofs)
{
    struct hub_plan p = {0};
    assert_ok(read_plan("{\"sha\":\"" COMMIT "\",\"siblings\":["
                        "{\"rfilename\":\"config.json\",\"size\":12,\"blobId\":\"" SHA1 "\"},"
                        "{\"rfilename\":\"vocab.txt\",\"size\":-4,\"blobId\":7},"
                        "{\"rfilename\":\"model.safetensors\",\"size\":135,\"blobId\":\"" SHA1
                        "\",\"lfs\":{\"sha256\":\"" SHA256 "\",\"size\":1000,\"pointerSize\":135}}]}",
                        "", &p));
    assert_int_equal(p.count, 3);
    assert_true(p.files[0].sized && p.files[0].size == 12 && p.files[0].proof == HUB_PROOF_GIT);
    assert_string_equal(p.files[0].hash, SHA1);
    assert_true(!p.files[1].sized && p.files[1].proof == HUB_PROOF_NONE);
    assert_true(p.files[2].sized && p.files[2].size == 1000 && p.files[2].proof == HUB_PROOF_SHA256);
    assert_string_equal(p.files[2].hash, SHA256);
    assert_int_equal(hub_plan_bytes(&p), 1012);
    hub_plan_done(&p);
}

TEST(plan_reads_no_other_answer)
{
    static const char *const answers[] = {"[]",
                                          "{}",
                                          "{\"sha\":\"main\",\"siblings\":[]}",
                                          "{\"sha\":\"" COMMIT "\"}",
                                          "{\"sha\":7,\"siblings\":[]}",
                                          "{\"sha\":\"" COMMIT "\",\"siblings\":{}}",
                                          "{\"sha\":\"" COMMIT "\",\"siblings\":[1]}"};
    for (size_t i = 0; i < KIT_COUNT(answers); i++) {
        struct hub_plan p = {0};
        assert_int_equal(read_plan(answers[i], "", &p), KIT_IO);
    }
}

TEST(plan_read_etag_takes_it_as_servers_write_it)
{
    char hash[CRYPT_HEX_BYTES];
    assert_int_equal(hub_plan_read_etag(kit_str_lit("\"" SHA256 "\""), hash), HUB_PROOF_SHA256);
    assert_string_equal(hash, SHA256);
    assert_int_equal(hub_plan_read_etag(kit_str_lit("W/\"" SHA1 "\""), hash), HUB_PROOF_GIT);
    assert_string_equal(hash, SHA1);
    assert_int_equal(hub_plan_read_etag(kit_str_lit(SHA1), hash), HUB_PROOF_GIT);
    assert_int_equal(hub_plan_read_etag(kit_str_lit("\"5f-abc\""), hash), HUB_PROOF_NONE);
    assert_int_equal(hub_plan_read_etag((kit_str){0}, hash), HUB_PROOF_NONE);
    assert_string_equal(hash, "");
}

TEST(plan_survives_each_failed_alloc)
{
    struct kit_json_doc *doc = NULL;
    assert_ok(kit_json_parse(kit_str_lit("{\"sha\":\"" COMMIT "\",\"siblings\":[{\"rfilename\":\"a.gguf\"}]}"), 16,
                             &doc, NULL));
    TEST_ALLOC_SWEEP(n) {
        struct hub_plan p = {0};
        enum kit_status rc = hub_plan_read(kit_json_root(doc), "org/name", (kit_str){0}, &p, NULL);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        hub_plan_done(&p);
    }
    kit_json_free(doc);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(plan_takes_what_a_model_needs_and_weights_last),
        TEST_OF(plan_takes_the_modules_of_sentence_transformers), TEST_OF(plan_takes_an_index_and_its_shards),
        TEST_OF(plan_prefers_one_file_to_shards), TEST_OF(plan_takes_the_only_gguf_and_asks_where_there_are_more),
        TEST_OF(plan_takes_all_shards_of_a_file_that_is_named), TEST_OF(plan_says_what_there_is_instead_of_weights),
        TEST_OF(plan_takes_nothing_where_a_name_leads_out), TEST_OF(plan_does_not_write_names_that_are_odd),
        TEST_OF(plan_takes_a_file_once_and_not_too_many), TEST_OF(plan_knows_sizes_and_proofs),
        TEST_OF(plan_reads_no_other_answer), TEST_OF(plan_read_etag_takes_it_as_servers_write_it),
        TEST_OF(plan_survives_each_failed_alloc));
}
