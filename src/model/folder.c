#include "model/folder.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "hub/record.h"
#include "kit/file.h"

#define SHARDS_MAX 99999 /* five digits */

/* What was seen. */
#define SEEN_CONFIG 1u
#define SEEN_SAFETENSORS 2u
#define SEEN_GGUF 4u
#define SEEN_ONNX 8u
#define SEEN_TORCH 16u
#define SEEN_ECHO 32u
#define SEEN_WEIGHTS (SEEN_SAFETENSORS | SEEN_GGUF | SEEN_ONNX | SEEN_TORCH)
#define SEEN_MODEL (SEEN_CONFIG | SEEN_GGUF | SEEN_ONNX | SEEN_TORCH | SEEN_ECHO)

struct look {
    const char *path;
    unsigned seen;
    uint32_t shards, shards_wanted;
    bool whole;  /* a file of weights that is no shard */
    bool pulled; /* its record is there */
    bool broken; /* weights or config.json: empty, or a link to nothing */
};

/* --- names --- */

static bool cut_number(kit_str *s, uint32_t *ret)
{
    uint64_t n = 0;
    kit_str digits = kit_str_sub(*s, s->len < 5 ? 0 : s->len - 5, 5);
    if (s->len < 5 || kit_str_to_u64(digits, &n) != KIT_OK) {
        return false;
    }
    *s = kit_str_sub(*s, 0, s->len - 5);
    *ret = (uint32_t)n;
    return true;
}

static bool cut_ending(kit_str *s, kit_str ending)
{
    if (!kit_str_ends(*s, ending)) {
        return false;
    }
    *s = kit_str_sub(*s, 0, s->len - ending.len);
    return true;
}

uint32_t model_folder_shards(kit_str name)
{
    uint32_t which = 0, of = 0;
    bool shard = (cut_ending(&name, kit_str_lit(".safetensors")) || cut_ending(&name, kit_str_lit(".gguf"))) &&
                 cut_number(&name, &of) && cut_ending(&name, kit_str_lit("-of-")) && cut_number(&name, &which) &&
                 cut_ending(&name, kit_str_lit("-"));
    return shard && name.len > 0 && which >= 1 && which <= of && of <= SHARDS_MAX ? of : 0;
}

static unsigned kind_of(kit_str name)
{
    static const struct {
        const char *ending;
        unsigned seen;
    } endings[] = {{".safetensors", SEEN_SAFETENSORS}, {".gguf", SEEN_GGUF}, {".onnx", SEEN_ONNX}, {".pt", SEEN_TORCH}};
    if (kit_str_eq(name, kit_str_lit("config.json"))) {
        return SEEN_CONFIG;
    }
    if (kit_str_eq(name, kit_str_lit("echo.json"))) {
        return SEEN_ECHO;
    }
    for (size_t i = 0; i < KIT_COUNT(endings); i++) {
        if (kit_str_ends(name, kit_str_c(endings[i].ending))) {
            return endings[i].seen;
        }
    }
    return 0;
}

/* --- files --- */

static bool has_bytes(const char *folder, const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    return kit_file_join(path, sizeof(path), kit_str_c(folder), kit_str_c(name), NULL) == KIT_OK &&
           stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

static bool note_file(void *ctx, const char *name, bool is_folder)
{
    struct look *l = ctx;
    unsigned kind = is_folder ? 0 : kind_of(kit_str_c(name));
    l->pulled = l->pulled || strcmp(name, HUB_RECORD_NAME) == 0;
    if (kind == 0) {
        return true;
    }
    l->seen |= kind;
    l->broken = l->broken || !has_bytes(l->path, name);
    if ((kind & SEEN_WEIGHTS) != 0) {
        uint32_t of = model_folder_shards(kit_str_c(name));
        l->whole = l->whole || of == 0;
        l->shards += of > 0;
        l->shards_wanted = KIT_MAX(l->shards_wanted, of);
    }
    return true;
}

static const char *format_of(unsigned seen)
{
    if ((seen & SEEN_MODEL) == 0) {
        return NULL;
    }
    if ((seen & SEEN_ECHO) != 0) {
        return "custom";
    }
    return (seen & SEEN_SAFETENSORS) != 0 ? "safetensors"
           : (seen & SEEN_GGUF) != 0      ? "gguf"
           : (seen & SEEN_ONNX) != 0      ? "onnx"
           : (seen & SEEN_TORCH) != 0     ? "torchscript"
                                          : "custom";
}

enum kit_status model_folder_look(const char *path, struct model_folder *ret, struct kit_err *err)
{
    struct look l = {.path = path};
    enum kit_status rc = kit_file_list(path, note_file, &l, err);
    if (rc == KIT_OK) {
        bool weights = l.whole || (l.shards > 0 && l.shards == l.shards_wanted);
        *ret = (struct model_folder){.format = format_of(l.seen), .complete = weights && !l.broken, .pulled = l.pulled};
    }
    return rc;
}
