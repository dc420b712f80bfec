/* src/kit/ledger.h - the one book of bytes: who holds how much of which device, and why.
 *
 * An account belongs to a model (or to the process) and a device; it has a figure a kind. Reserve before
 * allocating, settle with the truth after. What is resident beyond the book is shown as `other`.
 * Thread: any (one lock inside). Memory: the ledger owns its accounts. */
#ifndef KIT_LEDGER_H
#define KIT_LEDGER_H

#include "kit/slots.h"
#include "kit/str.h"

#define KIT_LEDGER_KINDS(X) X(WEIGHTS, "weights") X(KV, "kv") X(CACHE, "cache")

enum kit_ledger_kind {
#define KIT_LEDGER_ENUM(name, text) KIT_LEDGER_##name,
    KIT_LEDGER_KINDS(KIT_LEDGER_ENUM)
#undef KIT_LEDGER_ENUM
        KIT_LEDGER_KIND_COUNT
};

/* Where a figure comes from; shown to people beside it. */
#define KIT_LEDGER_SOURCES(X)                                                                                          \
    X(ESTIMATED, "estimated") X(MAPPED, "mapped") X(COUNTED, "counted") X(TOLD, "told") X(MEASURED, "measured")

enum kit_ledger_source {
#define KIT_LEDGER_SOURCE_ENUM(name, text) KIT_LEDGER_##name,
    KIT_LEDGER_SOURCES(KIT_LEDGER_SOURCE_ENUM)
#undef KIT_LEDGER_SOURCE_ENUM
        KIT_LEDGER_SOURCE_COUNT
};

struct kit_ledger_row {
    char owner[128]; /* model id, or "process" */
    char device[16]; /* "cpu", "cuda:0" */
    uint64_t bytes[KIT_LEDGER_KIND_COUNT];
    enum kit_ledger_source source[KIT_LEDGER_KIND_COUNT];
};

struct kit_ledger;

/* limit_bytes: budget of device "cpu"; 0 = no limit. accounts_max: 1 … 65,536. NOMEM. */
KIT_MUST_CHECK enum kit_status kit_ledger_new(uint64_t limit_bytes, uint32_t accounts_max, struct kit_ledger **ret);
void kit_ledger_free(struct kit_ledger *l); /* with its accounts; NULL is fine */

KIT_MUST_CHECK enum kit_status kit_ledger_open(struct kit_ledger *l, kit_str owner, kit_str device, kit_id *ret,
                                               struct kit_err *err); /* FULL, NOMEM */
void kit_ledger_close(struct kit_ledger *l, kit_id account);         /* its bytes return to the budget */

/* Sets one figure. With `refuse` a figure that would pass the budget is FULL and changes nothing; the message
 * shows the sum ("needs 91.0 MB, budget 64.0 MB, in use 12.0 MB by 1 model"). Without, it is booked as it is:
 * the truth after the fact. */
KIT_MUST_CHECK enum kit_status kit_ledger_set(struct kit_ledger *l, kit_id account, enum kit_ledger_kind kind,
                                              uint64_t bytes, enum kit_ledger_source source, bool refuse,
                                              struct kit_err *err);
/* False: no such account; *ret is untouched. */
bool kit_ledger_get(struct kit_ledger *l, kit_id account, struct kit_ledger_row *ret);
/* The budget (0: none), and what all accounts hold of it. */
void kit_ledger_sum(struct kit_ledger *l, uint64_t *limit_bytes, uint64_t *used_bytes);
const char *kit_ledger_source_text(enum kit_ledger_source source); /* "mapped"; lives for ever */

#endif
