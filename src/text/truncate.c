#include "text/truncate.h"

enum kit_status text_truncation_parse(const struct text_node *node, struct text_truncation *ret, struct kit_err *err)
{
    static const char *const hows[] = {"LongestFirst", "OnlyFirst", "OnlySecond", NULL};
    static const char *const sides[] = {"Right", "Left", NULL};
    *ret = (struct text_truncation){TEXT_TOKENS_UNLIMITED, TEXT_TRUNCATE_LONGEST_FIRST, TEXT_SIDE_RIGHT};
    if (text_node_is_null(node)) {
        return KIT_OK;
    }
    uint32_t how = 0;
    uint32_t side = 0;
    enum kit_status rc = text_node_need(node, KIT_JSON_OBJECT, err);
    if (rc == KIT_OK) {
        struct text_node max = text_node_get(node, "max_length");
        rc = text_node_u32(&max, TEXT_TOKENS_UNLIMITED, &ret->max_tokens, err);
    }
    if (rc == KIT_OK) {
        rc = text_node_word_or(node, "strategy", hows, 0, &how, err);
    }
    if (rc == KIT_OK) {
        rc = text_node_word_or(node, "direction", sides, 0, &side, err);
    }
    ret->how = (enum text_truncate)(TEXT_TRUNCATE_LONGEST_FIRST + how);
    ret->side = (enum text_side)(TEXT_SIDE_RIGHT + side);
    return rc;
}

/* The shorter one stays whole as long as it fits into half; what it leaves goes to the longer one. */
static void longest_first(size_t max, const size_t count[2], bool has_pair, size_t keep[2])
{
    if (!has_pair) {
        keep[0] = max;
        return;
    }
    int shorter = count[0] <= count[1] ? 0 : 1;
    size_t few = count[shorter];
    size_t many = few > max ? few : KIT_MAX(few, max - few);
    if (few + many > max) {
        few = max / 2;
        many = few + max % 2;
    }
    keep[shorter] = few;
    keep[1 - shorter] = many;
}

static enum kit_status cut_one(size_t max, const size_t count[2], int which, size_t keep[2], struct kit_err *err)
{
    size_t surplus = count[0] + count[1] - max;
    if (count[which] <= surplus) {
        return kit_fail(err, KIT_INVALID,
                        "%zu tokens do not fit into %zu by cutting the %s alone, which has %zu; shorten the other "
                        "or truncate the longest first",
                        count[0] + count[1], max, which == 0 ? "text" : "pair", count[which]);
    }
    keep[which] = count[which] - surplus;
    return KIT_OK;
}

enum kit_status text_truncation_apply(const struct text_truncation *t, uint32_t special, const size_t count[2],
                                      bool has_pair, size_t keep[2], struct kit_err *err)
{
    keep[0] = count[0];
    keep[1] = count[1];
    if (t->max_tokens < special) {
        return kit_fail_param(err, KIT_INVALID, "max_tokens",
                              "a limit of %u tokens has no room for the %u special ones", t->max_tokens, special);
    }
    size_t max = t->max_tokens - special;
    size_t total = count[0] + count[1];
    if (t->max_tokens == TEXT_TOKENS_UNLIMITED || total <= max) {
        return KIT_OK;
    }
    if (t->how == TEXT_TRUNCATE_REFUSE) {
        return kit_fail(err, KIT_TOO_LARGE,
                        "%zu tokens, but at most %u are taken; shorten the text or ask for truncation", total + special,
                        t->max_tokens);
    }
    if (max == 0) {
        keep[0] = 0;
        keep[1] = 0;
        return KIT_OK;
    }
    if (t->how == TEXT_TRUNCATE_LONGEST_FIRST) {
        longest_first(max, count, has_pair, keep);
        return KIT_OK;
    }
    if (t->how == TEXT_TRUNCATE_ONLY_SECOND && !has_pair) {
        return kit_fail(err, KIT_INVALID, "truncating only the second text needs a pair");
    }
    return cut_one(max, count, t->how == TEXT_TRUNCATE_ONLY_FIRST ? 0 : 1, keep, err);
}
