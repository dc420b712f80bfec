#include "plug/backend.h"

#include <dlfcn.h>
#include <string.h>

#include "kit/alloc.h"
#include "plug/status.h"

/* "/a/b/echo.so" is "echo". */
static kit_str name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    kit_str name = kit_str_c(slash != NULL ? slash + 1 : path);
    return kit_str_ends(name, kit_str_lit(".so")) ? kit_str_sub(name, 0, name.len - 3) : name;
}

static enum kit_status check_name(kit_str name, struct kit_err *err)
{
    if (name.len == 0 || name.len >= PLUG_BACKEND_NAME_BYTES) {
        return kit_fail(err, KIT_UNSUPPORTED, "a plug-in's name has 1 to %d bytes", PLUG_BACKEND_NAME_BYTES - 1);
    }
    for (size_t i = 0; i < name.len; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_", name.ptr[i]) == NULL) {
            return kit_fail(err, KIT_UNSUPPORTED, "a plug-in's name is made of a-z, 0-9 and _");
        }
    }
    return KIT_OK;
}

static enum kit_status check_version(const struct acb_plugin *p, struct kit_err *err)
{
    bool fits = p->major == ACB_MAJOR && (ACB_MAJOR > 0 || p->minor == ACB_MINOR);
    return fits ? KIT_OK
                : kit_fail(err, KIT_UNSUPPORTED, "it speaks version %u.%u of the ABI, this program %u.%u", p->major,
                           p->minor, ACB_MAJOR, ACB_MINOR);
}

static enum kit_status check_table(const struct plug_backend *b, struct kit_err *err)
{
    const struct acb_plugin *t = &b->table;
    if (t->name == NULL || strcmp(t->name, b->name) != 0) {
        return kit_fail(err, KIT_UNSUPPORTED, "its name and the file's differ");
    }
    if (t->version == NULL || t->summary == NULL || (t->option_count > 0 && t->options == NULL)) {
        return kit_fail(err, KIT_UNSUPPORTED, "its table has no version, summary or options");
    }
    return KIT_OK;
}

static enum kit_status check_functions(const struct acb_plugin *t, struct kit_err *err)
{
    bool models = t->probe != NULL && t->model_open != NULL && t->model_close != NULL && t->describe != NULL;
    bool instances = t->instance_open != NULL && t->instance_close != NULL && (t->infer != NULL || t->step != NULL);
    return models && instances ? KIT_OK : kit_fail(err, KIT_UNSUPPORTED, "its table lacks a required function");
}

/* dlerror's text, without line breaks. */
static enum kit_status open_library(struct plug_backend *b, struct kit_err *err)
{
    b->library = dlopen(b->path, RTLD_NOW | RTLD_LOCAL);
    if (b->library == NULL) {
        char clean[KIT_ERR_MSG_BYTES];
        const char *why = dlerror();
        (void)plug_status_clean(why != NULL ? why : "", KIT_ERR_MSG_BYTES, clean, sizeof(clean));
        return kit_fail(err, KIT_UNSUPPORTED, "%s", clean);
    }
    return KIT_OK;
}

/* The plug-in's table as one of our size, once its version allows to read it. */
static enum kit_status take_table(struct plug_backend *b, const struct acb_plugin *p, struct kit_err *err)
{
    if (p->size < offsetof(struct acb_plugin, name)) {
        return kit_fail(err, KIT_UNSUPPORTED, "its table is %u bytes long", p->size);
    }
    enum kit_status rc = check_version(p, err);
    if (rc == KIT_OK) {
        memcpy(&b->table, p, KIT_MIN(p->size, sizeof(b->table)));
        b->table.size = sizeof(b->table);
        rc = check_table(b, err);
    }
    return rc == KIT_OK ? check_functions(&b->table, err) : rc;
}

static enum kit_status enter(struct plug_backend *b, struct kit_err *err)
{
    const struct acb_plugin *(*entry)(const struct acb_host *) = NULL;
    void *symbol = dlsym(b->library, "aether_backend_entry");
    if (symbol == NULL) {
        return kit_fail(err, KIT_UNSUPPORTED, "it has no symbol aether_backend_entry");
    }
    memcpy(&entry, &symbol, sizeof(entry)); /* POSIX: a function's address fits void *; C has no cast for it */
    const struct acb_plugin *p = entry(&b->host.table);
    if (p == NULL) {
        return kit_fail(err, KIT_UNSUPPORTED, "it does not want this program (ABI %u.%u)", ACB_MAJOR, ACB_MINOR);
    }
    return take_table(b, p, err);
}

enum kit_status plug_backend_load(const char *path, const struct plug_services *services, struct plug_backend **ret,
                                  struct kit_err *err)
{
    kit_str name = name_of(path);
    enum kit_status rc = check_name(name, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct plug_backend *b = kit_alloc_zero(1, sizeof(*b));
    if (b == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    (void)kit_str_to_c(name, b->name, sizeof(b->name));
    plug_host_init(&b->host, services, b->name);
    b->path = kit_alloc_copy(path, strlen(path));
    rc = b->path != NULL ? open_library(b, err) : kit_fail(err, KIT_NOMEM, "out of memory");
    if (rc == KIT_OK) {
        rc = enter(b, err);
    }
    if (rc != KIT_OK) {
        b->table.stop = NULL; /* it was never started */
        plug_backend_unload(b);
        return rc;
    }
    *ret = b;
    return KIT_OK;
}

void plug_backend_unload(struct plug_backend *b)
{
    if (b == NULL) {
        return;
    }
    if (b->table.stop != NULL) {
        b->table.stop();
    }
    if (b->library != NULL) {
        (void)dlclose(b->library);
    }
    kit_alloc_free(b->path);
    kit_alloc_free(b);
}
