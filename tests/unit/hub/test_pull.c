/* hub_pull against tests/support/hub.py, behaving and misbehaving. */
#include "hub/hub.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hub/record.h"
#include "kit/clock.h"
#include "kit/file.h"
#include "kit/log.h"
#include "support/temp.h"
#include "support/test.h"
#include "support/test_hub.h"

#define SCRIPT TEST_DATA "/../support/hub.py"
#define WEIGHTS_BYTES 300000
#define CHUNK_BYTES 65536
#define CONFIG "{\"model_type\":\"bert\"}"
#define POOLING "{\"pooling_mode_mean_tokens\":true}"

static struct test_hub hub;
static char models[TEST_PATH_BYTES]; /* of the test that runs */
static char weights[WEIGHTS_BYTES];

/* --- a pull --- */

struct pulled {
    enum kit_status rc;
    struct kit_err err;
    struct hub_result result;
    uint64_t done, total, words; /* of progress */
    bool fell;                   /* progress went back */
    uint64_t stop_at;            /* bytes; 0: never */
    void (*at_progress)(uint64_t done);
};

static struct hub_options options;

static void use_defaults(void)
{
    options = (struct hub_options){
        .endpoint = hub.url, .connections = 4, .chunk_bytes = CHUNK_BYTES, .stall_ms = 20000, .retry_ms = 2};
}

static bool on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct pulled *p = ctx;
    p->words++;
    p->fell = p->fell || done < p->done;
    p->done = done;
    p->total = total;
    if (p->at_progress != NULL) {
        p->at_progress(done);
    }
    return p->stop_at == 0 || done < p->stop_at;
}

static void pull_with(const char *id, const char *file, struct pulled *p)
{
    struct hub_wish wish = {.file = kit_str_c(file), .models = models, .progress = on_progress, .ctx = p};
    p->done = p->total = p->words = 0;
    p->fell = false;
    p->err = (struct kit_err){0};
    assert_ok(hub_name_parse(kit_str_c(id), (kit_str){0}, &wish.name, NULL));
    p->rc = hub_pull(&options, &wish, &p->result, &p->err);
}

static struct pulled pull(const char *id)
{
    struct pulled p = {0};
    pull_with(id, "", &p);
    return p;
}

static void assert_pulled(const struct pulled *p)
{
    if (p->rc != KIT_OK) {
        fail_msg("%s", p->err.msg);
    }
}

static void assert_refused(const struct pulled *p, enum kit_status rc, const char *says)
{
    if (p->rc != rc || strstr(p->err.msg, says) == NULL) {
        fail_msg("%s instead of %s: '%s' is not in '%s'", kit_status_name(p->rc), kit_status_name(rc), says,
                 p->err.msg);
    }
}

/* --- files --- */

static const char *in_models(const char *name)
{
    static char path[TEST_PATH_BYTES * 2];
    snprintf(path, sizeof(path), "%s/%s", models, name);
    return path;
}

static bool is_there(const char *name)
{
    return kit_file_exists(in_models(name));
}

static void assert_content(const char *name, kit_str bytes)
{
    struct kit_buf b;
    struct kit_err err;
    kit_buf_init(&b, 1 << 20);
    if (kit_file_read(in_models(name), &b, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    assert_int_equal(b.len, bytes.len);
    assert_memory_equal(b.ptr, bytes.ptr, bytes.len);
    kit_buf_done(&b);
}

static void assert_tiny_at(const char *id)
{
    char name[256];
    snprintf(name, sizeof(name), "%s/config.json", id);
    assert_content(name, kit_str_lit(CONFIG));
    snprintf(name, sizeof(name), "%s/1_Pooling/config.json", id);
    assert_content(name, kit_str_lit(POOLING));
    snprintf(name, sizeof(name), "%s/model.safetensors", id);
    assert_content(name, (kit_str){weights, sizeof(weights)});
    snprintf(name, sizeof(name), "%s/pytorch_model.bin", id);
    assert_false(is_there(name));
    snprintf(name, sizeof(name), "%s/README.md", id);
    assert_false(is_there(name));
}

static bool note_name(void *ctx, const char *name, bool is_folder)
{
    char *text = ctx;
    size_t at = strlen(text);
    (void)is_folder;
    snprintf(text + at, 256 - at, "%s ", name);
    return true;
}

/* Nothing but the partial download, if any, lies in the models folder. */
static void assert_nothing_placed(void)
{
    char names[256] = "";
    assert_ok(kit_file_list(models, note_name, names, NULL));
    assert_true(strcmp(names, "") == 0 || strcmp(names, ".partial ") == 0);
}

static void assert_no_partial(void)
{
    assert_false(is_there(".partial/org+tiny"));
}

static void control(const char *json)
{
    test_hub_control(&hub, json);
}

/* The same, and what an earlier pull has left is gone. */
static void start_anew(const char *json)
{
    control(json);
    assert_ok(kit_file_remove(in_models(".partial"), NULL));
}

/* One rule about requests whose path ends with model.safetensors. */
static void rule(const char *at, const char *more)
{
    char json[512];
    snprintf(json, sizeof(json), "{\"rules\":[{\"at\":\"%s\",\"path\":\"model.safetensors\",%s}]}", at, more);
    control(json);
}

/* --- it behaves --- */

TEST(pull_brings_what_is_needed_whole_and_in_its_place)
{
    struct pulled p = pull("org/tiny");
    char commit[HUB_COMMIT_BYTES];
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
    assert_no_partial();
    assert_ok(hub_record_commit(in_models("org/tiny"), commit, NULL));
    assert_string_equal(commit, p.result.commit);
    assert_false(p.result.was_here);
    assert_int_equal(p.result.fetched, p.result.bytes);
    assert_int_equal(p.total, p.result.bytes);
    assert_false(p.fell);
    assert_int_equal(test_hub_count(&hub, "hub", "README.md"), 0);
    assert_int_equal(test_hub_count(&hub, "hub", "pytorch_model.bin"), 0);
}

TEST(pull_fetches_large_files_in_ranges_and_each_byte_once)
{
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    assert_int_equal(test_hub_count(&hub, "storage", "model.safetensors"),
                     (WEIGHTS_BYTES + CHUNK_BYTES - 1) / CHUNK_BYTES);
    assert_int_equal(test_hub_sent(&hub, "storage", "model.safetensors"), WEIGHTS_BYTES);
}

TEST(pull_again_asks_for_the_listing_only)
{
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    control("{}");
    p = pull("org/tiny");
    assert_pulled(&p);
    assert_true(p.result.was_here);
    assert_int_equal(test_hub_count(&hub, "hub", ""), 1);
    assert_int_equal(test_hub_count(&hub, "storage", ""), 0);
}

TEST(pull_takes_a_revision_and_changes_from_one_to_the_other)
{
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    p = pull("org/tiny@v1");
    assert_pulled(&p);
    assert_content("org/tiny/model.safetensors", kit_str_lit("weights of v1"));
    assert_false(is_there("org/tiny/1_Pooling"));
    assert_no_partial();
    char by_commit[HUB_ID_BYTES + HUB_COMMIT_BYTES];
    snprintf(by_commit, sizeof(by_commit), "org/tiny@%s", p.result.commit);
    p = pull(by_commit);
    assert_pulled(&p);
    assert_true(p.result.was_here);
    p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
}

TEST(pull_takes_a_model_without_an_organisation_beside_one_of_that_name)
{
    struct pulled p = pull("tiny");
    assert_pulled(&p);
    assert_content("tiny/model.safetensors", kit_str_lit("old weights"));
}

TEST(pull_takes_shards_and_a_named_gguf)
{
    struct pulled p = pull("org/sharded");
    assert_pulled(&p);
    assert_content("org/sharded/model-00002-of-00002.safetensors", kit_str_lit("two"));
    pull_with("org/gguf", "Q8_0", &p);
    assert_pulled(&p);
    assert_content("org/gguf/x-Q8_0.gguf", kit_str_lit("eight"));
    pull_with("org/gguf", "", &p);
    assert_refused(&p, KIT_INVALID, "x-Q4_K_M.gguf");
}

TEST(pull_takes_empty_files)
{
    struct pulled p = pull("org/empty");
    assert_pulled(&p);
    assert_content("org/empty/vocab.txt", (kit_str){0});
}

TEST(pull_asks_file_by_file_where_the_listing_has_no_sizes)
{
    control("{\"blobs\":false}");
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
    assert_int_equal(p.result.fetched, p.result.bytes);
}

TEST(pull_follows_a_rename_and_keeps_the_name_that_was_typed)
{
    control("{\"rename\":{\"old/name\":\"org/tiny\"}}");
    struct pulled p = pull("old/name");
    assert_pulled(&p);
    assert_tiny_at("old/name");
    assert_false(is_there("org"));
}

TEST(pull_puts_nothing_over_a_folder_that_is_not_the_hubs)
{
    char path[TEST_PATH_BYTES * 3];
    snprintf(path, sizeof(path), "%s", in_models("org/tiny"));
    assert_ok(kit_file_make_folder(path, NULL));
    snprintf(path, sizeof(path), "%s", in_models("org/tiny/config.json"));
    assert_ok(kit_file_write(path, kit_str_lit("mine"), NULL));
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_CONFLICT, "did not come from the hub");
    assert_content("org/tiny/config.json", kit_str_lit("mine"));
    assert_int_equal(test_hub_count(&hub, "storage", ""), 0);
}

TEST(pull_puts_nothing_into_another_model)
{
    char path[TEST_PATH_BYTES * 3];
    snprintf(path, sizeof(path), "%s", in_models("org"));
    assert_ok(kit_file_make_folder(path, NULL));
    snprintf(path, sizeof(path), "%s", in_models("org/config.json"));
    assert_ok(kit_file_write(path, kit_str_lit("{}"), NULL));
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_CONFLICT, "org is a model itself");
}

/* --- the token --- */

TEST(pull_gives_the_token_to_the_hub_and_nobody_else)
{
    options.token = "good";
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    assert_int_equal(test_hub_tokens(&hub, "hub"), test_hub_count(&hub, "hub", ""));
    assert_int_equal(test_hub_tokens(&hub, "storage"), 0);
    assert_true(test_hub_count(&hub, "storage", "") > 0);
}

TEST(pull_gives_no_token_where_a_listing_redirects_away)
{
    char json[256];
    options.token = "good";
    snprintf(json, sizeof(json),
             "{\"rules\":[{\"path\":\"^/api\",\"do\":\"away\",\"to\":\"http://127.0.0.1:%u/stolen\"}]}",
             hub.storage_port);
    control(json);
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_IO, "storage answers 403");
    assert_int_equal(test_hub_count(&hub, "storage", "/stolen"), 1);
    assert_int_equal(test_hub_tokens(&hub, "storage"), 0);
}

TEST(pull_says_where_to_ask_for_a_gated_model)
{
    control("{\"gated\":[\"org/tiny\"]}");
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_DENIED, "is gated: accept its terms at http://127.0.0.1:");
    assert_non_null(strstr(p.err.msg, "HF_TOKEN"));
    options.token = "stranger";
    p = pull("org/tiny");
    assert_refused(&p, KIT_DENIED, "this token has no access");
    assert_nothing_placed();
    options.token = "good";
    p = pull("org/tiny");
    assert_pulled(&p);
}

TEST(pull_says_when_a_token_is_not_good_and_what_a_stranger_may_be_missing)
{
    options.token = "expired";
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_DENIED, "does not let this token read");
    options.token = NULL;
    control("{\"private\":[\"org/tiny\"]}");
    p = pull("org/tiny");
    assert_refused(&p, KIT_NOT_FOUND, "or it is private");
    options.token = "good";
    p = pull("org/tiny");
    assert_pulled(&p);
}

TEST(pull_says_what_is_not_there)
{
    options.token = "good";
    struct pulled p = pull("org/none");
    assert_refused(&p, KIT_NOT_FOUND, "no model 'org/none'");
    p = pull("org/tiny@v9");
    assert_refused(&p, KIT_NOT_FOUND, "no revision 'v9'");
    assert_nothing_placed();
}

/* --- nobody there --- */

TEST(pull_offline_asks_nobody)
{
    options.offline = true;
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_UNAVAILABLE, "HF_HUB_OFFLINE");
    assert_int_equal(test_hub_count(&hub, "hub", ""), 0);
    options.offline = false;
    p = pull("org/tiny");
    assert_pulled(&p);
    options.offline = true;
    p = pull("org/tiny");
    assert_pulled(&p);
    assert_true(p.result.was_here);
}

TEST(pull_names_a_hub_that_does_not_answer)
{
    options.endpoint = "http://127.0.0.1:1";
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_UNAVAILABLE, "nothing answers at http://127.0.0.1:1");
    assert_nothing_placed();
}

TEST(pull_takes_no_page_for_a_listing)
{
    control("{\"rules\":[{\"path\":\"^/api\",\"do\":\"text\"}]}");
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_IO, "is no hub");
}

/* --- it misbehaves, and it works all the same --- */

TEST(pull_goes_on_where_a_connection_was_cut)
{
    rule("storage", "\"times\":3,\"do\":\"cut\",\"bytes\":30000");
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
    assert_int_equal(test_hub_sent(&hub, "storage", "model.safetensors"), WEIGHTS_BYTES);
}

TEST(pull_goes_on_after_errors_that_pass)
{
    control("{\"rules\":[{\"path\":\"^/api\",\"times\":1,\"do\":\"status\",\"status\":503},"
            "{\"path\":\"^/api\",\"times\":1,\"do\":\"cut\",\"bytes\":10},"
            "{\"path\":\"config.json\",\"times\":2,\"do\":\"status\",\"status\":500},"
            "{\"at\":\"storage\",\"path\":\"\",\"times\":2,\"do\":\"status\",\"status\":502}]}");
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
}

TEST(pull_waits_as_long_as_it_is_asked_to)
{
    control("{\"rules\":[{\"path\":\"^/api\",\"times\":1,\"do\":\"status\",\"status\":429,\"retry_after\":1},"
            "{\"at\":\"storage\",\"path\":\"\",\"times\":1,\"do\":\"status\",\"status\":503,\"retry_after\":1}]}");
    uint64_t began_ns = kit_clock_ns();
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    assert_true(kit_clock_ns() - began_ns >= 2 * KIT_NS_PER_S);
}

TEST(pull_does_not_wait_for_an_hour)
{
    control("{\"rules\":[{\"path\":\"^/api\",\"do\":\"status\",\"status\":429,\"retry_after\":3600}]}");
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_UNAVAILABLE, "too many requests");
    assert_int_equal(p.err.retry_after_ms, 3600000);
    assert_int_equal(test_hub_count(&hub, "hub", ""), 1);
}

TEST(pull_asks_the_hub_again_when_a_signed_address_runs_out)
{
    rule("storage", "\"skip\":1,\"times\":1,\"do\":\"status\",\"status\":403");
    options.connections = 1;
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
    assert_int_equal(test_hub_count(&hub, "hub", "/model.safetensors"), 2);
}

TEST(pull_takes_the_whole_file_from_a_server_without_ranges)
{
    rule("storage", "\"do\":\"range\"");
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
}

TEST(pull_gives_up_a_connection_that_hangs)
{
    rule("storage", "\"times\":1,\"do\":\"hang\"");
    options.stall_ms = 300;
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
}

TEST(pull_fetches_a_spoiled_file_once_more)
{
    rule("storage", "\"times\":1,\"do\":\"spoil\"");
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
    control("{\"rules\":[{\"path\":\"1_Pooling/config.json\",\"times\":1,\"do\":\"spoil\"}]}");
    assert_ok(kit_file_remove(in_models("org"), NULL));
    p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
}

/* --- it lies: nothing is taken --- */

TEST(pull_refuses_what_has_another_hash)
{
    rule("storage", "\"do\":\"spoil\"");
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_IO, "is not what the hub says it is: its SHA-256 is");
    assert_nothing_placed();
    start_anew("{\"rules\":[{\"path\":\"config.json\",\"do\":\"spoil\"}]}");
    p = pull("org/tiny");
    assert_refused(&p, KIT_IO, "its git hash is");
    assert_nothing_placed();
}

TEST(pull_refuses_bytes_that_it_did_not_ask_for)
{
    rule("storage", "\"do\":\"shift\"");
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_IO, "other bytes than it was asked for");
    assert_nothing_placed();
}

TEST(pull_refuses_another_length)
{
    rule("storage", "\"do\":\"length\",\"bytes\":10");
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_IO, "instead of");
    assert_nothing_placed();
}

TEST(pull_refuses_a_listing_whose_sizes_are_not_true)
{
    char json[512];
    static const char *const sizes[] = {"299999", "300001", "0"};
    for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
        snprintf(
            json, sizeof(json),
            "{\"siblings\":{\"org/tiny\":[\"config.json\",{\"rfilename\":\"model.safetensors\",\"size\":%s,\"lfs\":"
            "{\"sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\"size\":%s}}]}}",
            sizes[i], sizes[i]);
        control(json);
        struct pulled p = pull("org/tiny");
        assert_int_equal(p.rc, KIT_IO);
        assert_nothing_placed();
    }
}

TEST(pull_refuses_a_file_that_changes_under_a_commit)
{
    rule("hub", "\"do\":\"etag\"");
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_IO, "has changed on the hub");
    start_anew("{\"rules\":[{\"path\":\"/config.json\",\"do\":\"etag\"}]}");
    p = pull("org/tiny");
    assert_refused(&p, KIT_IO, "has changed on the hub");
    rule("hub", "\"do\":\"commit\"");
    p = pull("org/tiny");
    assert_refused(&p, KIT_IO, "has changed on the hub");
    assert_nothing_placed();
}

TEST(pull_refuses_names_that_lead_out)
{
    static const char *const names[] = {"../evil.json", "/tmp/evil.json", "1_Pooling/../../evil.json", "a\\u0000b",
                                        "a\\\\b"};
    for (size_t i = 0; i < KIT_COUNT(names); i++) {
        char json[256];
        snprintf(json, sizeof(json), "{\"siblings\":{\"org/tiny\":[\"config.json\",\"model.safetensors\",\"%s\"]}}",
                 names[i]);
        control(json);
        struct pulled p = pull("org/tiny");
        assert_refused(&p, KIT_IO, "would lead out");
        assert_nothing_placed();
    }
}

TEST(pull_follows_no_redirects_in_circles)
{
    control("{\"rules\":[{\"path\":\"^/api\",\"do\":\"loop\"}]}");
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_IO, "in circles");
    assert_int_equal(test_hub_count(&hub, "hub", ""), 11);
    rule("storage", "\"do\":\"loop\"");
    p = pull("org/tiny");
    assert_refused(&p, KIT_IO, "in circles");
}

TEST(pull_follows_no_redirects_to_other_schemes)
{
    static const char *const places[] = {"file:///etc/passwd", "ftp://127.0.0.1/x", "\\u001b]0;x", "mailto:a@b"};
    for (size_t i = 0; i < KIT_COUNT(places); i++) {
        char json[256];
        snprintf(json, sizeof(json), "{\"rules\":[{\"path\":\"^/api\",\"do\":\"away\",\"to\":\"%s\"}]}", places[i]);
        control(json);
        struct pulled p = pull("org/tiny");
        assert_refused(&p, KIT_IO, "no http(s) address");
        assert_int_equal(test_hub_count(&hub, "hub", ""), 1);
    }
}

TEST(pull_ends_when_a_server_never_gets_better)
{
    rule("storage", "\"do\":\"cut\",\"bytes\":0");
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_IO, "pull again to go on from here");
    rule("storage", "\"do\":\"status\",\"status\":500");
    p = pull("org/tiny");
    assert_refused(&p, KIT_UNAVAILABLE, "the hub answers 500");
    control("{\"rules\":[{\"at\":\"storage\",\"path\":\"\",\"times\":4,\"do\":\"range\"},"
            "{\"at\":\"storage\",\"path\":\"\",\"do\":\"cut\",\"bytes\":200000}]}");
    p = pull("org/tiny"); /* without ranges each try starts from the first byte */
    assert_refused(&p, KIT_IO, "pull again");
}

TEST(pull_takes_listings_of_thousands_and_no_endless_ones)
{
    control("{\"crowd\":{\"org/tiny\":5000}}");
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    control("{\"crowd\":{\"org/tiny\":20000}}");
    p = pull("org/tiny");
    assert_refused(&p, KIT_TOO_LARGE, "larger than");
}

/* --- room --- */

TEST(pull_refuses_more_than_the_limit)
{
    options.files_bytes_max = 1000;
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_TOO_LARGE, "hub.files_bytes_max is 1.0 kB");
    assert_int_equal(test_hub_count(&hub, "storage", ""), 0);
}

TEST(pull_refuses_what_the_disk_has_no_room_for_with_the_sum)
{
    control("{\"siblings\":{\"org/"
            "tiny\":[\"config.json\",{\"rfilename\":\"model.safetensors\",\"size\":4000000000000000000,"
            "\"lfs\":{\"sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\","
            "\"size\":4000000000000000000}}]}}");
    struct pulled p = pull("org/tiny");
    assert_refused(&p, KIT_NO_SPACE, "needs 4.0 EB");
    assert_non_null(strstr(p.err.msg, "make room for"));
    assert_int_equal(test_hub_count(&hub, "storage", ""), 0);
}

/* Writing fails in the middle: a limit on the size of files stands for a disk that got full meanwhile. */
TEST(pull_says_when_writing_fails_and_goes_on_later)
{
    struct rlimit old, small = {.rlim_cur = 200000, .rlim_max = RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    options.connections = 1;
    struct pulled p = pull("org/tiny");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_refused(&p, KIT_IO, "cannot write it");
    assert_nothing_placed();
    control("{}");
    p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
    assert_in_range(test_hub_sent(&hub, "storage", "model.safetensors"), 1, WEIGHTS_BYTES - 190000);
}

TEST(pull_on_a_disk_that_is_nearly_full_is_refused)
{
    char path[TEST_PATH_BYTES];
    test_temp_path(path, "small-disk");
    assert_ok(kit_file_make_folder(path, NULL));
    if (mount("tmpfs", path, "tmpfs", 0, "size=8m") != 0) {
        skip(); /* needs root */
    }
    kit_str_to_c(kit_str_c(path), models, sizeof(models));
    struct pulled p = pull("org/tiny");
    assert_int_equal(umount2(path, MNT_DETACH), 0);
    assert_refused(&p, KIT_NO_SPACE, "'org/tiny' needs");
}

/* --- stopped and gone on with --- */

TEST(pull_that_is_stopped_goes_on_where_it_was)
{
    struct pulled p = {.stop_at = 100000};
    rule("storage", "\"do\":\"slow\",\"bytes\":200000");
    pull_with("org/tiny", "", &p);
    assert_int_equal(p.rc, KIT_CANCELLED);
    assert_nothing_placed();
    uint64_t had = p.done;
    control("{}");
    p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
    assert_int_equal(p.result.fetched, p.result.bytes - had);
    assert_int_equal(test_hub_count(&hub, "hub", "/config.json"), 0); /* what was whole is not asked for */
    assert_no_partial();
}

/* The process is killed in the middle; a new one goes on. */
TEST(pull_that_was_killed_goes_on_where_it_was)
{
    rule("storage", "\"do\":\"slow\",\"bytes\":60000");
    pid_t child = fork();
    if (child == 0) {
        pull("org/tiny");
        _exit(0);
    }
    uint64_t until_ns = kit_clock_ns() + 20 * KIT_NS_PER_S;
    while (test_hub_sent(&hub, "storage", "model.safetensors") < 150000 && kit_clock_ns() < until_ns) {
        usleep(20000);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    uint64_t before = test_hub_sent(&hub, "storage", "model.safetensors");
    assert_in_range(before, 150000, WEIGHTS_BYTES);
    control("{}");
    struct pulled p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
    uint64_t twice = before + test_hub_sent(&hub, "storage", "model.safetensors") - WEIGHTS_BYTES;
    assert_in_range(twice, 0, 4 * 60000 + 4 * 16384); /* a second's worth: half is written down each half second */
}

TEST(pull_whose_state_is_damaged_starts_anew)
{
    struct pulled p = {.stop_at = 100000};
    rule("storage", "\"do\":\"slow\",\"bytes\":200000");
    pull_with("org/tiny", "", &p);
    assert_int_equal(p.rc, KIT_CANCELLED);
    assert_ok(kit_file_write(in_models(".partial/org+tiny/state"), kit_str_lit("heimnetz-hub 1 x\n{}"), NULL));
    assert_ok(kit_file_write(in_models(".partial/org+tiny/files/stray.json"), kit_str_lit("x"), NULL));
    control("{}");
    p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
    assert_int_equal(p.result.fetched, p.result.bytes);
    assert_false(is_there("org/tiny/stray.json"));
}

TEST(pull_believes_no_state_that_the_files_contradict)
{
    struct pulled p = {.stop_at = 200000};
    rule("storage", "\"do\":\"slow\",\"bytes\":200000");
    pull_with("org/tiny", "", &p);
    assert_int_equal(p.rc, KIT_CANCELLED);
    assert_int_equal(truncate(in_models(".partial/org+tiny/files/model.safetensors"), 10), 0);
    assert_ok(kit_file_write(in_models(".partial/org+tiny/files/config.json"), kit_str_lit("{\"model_type\":\"evil\"}"),
                             NULL)); /* of the same size */
    control("{}");
    p = pull("org/tiny");
    assert_pulled(&p);
    assert_tiny_at("org/tiny");
}

TEST(pull_of_another_commit_takes_what_is_the_same_and_drops_the_rest)
{
    struct pulled p = {.stop_at = 100000};
    rule("storage", "\"do\":\"slow\",\"bytes\":200000");
    pull_with("org/tiny", "", &p);
    assert_int_equal(p.rc, KIT_CANCELLED);
    control("{}");
    p = pull("org/tiny@v1");
    assert_pulled(&p);
    assert_content("org/tiny/model.safetensors", kit_str_lit("weights of v1"));
    assert_content("org/tiny/config.json", kit_str_lit(CONFIG));
    assert_false(is_there("org/tiny/1_Pooling/config.json"));
    assert_int_equal(test_hub_count(&hub, "hub", "/config.json"), 0); /* the same in both */
}

TEST(pull_removes_what_nobody_has_gone_on_with)
{
    struct pulled p = {.stop_at = 100000};
    struct timespec long_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    rule("storage", "\"do\":\"slow\",\"bytes\":200000");
    pull_with("org/tiny", "", &p);
    assert_int_equal(p.rc, KIT_CANCELLED);
    p = pull("tiny");
    assert_pulled(&p);
    assert_true(is_there(".partial/org+tiny/state"));
    assert_int_equal(utimensat(AT_FDCWD, in_models(".partial/org+tiny/state"), long_ago, 0), 0);
    p = pull("org/empty");
    assert_pulled(&p);
    assert_no_partial();
}

static uint32_t other_tries;

static void try_beside(uint64_t done)
{
    (void)done;
    if (is_there(".partial/org+tiny/lock") && other_tries++ == 0) {
        struct pulled p = pull("org/tiny");
        assert_refused(&p, KIT_UNAVAILABLE, "another process is fetching");
    }
}

TEST(pull_beside_another_of_the_same_model_waits_for_nobody)
{
    struct pulled p = {.at_progress = try_beside};
    other_tries = 0;
    pull_with("org/tiny", "", &p);
    assert_pulled(&p);
    assert_true(other_tries > 0);
    assert_tiny_at("org/tiny");
}

TEST(pull_survives_each_failed_alloc)
{
    options.connections = 2;
    bool more = true;
    for (uint64_t n = 1; more; n++) { /* no TEST_ALLOC_SWEEP: what is looked at afterwards must not fail */
        kit_alloc_fail_at(n);
        struct pulled p = pull("org/tiny");
        more = kit_alloc_failed();
        kit_alloc_fail_at(0);
        if (p.rc != KIT_OK && p.rc != KIT_NOMEM) {
            fail_msg("%s: %s", kit_status_name(p.rc), p.err.msg);
        }
        if (p.rc == KIT_OK) {
            assert_tiny_at("org/tiny");
            assert_ok(kit_file_remove(in_models("org"), NULL));
        } else {
            assert_nothing_placed();
        }
    }
}

/* --- around all of them --- */

static void put(const char *name, const char *text)
{
    char path[TEST_PATH_BYTES], below[256];
    snprintf(below, sizeof(below), "hub/%s", name);
    test_temp_write(path, below, kit_str_c(text));
}

static int start(void **state)
{
    (void)state;
    char path[TEST_PATH_BYTES];
    unsigned seed = 1;
    kit_log_setup(&(struct kit_log_options){.level = KIT_LOG_OFF, .fd = 2});
    for (size_t i = 0; i < sizeof(weights); i++) {
        weights[i] = (char)rand_r(&seed);
    }
    put("org/tiny/config.json", CONFIG);
    put("org/tiny/1_Pooling/config.json", POOLING);
    put("org/tiny/README.md", "# tiny");
    put("org/tiny/pytorch_model.bin", "the same again");
    test_temp_write(path, "hub/org/tiny/model.safetensors", (kit_str){weights, sizeof(weights)});
    put("org/tiny@v1/config.json", CONFIG);
    put("org/tiny@v1/model.safetensors", "weights of v1");
    put("tiny/config.json", CONFIG);
    put("tiny/model.safetensors", "old weights");
    put("org/sharded/config.json", CONFIG);
    put("org/sharded/model.safetensors.index.json", "{}");
    put("org/sharded/model-00001-of-00002.safetensors", "one");
    put("org/sharded/model-00002-of-00002.safetensors", "two");
    put("org/gguf/x-Q4_K_M.gguf", "four");
    put("org/gguf/x-Q8_0.gguf", "eight");
    put("org/empty/config.json", CONFIG);
    put("org/empty/vocab.txt", "");
    put("org/empty/model.safetensors", "weights");
    test_hub_start(&hub, SCRIPT, test_temp_path(path, "hub"), NULL, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    test_hub_stop(&hub);
    return 0;
}

static int set_up(void **state)
{
    static unsigned number;
    char name[32];
    (void)state;
    snprintf(name, sizeof(name), "models%u", number++);
    test_temp_path(models, name);
    assert_ok(kit_file_make_folder(models, NULL));
    control("{}");
    use_defaults();
    return 0;
}

int main(void)
{
#define WITH_HUB(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        WITH_HUB(pull_brings_what_is_needed_whole_and_in_its_place),
        WITH_HUB(pull_fetches_large_files_in_ranges_and_each_byte_once),
        WITH_HUB(pull_again_asks_for_the_listing_only),
        WITH_HUB(pull_takes_a_revision_and_changes_from_one_to_the_other),
        WITH_HUB(pull_takes_a_model_without_an_organisation_beside_one_of_that_name),
        WITH_HUB(pull_takes_shards_and_a_named_gguf),
        WITH_HUB(pull_takes_empty_files),
        WITH_HUB(pull_asks_file_by_file_where_the_listing_has_no_sizes),
        WITH_HUB(pull_follows_a_rename_and_keeps_the_name_that_was_typed),
        WITH_HUB(pull_puts_nothing_over_a_folder_that_is_not_the_hubs),
        WITH_HUB(pull_puts_nothing_into_another_model),
        WITH_HUB(pull_gives_the_token_to_the_hub_and_nobody_else),
        WITH_HUB(pull_gives_no_token_where_a_listing_redirects_away),
        WITH_HUB(pull_says_where_to_ask_for_a_gated_model),
        WITH_HUB(pull_says_when_a_token_is_not_good_and_what_a_stranger_may_be_missing),
        WITH_HUB(pull_says_what_is_not_there),
        WITH_HUB(pull_offline_asks_nobody),
        WITH_HUB(pull_names_a_hub_that_does_not_answer),
        WITH_HUB(pull_takes_no_page_for_a_listing),
        WITH_HUB(pull_goes_on_where_a_connection_was_cut),
        WITH_HUB(pull_goes_on_after_errors_that_pass),
        WITH_HUB(pull_waits_as_long_as_it_is_asked_to),
        WITH_HUB(pull_does_not_wait_for_an_hour),
        WITH_HUB(pull_asks_the_hub_again_when_a_signed_address_runs_out),
        WITH_HUB(pull_takes_the_whole_file_from_a_server_without_ranges),
        WITH_HUB(pull_gives_up_a_connection_that_hangs),
        WITH_HUB(pull_fetches_a_spoiled_file_once_more),
        WITH_HUB(pull_refuses_what_has_another_hash),
        WITH_HUB(pull_refuses_bytes_that_it_did_not_ask_for),
        WITH_HUB(pull_refuses_another_length),
        WITH_HUB(pull_refuses_a_listing_whose_sizes_are_not_true),
        WITH_HUB(pull_refuses_a_file_that_changes_under_a_commit),
        WITH_HUB(pull_refuses_names_that_lead_out),
        WITH_HUB(pull_follows_no_redirects_in_circles),
        WITH_HUB(pull_follows_no_redirects_to_other_schemes),
        WITH_HUB(pull_ends_when_a_server_never_gets_better),
        WITH_HUB(pull_takes_listings_of_thousands_and_no_endless_ones),
        WITH_HUB(pull_refuses_more_than_the_limit),
        WITH_HUB(pull_refuses_what_the_disk_has_no_room_for_with_the_sum),
        WITH_HUB(pull_says_when_writing_fails_and_goes_on_later),
        WITH_HUB(pull_on_a_disk_that_is_nearly_full_is_refused),
        WITH_HUB(pull_that_is_stopped_goes_on_where_it_was),
        WITH_HUB(pull_that_was_killed_goes_on_where_it_was),
        WITH_HUB(pull_whose_state_is_damaged_starts_anew),
        WITH_HUB(pull_believes_no_state_that_the_files_contradict),
        WITH_HUB(pull_of_another_commit_takes_what_is_the_same_and_drops_the_rest),
        WITH_HUB(pull_removes_what_nobody_has_gone_on_with),
        WITH_HUB(pull_beside_another_of_the_same_model_waits_for_nobody),
        WITH_HUB(pull_survives_each_failed_alloc),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
