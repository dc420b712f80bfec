#include "text/parts.h"

#define JSON_DEPTH_MAX 32
#define ARENA_BYTES_MAX (512 * KIT_MIB)

static enum kit_status parse_pad(const struct text_node *node, struct text_parts *p, struct kit_err *err)
{
    if (text_node_is_null(node)) {
        return KIT_OK;
    }
    enum kit_status rc = text_node_need(node, KIT_JSON_OBJECT, err);
    return rc == KIT_OK ? text_node_u32_or(node, "pad_id", p->id_end - 1, 0, &p->pad_id, err) : rc;
}

/* No file names the mask's token by its role here; these two are what all models have. */
static void find_mask(struct text_parts *p)
{
    static const char *const names[] = {"[MASK]", "<mask>"};
    for (size_t i = 0; i < KIT_COUNT(names) && !p->has_mask; i++) {
        const struct text_added_token *t = text_added_by_content(p->added, kit_str_c(names[i]));
        if (t != NULL && t->special) {
            p->has_mask = true;
            p->mask_id = t->id;
        }
    }
}

/* What ids may be: the model and the tokens added to it. */
static enum kit_status parse_vocabulary(const struct text_node *root, struct text_parts *p, struct kit_err *err)
{
    struct text_node model = text_node_get(root, "model");
    struct text_node added = text_node_get(root, "added_tokens");
    enum kit_status rc = text_model_parse(&model, &p->arena, &p->model, err);
    if (rc == KIT_OK) {
        rc = text_added_parse(&added, &p->arena, p->model, &p->normalizer, &p->added, err);
    }
    if (rc == KIT_OK) {
        p->id_end = KIT_MAX(text_vocab_id_end(p->model->vocab), text_added_id_end(p->added));
        find_mask(p);
    }
    return rc;
}

static enum kit_status parse_all(const struct text_node *root, struct text_parts *p, struct kit_err *err)
{
    struct text_node normalizer = text_node_get(root, "normalizer");
    struct text_node pretokenizer = text_node_get(root, "pre_tokenizer");
    struct text_node template = text_node_get(root, "post_processor");
    struct text_node truncation = text_node_get(root, "truncation");
    struct text_node padding = text_node_get(root, "padding");
    struct text_node decoder = text_node_get(root, "decoder");
    enum kit_status rc = text_normalizer_parse(&normalizer, &p->arena, &p->normalizer, err);
    if (rc == KIT_OK) {
        rc = text_pretokenizer_parse(&pretokenizer, &p->pretokenizer, err);
    }
    if (rc == KIT_OK) {
        rc = parse_vocabulary(root, p, err);
    }
    if (rc == KIT_OK) {
        rc = text_template_parse(&template, &p->arena, p->id_end, &p->template, err);
    }
    if (rc == KIT_OK) {
        rc = text_truncation_parse(&truncation, &p->truncation, err);
    }
    if (rc == KIT_OK) {
        rc = parse_pad(&padding, p, err);
    }
    return rc == KIT_OK ? text_decoder_parse(&decoder, &p->arena, &p->decoder, err) : rc;
}

void text_parts_init(struct text_parts *p)
{
    *p = (struct text_parts){0};
    kit_arena_init(&p->arena, ARENA_BYTES_MAX);
}

bool text_parts_find(const struct text_parts *p, kit_str piece, uint32_t *ret)
{
    const struct text_added_token *added = text_added_by_content(p->added, piece);
    if (added != NULL) {
        *ret = added->id;
        return true;
    }
    return text_vocab_find(p->model->vocab, piece, ret);
}

enum kit_status text_parts_parse(kit_str json, struct text_parts *ret, struct kit_err *err)
{
    text_parts_init(ret);
    if (json.len > TEXT_PARTS_BYTES_MAX) {
        return kit_fail(err, KIT_TOO_LARGE, "tokenizer.json has %zu bytes; at most %zu are taken", json.len,
                        TEXT_PARTS_BYTES_MAX);
    }
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = kit_json_parse(json, JSON_DEPTH_MAX, &doc, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct text_node root = text_node_root(kit_json_root(doc));
    rc = text_node_need(&root, KIT_JSON_OBJECT, err);
    if (rc == KIT_OK) {
        rc = parse_all(&root, ret, err);
    }
    kit_json_free(doc);
    return rc;
}

void text_parts_done(struct text_parts *p)
{
    kit_arena_done(&p->arena);
    *p = (struct text_parts){0};
}
