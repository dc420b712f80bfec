/* src/task/kind.h - the names of the tasks. What each does: type.h. */
#ifndef TASK_KIND_H
#define TASK_KIND_H

#include "kit/str.h"

/* In the order in which a model that names no task of its own is asked. */
#define TASK_NAMED(X)                                                                                                  \
    X(EMBED, "embed")                                                                                                  \
    X(SIMILARITY, "similarity")                                                                                        \
    X(RERANK, "rerank")                                                                                                \
    X(CLASSIFY, "classify")                                                                                            \
    X(TOKEN_CLASSIFY, "token-classify")                                                                                \
    X(FILL_MASK, "fill-mask")                                                                                          \
    X(ANSWER, "answer")                                                                                                \
    X(GENERATE, "generate")                                                                                            \
    X(RAW, "raw")                                                                                                      \
    X(TOKENIZE, "tokenize")                                                                                            \
    X(DETOKENIZE, "detokenize")
#define TASK_KINDS(X) X(DEFAULT, "") TASK_NAMED(X)

/* " embed similarity …", for messages. */
#define TASK_NAMES TASK_NAMED(TASK_KIND_SPACED)
#define TASK_KIND_SPACED(name, text) " " text

enum task_kind {
#define TASK_KIND_ENUM(name, text) TASK_##name,
    TASK_KINDS(TASK_KIND_ENUM)
#undef TASK_KIND_ENUM
        TASK_KIND_COUNT
};
const char *task_kind_text(enum task_kind k);
/* TASK_KIND_COUNT: no such task. */
enum task_kind task_kind_of(kit_str name);

#endif
