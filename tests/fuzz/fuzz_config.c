/* A file of settings: a table with a row of each type. */
#include "fuzz/files.h"
#include "kit/config.h"
#include "kit/utf8.h"

static const struct kit_config_row rows[] = {
    {.key = "host", .type = KIT_CONFIG_STRING, .initial = "127.0.0.1", .max = 64, .help = "h"},
    {.key = "port", .type = KIT_CONFIG_INT, .initial = "8001", .min = 0, .max = 65535, .help = "h"},
    {.key = "http.body_bytes_max", .type = KIT_CONFIG_BYTES, .initial = "64MiB", .min = 1, .max = 1 << 30, .help = "h"},
    {.key = "http.idle_timeout", .type = KIT_CONFIG_MS, .initial = "75s", .min = 1, .max = 3600000, .help = "h"},
    {.key = "log.format", .type = KIT_CONFIG_ENUM, .initial = "pretty", .range = "pretty|logfmt|json", .help = "h"},
    {.key = "log.colour", .type = KIT_CONFIG_BOOL, .initial = "true", .help = "h"},
};

static void check_ranges(const struct kit_config *c)
{
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        bool ranged =
            rows[i].type == KIT_CONFIG_INT || rows[i].type == KIT_CONFIG_BYTES || rows[i].type == KIT_CONFIG_MS;
        if (ranged) {
            int64_t value = kit_config_int(c, rows[i].key);
            FUZZ_CHECK(value >= rows[i].min && value <= rows[i].max);
        }
    }
    FUZZ_CHECK(kit_config_int(c, "log.format") >= 0 && kit_config_int(c, "log.format") < 3);
    FUZZ_CHECK(kit_str_c(kit_config_str(c, "host")).len <= 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kit_config *c = NULL;
    struct kit_err err = {0};
    FUZZ_CHECK(kit_config_new(rows, KIT_COUNT(rows), &c) == KIT_OK);
    if (kit_config_load_file(c, fuzz_file((kit_str){(const char *)data, size}), &err) != KIT_OK) {
        FUZZ_CHECK(err.msg[0] != '\0' && kit_utf8_is_valid(kit_str_c(err.msg)));
    }
    check_ranges(c); /* a file that fails in its middle leaves sound settings, too */
    kit_config_free(c);
    return 0;
}
