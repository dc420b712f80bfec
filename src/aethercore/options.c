#include "aethercore/options.h"

#include "kit/log.h"

static const struct kit_config_row rows[] = {
#define CONFIG(key_, type_, initial_, min_, max_, range_, reloadable_, help_)                                          \
    {.key = key_,                                                                                                      \
     .type = KIT_CONFIG_##type_,                                                                                       \
     .initial = initial_,                                                                                              \
     .min = min_,                                                                                                      \
     .max = max_,                                                                                                      \
     .range = range_,                                                                                                  \
     .reloadable = reloadable_,                                                                                        \
     .help = help_},
#include "aethercore/config.def"
#undef CONFIG
};

const char *aethercore_options_help(void)
{
    return "aethercore - serves AI models over HTTP\n"
           "\n"
           "usage: aethercore [options]\n"
           "\n"
           "  --host ADDRESS    address to listen on (127.0.0.1)\n"
           "  --port PORT       port; 0 picks a free one (8001)\n"
           "  --models DIR      folder of models\n"
           "  --api-key-file F  clients must show the key that stands in this file (or in HEIMNETZ_API_KEY)\n"
           "  --config FILE     settings in YAML\n"
           "  --set KEY=VALUE   one setting; may be repeated\n"
           "  --print-config    a commented sample of all settings, then exit\n"
           "  --version, --help\n"
           "\n"
           "A setting a.b is AETHERCORE_A__B in the environment. Exit codes: 0 clean, 1 failure, 2 usage.\n";
}

/* Flags that stand for one key. */
static const struct {
    const char *flag, *key;
} flags[] = {{"--host", "server.host"},
             {"--port", "server.port"},
             {"--models", "models.folder"},
             {"--api-key-file", "server.api_key_file"}};

static const char *key_of(kit_str flag)
{
    for (size_t i = 0; i < KIT_COUNT(flags); i++) {
        if (kit_str_eq(flag, kit_str_c(flags[i].flag))) {
            return flags[i].key;
        }
    }
    return NULL;
}

struct arguments {
    char *const *argv;
    int argc, at;
};

/* One option and its value: "--flag value" or "--flag=value". */
static enum kit_status next_value(struct arguments *a, kit_str *flag, kit_str *value, struct kit_err *err)
{
    kit_str arg = kit_str_c(a->argv[a->at++]);
    size_t equals = kit_str_find_char(arg, '=');
    *flag = kit_str_sub(arg, 0, equals);
    if (equals < arg.len) {
        *value = kit_str_sub(arg, equals + 1, arg.len);
    } else if (a->at < a->argc) {
        *value = kit_str_c(a->argv[a->at++]);
    } else {
        return kit_fail(err, KIT_INVALID, "%.*s needs a value; --help lists the options", KIT_STR_ARG(arg));
    }
    return KIT_OK;
}

static bool is_option(kit_str arg)
{
    kit_str name = kit_str_sub(arg, 0, kit_str_find_char(arg, '='));
    return key_of(name) != NULL || kit_str_eq(name, kit_str_lit("--set")) || kit_str_eq(name, kit_str_lit("--config"));
}

static enum kit_status read_wish(kit_str arg, enum aethercore_wish *wish, struct kit_err *err)
{
    if (kit_str_eq(arg, kit_str_lit("--help")) || kit_str_eq(arg, kit_str_lit("-h"))) {
        *wish = AETHERCORE_HELP;
    } else if (kit_str_eq(arg, kit_str_lit("--version"))) {
        *wish = AETHERCORE_VERSION;
    } else if (kit_str_eq(arg, kit_str_lit("--print-config"))) {
        *wish = AETHERCORE_PRINT_CONFIG;
    } else {
        return kit_fail(err, KIT_INVALID, "unknown option '%.*s'; --help lists the options", KIT_STR_ARG(arg));
    }
    return KIT_OK;
}

static enum kit_status apply(struct kit_config *c, kit_str flag, kit_str value, bool files, struct kit_err *err)
{
    bool is_file = kit_str_eq(flag, kit_str_lit("--config"));
    if (is_file != files) {
        return KIT_OK;
    }
    if (is_file) {
        return kit_config_load_file(c, value.ptr, err); /* argv is NUL-ended */
    }
    if (kit_str_eq(flag, kit_str_lit("--set"))) {
        return kit_config_set_pair(c, value, err);
    }
    return kit_config_set(c, kit_str_c(key_of(flag)), value, err);
}

/* Twice over the arguments: files come before the environment, flags after it. */
static enum kit_status read_arguments(int argc, char *const *argv, bool files, struct kit_config *c,
                                      enum aethercore_wish *wish, struct kit_err *err)
{
    struct arguments a = {.argv = argv, .argc = argc, .at = 1};
    enum kit_status rc = KIT_OK;
    while (rc == KIT_OK && a.at < argc) {
        kit_str flag, value;
        if (!is_option(kit_str_c(argv[a.at]))) {
            rc = read_wish(kit_str_c(argv[a.at++]), wish, err);
            continue;
        }
        rc = next_value(&a, &flag, &value, err);
        if (rc == KIT_OK) {
            rc = apply(c, flag, value, files, err);
        }
    }
    return rc;
}

static void warn(const char *line)
{
    LOG_WARN("config.environment", "what=%s", LOG_QUOTE(line));
}

enum kit_status aethercore_options_read(int argc, char *const *argv, char *const *environment,
                                        enum aethercore_wish *wish, struct kit_config **ret, struct kit_err *err)
{
    struct kit_config *c = NULL;
    *wish = AETHERCORE_SERVE;
    if (kit_config_new(rows, KIT_COUNT(rows), &c) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the settings");
    }
    enum kit_status rc = read_arguments(argc, argv, true, c, wish, err);
    if (rc == KIT_OK) {
        rc = kit_config_load_env(c, "AETHERCORE", environment, warn, err);
    }
    if (rc == KIT_OK) {
        rc = read_arguments(argc, argv, false, c, wish, err);
    }
    if (rc != KIT_OK) {
        kit_config_free(c);
        return rc;
    }
    *ret = c;
    return KIT_OK;
}
