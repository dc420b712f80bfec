#include "task/adapters.h"

#include <stdio.h>
#include <unistd.h>

#define PARAM "parameters.adapter"
#define PATH_BYTES 4096

void task_adapters_init(struct task_adapters *a)
{
    kit_mutex_init(&a->lock);
}

void task_adapters_done(struct task_adapters *a, struct plug_model *m)
{
    for (uint32_t i = 0; i < a->count; i++) {
        plug_model_adapter_close(m, a->list[i].handle);
    }
    a->count = 0;
    kit_mutex_done(&a->lock);
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

static enum kit_status check_name(kit_str name, struct kit_err *err)
{
    bool good = name.len > 0 && name.len < TASK_ADAPTER_NAME_BYTES && name.ptr[0] != '.';
    for (size_t i = 0; good && i < name.len; i++) {
        good = is_name_char(name.ptr[i]);
    }
    return good ? KIT_OK
                : kit_fail_param(err, KIT_INVALID, PARAM,
                                 "'" PARAM "' must be 1 to %d letters, digits, '.', '_' or '-', not beginning with '.'",
                                 TASK_ADAPTER_NAME_BYTES - 1);
}

static void *find(const struct task_adapters *a, kit_str name)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (kit_str_eq(name, kit_str_c(a->list[i].name))) {
            return a->list[i].handle;
        }
    }
    return NULL;
}

static enum kit_status open_file(struct task_adapters *a, struct plug_model *m, const char *folder, kit_str name,
                                 struct kit_err *err)
{
    char path[PATH_BYTES];
    if (a->count == TASK_ADAPTERS_MAX) {
        return kit_fail_param(err, KIT_FULL, PARAM, "%d adapters of this model are open already", TASK_ADAPTERS_MAX);
    }
    int len = snprintf(path, sizeof(path), "%s/adapters/%.*s.gguf", folder, KIT_STR_ARG(name));
    if (len >= (int)sizeof(path) || access(path, R_OK) != 0) {
        return kit_fail_param(err, KIT_NOT_FOUND, PARAM,
                              "the model has no adapter '%.*s': put %.*s.gguf into its folder "
                              "adapters/",
                              KIT_STR_ARG(name), KIT_STR_ARG(name));
    }
    enum kit_status rc = plug_model_adapter_open(m, path, 1, &a->list[a->count].handle, err);
    if (rc == KIT_OK) {
        kit_str_to_c(name, a->list[a->count].name, TASK_ADAPTER_NAME_BYTES);
        a->count++;
    }
    return rc;
}

enum kit_status task_adapters_find(struct task_adapters *a, struct plug_model *m, const char *folder, kit_str name,
                                   void **ret, struct kit_err *err)
{
    enum kit_status rc = check_name(name, err);
    if (rc != KIT_OK) {
        return rc;
    }
    kit_mutex_lock(&a->lock);
    if (find(a, name) == NULL) {
        rc = open_file(a, m, folder, name, err);
    }
    *ret = find(a, name);
    kit_mutex_unlock(&a->lock);
    return rc;
}
