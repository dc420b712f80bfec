/* backends/echo/vocabulary.h - the words of an echo model that generates: 256 bytes and four special tokens.
 *
 * Thread: any; pure. Memory: none is kept. */
#ifndef ECHO_VOCABULARY_H
#define ECHO_VOCABULARY_H

#include <stdint.h>

#include "aether/backend.h"

enum echo_token {
    ECHO_BEGIN = 256, /* <begin>: in front of every text */
    ECHO_END,         /* <end>: ends a generation */
    ECHO_TURN,        /* <turn>: in front of each message of a chat */
    ECHO_REPLY,       /* <reply>: behind a text; what follows is the answer to it */
    ECHO_TOKENS
};

/* As in struct acb_plugin; the model does not matter. ACB_TOKENIZE_ADD_SPECIAL puts <begin> before and <reply> behind. */
int32_t echo_tokenize(void *model, const char *text, uint64_t bytes, uint32_t flags, int32_t *ids, uint64_t *count);
int32_t echo_detokenize(void *model, int32_t id, uint32_t flags, char *text, uint64_t *bytes);
uint32_t echo_token_flags(void *model, int32_t id);

#endif
