#include "plug/engine.h"

#include <assert.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/file.h"
#include "kit/log.h"
#include "plug/inner.h"

#define PATH_BYTES 4096

/* --- finding the plug-ins --- */

struct scan {
    struct plug_engine *engine;
    enum kit_status status;
    struct kit_err *err;
};

/* NOMEM ends the scan; what is wrong with one file costs that file only. */
static enum kit_status add_plugin(struct plug_engine *e, const char *path, struct kit_err *err)
{
    if (e->count == e->backends_max) {
        LOG_WARN("plug.too_many", "file=%s limit=%u", LOG_QUOTE(path), e->backends_max);
        return KIT_OK;
    }
    struct kit_err why = {0};
    enum kit_status rc = plug_backend_load(path, &e->services, &e->backends[e->count], &why);
    if (rc == KIT_NOMEM) {
        return kit_fail(err, KIT_NOMEM, "%s", why.msg);
    }
    if (rc != KIT_OK) {
        LOG_WARN("plug.left_out", "file=%s why=%s", LOG_QUOTE(path), LOG_QUOTE(why.msg));
        return KIT_OK;
    }
    const struct plug_backend *b = e->backends[e->count++];
    LOG_INFO("plug.loaded", "backend=%s version=%s", b->name, LOG_QUOTE(b->table.version));
    return KIT_OK;
}

static bool look_at(void *ctx, const char *name, bool is_folder)
{
    struct scan *s = ctx;
    char path[PATH_BYTES];
    if (is_folder || !kit_str_ends(kit_str_c(name), kit_str_lit(".so"))) {
        return true;
    }
    s->status = kit_file_join(path, sizeof(path), kit_str_c(s->engine->folder), kit_str_c(name), s->err);
    if (s->status == KIT_OK) {
        s->status = add_plugin(s->engine, path, s->err);
    }
    return s->status == KIT_OK;
}

static enum kit_status scan_folder(struct plug_engine *e, struct kit_err *err)
{
    struct scan s = {.engine = e, .status = KIT_OK, .err = err};
    enum kit_status rc = kit_file_list(e->folder, look_at, &s, err);
    return rc != KIT_OK ? rc : s.status;
}

/* --- life --- */

static enum kit_status fill(struct plug_engine *e, const struct plug_options *options, struct kit_err *err)
{
    e->services = (struct plug_services){.log = plug_host_log, .count = plug_host_count};
    e->cell_shared_bytes_max = options->cell_shared_bytes_max;
    e->cell_call_ms_max = options->cell_call_ms_max;
    e->backends_max = options->backends_max;
    e->folder = kit_alloc_copy(options->folder, strlen(options->folder));
    e->cell_exe = kit_alloc_copy(options->cell_exe, strlen(options->cell_exe));
    if (e->folder == NULL || e->cell_exe == NULL || plug_cores_new(options->cores_max, &e->services.cores) != KIT_OK ||
        plug_team_new(PLUG_TEAM_HELPERS_MAX, &e->services.team) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    return KIT_OK;
}

enum kit_status plug_engine_new(const struct plug_options *options, struct plug_engine **ret, struct kit_err *err)
{
    assert(options->backends_max >= 1 && options->backends_max <= PLUG_BACKENDS_MAX);
    struct plug_engine *e = kit_alloc_zero(1, sizeof(*e) + options->backends_max * sizeof(e->backends[0]));
    if (e == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    enum kit_status rc = fill(e, options, err);
    if (rc == KIT_OK) {
        rc = scan_folder(e, err);
    }
    if (rc != KIT_OK) {
        plug_engine_free(e);
        return rc;
    }
    *ret = e;
    return KIT_OK;
}

void plug_engine_free(struct plug_engine *e)
{
    if (e == NULL) {
        return;
    }
    while (e->count > 0) {
        plug_backend_unload(e->backends[--e->count]);
    }
    plug_team_free(e->services.team);
    plug_cores_free(e->services.cores);
    kit_alloc_free(e->cell_exe);
    kit_alloc_free(e->folder);
    kit_alloc_free(e);
}

/* --- choosing --- */

const struct acb_plugin *plug_engine_backend(const struct plug_engine *e, uint32_t index)
{
    return index < e->count ? &e->backends[index]->table : NULL;
}

static enum kit_status find_named(const struct plug_engine *e, const char *name, const struct acb_plugin **ret,
                                  struct kit_err *err)
{
    for (uint32_t i = 0; i < e->count; i++) {
        if (strcmp(e->backends[i]->name, name) == 0) {
            *ret = &e->backends[i]->table;
            return KIT_OK;
        }
    }
    return kit_fail(err, KIT_NOT_FOUND, "no back end '%s' in %s", name, e->folder);
}

static int32_t probe(const struct plug_backend *b, const char *folder)
{
    int32_t points = b->table.probe(folder);
    if (points < 0 || points > 100) {
        LOG_WARN("plug.probe", "backend=%s points=%d why=\"must be 0 to 100\"", b->name, (int)points);
        return 0;
    }
    return points;
}

static enum kit_status say_none(const struct plug_engine *e, const char *folder, struct kit_err *err)
{
    char text[KIT_ERR_MSG_BYTES];
    struct kit_buf names;
    kit_buf_init(&names, sizeof(text));
    for (uint32_t i = 0; i < e->count; i++) {
        (void)kit_buf_printf(&names, "%s%s", i > 0 ? ", " : "", e->backends[i]->name);
    }
    (void)kit_str_to_c(kit_buf_str(&names), text, sizeof(text));
    kit_buf_done(&names);
    return kit_fail(err, KIT_UNSUPPORTED, "no back end can run what lies in %s; asked: %s", folder,
                    e->count > 0 ? text : "none is installed");
}

enum kit_status plug_engine_choose(const struct plug_engine *e, const char *folder, const char *name,
                                   const struct acb_plugin **ret, struct kit_err *err)
{
    if (name != NULL && name[0] != 0) {
        return find_named(e, name, ret, err);
    }
    const struct plug_backend *best = NULL;
    int32_t most = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        int32_t points = probe(e->backends[i], folder);
        if (points > most) {
            most = points;
            best = e->backends[i];
        }
    }
    if (best == NULL) {
        return say_none(e, folder, err);
    }
    *ret = &best->table;
    return KIT_OK;
}

/* --- cores --- */

uint32_t plug_cores_acquire(struct plug_engine *e, uint32_t min, uint32_t max)
{
    return plug_cores_take(e->services.cores, min, max);
}

void plug_cores_release(struct plug_engine *e, uint32_t n)
{
    plug_cores_give(e->services.cores, n);
}

void plug_cores_run(struct plug_engine *e, uint32_t cores, uint32_t n,
                    void (*fn)(void *arg, uint32_t i, uint32_t worker), void *arg)
{
    plug_team_run(e->services.team, KIT_MIN(cores, PLUG_TEAM_HELPERS_MAX + 1), n, fn, arg);
}

uint32_t plug_cores_total(const struct plug_engine *e)
{
    return plug_cores_budget(e->services.cores);
}
