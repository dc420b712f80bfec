/* aethercore - the model server. */
#include <stdio.h>
#include <unistd.h>

#include "aethercore/app.h"
#include "aethercore/options.h"
#include "kit/log.h"
#include "kit/map.h"
#include "plug/cell.h"

extern char **environ;

enum { EXIT_CLEAN = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static void set_up_log(const struct kit_config *c)
{
    bool terminal = isatty(STDERR_FILENO) == 1;
    static const enum kit_log_format formats[] = {KIT_LOG_LOGFMT, KIT_LOG_PRETTY, KIT_LOG_LOGFMT, KIT_LOG_JSON};
    int64_t format = kit_config_int(c, "log.format");
    struct kit_log_options log = {
        .level = (enum kit_log_level)kit_config_int(c, "log.level"),
        .format = format == 0 && terminal ? KIT_LOG_PRETTY : formats[format],
        .colour = terminal,
        .fd = STDERR_FILENO,
    };
    kit_log_setup(&log);
}

static int print_config(const struct kit_config *c)
{
    struct kit_buf text;
    kit_buf_init(&text, KIT_MIB);
    bool good = kit_config_sample(c, &text) == KIT_OK && fwrite(text.ptr, 1, text.len, stdout) == text.len;
    kit_buf_done(&text);
    return good ? EXIT_CLEAN : EXIT_FAILED;
}

static int serve(const struct aethercore_source *source, const struct kit_config *c)
{
    static struct aethercore_app app;
    struct kit_err err = {0};
    enum kit_status rc = kit_map_guard_install(&err);
    if (rc == KIT_OK) {
        rc = aethercore_app_start(&app, source, c, &err);
    }
    if (rc == KIT_OK) {
        aethercore_app_run(&app);
    } else {
        LOG_ERROR("server.failed", "why=%s", LOG_QUOTE(err.msg));
    }
    aethercore_app_stop(&app);
    return rc == KIT_OK ? EXIT_CLEAN : rc == KIT_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    if (plug_cell_wanted(argc, argv)) {
        return plug_cell_main(argc, argv);
    }
    struct kit_err err = {0};
    struct kit_config *config = NULL;
    enum aethercore_wish wish;
    if (aethercore_options_read(argc, argv, environ, &wish, &config, &err) != KIT_OK) {
        fprintf(stderr, "aethercore: %s\n", err.msg);
        return EXIT_USAGE;
    }
    int code = EXIT_CLEAN;
    if (wish == AETHERCORE_HELP) {
        fputs(aethercore_options_help(), stdout);
    } else if (wish == AETHERCORE_VERSION) {
        puts("aethercore " HEIMNETZ_VERSION);
    } else if (wish == AETHERCORE_PRINT_CONFIG) {
        code = print_config(config);
    } else {
        set_up_log(config);
        code = serve(&(struct aethercore_source){argc, argv, environ}, config);
    }
    kit_config_free(config);
    return code;
}
