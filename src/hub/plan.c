#include "hub/plan.h"

#include <string.h>

#include "kit/alloc.h"

/* --- what there is --- */

/* What a walk over the listing looks for. */
struct weights {
    bool single, index; /* model.safetensors, model.safetensors.index.json */
    bool config;        /* config.json */
    bool exact;         /* hit is `file` itself, not only a name that has it in it */
    uint32_t shards, ggufs, hits;
    kit_str gguf, hit;    /* the last that was seen; hit: of `file` */
    struct kit_buf names; /* some that a message may show */
};

static const char *const small_files[] = {
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "chat_template.json",
    "chat_template.jinja",
    "preprocessor_config.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
};

static bool is_small_file(kit_str path)
{
    for (size_t i = 0; i < KIT_COUNT(small_files); i++) {
        if (kit_str_eq(path, kit_str_c(small_files[i]))) {
            return true;
        }
    }
    return false;
}

/* "1_Pooling/config.json", "2_Dense/model.safetensors": modules of sentence-transformers. */
static bool is_module_file(kit_str path)
{
    size_t slash = kit_str_find_char(path, '/'), line = kit_str_find_char(path, '_');
    kit_str name = kit_str_sub(path, slash + 1, path.len);
    uint64_t number = 0;
    return slash < path.len && line < slash && kit_str_to_u64(kit_str_sub(path, 0, line), &number) == KIT_OK &&
           (kit_str_eq(name, kit_str_lit("config.json")) || kit_str_eq(name, kit_str_lit("model.safetensors")));
}

/* "model-00001-of-00002.safetensors" */
static bool is_shard(kit_str path)
{
    return kit_str_starts(path, kit_str_lit("model-")) && kit_str_ends(path, kit_str_lit(".safetensors")) &&
           kit_str_find(path, kit_str_lit("-of-")) < path.len && kit_str_find_char(path, '/') == path.len;
}

static bool is_gguf(kit_str path)
{
    return kit_str_ends(path, kit_str_lit(".gguf"));
}

static bool contains_nocase(kit_str s, kit_str what)
{
    for (size_t i = 0; what.len > 0 && i + what.len <= s.len; i++) {
        if (kit_str_eq_nocase(kit_str_sub(s, i, what.len), what)) {
            return true;
        }
    }
    return false;
}

static kit_str name_of(kit_json sibling)
{
    return kit_json_str(kit_json_get(sibling, "rfilename"), kit_str_lit(""));
}

static void note_hit(struct weights *w, kit_str path, kit_str file)
{
    if (kit_str_eq(path, file)) {
        w->exact = true;
        w->hits = 1;
        w->hit = path;
    } else if (!w->exact && is_gguf(path) && contains_nocase(path, file)) {
        w->hits++;
        w->hit = path;
    }
}

#define NAMES_BYTES_MAX 160

/* For messages: weights of whatever format. */
static void note_name(struct weights *w, kit_str path)
{
    static const char *const endings[] = {".gguf", ".bin", ".onnx", ".h5", ".pt"};
    for (size_t i = 0; i < KIT_COUNT(endings); i++) {
        if (kit_str_ends(path, kit_str_c(endings[i])) && w->names.len + path.len + 2 < NAMES_BYTES_MAX) {
            kit_buf_printf(&w->names, "%s%.*s", w->names.len > 0 ? ", " : "", KIT_STR_ARG(path));
        }
    }
}

static void note(struct weights *w, kit_str path, kit_str file)
{
    w->single = w->single || kit_str_eq(path, kit_str_lit("model.safetensors"));
    w->index = w->index || kit_str_eq(path, kit_str_lit("model.safetensors.index.json"));
    w->config = w->config || kit_str_eq(path, kit_str_lit("config.json"));
    w->shards += is_shard(path);
    if (is_gguf(path)) {
        w->ggufs++;
        w->gguf = path;
    }
    note_hit(w, path, file);
    note_name(w, path);
}

static enum kit_status look(kit_json siblings, const char *id, kit_str file, struct weights *w, struct kit_err *err)
{
    for (struct kit_json_iter i = kit_json_iter(siblings); kit_json_next(&i);) {
        kit_str path = name_of(i.value);
        if (hub_name_is_hostile(path)) {
            return kit_fail(err, KIT_IO, "the hub lists a file in '%s' that would lead out of it: nothing is taken",
                            id);
        }
        note(w, path, file);
    }
    w->index = w->index && w->shards > 0;
    return w->names.failed == KIT_NOMEM ? kit_fail(err, KIT_NOMEM, "out of memory for the files of '%s'", id) : KIT_OK;
}

/* --- what is taken --- */

static enum kit_status choose(struct weights *w, const char *id, kit_str file, struct kit_err *err)
{
    kit_str names = kit_buf_str(&w->names);
    if (file.len > 0 && w->hits == 1) {
        return KIT_OK;
    }
    if (file.len > 0) {
        bool none = w->hits == 0;
        return kit_fail_param(err, none ? KIT_NOT_FOUND : KIT_INVALID, "file", "%s file '%.*s' in '%s'%s%.*s",
                              none ? "no" : "more than one", (int)KIT_MIN(file.len, (size_t)64), file.ptr, id,
                              names.len > 0 ? "; weights there: " : "", KIT_STR_ARG(names));
    }
    if ((w->single || w->index) && !w->config) {
        return kit_fail(err, KIT_UNPROCESSABLE, "'%s' has weights but no config.json: what they are of nobody can tell",
                        id);
    }
    if (w->single || w->index || w->ggufs == 1) {
        return KIT_OK;
    }
    if (w->ggufs > 1) {
        return kit_fail_param(err, KIT_INVALID, "file", "'%s' has %u .gguf files, say which one by 'file': %.*s", id,
                              w->ggufs, KIT_STR_ARG(names));
    }
    return kit_fail(err, KIT_UNPROCESSABLE, "'%s' has neither safetensors nor .gguf files; there is: %s%.*s", id,
                    names.len == 0 ? "nothing with weights" : "", KIT_STR_ARG(names));
}

/* The same shard of another number: "x-00001-of-00003.gguf". */
static bool is_sibling_shard(kit_str a, kit_str b)
{
    kit_str of = kit_str_lit("-of-");
    size_t at = kit_str_find(a, of);
    return at >= 5 && at < a.len && a.len == b.len &&
           kit_str_eq(kit_str_sub(a, at, a.len), kit_str_sub(b, at, b.len)) &&
           kit_str_eq(kit_str_sub(a, 0, at - 5), kit_str_sub(b, 0, at - 5));
}

static bool is_weight(const struct weights *w, kit_str path, kit_str file)
{
    if (file.len > 0) {
        return kit_str_eq(path, w->hit) || is_sibling_shard(w->hit, path);
    }
    if (w->single) {
        return kit_str_eq(path, kit_str_lit("model.safetensors"));
    }
    if (w->index) {
        return kit_str_eq(path, kit_str_lit("model.safetensors.index.json")) || is_shard(path);
    }
    return kit_str_eq(path, w->gguf);
}

enum hub_proof hub_plan_read_etag(kit_str etag, char hash[CRYPT_HEX_BYTES])
{
    if (kit_str_starts(etag, kit_str_lit("W/"))) {
        etag = kit_str_sub(etag, 2, etag.len);
    }
    if (etag.len >= 2 && etag.ptr[0] == '"' && etag.ptr[etag.len - 1] == '"') {
        etag = kit_str_sub(etag, 1, etag.len - 2);
    }
    if (!hub_name_is_commit(etag)) { /* the digits of a digest look the same */
        hash[0] = '\0';
        return HUB_PROOF_NONE;
    }
    kit_str_to_c(etag, hash, CRYPT_HEX_BYTES);
    return etag.len == 64 ? HUB_PROOF_SHA256 : HUB_PROOF_GIT;
}

static void read_size(kit_json number, struct hub_plan_file *f)
{
    int64_t size = kit_json_i64(number, -1);
    if (size >= 0) {
        f->sized = true;
        f->size = (uint64_t)size;
    }
}

static void read_file(kit_json sibling, struct hub_plan_file *f)
{
    kit_json lfs = kit_json_get(sibling, "lfs");
    kit_str_to_c(name_of(sibling), f->path, sizeof(f->path));
    read_size(kit_json_get(sibling, "size"), f);
    if (kit_json_type(lfs) == KIT_JSON_OBJECT) {
        read_size(kit_json_get(lfs, "size"), f);
        f->proof = hub_plan_read_etag(kit_json_str(kit_json_get(lfs, "sha256"), (kit_str){0}), f->hash);
    } else {
        f->proof = hub_plan_read_etag(kit_json_str(kit_json_get(sibling, "blobId"), (kit_str){0}), f->hash);
    }
}

static bool is_there(const struct hub_plan *p, kit_str path)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (kit_str_eq(kit_str_c(p->files[i].path), path)) {
            return true;
        }
    }
    return false;
}

static enum kit_status take_file(kit_json sibling, const char *id, struct hub_plan *p, struct kit_err *err)
{
    kit_str path = name_of(sibling);
    if (!hub_name_is_file(path)) {
        return kit_fail(err, KIT_UNPROCESSABLE, "'%s' has a file whose name is not taken here: '%.*s'", id,
                        (int)KIT_MIN(path.len, (size_t)64), path.ptr);
    }
    if (is_there(p, path)) {
        return KIT_OK; /* listed twice */
    }
    if (p->count == HUB_FILES_MAX) {
        return kit_fail(err, KIT_TOO_LARGE, "'%s' has more than %d files to fetch", id, HUB_FILES_MAX);
    }
    read_file(sibling, &p->files[p->count++]);
    return KIT_OK;
}

/* Twice over the listing: what is small and tells early whether it can work comes first. */
static enum kit_status take_all(kit_json siblings, const char *id, kit_str file, const struct weights *w,
                                struct hub_plan *p, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (int weights = 0; weights < 2; weights++) {
        for (struct kit_json_iter i = kit_json_iter(siblings); rc == KIT_OK && kit_json_next(&i);) {
            kit_str path = name_of(i.value);
            bool weight = is_weight(w, path, file);
            if (weights ? weight : !weight && (is_small_file(path) || is_module_file(path))) {
                rc = take_file(i.value, id, p, err);
            }
        }
    }
    return rc;
}

static enum kit_status read_listing(kit_json listing, const char *id, kit_str file, struct weights *w,
                                    struct hub_plan *p, struct kit_err *err)
{
    kit_json siblings = kit_json_get(listing, "siblings");
    kit_str commit = kit_json_str(kit_json_get(listing, "sha"), (kit_str){0});
    if (kit_json_type(siblings) != KIT_JSON_ARRAY || !hub_name_is_commit(commit)) {
        return kit_fail(err, KIT_IO,
                        "the hub's answer for '%s' is no listing: it lacks 'siblings' or a commit in 'sha'", id);
    }
    kit_str_to_c(commit, p->commit, sizeof(p->commit));
    enum kit_status rc = look(siblings, id, file, w, err);
    if (rc == KIT_OK) {
        rc = choose(w, id, file, err);
    }
    return rc == KIT_OK ? take_all(siblings, id, file, w, p, err) : rc;
}

enum kit_status hub_plan_read(kit_json listing, const char *id, kit_str file, struct hub_plan *ret, struct kit_err *err)
{
    struct weights w = {0};
    size_t listed = KIT_MIN(kit_json_count(kit_json_get(listing, "siblings")), (size_t)HUB_FILES_MAX);
    struct hub_plan p = {.files = kit_alloc_zero(KIT_MAX(listed, (size_t)1), sizeof(*p.files))};
    if (p.files == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the files of '%s'", id);
    }
    kit_buf_init(&w.names, NAMES_BYTES_MAX);
    enum kit_status rc = read_listing(listing, id, file, &w, &p, err);
    kit_buf_done(&w.names);
    if (rc != KIT_OK) {
        hub_plan_done(&p);
        return rc;
    }
    *ret = p;
    return KIT_OK;
}

void hub_plan_done(struct hub_plan *p)
{
    kit_alloc_free(p->files);
    *p = (struct hub_plan){0};
}

uint64_t hub_plan_bytes(const struct hub_plan *p)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        bytes = p->files[i].size > UINT64_MAX - bytes ? UINT64_MAX : bytes + p->files[i].size;
    }
    return bytes;
}
