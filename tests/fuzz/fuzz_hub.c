/* What a hub answers: the list of a repository's files; and before it the name that a user typed and an ETag. Nothing that
 * it names may lie outside of the model's folder. */
#include "fuzz/fuzz.h"
#include "hub/plan.h"

static void check_plan(const struct hub_plan *p)
{
    FUZZ_CHECK(p->count > 0 && p->count <= HUB_FILES_MAX);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct hub_plan_file *f = &p->files[i];
        FUZZ_CHECK(hub_name_is_file(kit_str_c(f->path)) && !hub_name_is_hostile(kit_str_c(f->path)));
        for (uint32_t k = 0; k < i; k++) {
            FUZZ_CHECK(!kit_str_eq(kit_str_c(f->path), kit_str_c(p->files[k].path)));
        }
    }
}

static void read_listing(kit_str json, kit_str file)
{
    struct kit_json_doc *doc = NULL;
    struct hub_plan plan = {0};
    struct kit_err err = {0};
    if (kit_json_parse(json, 16, &doc, NULL) != KIT_OK) {
        return;
    }
    if (hub_plan_read(kit_json_root(doc), "org/name", file, &plan, &err) == KIT_OK) {
        check_plan(&plan);
    } else {
        FUZZ_CHECK(err.msg[0] != '\0');
    }
    hub_plan_done(&plan);
    kit_json_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kit_str rest = {(const char *)data, size};
    struct hub_name name;
    char hash[CRYPT_HEX_BYTES];
    kit_str typed = fuzz_take_part(&rest);
    kit_str etag = fuzz_take_part(&rest);
    kit_str file = fuzz_take_part(&rest);
    if (hub_name_parse(typed, (kit_str){0}, &name, NULL) == KIT_OK) {
        FUZZ_CHECK(name.id[0] != '\0' && name.revision[0] != '\0' && !hub_name_is_hostile(kit_str_c(name.id)));
    }
    (void)hub_plan_read_etag(etag, hash);
    read_listing(rest, file);
    return 0;
}
