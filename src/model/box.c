#include "model/box.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "kit/alloc.h"
#include "model/converge.h"
#include "model/metrics.h"

static const char *const kind_names[] = {
#define KIND_NAME(name, text) text,
    KIT_LEDGER_KINDS(KIND_NAME)
#undef KIND_NAME
};

enum kit_status model_box_new(struct model_entry *e, struct model_box **ret, struct kit_err *err)
{
    char path[PATH_MAX];
    enum kit_status rc = model_entry_folder(e, path, sizeof(path), err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct model_box *b = kit_alloc_zero(1, sizeof(*b));
    char *folder = kit_alloc_printf("%s", path);
    if (b == NULL || folder == NULL) {
        kit_alloc_free(b);
        kit_alloc_free(folder);
        return kit_fail(err, KIT_NOMEM, "no memory to load model '%s'", e->info.id);
    }
    b->entry = e;
    b->loaded.folder = folder;
    b->loaded.version = e->info.version;
    b->loaded.refs = 1;
    memcpy(b->loaded.id, e->info.id, sizeof(b->loaded.id));
    *ret = b;
    return KIT_OK;
}

static void show_bytes(const struct model_box *b, const uint64_t bytes[KIT_LEDGER_KIND_COUNT])
{
    for (size_t i = 0; i < KIT_LEDGER_KIND_COUNT; i++) {
        METRIC_SET_WITH(model_bytes, (double)bytes[i], kit_str_c(b->loaded.id), kit_str_c(kind_names[i]));
    }
}

void model_box_close(struct model_box *b)
{
    if (b == NULL) {
        return;
    }
    struct model_catalog *c = b->entry->catalog;
    assert(b->loaded.refs == 1);
    if (b->warmed) {
        c->observer->forget(c->observer_ctx, &b->loaded);
    }
    if (b->loaded.model != NULL) {
        plug_model_close(b->loaded.model);
        show_bytes(b, (const uint64_t[KIT_LEDGER_KIND_COUNT]){0});
    }
    if (b->booked) {
        kit_ledger_close(c->ledger, b->account);
    }
    kit_alloc_free(b->loaded.folder);
    kit_alloc_free(b);
}

/* --- references --- */

static struct model_box *box_of(struct model_loaded *m)
{
    return KIT_CONTAINER(m, struct model_box, loaded);
}

void model_loaded_unref(struct model_loaded *m)
{
    if (m == NULL) {
        return;
    }
    struct model_entry *e = box_of(m)->entry;
    struct model_catalog *c = e->catalog;
    kit_mutex_lock(&c->lock);
    assert(m->refs > 1);
    m->refs--;
    if (m->refs == 1 && e->cooled) {
        model_converge_soon(e);
        kit_cond_broadcast(&c->changed);
    }
    kit_mutex_unlock(&c->lock); /* closing tells no event: nobody to wake, and from here on c may be gone */
}

void model_loaded_book(struct model_loaded *m)
{
    struct model_box *b = box_of(m);
    uint64_t bytes[KIT_LEDGER_KIND_COUNT] = {0};
    enum kit_ledger_source source[KIT_LEDGER_KIND_COUNT] = {0};
    plug_model_bytes(m->model, bytes, source);
    for (int i = 0; i < KIT_LEDGER_KIND_COUNT; i++) {
        enum kit_status rc = kit_ledger_set(b->entry->catalog->ledger, b->account, (enum kit_ledger_kind)i, bytes[i],
                                            source[i], false, NULL);
        assert(rc == KIT_OK); /* the account is open and nothing is refused */
        (void)rc;
    }
    show_bytes(b, bytes);
}
