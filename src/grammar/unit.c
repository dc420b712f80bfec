#include "grammar/unit.h"

#include "kit/utf8.h"

#define DONE GRAMMAR_UNIT_DONE
#define STATES_MAX 30000

struct maker {
    struct grammar_nodes *b;
    uint32_t unit;
    uint16_t states;
};

static uint16_t new_state(struct maker *m)
{
    if (m->states == STATES_MAX && m->b->failed == KIT_OK) {
        m->b->failed = kit_fail(m->b->err, KIT_TOO_LARGE, "a set of characters is too large");
    }
    return m->states == STATES_MAX ? m->states : m->states++;
}

/* Where [low, high] leads from a state: an edge that is there already, or a new one. Ranges are equal or apart, as
 * characters come in order. */
static uint16_t edge_to(struct maker *m, uint16_t from, uint8_t low, uint8_t high)
{
    const struct grammar_unit *u = &m->b->unit[m->unit];
    for (uint32_t i = u->count; i > 0; i--) {
        const struct grammar_unit_edge *e = &m->b->edge[u->first + i - 1];
        if (e->from == from && e->low == low && e->high == high && e->to != DONE) {
            return e->to;
        }
    }
    uint16_t to = new_state(m);
    grammar_unit_edge(m->b, from, low, high, to);
    return to;
}

/* [low, high], all of one length and, but for the first byte in which they differ, with whole ends. */
static void add_aligned(struct maker *m, uint32_t low, uint32_t high)
{
    char from[KIT_UTF8_BYTES_MAX];
    char to[KIT_UTF8_BYTES_MAX];
    uint32_t bytes = kit_utf8_write(low, from);
    kit_utf8_write(high, to);
    uint16_t state = 0;
    for (uint32_t i = 0; i + 1 < bytes; i++) {
        state = edge_to(m, state, (uint8_t)from[i], (uint8_t)to[i]);
    }
    grammar_unit_edge(m->b, state, (uint8_t)from[bytes - 1], (uint8_t)to[bytes - 1], DONE);
}

/* Cuts [low, high] where the number of bytes changes and where continuation bytes are not whole. */
static void add_range(struct maker *m, uint32_t low, uint32_t high)
{
    static const uint32_t ends[] = {0x7F, 0x7FF, 0xFFFF};
    for (uint32_t i = 0; i < KIT_COUNT(ends); i++) {
        if (low <= ends[i] && high > ends[i]) {
            add_range(m, low, ends[i]);
            add_range(m, ends[i] + 1, high);
            return;
        }
    }
    for (uint32_t mask = 0x3F; low > 0x7F && mask < 0x3FFFF + 1U; mask = mask << 6 | 0x3F) {
        if ((low & ~mask) == (high & ~mask)) {
            break;
        }
        if ((low & mask) != 0) {
            add_range(m, low, low | mask);
            add_range(m, (low | mask) + 1, high);
            return;
        }
        if ((high & mask) != mask) {
            add_range(m, low, (high & ~mask) - 1);
            add_range(m, high & ~mask, high);
            return;
        }
    }
    add_aligned(m, low, high);
}

static void hex_edges(struct maker *m, uint16_t from, uint16_t to)
{
    grammar_unit_edge(m->b, from, '0', '9', to);
    grammar_unit_edge(m->b, from, 'A', 'F', to);
    grammar_unit_edge(m->b, from, 'a', 'f', to);
}

static void hex_digit(struct maker *m, uint16_t from, uint32_t digit, uint16_t to)
{
    if (digit < 10) {
        grammar_unit_edge(m->b, from, (uint8_t)('0' + digit), (uint8_t)('0' + digit), to);
    } else {
        grammar_unit_edge(m->b, from, (uint8_t)('A' + digit - 10), (uint8_t)('A' + digit - 10), to);
        grammar_unit_edge(m->b, from, (uint8_t)('a' + digit - 10), (uint8_t)('a' + digit - 10), to);
    }
}

static const char *short_escape(uint32_t point)
{
    static const char *const names[] = {"\"\"", "\\\\", "\bb", "\ff", "\nn", "\rr", "\tt"};
    for (size_t i = 0; i < KIT_COUNT(names); i++) {
        if ((uint32_t)names[i][0] == point) {
            return &names[i][1];
        }
    }
    return NULL;
}

/* One character that JSON's strings have escaped only: '"', '\\', or below 0x20. */
static void add_escaped(struct maker *m, uint32_t point)
{
    uint16_t backslash = edge_to(m, 0, '\\', '\\');
    const char *name = short_escape(point);
    if (name != NULL) {
        grammar_unit_edge(m->b, backslash, (uint8_t)*name, (uint8_t)*name, DONE);
        return;
    }
    uint16_t state = edge_to(m, edge_to(m, edge_to(m, backslash, 'u', 'u'), '0', '0'), '0', '0');
    state = edge_to(m, state, (uint8_t)('0' + point / 16), (uint8_t)('0' + point / 16));
    hex_digit(m, state, point % 16, DONE);
}

static void add_json(struct maker *m, struct grammar_range r)
{
    for (; r.low < 0x20 && r.low <= r.high; r.low++) {
        add_escaped(m, r.low);
    }
    static const uint32_t special[] = {'"', '\\'};
    for (size_t i = 0; i < KIT_COUNT(special); i++) {
        if (r.low <= special[i] && r.high >= special[i]) {
            add_escaped(m, special[i]);
            if (r.low < special[i]) {
                add_range(m, r.low, special[i] - 1);
            }
            r.low = special[i] + 1;
        }
    }
    if (r.low <= r.high) {
        add_range(m, r.low, r.high);
    }
}

/* "\n" and its like, "\u" and four digits, two of them for what lies beyond U+FFFF; no lone surrogate. */
static void add_free_escapes(struct maker *m)
{
    uint16_t s[10];
    uint16_t backslash = edge_to(m, 0, '\\', '\\');
    for (uint32_t i = 0; i < KIT_COUNT(s); i++) {
        s[i] = new_state(m);
    }
    for (const char *c = "\"\\/bfnrt"; *c != '\0'; c++) {
        grammar_unit_edge(m->b, backslash, (uint8_t)*c, (uint8_t)*c, DONE);
    }
    grammar_unit_edge(m->b, backslash, 'u', 'u', s[0]);
    for (uint32_t d = 0; d < 16; d++) {
        hex_digit(m, s[0], d, d == 0xD ? s[4] : s[1]);
    }
    for (uint32_t d = 0; d < 12; d++) { /* from "\uDC" on it would be a lower half alone */
        hex_digit(m, s[4], d, d < 8 ? s[2] : s[5]);
    }
    hex_edges(m, s[1], s[2]);
    hex_edges(m, s[2], s[3]);
    hex_edges(m, s[3], DONE);
    hex_edges(m, s[5], s[6]); /* the upper half: two digits more, then the lower half */
    uint16_t slash = new_state(m);
    hex_edges(m, s[6], slash);
    grammar_unit_edge(m->b, slash, '\\', '\\', s[7]);
    grammar_unit_edge(m->b, s[7], 'u', 'u', s[8]);
    hex_digit(m, s[8], 0xD, s[9]);
    for (uint32_t d = 12; d < 16; d++) {
        hex_digit(m, s[9], d, s[2]);
    }
}

static uint64_t hash_of(const struct grammar_set *s, enum grammar_writing writing)
{
    kit_str bytes = {(const char *)s->range, s->count * sizeof(s->range[0])};
    return (kit_str_hash(bytes) ^ s->count) * 3 + writing;
}

/* Everything that stands unescaped in a JSON string. */
static bool takes_plain(const struct grammar_set *s)
{
    uint64_t from = 0x20;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->range[i].low <= from && s->range[i].high >= from) {
            from = s->range[i].high == '!' || s->range[i].high == '[' ? s->range[i].high + 2 : s->range[i].high + 1;
            from = from == 0xD800 ? 0xE000 : from;
        }
    }
    return from > GRAMMAR_POINT_MAX;
}

uint32_t grammar_unit_of(struct grammar_nodes *b, const struct grammar_set *s, enum grammar_writing writing)
{
    if (s->failed && b->failed == KIT_OK) {
        b->failed = kit_fail(b->err, KIT_NOMEM, "no memory for a grammar");
    }
    bool all = writing == GRAMMAR_FREE && grammar_set_is_all(s);
    writing = writing == GRAMMAR_FREE && !all ? GRAMMAR_JSON : writing;
    uint64_t hash = hash_of(s, writing);
    for (uint32_t i = 0; i < b->units; i++) {
        if (b->unit[i].hash == hash) {
            return i;
        }
    }
    struct maker m = {.b = b, .unit = grammar_unit_new(b, hash), .states = 1};
    if (b->failed != KIT_OK) {
        return 0;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        struct grammar_range r = s->range[i];
        if (all) {
            r.low = KIT_MAX(r.low, 0x20U);
            for (uint32_t cut = '"'; r.low <= cut && r.high >= cut; cut = '\\') {
                add_range(&m, r.low, cut - 1);
                r.low = cut + 1;
            }
            add_range(&m, r.low, r.high);
        } else if (writing == GRAMMAR_RAW) {
            add_range(&m, r.low, r.high);
        } else {
            add_json(&m, r);
        }
    }
    if (all) {
        add_free_escapes(&m);
    }
    b->unit[m.unit].plain = writing != GRAMMAR_RAW && takes_plain(s);
    return m.unit;
}
