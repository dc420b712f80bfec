#include "hub/hub.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fetch/url.h"
#include "hub/ask.h"
#include "hub/crew.h"
#include "hub/partial.h"
#include "hub/record.h"
#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/file.h"
#include "kit/log.h"
#include "kit/num.h"

#define LISTING_BYTES_MAX (16 * KIT_MIB)
#define LISTING_DEPTH_MAX 32
#define PATH_BYTES 1024
#define HASH_BYTES (4 * KIT_MIB) /* between two looks at the connections */
#define SAVE_NS (500 * KIT_NS_PER_MS)
#define SPARE_BYTES (16 * KIT_MIB) /* stays free on the disk */

struct pull {
    struct hub_session session;
    struct hub_plan plan;
    struct hub_partial partial;
    struct hub_crew crew;
    struct hub_file *files; /* [plan.count], owned */
    char target[PATH_MAX];
    bool replace; /* the target is there, and came from the hub */
    uint64_t saved_ns, saved_bytes;
};

/* --- what there is --- */

static enum kit_status ask_listing(struct pull *p, struct hub_answer *ret, struct kit_err *err)
{
    const struct hub_name *name = &p->session.wish->name;
    struct kit_buf path;
    kit_buf_init(&path, PATH_BYTES);
    kit_buf_printf(&path, "/api/models/%s/revision/", name->id);
    fetch_url_escape(&path, kit_str_c(name->revision), false);
    kit_buf_printf(&path, "?blobs=true");
    enum kit_status rc = path.failed == KIT_OK
                             ? hub_ask(&p->session, "GET", kit_buf_str(&path), LISTING_BYTES_MAX, ret, err)
                             : kit_fail(err, path.failed, "out of memory for an address");
    kit_buf_done(&path);
    return rc;
}

static enum kit_status read_listing(struct pull *p, struct kit_err *err)
{
    struct hub_answer answer = {0};
    struct kit_json_doc *doc = NULL;
    const struct hub_wish *wish = p->session.wish;
    enum kit_status rc = ask_listing(p, &answer, err);
    if (rc == KIT_OK) {
        rc = kit_json_parse(kit_buf_str(&answer.body), LISTING_DEPTH_MAX, &doc, err);
        rc = rc == KIT_PARSE
                 ? kit_fail(err, KIT_IO, "what answers at %s is no hub: it does not speak JSON", p->session.o->endpoint)
                 : rc;
    }
    if (rc == KIT_OK) {
        rc = hub_plan_read(kit_json_root(doc), wish->name.id, wish->file, &p->plan, err);
    }
    kit_json_free(doc);
    hub_answer_done(&answer);
    return rc;
}

/* Asks the hub of one file what the listing does not say. */
static enum kit_status ask_file(struct pull *p, struct hub_plan_file *f, struct kit_err *err)
{
    struct hub_answer answer = {0};
    struct kit_buf path;
    kit_buf_init(&path, PATH_BYTES);
    kit_buf_printf(&path, "/%s/resolve/%s/", p->session.wish->name.id, p->plan.commit);
    fetch_url_escape(&path, kit_str_c(f->path), true);
    enum kit_status rc = path.failed == KIT_OK ? hub_ask(&p->session, "HEAD", kit_buf_str(&path), 0, &answer, err)
                                               : kit_fail(err, path.failed, "out of memory for an address");
    kit_buf_done(&path);
    if (rc != KIT_OK) {
        return rc;
    }
    if (f->proof == HUB_PROOF_NONE) {
        f->proof = hub_plan_read_etag(kit_str_c(answer.etag), f->hash);
    }
    if (!f->sized && answer.size >= 0) {
        f->sized = true;
        f->size = (uint64_t)answer.size;
    }
    hub_answer_done(&answer);
    return f->sized ? KIT_OK : kit_fail(err, KIT_IO, "the hub does not say how large %s is", f->path);
}

static enum kit_status complete_plan(struct pull *p, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; rc == KIT_OK && i < p->plan.count; i++) {
        struct hub_plan_file *f = &p->plan.files[i];
        if (!f->sized || f->proof == HUB_PROOF_NONE) {
            rc = ask_file(p, f, err);
        }
        if (rc == KIT_OK && f->proof == HUB_PROOF_NONE) {
            LOG_WARN("hub.unproven", "file=%s what=\"the hub gives no hash for it: only its size is checked\"",
                     LOG_QUOTE(f->path));
        }
    }
    return rc;
}

/* --- what is here --- */

/* The target holds every file of the plan at the plan's commit. */
static bool is_here(const struct pull *p, const char *commit)
{
    bool here = kit_str_eq(kit_str_c(commit), kit_str_c(p->plan.commit));
    for (uint32_t i = 0; here && i < p->plan.count; i++) {
        char path[PATH_MAX];
        uint64_t size = 0;
        here =
            kit_file_join(path, sizeof(path), kit_str_c(p->target), kit_str_c(p->plan.files[i].path), NULL) == KIT_OK &&
            kit_file_size(path, &size, NULL) == KIT_OK && size == p->plan.files[i].size;
    }
    return here;
}

/* "org/name" while "org" is a model: what lies inside a model is its own business, and would never be found. */
static enum kit_status check_above(const struct pull *p, struct kit_err *err)
{
    char path[PATH_MAX];
    const struct hub_wish *wish = p->session.wish;
    kit_str id = kit_str_c(wish->name.id), above = kit_str_sub(id, 0, kit_str_find_char(id, '/'));
    int len = snprintf(path, sizeof(path), "%s/%.*s/config.json", wish->models, KIT_STR_ARG(above));
    if (above.len < id.len && len < (int)sizeof(path) && kit_file_exists(path)) {
        return kit_fail(err, KIT_CONFLICT, "%s/%.*s is a model itself: nothing can be put into it", wish->models,
                        KIT_STR_ARG(above));
    }
    return KIT_OK;
}

static enum kit_status look_at_target(struct pull *p, bool *here, struct kit_err *err)
{
    char commit[HUB_COMMIT_BYTES] = "";
    *here = false;
    if (!kit_file_exists(p->target)) {
        return check_above(p, err);
    }
    if (hub_record_commit(p->target, commit, NULL) != KIT_OK) {
        return kit_fail(err, KIT_CONFLICT, "%s is there and did not come from the hub: rename or remove it first",
                        p->target);
    }
    p->replace = true;
    *here = is_here(p, commit);
    return KIT_OK;
}

static enum kit_status check_space(const struct pull *p, uint64_t missing, struct kit_err *err)
{
    char needs[KIT_NUM_BYTES], has[KIT_NUM_BYTES], lacks[KIT_NUM_BYTES];
    const struct hub_wish *wish = p->session.wish;
    uint64_t free_bytes = 0;
    enum kit_status rc = kit_file_free_bytes(wish->models, &free_bytes, err);
    if (rc != KIT_OK || (missing <= free_bytes && free_bytes - missing >= SPARE_BYTES)) {
        return rc;
    }
    return kit_fail(err, KIT_NO_SPACE, "'%s' needs %s, free in %s are %s: make room for %s", wish->name.id,
                    kit_num_human(missing, needs), wish->models, kit_num_human(free_bytes, has),
                    kit_num_human(missing + SPARE_BYTES - free_bytes, lacks));
}

static enum kit_status check_limits(const struct pull *p, uint64_t missing, struct kit_err *err)
{
    char has[KIT_NUM_BYTES], most[KIT_NUM_BYTES];
    uint64_t limit = p->session.o->files_bytes_max;
    if (limit > 0 && p->session.total > limit) {
        return kit_fail(err, KIT_TOO_LARGE, "'%s' has %s of files, hub.files_bytes_max is %s: raise it",
                        p->session.wish->name.id, kit_num_human(p->session.total, has), kit_num_human(limit, most));
    }
    return check_space(p, missing, err);
}

static enum kit_status prepare(struct pull *p, struct kit_err *err)
{
    p->files = kit_alloc_zero(p->plan.count, sizeof(*p->files));
    if (p->files == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u files", p->plan.count);
    }
    for (uint32_t i = 0; i < p->plan.count; i++) {
        hub_file_init(&p->files[i], &p->plan.files[i], p->partial.files);
    }
    enum kit_status rc = hub_partial_load(&p->partial, p->files, p->plan.count, err);
    for (uint32_t i = 0; i < p->plan.count; i++) {
        p->session.done += hub_ranges_bytes(&p->files[i].have);
    }
    p->session.total = hub_plan_bytes(&p->plan);
    return rc == KIT_OK ? check_limits(p, p->session.total - p->session.done, err) : rc;
}

/* --- fetching --- */

static enum kit_status save(struct pull *p, struct kit_err *err)
{
    p->saved_ns = kit_clock_ns();
    p->saved_bytes = p->crew.fetched;
    return hub_partial_save(&p->partial, p->plan.commit, p->files, p->plan.count, err);
}

static enum kit_status save_when_due(struct pull *p, struct kit_err *err)
{
    bool due = p->crew.fetched > p->saved_bytes && kit_clock_ns() - p->saved_ns >= SAVE_NS;
    return due ? save(p, err) : KIT_OK;
}

/* Another digest: once more from the first byte, since a byte may fall over on the way or a disk be full of old ones. */
static enum kit_status forget_bad(struct pull *p, struct hub_file *f, const struct kit_err *why, struct kit_err *err)
{
    LOG_WARN("hub.bad", "model=%s why=%s", p->session.wish->name.id, LOG_QUOTE(why->msg));
    p->session.done -= hub_ranges_bytes(&f->have);
    hub_file_forget(f);
    return ++f->bad == 1 ? save(p, err) : kit_fail(err, KIT_IO, "%s (fetched twice)", why->msg);
}

static enum kit_status prove(struct pull *p, struct hub_file *f, struct kit_err *err)
{
    struct kit_err why = {0};
    enum kit_status rc = hub_file_prove(f, &why);
    if (rc == KIT_PARSE) {
        return forget_bad(p, f, &why, err);
    }
    return rc == KIT_OK ? rc : kit_fail(err, rc, "%s", why.msg);
}

/* A piece of the digests' work; *left: files that are not proven yet. */
static enum kit_status check_some(struct pull *p, bool *busy, uint32_t *left, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    *busy = false;
    *left = 0;
    for (uint32_t i = 0; rc == KIT_OK && i < p->plan.count; i++) {
        struct hub_file *f = &p->files[i];
        if (!f->good && !*busy) {
            *busy = hub_file_hash_some(f, HASH_BYTES, &rc, err);
        }
        if (rc == KIT_OK && !f->good && hub_file_is_whole(f) && f->hashed >= f->plan->size && f->fetching == 0) {
            rc = prove(p, f, err);
        }
        *left += !f->good;
    }
    return rc;
}

static enum kit_status fetch_all(struct pull *p, struct kit_err *err)
{
    bool busy = false;
    uint32_t left = 1;
    enum kit_status rc = hub_crew_init(&p->crew, &p->session, p->plan.commit, p->files, p->plan.count, err);
    while (rc == KIT_OK && left > 0) {
        rc = hub_crew_go_on(&p->crew, err);
        rc = rc == KIT_OK ? check_some(p, &busy, &left, err) : rc;
        rc = rc == KIT_OK ? save_when_due(p, err) : rc;
        rc = rc == KIT_OK && left > 0 ? hub_session_turn(&p->session, busy, err) : rc;
    }
    if (rc != KIT_OK && p->crew.fetched > p->saved_bytes) {
        struct kit_err why = {0};
        if (save(p, &why) != KIT_OK) {
            LOG_WARN("hub.state", "why=%s", LOG_QUOTE(why.msg));
        }
    }
    return rc;
}

/* --- the end --- */

static void write_source(struct kit_json_writer *w, const struct pull *p)
{
    const struct hub_wish *wish = p->session.wish;
    kit_json_open(w, '{');
    kit_json_member_c(w, "endpoint", p->session.o->endpoint);
    kit_json_member_c(w, "id", wish->name.id);
    kit_json_member_c(w, "revision", wish->name.revision);
    kit_json_member_c(w, "commit", p->plan.commit);
    kit_json_key(w, "files");
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < p->plan.count; i++) {
        kit_json_open(w, '{');
        kit_json_member_c(w, "path", p->plan.files[i].path);
        kit_json_member_u64(w, "size", p->plan.files[i].size);
        kit_json_member_c(w, "hash", p->plan.files[i].hash);
        kit_json_close(w, '}');
    }
    kit_json_close(w, ']');
    kit_json_close(w, '}');
}

static enum kit_status place(struct pull *p, struct kit_err *err)
{
    char path[PATH_MAX];
    struct kit_buf json;
    struct kit_json_writer w;
    kit_buf_init(&json, HUB_RECORD_BYTES_MAX / 2);
    kit_json_writer_init(&w, &json);
    write_source(&w, p);
    enum kit_status rc =
        kit_file_join(path, sizeof(path), kit_str_c(p->partial.files), kit_str_lit(HUB_RECORD_NAME), err);
    if (rc == KIT_OK) {
        rc = json.failed == KIT_OK ? hub_record_write(path, kit_buf_str(&json), err)
                                   : kit_fail(err, json.failed, "out of memory to note where it came from");
    }
    kit_buf_done(&json);
    return rc == KIT_OK ? hub_partial_place(&p->partial, p->target, p->replace, err) : rc;
}

/* --- the whole --- */

static enum kit_status fetch_and_place(struct pull *p, struct kit_err *err)
{
    const struct hub_wish *wish = p->session.wish;
    enum kit_status rc = hub_partial_open(&p->partial, wish->models, wish->name.id, err);
    if (rc == KIT_OK) {
        rc = prepare(p, err);
    }
    if (rc == KIT_OK) {
        rc = fetch_all(p, err);
    }
    return rc == KIT_OK ? place(p, err) : rc;
}

static void fill_result(const struct pull *p, const char *commit, bool was_here, struct hub_result *ret)
{
    *ret = (struct hub_result){.bytes = hub_plan_bytes(&p->plan), .fetched = p->crew.fetched, .was_here = was_here};
    kit_str_to_c(kit_str_c(commit), ret->commit, sizeof(ret->commit));
}

/* Nobody is asked: what came from the hub before is good enough. */
static enum kit_status run_offline(struct pull *p, struct hub_result *ret, struct kit_err *err)
{
    char commit[HUB_COMMIT_BYTES];
    if (hub_record_commit(p->target, commit, NULL) != KIT_OK) {
        return kit_fail(err, KIT_UNAVAILABLE,
                        "'%s' is not here, and the hub is not asked: offline mode is on (hub.offline, HF_HUB_OFFLINE)",
                        p->session.wish->name.id);
    }
    fill_result(p, commit, true, ret);
    return KIT_OK;
}

static enum kit_status run_online(struct pull *p, struct hub_result *ret, struct kit_err *err)
{
    bool here = false;
    enum kit_status rc = fetch_group_new(&p->session.group, err);
    if (rc == KIT_OK) {
        rc = read_listing(p, err);
    }
    if (rc == KIT_OK) {
        rc = complete_plan(p, err);
    }
    if (rc == KIT_OK) {
        rc = look_at_target(p, &here, err);
    }
    if (rc == KIT_OK && !here) {
        rc = fetch_and_place(p, err);
    }
    if (rc == KIT_OK) {
        fill_result(p, p->plan.commit, here, ret);
    }
    return rc;
}

static void done(struct pull *p)
{
    hub_crew_done(&p->crew);
    for (uint32_t i = 0; p->files != NULL && i < p->plan.count; i++) {
        hub_file_done(&p->files[i]);
    }
    kit_alloc_free(p->files);
    hub_plan_done(&p->plan);
    hub_partial_close(&p->partial);
    fetch_group_free(p->session.group);
    kit_alloc_free(p);
}

enum kit_status hub_pull(const struct hub_options *o, const struct hub_wish *wish, struct hub_result *ret,
                         struct kit_err *err)
{
    struct pull *p = kit_alloc_zero(1, sizeof(*p));
    if (p == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory to fetch '%s'", wish->name.id);
    }
    p->session.o = o;
    p->session.wish = wish;
    enum kit_status rc =
        kit_file_join(p->target, sizeof(p->target), kit_str_c(wish->models), kit_str_c(wish->name.id), err);
    if (rc == KIT_OK) {
        rc = o->offline ? run_offline(p, ret, err) : run_online(p, ret, err);
    }
    done(p);
    return rc;
}
