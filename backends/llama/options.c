#include "options.h"

#include <string.h>

#include "ggml.h"
#include "header_type.h"
#include "kit/json.h"
#include "llama.h"

#define OPTION(name, type, key, initial, help, min, max)                                                               \
    static const struct acb_option name = {sizeof(struct acb_option), type, key, initial, help, min, max}
OPTION(quant, ACB_STRING, "quant", "", "of several files the one with this word in its name, such as Q4_K_M", 0, 0);
OPTION(gpu_layers, ACB_I64, "gpu_layers", "-1", "layers on the graphics card, where there is one; -1: all", -1, 10000);
OPTION(kv_type, ACB_STRING, "kv_type", "f16", "how KV is held: f16, bf16, q8_0, q4_0, f32", 0, 0);
OPTION(flash_attention, ACB_STRING, "flash_attention", "auto", "auto, on, off", 0, 0);
OPTION(window_full, ACB_BOOL, "window_full", "true",
       "keep KV outside of sliding windows, so that beginnings are reused", 0, 1);
OPTION(map, ACB_BOOL, "mmap", "true", "map the file instead of reading it", 0, 1);
OPTION(lock, ACB_BOOL, "mlock", "false", "keep the weights in memory", 0, 1);
OPTION(context_tokens, ACB_I64, "context_tokens", "0", "longest sequence; 0: as trained", 0, 1 << 24);
OPTION(pass_tokens, ACB_I64, "pass_tokens", "512", "most tokens that are computed at once", 32, 8192);

const struct acb_option *const llama_plug_option_list[] = {
    &quant, &gpu_layers, &kv_type, &flash_attention, &window_full, &map, &lock, &context_tokens, &pass_tokens};
const uint32_t llama_plug_option_count = KIT_COUNT(llama_plug_option_list);

struct word {
    const char *word;
    int32_t value;
};

static const struct word kv_types[] = {{"f16", GGML_TYPE_F16},   {"bf16", GGML_TYPE_BF16}, {"q8_0", GGML_TYPE_Q8_0},
                                       {"q4_0", GGML_TYPE_Q4_0}, {"f32", GGML_TYPE_F32},   {NULL, 0}};
static const struct word attentions[] = {{"auto", LLAMA_FLASH_ATTN_TYPE_AUTO},
                                         {"on", LLAMA_FLASH_ATTN_TYPE_ENABLED},
                                         {"off", LLAMA_FLASH_ATTN_TYPE_DISABLED},
                                         {NULL, 0}};

static enum kit_status read_word(kit_json o, const struct acb_option *of, const struct word *words, int32_t *ret,
                                 struct kit_err *err)
{
    kit_str said = kit_json_str(kit_json_get(o, of->key), kit_str_c(of->initial));
    for (; words->word != NULL; words++) {
        if (kit_str_eq(said, kit_str_c(words->word))) {
            *ret = words->value;
            return KIT_OK;
        }
    }
    return kit_fail(err, KIT_INVALID, "'%s' is '%.*s': it is %s", of->key, (int)KIT_MIN(said.len, 40), said.ptr,
                    of->help);
}

static enum kit_status read_all(kit_json o, struct llama_plug_options *r, struct kit_err *err)
{
    r->gpu_layers = (int32_t)kit_json_i64(kit_json_get(o, "gpu_layers"), -1);
    r->window_full = kit_json_bool(kit_json_get(o, "window_full"), true);
    r->map = kit_json_bool(kit_json_get(o, "mmap"), true);
    r->lock = kit_json_bool(kit_json_get(o, "mlock"), false);
    r->context_tokens = (uint32_t)kit_json_i64(kit_json_get(o, "context_tokens"), 0);
    r->pass_tokens = (uint32_t)kit_json_i64(kit_json_get(o, "pass_tokens"), 512);
    kit_str word = kit_json_str(kit_json_get(o, "quant"), kit_str_lit(""));
    if (word.len >= sizeof(r->quant)) {
        return kit_fail(err, KIT_INVALID, "'quant' has more than %d bytes", LLAMA_PLUG_WORD_BYTES - 1);
    }
    (void)kit_str_to_c(word, r->quant, sizeof(r->quant));
    enum kit_status rc = read_word(o, &kv_type, kv_types, &r->kv_type, err);
    return rc == KIT_OK ? read_word(o, &flash_attention, attentions, &r->flash_attention, err) : rc;
}

enum kit_status llama_plug_options_read(const char *json, struct llama_plug_options *ret, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    struct llama_plug_options r = {.pass_tokens = 512};
    enum kit_status rc = kit_json_parse(kit_str_c(json), 8, &doc, err);
    if (rc != KIT_OK) {
        return kit_fail(err, KIT_INVALID, "the options are no JSON");
    }
    rc = read_all(kit_json_root(doc), &r, err);
    kit_json_free(doc);
    if (rc == KIT_OK) {
        *ret = r;
    }
    return rc;
}

uint64_t llama_plug_kv_bytes(const struct llama_gguf *h, int32_t kv_type_wanted)
{
    uint32_t numbers = 1, bytes = 0;
    uint64_t heads = KIT_MAX(h->head_count, 1);
    uint64_t kv_heads = h->head_count_kv_sum > 0
                            ? h->head_count_kv_sum
                            : (h->head_count_kv > 0 ? h->head_count_kv : h->head_count) * h->block_count;
    uint64_t head = h->embedding_length / heads;
    uint64_t width = (h->key_length > 0 ? h->key_length : head) + (h->value_length > 0 ? h->value_length : head);
    (void)llama_gguf_block((uint32_t)kv_type_wanted, &numbers, &bytes);
    return kv_heads * width * bytes / numbers;
}
