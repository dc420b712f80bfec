#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "small_host.h"
#include "support/test.h"

#define LINE_BYTES 512

/* The .so as a host loads it, not the engine that is linked into the other tests. */
TEST(plugin_loads_and_gives_its_table)
{
    void *so = dlopen(TEST_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    if (so == NULL) {
        fail_msg("%s", dlerror());
    }
    const struct acb_plugin *(*entry)(const struct acb_host *) = NULL;
    *(void **)&entry = dlsym(so, "aether_backend_entry");
    assert_non_null(entry);
    const struct acb_plugin *p = entry(test_host_table());
    assert_non_null(p);
    assert_string_equal(p->name, "native");
    assert_true(p->size == sizeof(*p) && p->major == ACB_MAJOR && p->minor == ACB_MINOR);
    assert_true(ACB_HAS(p, probe) && ACB_HAS(p, model_open) && ACB_HAS(p, infer) && !ACB_HAS(p, step));
    void *model = NULL;
    struct acb_model_open open = {.size = sizeof(open), .folder = TEST_DATA "/tiny-bert", .options = "{}"};
    assert_int_equal(p->model_open(&open, &model, NULL), ACB_OK);
    p->model_close(model);
    dlclose(so);
}

TEST(plugin_exports_one_symbol)
{
    char line[LINE_BYTES];
    int count = 0;
    FILE *names = popen("nm -D --defined-only '" TEST_PLUGIN "'", "r");
    assert_non_null(names);
    while (fgets(line, sizeof(line), names) != NULL) {
        count++;
        assert_non_null(strstr(line, " T aether_backend_entry"));
    }
    assert_int_equal(pclose(names), 0);
    assert_int_equal(count, 1);
}

int main(void)
{
    test_host_start(1);
    int failed = TEST_RUN(TEST_OF(plugin_loads_and_gives_its_table), TEST_OF(plugin_exports_one_symbol));
    test_host_stop();
    return failed;
}
