/* src/text/settings.h - what the small files of a model folder say of its tokenizer: tokenizer_config.json,
 * special_tokens_map.json and added_tokens.json. Each may be missing, and so may all that is in them.
 *
 * Thread: any. Memory: the caller's arena. Blocking: reads files.
 * Source: the files as Hugging Face's transformers 5.23 writes and reads them, those of older versions too. */
#ifndef TEXT_SETTINGS_H
#define TEXT_SETTINGS_H

#include "text/added.h"
#include "text/truncate.h"

enum text_role {
    TEXT_ROLE_BOS,
    TEXT_ROLE_EOS,
    TEXT_ROLE_UNKNOWN,
    TEXT_ROLE_SEP,
    TEXT_ROLE_PAD,
    TEXT_ROLE_CLS,
    TEXT_ROLE_MASK,
    TEXT_ROLES
};

/* The tokens that have a role; one that no file names has empty content. Ids are not set. */
struct text_roles {
    struct text_added_token token[TEXT_ROLES];
};

/* tokenizer.json's companions: only the roles. Errors: PARSE with file and path; IO, TOO_LARGE, NOMEM. */
KIT_MUST_CHECK enum kit_status text_settings_roles(const char *folder, struct kit_arena *arena, struct text_roles *ret,
                                                   struct kit_err *err);

struct text_settings {
    struct text_roles roles;
    kit_str class_name;                            /* "BertTokenizer", without "Fast"; empty: not named */
    bool lower_case, strip_accents, chinese_chars; /* of BERT's */
    bool add_prefix_space, trim_offsets;           /* of RoBERTa's */
    struct text_truncation truncation;             /* model_max_length, truncation_side */
    /* Tokens to add, those with a role among them, in the order in which new ones get their ids; ids are not set. Each
     * once. There is room for TEXT_ROLES more. */
    uint32_t count;
    struct text_added_token *token;
};

/* Errors as text_settings_roles. */
KIT_MUST_CHECK enum kit_status text_settings_read(const char *folder, struct kit_arena *arena,
                                                  struct text_settings *ret, struct kit_err *err);

#endif
