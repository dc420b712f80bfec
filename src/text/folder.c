#include "text/folder.h"

#include "kit/file.h"
#include "text/bert.h"
#include "text/bpe.h"
#include "text/settings.h"
#include "text/wordpiece.h"

/* One file of the folder. Errors name it. */
static enum kit_status read_file(const char *folder, const char *name, struct kit_buf *out, struct kit_err *err)
{
    char path[4096];
    enum kit_status rc = kit_file_join(path, sizeof(path), kit_str_c(folder), kit_str_c(name), err);
    return rc == KIT_OK ? kit_file_read(path, out, err) : rc;
}

static bool has_file(const char *folder, const char *name)
{
    char path[4096];
    return kit_file_join(path, sizeof(path), kit_str_c(folder), kit_str_c(name), NULL) == KIT_OK &&
           kit_file_exists(path);
}

/* --- tokenizer.json --- */

/* tokenizer.json does not say which token is the mask; the files beside it may. */
static enum kit_status find_mask(const char *folder, struct text_parts *p, struct kit_err *err)
{
    struct text_roles roles;
    enum kit_status rc = text_settings_roles(folder, &p->arena, &roles, err);
    if (rc == KIT_OK && roles.token[TEXT_ROLE_MASK].content.len > 0) {
        p->has_mask = text_parts_find(p, roles.token[TEXT_ROLE_MASK].content, &p->mask_id);
    }
    return rc;
}

static enum kit_status read_json(const char *folder, struct text_parts *p, struct kit_err *err)
{
    struct kit_buf file;
    kit_buf_init(&file, TEXT_PARTS_BYTES_MAX);
    enum kit_status rc = read_file(folder, "tokenizer.json", &file, err);
    if (rc == KIT_OK) {
        rc = text_parts_parse(kit_buf_str(&file), p, err);
        rc = rc == KIT_OK ? rc : kit_err_prefix(err, rc, "tokenizer.json");
    }
    kit_buf_done(&file);
    return rc == KIT_OK ? find_mask(folder, p, err) : rc;
}

/* --- the files of older models --- */

/* A tokenizer class of transformers: its names, its tokens where no file names others, and what it is made of. */
struct recipe {
    const char *const *classes; /* the first is its own name; ends with NULL */
    const char *files[2];       /* its vocabulary */
    const char *roles[TEXT_ROLES];
    bool mask_takes_space; /* before it, where no file says otherwise */
    /* Fills all but added tokens, truncation and special tokens. */
    enum kit_status (*make)(const char *folder, const struct text_settings *s, struct text_parts *p,
                            struct kit_err *err);
    enum kit_status (*frame)(int32_t cls, int32_t sep, struct kit_arena *arena, struct text_template *ret,
                             struct kit_err *err);
};

/* Roles that no file names get the recipe's tokens. */
static void name_roles(const struct recipe *recipe, struct text_settings *s)
{
    for (int i = 0; i < TEXT_ROLES; i++) {
        if (s->roles.token[i].content.len == 0) {
            s->roles.token[i] = (struct text_added_token){.content = kit_str_c(recipe->roles[i]),
                                                          .special = true,
                                                          .lstrip = i == TEXT_ROLE_MASK && recipe->mask_takes_space};
        }
    }
}

static bool mark_special(struct text_settings *s, kit_str content)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (kit_str_eq(s->token[i].content, content)) {
            s->token[i].special = true;
            return true;
        }
    }
    return false;
}

/* Of the recipe's tokens those are added that are pieces. */
static void add_roles(const struct text_vocab *vocab, struct text_settings *s)
{
    for (int i = 0; i < TEXT_ROLES; i++) {
        uint32_t id;
        const struct text_added_token *role = &s->roles.token[i];
        if (role->content.len > 0 && !mark_special(s, role->content) && text_vocab_find(vocab, role->content, &id)) {
            s->token[s->count++] = *role;
        }
    }
}

/* A token that is a piece has its id; the others are new. */
static void give_ids(const struct text_vocab *vocab, struct text_settings *s)
{
    uint32_t next = text_vocab_id_end(vocab);
    for (uint32_t i = 0; i < s->count; i++) {
        if (!text_vocab_find(vocab, s->token[i].content, &s->token[i].id)) {
            s->token[i].id = next++;
        }
    }
}

static bool find_role(const struct text_parts *p, const struct text_settings *s, enum text_role role, uint32_t *ret)
{
    kit_str content = s->roles.token[role].content;
    return content.len > 0 && text_parts_find(p, content, ret);
}

static enum kit_status need_role(const struct text_parts *p, const struct text_settings *s, enum text_role role,
                                 int32_t *ret, struct kit_err *err)
{
    uint32_t id;
    kit_str content = s->roles.token[role].content;
    if (!find_role(p, s, role, &id)) {
        return kit_fail(
            err, KIT_PARSE,
            "the vocabulary has no '%.*s'; if another token has its place, tokenizer_config.json must name it",
            KIT_STR_ARG(kit_str_sub(content, 0, 40)));
    }
    *ret = (int32_t)id;
    return KIT_OK;
}

static enum kit_status add_frame(const struct recipe *recipe, const struct text_settings *s, struct text_parts *p,
                                 struct kit_err *err)
{
    int32_t cls = 0;
    int32_t sep = 0;
    enum kit_status rc = need_role(p, s, TEXT_ROLE_CLS, &cls, err);
    if (rc == KIT_OK) {
        rc = need_role(p, s, TEXT_ROLE_SEP, &sep, err);
    }
    return rc == KIT_OK ? recipe->frame(cls, sep, &p->arena, &p->template, err) : rc;
}

static enum kit_status add_tokens(const struct recipe *recipe, struct text_settings *s, struct text_parts *p,
                                  struct kit_err *err)
{
    add_roles(p->model->vocab, s);
    give_ids(p->model->vocab, s);
    enum kit_status rc = text_added_new(s->token, s->count, &p->arena, p->model, &p->normalizer, &p->added, err);
    if (rc != KIT_OK) {
        return rc;
    }
    p->id_end = KIT_MAX(text_vocab_id_end(p->model->vocab), text_added_id_end(p->added));
    p->truncation = s->truncation;
    p->has_mask = find_role(p, s, TEXT_ROLE_MASK, &p->mask_id);
    (void)find_role(p, s, TEXT_ROLE_PAD, &p->pad_id);
    return add_frame(recipe, s, p, err);
}

/* --- BERT: vocab.txt --- */

static const char *const bert_classes[] = {"BertTokenizer",       "DistilBertTokenizer", "ElectraTokenizer",
                                           "MobileBertTokenizer", "ConvBertTokenizer",   NULL};

static void make_bert_steps(const struct text_settings *s, struct text_parts *p)
{
    uint32_t flags = TEXT_BERT_CLEAN;
    flags |= s->chinese_chars ? TEXT_BERT_CHINESE : 0;
    flags |= s->strip_accents ? TEXT_BERT_STRIP : 0;
    flags |= s->lower_case ? TEXT_BERT_LOWER : 0;
    text_bert_step(flags, &p->normalizer.step[0]);
    p->normalizer.count = 1;
    text_pretokenizer_bert(&p->pretokenizer);
    p->decoder = (struct text_decoder){.kind = TEXT_DECODER_WORDPIECE, .cleanup = true, .prefix = kit_str_lit("##")};
}

static enum kit_status make_bert(const char *folder, const struct text_settings *s, struct text_parts *p,
                                 struct kit_err *err)
{
    struct text_vocab *vocab = NULL;
    struct kit_buf file;
    kit_buf_init(&file, TEXT_PARTS_BYTES_MAX);
    enum kit_status rc = read_file(folder, "vocab.txt", &file, err);
    if (rc == KIT_OK) {
        rc = text_vocab_parse_lines(kit_buf_str(&file), &p->arena, &vocab, err);
        rc = rc == KIT_OK ? rc : kit_err_prefix(err, rc, "vocab.txt");
    }
    kit_buf_done(&file);
    make_bert_steps(s, p);
    return rc == KIT_OK
               ? text_wordpiece_new(vocab, s->roles.token[TEXT_ROLE_UNKNOWN].content, &p->arena, &p->model, err)
               : rc;
}

/* --- RoBERTa: vocab.json and merges.txt --- */

static const char *const roberta_classes[] = {"RobertaTokenizer", "LongformerTokenizer", "BartTokenizer", NULL};

static enum kit_status read_vocab_json(const char *folder, struct text_parts *p, struct text_vocab **ret,
                                       struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    struct kit_buf file;
    kit_buf_init(&file, TEXT_PARTS_BYTES_MAX);
    enum kit_status rc = read_file(folder, "vocab.json", &file, err);
    if (rc == KIT_OK) {
        rc = kit_json_parse(kit_buf_str(&file), 2, &doc, err);
    }
    if (rc == KIT_OK) {
        struct text_node root = text_node_root(kit_json_root(doc));
        rc = text_vocab_parse(&root, &p->arena, ret, err);
    }
    kit_json_free(doc);
    kit_buf_done(&file);
    return rc == KIT_OK ? rc : kit_err_prefix(err, rc, "vocab.json");
}

static enum kit_status make_roberta(const char *folder, const struct text_settings *s, struct text_parts *p,
                                    struct kit_err *err)
{
    struct text_vocab *vocab = NULL;
    struct kit_buf file;
    kit_buf_init(&file, TEXT_PARTS_BYTES_MAX);
    enum kit_status rc = read_vocab_json(folder, p, &vocab, err);
    if (rc == KIT_OK) {
        rc = read_file(folder, "merges.txt", &file, err);
    }
    if (rc == KIT_OK) {
        rc = text_bpe_new(vocab, kit_buf_str(&file), &p->arena, &p->model, err);
        rc = rc == KIT_OK ? rc : kit_err_prefix(err, rc, "merges.txt");
    }
    kit_buf_done(&file);
    text_pretokenizer_bytelevel(s->add_prefix_space, &p->pretokenizer);
    p->decoder = (struct text_decoder){.kind = TEXT_DECODER_BYTELEVEL};
    p->template.trim_offsets = s->trim_offsets;
    p->template.space_added = s->add_prefix_space;
    return rc;
}

static const struct recipe recipes[] = {
    {.classes = bert_classes,
     .files = {"vocab.txt", "vocab.txt"},
     .roles = {[TEXT_ROLE_UNKNOWN] = "[UNK]",
               [TEXT_ROLE_SEP] = "[SEP]",
               [TEXT_ROLE_PAD] = "[PAD]",
               [TEXT_ROLE_CLS] = "[CLS]",
               [TEXT_ROLE_MASK] = "[MASK]"},
     .make = make_bert,
     .frame = text_template_bert},
    {.classes = roberta_classes,
     .files = {"vocab.json", "merges.txt"},
     .roles = {[TEXT_ROLE_BOS] = "<s>",
               [TEXT_ROLE_EOS] = "</s>",
               [TEXT_ROLE_UNKNOWN] = "<unk>",
               [TEXT_ROLE_SEP] = "</s>",
               [TEXT_ROLE_PAD] = "<pad>",
               [TEXT_ROLE_CLS] = "<s>",
               [TEXT_ROLE_MASK] = "<mask>"},
     .mask_takes_space = true,
     .make = make_roberta,
     .frame = text_template_roberta},
};

/* --- which of them --- */

static bool is_class(const struct recipe *recipe, kit_str name)
{
    bool found = name.len == 0; /* the files say no class: it is what they usually belong to */
    for (size_t i = 0; recipe->classes[i] != NULL; i++) {
        found = found || kit_str_eq(name, kit_str_c(recipe->classes[i]));
    }
    return found;
}

static enum kit_status read_old(const struct recipe *recipe, const char *folder, struct text_parts *p,
                                struct kit_err *err)
{
    struct text_settings s;
    enum kit_status rc = text_settings_read(folder, &p->arena, &s, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (!is_class(recipe, s.class_name)) {
        return kit_fail(
            err, KIT_UNSUPPORTED,
            "tokenizer_config.json: tokenizer_class: '%.*s' is not supported without a tokenizer.json, which "
            "AutoTokenizer.from_pretrained(…).save_pretrained(…) writes",
            KIT_STR_ARG(kit_str_sub(s.class_name, 0, 40)));
    }
    name_roles(recipe, &s);
    rc = recipe->make(folder, &s, p, err);
    return rc == KIT_OK ? add_tokens(recipe, &s, p, err) : rc;
}

enum kit_status text_folder_read(const char *folder, struct text_parts *ret, struct kit_err *err)
{
    text_parts_init(ret);
    if (has_file(folder, "tokenizer.json")) {
        return read_json(folder, ret, err);
    }
    for (size_t i = 0; i < KIT_COUNT(recipes); i++) {
        if (has_file(folder, recipes[i].files[0]) && has_file(folder, recipes[i].files[1])) {
            return read_old(&recipes[i], folder, ret, err);
        }
    }
    return kit_fail(err, KIT_NOT_FOUND, "%s has no tokenizer.json, no vocab.txt and no vocab.json with merges.txt",
                    folder);
}
