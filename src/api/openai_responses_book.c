/* GET and DELETE /v1/responses/{id}, its input items, and how responses are kept: each belongs to who asked for it, for a time,
 * up to a number and a sum of bytes; what was gone on with last stays longest. */
#include "api/openai_responses.h"

#include <string.h>

#include "api/errand.h"
#include "api/handlers.h"
#include "kit/alloc.h"
#include "kit/num.h"

const char *const api_responses_migrations[] = {
    "CREATE TABLE responses (id TEXT PRIMARY KEY, principal TEXT NOT NULL, previous TEXT, touched_ns BIGINT NOT NULL, "
    "expires_s BIGINT NOT NULL, bytes BIGINT NOT NULL, items TEXT NOT NULL, response TEXT NOT NULL);"
    "CREATE INDEX responses_touched ON responses (touched_ns, id, bytes);"
    "CREATE INDEX responses_expires ON responses (expires_s)"};
const uint32_t api_responses_migration_count = KIT_COUNT(api_responses_migrations);

#define ANSWER_BYTES_MAX (64 * KIT_MIB)
#define ITEMS_MAX 100
#define ITEMS_DEFAULT 20

static int64_t now_s(void)
{
    return (int64_t)(kit_clock_wall_ns() / KIT_NS_PER_S);
}

static enum kit_status not_found(const char *id, struct kit_err *err)
{
    return kit_fail(err, KIT_NOT_FOUND, "no response '%.80s' is kept here", id);
}

/* --- a conversation --- */

#define CHAIN                                                                                                          \
    "WITH RECURSIVE chain(id, previous, depth) AS ("                                                                   \
    "SELECT id, previous, 0 FROM responses WHERE id = $1 AND principal = $2 AND expires_s > $3 "                       \
    "UNION ALL SELECT r.id, r.previous, chain.depth + 1 FROM responses AS r JOIN chain ON r.id = chain.previous "      \
    "WHERE r.principal = $2 AND chain.depth < $4) "

static const char find_chain[] = CHAIN "SELECT r.previous, r.items, r.response FROM chain JOIN responses AS r ON r.id "
                                       "= chain.id ORDER BY chain.depth DESC";

enum kit_status api_responses_find(struct api *a, kit_str principal, const char *id, const struct store_asker *asker,
                                   struct store_tx **ret, struct kit_err *err)
{
    struct store_value values[] = {store_text(kit_str_c(id)), store_text(principal), store_int(now_s()),
                                   store_int(API_RESPONSE_DEPTH_MAX)};
    enum kit_status rc = a->store == NULL ? not_found(id, err) : store_tx_new(a->store, STORE_READ, asker, ret, err);
    if (rc == KIT_OK) {
        store_tx_add(*ret, find_chain, values, KIT_COUNT(values), STORE_ANY);
    }
    return rc;
}

uint32_t api_responses_rows(const struct store_tx *history)
{
    return store_tx_rows(history, 0);
}

struct api_responses_row api_responses_row(const struct store_tx *history, uint32_t row)
{
    return (struct api_responses_row){.items = store_tx_get(history, 0, row, 1).bytes,
                                      .response = store_tx_get(history, 0, row, 2).bytes};
}

enum kit_status api_responses_found(const struct store_tx *history, const char *id, struct kit_err *err)
{
    enum kit_status rc = store_tx_status(history, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (store_tx_rows(history, 0) == 0) {
        rc = kit_fail_param(err, KIT_NOT_FOUND, "previous_response_id", "no response '%.80s' is kept here", id);
    } else if (store_tx_get(history, 0, 0, 0).type != STORE_NULL) {
        rc = kit_fail_param(err, KIT_NOT_FOUND, "previous_response_id",
                            "the beginning of the conversation of '%.80s' is not kept any more, or it has more than %d "
                            "responses",
                            id, API_RESPONSE_DEPTH_MAX);
    }
    return rc;
}

/* --- keeping --- */

static const char drop_old[] = "DELETE FROM responses WHERE expires_s <= $1";
static const char insert[] =
    "INSERT INTO responses (id, principal, previous, touched_ns, expires_s, bytes, items, response) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
static const char touch_chain[] =
    "UPDATE responses SET touched_ns = $5, expires_s = $6 WHERE id IN (" CHAIN "SELECT id FROM chain)";
static const char drop_beyond_count[] =
    "DELETE FROM responses WHERE id IN (SELECT id FROM responses ORDER BY touched_ns, id LIMIT "
    "(SELECT CASE WHEN count(*) > $1 THEN count(*) - $1 ELSE 0 END FROM responses))";
/* Each that is needed to get below it, oldest first; at most 1,000 at a time, so that this takes no longer the more are kept. */
static const char drop_beyond_bytes[] =
    "DELETE FROM responses WHERE id IN (SELECT id FROM (SELECT id, sum(bytes) OVER (ORDER BY touched_ns, id) - bytes "
    "AS older "
    "FROM (SELECT id, bytes, touched_ns FROM responses WHERE (SELECT sum(bytes) FROM responses) > $1 "
    "ORDER BY touched_ns, id LIMIT 1000) AS oldest) AS sums WHERE older < (SELECT sum(bytes) FROM responses) - $1)";

static void add_insert(struct store_tx *tx, const struct api_response *own, kit_str response, int64_t now_ns,
                       int64_t until_s)
{
    struct store_value previous = {.type = STORE_NULL};
    if (own->previous[0] != '\0') {
        previous = store_text(kit_str_c(own->previous));
    }
    struct store_value values[] = {store_text(kit_str_c(own->id)),
                                   store_text(own->principal),
                                   previous,
                                   store_int(now_ns),
                                   store_int(until_s),
                                   store_int((int64_t)(own->items.len + response.len)),
                                   store_text(own->items),
                                   store_text(response)};
    store_tx_add(tx, insert, values, KIT_COUNT(values), STORE_ONE);
}

/* What it goes on with is as young as it, and goes before it. */
static void add_touch(struct store_tx *tx, const struct api_response *own, int64_t now_ns, int64_t until_s)
{
    struct store_value values[] = {
        store_text(kit_str_c(own->previous)), store_text(own->principal), store_int(0),
        store_int(API_RESPONSE_DEPTH_MAX),    store_int(now_ns - 1),      store_int(until_s)};
    store_tx_add(tx, touch_chain, values, KIT_COUNT(values), STORE_ANY);
}

enum kit_status api_responses_keep(const struct api_response *own, kit_str response, const struct store_asker *asker,
                                   struct kit_err *err)
{
    const struct api_options *o = &own->api->options;
    struct store_tx *tx = NULL;
    struct store_value now = store_int(now_s()), count = store_int(o->responses_max),
                       bytes = store_int((int64_t)o->responses_bytes_max);
    int64_t now_ns = (int64_t)kit_clock_wall_ns(), until_s = now.i + (int64_t)(o->responses_keep_ms / 1000);
    if (own->items.len + response.len > o->responses_bytes_max) {
        return kit_fail(err, KIT_TOO_LARGE, "a response of %zu bytes is not kept (responses.bytes_max)", response.len);
    }
    enum kit_status rc = store_tx_new(own->api->store, STORE_WRITE, asker, &tx, err);
    if (rc == KIT_OK) {
        store_tx_add(tx, drop_old, &now, 1, STORE_ANY);
        add_insert(tx, own, response, now_ns, until_s);
        add_touch(tx, own, now_ns, until_s);
        store_tx_add(tx, drop_beyond_count, &count, 1, STORE_ANY);
        store_tx_add(tx, drop_beyond_bytes, &bytes, 1, STORE_ANY);
        rc = store_submit(tx, err);
    }
    store_tx_unref(tx);
    return rc;
}

/* --- asking for one --- */

struct looking {
    struct api_errand errand; /* that picks the items, on the pool */
    struct api_loop *loop;
    kit_id request;
    struct store_tx *tx; /* a reference, from when it is answered */
    void (*tell)(struct looking *l, struct http_request *h);
    char id[API_RESPONSE_ID_BYTES];
    uint32_t limit; /* items */
    bool ascending;
    char after[API_OPENAI_ID_BYTES];
    struct kit_buf body;
    struct kit_err err;
};

static void free_looking(struct looking *l)
{
    store_tx_unref(l->tx);
    kit_buf_done(&l->body);
    kit_alloc_free(l);
}

static void send_body(struct looking *l, struct http_request *h)
{
    struct kit_err err = {0};
    if (!api_body_is_whole(&l->body, &err)) {
        api_openai_fail(h, &err);
    } else {
        api_send_json(h, 200, &l->body);
    }
}

static void found(struct store_tx *tx)
{
    struct looking *l = store_tx_ctx(tx);
    struct http_request *h = http_server_find(l->loop->server, l->request);
    struct kit_err err = {0};
    if (h == NULL) {
        free_looking(l);
        return;
    }
    if (store_tx_status(tx, &err) != KIT_OK) {
        api_openai_fail(h, &err);
        free_looking(l);
        return;
    }
    l->tx = store_tx_ref(tx);
    l->tell(l, h);
}

/* Asks the store with the values $1 id, $2 principal, $3 now; `tell` gets the answer, and ends l. */
static void look(struct http_request *h, struct api *a, struct looking *l, enum store_kind kind, const char *sql)
{
    struct kit_err err = {0};
    struct store_tx *tx = NULL;
    kit_str id = h->param[0];
    l->loop = api_loop_of(a, h->server);
    l->request = h->id;
    kit_buf_init(&l->body, ANSWER_BYTES_MAX);
    kit_str_to_c(id, l->id, sizeof(l->id));
    struct store_asker asker = {.answered = found, .home = l->loop->stored, .ctx = l};
    struct store_value values[] = {store_text(id), store_text(h->principal), store_int(now_s())};
    bool sane = id.len < sizeof(l->id) && kit_str_find_char(id, '\0') == id.len && a->store != NULL;
    enum kit_status rc = sane ? store_tx_new(a->store, kind, &asker, &tx, &err) : not_found(l->id, &err);
    if (rc == KIT_OK) {
        store_tx_add(tx, sql, values, KIT_COUNT(values), STORE_ANY);
        rc = store_submit(tx, &err);
    }
    store_tx_unref(tx);
    if (rc != KIT_OK) {
        free_looking(l);
        api_openai_fail(h, &err);
    }
}

static struct looking *new_looking(struct http_request *h)
{
    struct looking *l = kit_alloc_zero(1, sizeof(*l));
    if (l == NULL) {
        struct kit_err err;
        kit_fail(&err, KIT_NOMEM, "out of memory for a request");
        api_openai_fail(h, &err);
    }
    return l;
}

static void fail_not_found(struct looking *l, struct http_request *h)
{
    struct kit_err err = {0};
    not_found(l->id, &err);
    api_openai_fail(h, &err);
    free_looking(l);
}

/* --- GET /v1/responses/{id} --- */

static void tell_response(struct looking *l, struct http_request *h)
{
    if (store_tx_rows(l->tx, 0) == 0) {
        fail_not_found(l, h);
        return;
    }
    kit_buf_add(&l->body, store_tx_get(l->tx, 0, 0, 0).bytes);
    send_body(l, h);
    free_looking(l);
}

void api_openai_response(struct http_request *h, void *ctx)
{
    static const char sql[] = "SELECT response FROM responses WHERE id = $1 AND principal = $2 AND expires_s > $3";
    struct looking *l = new_looking(h);
    if (l != NULL) {
        l->tell = tell_response;
        look(h, ctx, l, STORE_READ, sql);
    }
}

/* --- DELETE /v1/responses/{id} --- */

static void tell_deleted(struct looking *l, struct http_request *h)
{
    struct kit_json_writer w;
    if (store_tx_changed(l->tx, 0) == 0) {
        fail_not_found(l, h);
        return;
    }
    kit_json_writer_init(&w, &l->body);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "id", l->id);
    kit_json_member_c(&w, "object", "response");
    kit_json_member_bool(&w, "deleted", true);
    kit_json_close(&w, '}');
    send_body(l, h);
    free_looking(l);
}

void api_openai_response_delete(struct http_request *h, void *ctx)
{
    static const char sql[] = "DELETE FROM responses WHERE id = $1 AND principal = $2 AND expires_s > $3";
    struct looking *l = new_looking(h);
    if (l != NULL) {
        l->tell = tell_deleted;
        look(h, ctx, l, STORE_WRITE, sql);
    }
}

/* --- GET /v1/responses/{id}/input_items --- */

static kit_str id_of(kit_json item)
{
    return kit_json_str(kit_json_get(item, "id"), (kit_str){0});
}

/* Those behind `after`, in the wanted order, at most `limit`. */
static void pick(struct looking *l, kit_json items, struct kit_arena *arena)
{
    struct kit_json_writer w;
    size_t count = kit_json_count(items), told = 0;
    kit_json *all = kit_arena_zero(arena, KIT_MAX(count, (size_t)1), sizeof(*all));
    kit_str text, first = {0}, last = {0};
    bool on = l->after[0] == '\0', more = false;
    if (all == NULL) {
        l->body.failed = KIT_NOMEM;
        return;
    }
    for (struct kit_json_iter i = kit_json_iter(items); kit_json_next(&i);) {
        all[l->ascending ? i.index : count - 1 - i.index] = i.value;
    }
    kit_json_writer_init(&w, &l->body);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "object", "list");
    kit_json_key(&w, "data");
    kit_json_open(&w, '[');
    for (size_t i = 0; i < count && !more; i++) {
        more = on && told == l->limit;
        if (on && !more && kit_json_text(all[i], arena, &text) == KIT_OK) {
            kit_json_put_raw(&w, text);
            last = id_of(all[i]);
            first = told++ == 0 ? last : first;
        }
        on = on || kit_str_eq(id_of(all[i]), kit_str_c(l->after));
    }
    kit_json_close(&w, ']');
    kit_json_member_str(&w, "first_id", first);
    kit_json_member_str(&w, "last_id", last);
    kit_json_member_bool(&w, "has_more", more);
    kit_json_close(&w, '}');
}

static void pick_on_pool(struct api_errand *e)
{
    struct looking *l = KIT_CONTAINER(e, struct looking, errand);
    struct kit_json_doc *doc = NULL;
    struct kit_arena arena;
    kit_arena_init(&arena, 2 * ANSWER_BYTES_MAX);
    if (kit_json_parse(store_tx_get(l->tx, 0, 0, 0).bytes, KIT_JSON_DEPTH_MAX * 2, &doc, &l->err) == KIT_OK) {
        pick(l, kit_json_root(doc), &arena);
    }
    kit_json_free(doc);
    kit_arena_done(&arena);
}

static void picked(struct api_errand *e)
{
    struct looking *l = KIT_CONTAINER(e, struct looking, errand);
    struct http_request *h = http_server_find(l->loop->server, l->request);
    if (h != NULL && l->err.code != KIT_OK) {
        api_openai_fail(h, &l->err);
    } else if (h != NULL) {
        send_body(l, h);
    }
    free_looking(l);
}

static void not_picked(struct api_errand *e)
{
    free_looking(KIT_CONTAINER(e, struct looking, errand));
}

static void tell_items(struct looking *l, struct http_request *h)
{
    struct kit_err err = {0};
    if (store_tx_rows(l->tx, 0) == 0) {
        fail_not_found(l, h);
        return;
    }
    l->errand.run = pick_on_pool;
    l->errand.back = picked;
    l->errand.drop = not_picked;
    if (api_errand_go(&l->errand, l->loop, &err) != KIT_OK) {
        api_openai_fail(h, &err);
        free_looking(l);
    }
}

static enum kit_status read_page(struct looking *l, struct http_request *h, struct kit_err *err)
{
    kit_str limit = http_request_query(h, "limit"), order = http_request_query(h, "order"),
            after = http_request_query(h, "after");
    uint64_t n = ITEMS_DEFAULT;
    if (limit.len > 0 && (kit_str_to_u64(limit, &n) != KIT_OK || n < 1 || n > ITEMS_MAX)) {
        return kit_fail_param(err, KIT_INVALID, "limit", "'limit' must be a whole number from 1 to %d", ITEMS_MAX);
    }
    l->ascending = kit_str_eq(order, kit_str_lit("asc"));
    if (order.len > 0 && !l->ascending && !kit_str_eq(order, kit_str_lit("desc"))) {
        return kit_fail_param(err, KIT_INVALID, "order", "'order' must be 'asc' or 'desc'");
    }
    if (after.len >= sizeof(l->after)) {
        return kit_fail_param(err, KIT_INVALID, "after", "'after' must be the id of an item");
    }
    l->limit = (uint32_t)n;
    kit_str_to_c(after, l->after, sizeof(l->after));
    return KIT_OK;
}

void api_openai_response_items(struct http_request *h, void *ctx)
{
    static const char sql[] = "SELECT items FROM responses WHERE id = $1 AND principal = $2 AND expires_s > $3";
    struct looking *l = new_looking(h);
    struct kit_err err = {0};
    if (l == NULL) {
        return;
    }
    if (read_page(l, h, &err) != KIT_OK) {
        free_looking(l);
        api_openai_fail(h, &err);
        return;
    }
    l->tell = tell_items;
    look(h, ctx, l, STORE_READ, sql);
}
