/* Grammars for a program in Python: reads one JSON object a line, answers with one a line.
 *
 *     {"schema": …} or {"gbnf": "…"}, "spaces": 0 … 2, "seed": 1, "walks": 3, "vocab": "small" or "large", "accept": ["…", …]}
 *     {"texts": ["…", …], "accepted": [true, …], "stuck": 0, "wrong": 0} or {"error": "…", "status": "unprocessable"}
 * A walk takes random tokens that the mask allows, and after a while those that come to an end. stuck: walks that did not end;
 * wrong: masks that allowed nothing, or a token that was not accepted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grammar/grammar.h"
#include "grammar/masks.h"
#include "grammar/synthetic.h"
#include "kit/alloc.h"

#define STEPS_FREE 120
#define STEPS_MAX 6000
#define TEXT_MAX (256 * KIT_KIB)

static struct synthetic small, large;

struct run {
    kit_json ask;
    struct grammar_vocab *vocab;
    struct grammar *grammar;
    struct grammar_masks *masks;
    uint64_t *bits;
    uint64_t random;
    uint32_t stuck, wrong;
};

static uint32_t draw(struct run *r, uint32_t below)
{
    r->random = r->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((r->random >> 33) % below);
}

static bool is_allowed(const struct run *r, char byte)
{
    return (r->bits[(uint8_t)byte / 64] >> (uint8_t)byte % 64 & 1) != 0;
}

/* What brings a JSON text to its end soonest; the greater the better. In a string that is '"', elsewhere a bracket. */
static int closes(kit_str s, bool in_string)
{
    const char *order = in_string ? ":,.-0123456789nftu]}\"" : ":,.-0123456789nftu\"]}";
    const char *at = s.len == 1 && s.ptr[0] != '\0' ? strchr(order, s.ptr[0]) : NULL;
    return at == NULL ? 0 : (int)(at - order) + 1;
}

static int32_t random_token(struct run *r, uint32_t allowed)
{
    uint32_t pick = draw(r, allowed);
    for (uint32_t word = 0; word < grammar_vocab_words(r->vocab); word++) {
        uint32_t here = (uint32_t)__builtin_popcountll(r->bits[word]);
        if (pick >= here) {
            pick -= here;
            continue;
        }
        uint64_t rest = r->bits[word];
        while (pick-- > 0) {
            rest &= rest - 1;
        }
        return (int32_t)(word * 64 + (uint32_t)__builtin_ctzll(rest));
    }
    return -1;
}

/* A token of one letter or digit: patterns look for some. */
static int32_t searched_token(struct run *r)
{
    static const char letters[] = "abcy0e@.";
    char letter = letters[draw(r, sizeof(letters) - 1)];
    return is_allowed(r, letter) ? letter : -1;
}

static int32_t closing_token(struct run *r, uint32_t allowed)
{
    int32_t best = draw(r, 3) == 0 ? searched_token(r) : -1;
    int worth = -1;
    if (best >= 0) {
        return best;
    }
    best = random_token(r, allowed);
    bool in_string = is_allowed(r, '}') && is_allowed(r, 'x');
    for (uint32_t id = 0; id < 258; id++) { /* the bytes, and the end */
        if ((r->bits[id / 64] >> id % 64 & 1) == 0) {
            continue;
        }
        int here = grammar_vocab_is_end(r->vocab, (int32_t)id)
                       ? 1000
                       : closes(grammar_vocab_token(r->vocab, (int32_t)id), in_string);
        if (here > worth) {
            worth = here;
            best = (int32_t)id;
        }
    }
    return best;
}

static void walk(struct run *r, struct kit_json_writer *out)
{
    struct grammar_state *s = NULL;
    struct kit_buf text;
    kit_buf_init(&text, TEXT_MAX);
    if (grammar_state_new(r->masks, &s, NULL) != KIT_OK) {
        abort();
    }
    uint32_t free_steps = draw(r, STEPS_FREE);
    for (uint32_t step = 0; step < STEPS_MAX && !grammar_state_ended(s); step++) {
        uint32_t allowed = 0;
        if (grammar_state_mask(s, r->bits, &allowed, NULL) != KIT_OK || allowed == 0) {
            r->wrong++;
            break;
        }
        bool free =
            step < free_steps || draw(r, 10) == 0; /* a pattern may need another character than those that close */
        int32_t token = free ? random_token(r, allowed) : closing_token(r, allowed);
        if (grammar_state_accept(s, token, NULL) != KIT_OK) {
            r->wrong++;
            break;
        }
        kit_buf_add(&text, grammar_vocab_token(r->vocab, token));
    }
    if (grammar_state_ended(s)) {
        kit_json_put_str(out, kit_buf_str(&text));
    } else {
        r->stuck++;
    }
    grammar_state_free(s);
    kit_buf_done(&text);
}

static bool accepts(struct run *r, kit_str text)
{
    struct grammar_state *s = NULL;
    if (grammar_state_new(r->masks, &s, NULL) != KIT_OK) {
        abort();
    }
    bool good = grammar_state_accept_bytes(s, text, NULL) == KIT_OK && grammar_state_complete(s);
    grammar_state_free(s);
    return good;
}

static enum kit_status compile(struct run *r, struct kit_err *err)
{
    struct grammar_options options = {.spaces = (enum grammar_spaces)kit_json_i64(kit_json_get(r->ask, "spaces"), 0)};
    kit_str gbnf = kit_json_str(kit_json_get(r->ask, "gbnf"), (kit_str){0});
    struct schema *schema = NULL;
    if (gbnf.ptr != NULL) {
        return grammar_from_gbnf(gbnf, &r->grammar, err);
    }
    enum kit_status rc = schema_parse(kit_json_get(r->ask, "schema"), NULL, &schema, err);
    rc = rc == KIT_OK ? grammar_from_schema(schema, &options, &r->grammar, err) : rc;
    schema_free(schema);
    return rc;
}

static void answer(struct run *r, struct kit_json_writer *w)
{
    kit_json_key(w, "texts");
    kit_json_open(w, '[');
    for (int64_t i = kit_json_i64(kit_json_get(r->ask, "walks"), 0); i > 0; i--) {
        walk(r, w);
    }
    kit_json_close(w, ']');
    kit_json_key(w, "accepted");
    kit_json_open(w, '[');
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(r->ask, "accept")); kit_json_next(&i);) {
        kit_json_put_bool(w, accepts(r, kit_json_str(i.value, (kit_str){0})));
    }
    kit_json_close(w, ']');
    kit_json_member_u64(w, "stuck", r->stuck);
    kit_json_member_u64(w, "wrong", r->wrong);
}

static void one(kit_json ask)
{
    struct run r = {.ask = ask, .random = (uint64_t)kit_json_i64(kit_json_get(ask, "seed"), 1) * 7919};
    struct kit_err err = {0};
    struct kit_buf out;
    struct kit_json_writer w;
    struct synthetic *synthetic =
        kit_str_eq(kit_json_str(kit_json_get(ask, "vocab"), (kit_str){0}), kit_str_lit("large")) ? &large : &small;
    if (synthetic->vocab == NULL) {
        synthetic_make(synthetic, synthetic == &large ? 262144 : 700, 42);
    }
    r.vocab = synthetic->vocab;
    r.bits = kit_alloc_zero(grammar_vocab_words(r.vocab), sizeof(*r.bits));
    kit_buf_init(&out, 64 * KIT_MIB);
    kit_json_writer_init(&w, &out);
    kit_json_open(&w, '{');
    enum kit_status rc = compile(&r, &err);
    rc = rc == KIT_OK ? grammar_masks_new(r.grammar, r.vocab, GRAMMAR_MASKS_BYTES, &r.masks, &err) : rc;
    if (rc == KIT_OK) {
        answer(&r, &w);
    } else {
        kit_json_member_c(&w, "error", err.msg);
        kit_json_member_c(&w, "status", kit_status_name(rc));
    }
    kit_json_close(&w, '}');
    printf("%.*s\n", KIT_STR_ARG(kit_buf_str(&out)));
    fflush(stdout);
    grammar_masks_unref(r.masks);
    grammar_unref(r.grammar);
    kit_alloc_free(r.bits);
    kit_buf_done(&out);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    while ((len = getline(&line, &room, stdin)) > 0) {
        struct kit_json_doc *doc = NULL;
        struct kit_err err = {0};
        if (kit_json_parse((kit_str){line, (size_t)len}, 200, &doc, &err) == KIT_OK) {
            one(kit_json_root(doc));
        } else {
            printf("{\"error\":\"no JSON\",\"status\":\"parse_error\"}\n");
            fflush(stdout);
        }
        kit_json_free(doc);
    }
    free(line);
    synthetic_done(&small);
    synthetic_done(&large);
    return 0;
}
