#include "heimnetz/service.h"

#include <stdlib.h>
#include <string.h>

#include "client/probe.h"
#include "heimnetz/args.h"
#include "heimnetz/record.h"
#include "kit/sync.h"

#define ASK_MS 2000
#define NS_PER_MS_REAL 1e6

const struct heimnetz_service_row heimnetz_service_rows[HEIMNETZ_SERVICE_COUNT] = {
#define SERVICE(id_, name_, variable_, address_, probe_, path_, role_)                                                 \
    {.name = name_, .variable = variable_, .address = address_, .role = role_},
#include "heimnetz/services.def"
#undef SERVICE
};

enum heimnetz_service_id heimnetz_service_find(const char *name)
{
    int i = 0;
    while (i < HEIMNETZ_SERVICE_COUNT && strcmp(heimnetz_service_rows[i].name, name) != 0) {
        i++;
    }
    return (enum heimnetz_service_id)i;
}

/* --- where it is --- */

static const char *flag_of(const struct heimnetz *h, enum heimnetz_service_id id)
{
    return id == HEIMNETZ_SERVICE_AETHERCORE     ? heimnetz_args_value(h, HEIMNETZ_OPT_URL)
           : id == HEIMNETZ_SERVICE_CONTEXTFORGE ? heimnetz_args_value(h, HEIMNETZ_OPT_CONTEXT_URL)
                                                 : NULL;
}

void heimnetz_service_address(const struct heimnetz *h, enum heimnetz_service_id id, char ret[SERVICE_ADDRESS_BYTES],
                              bool *said)
{
    const struct heimnetz_service_row *row = &heimnetz_service_rows[id];
    const char *address = flag_of(h, id);
    struct heimnetz_record record = {0};
    if (address == NULL) {
        address = getenv(row->variable);
    }
    *said = address != NULL && address[0] != '\0';
    if (!*said && row->address != NULL && heimnetz_record_read(row->name, &record, NULL) == KIT_OK) {
        address = record.url;
    } else if (!*said) {
        address = row->address;
    }
    kit_str_to_c(kit_str_c(address), ret, SERVICE_ADDRESS_BYTES);
    heimnetz_record_done(&record);
}

static bool is_here(kit_str address)
{
    static const char *const homes[] = {"http://127.", "http://localhost:", "http://[::1]:"};
    bool here = false;
    for (size_t i = 0; i < KIT_COUNT(homes); i++) {
        here = here || kit_str_starts(address, kit_str_c(homes[i]));
    }
    return here;
}

const char *heimnetz_service_start(enum heimnetz_service_id id, const char *address, char buf[SERVICE_START_BYTES])
{
    char program[PLACES_BYTES];
    const struct heimnetz_service_row *row = &heimnetz_service_rows[id];
    const char *port = strrchr(address, ':');
    if (row->address == NULL || !is_here(kit_str_c(address)) || port == NULL ||
        heimnetz_places_program(row->name, program, NULL) != KIT_OK) {
        return NULL;
    }
    bool usual = strcmp(port, strrchr(row->address, ':')) == 0;
    snprintf(buf, SERVICE_START_BYTES, usual ? "up%.0s" : "up --port %.5s", port + 1);
    return buf;
}

/* --- asking one --- */

static void set(char *buf, size_t size, const char *text)
{
    kit_str_to_c(kit_str_c(text), buf, size);
}

#define SET(field, text) set((field), sizeof(field), (text))

static void note_failure(struct heimnetz_service *s, enum kit_status rc, const struct kit_err *err)
{
    bool denied = s->answer.status == 401 || s->answer.status == 403 || rc == KIT_DENIED;
    bool nobody = s->answer.status == 0 && (rc == KIT_UNAVAILABLE || rc == KIT_TIMEOUT);
    s->answers = !nobody;
    SET(s->state, denied ? "no access" : nobody ? "down" : "failing");
    /* Its address stands beside it. */
    if (denied && heimnetz_service_rows[s->id].address != NULL) { /* one of the suite */
        SET(s->reason, getenv("HEIMNETZ_API_KEY") != NULL ? "it takes another key" : "it wants its key");
        return;
    }
    SET(s->reason, kit_str_starts(kit_str_c(err->msg), kit_str_lit("nothing answers")) ? "nothing answers" : err->msg);
}

/* What /health says: see docs/msp.md. */
static void read_health(struct heimnetz_service *s, kit_json health)
{
    bool ready = kit_json_bool(kit_json_get(health, "ready"), true);
    kit_str status = kit_json_str(kit_json_get(health, "status"), (kit_str){0});
    kit_str_to_c(kit_json_str(kit_json_get(health, "version"), (kit_str){0}), s->version, sizeof(s->version));
    kit_str_to_c(ready ? status : kit_str_lit("starting"), s->state, sizeof(s->state));
    int64_t failed = kit_json_i64(kit_json_get(kit_json_get(kit_json_get(health, "checks"), "models"), "failed"), 0);
    if (!ready) {
        SET(s->reason, "it is starting or draining");
    } else if (failed > 0) {
        snprintf(s->reason, sizeof(s->reason), "%lld model%s failed", (long long)failed,
                 failed == 1 ? " has" : "s have");
    }
}

static void probe_suite(struct heimnetz_service *s, struct client *c, const char *path)
{
    struct kit_err err = {0};
    enum kit_status rc = client_call(c, "GET", path, (kit_str){0}, &s->answer, &err);
    kit_json health = s->answer.doc != NULL ? kit_json_root(s->answer.doc) : (kit_json){0};
    s->latency_ms = (double)s->answer.total_ns / NS_PER_MS_REAL;
    if (kit_json_type(kit_json_get(health, "status")) == KIT_JSON_STRING) {
        s->answers = true;
        read_health(s, health); /* 503 comes with a health, too */
        return;
    }
    if (rc == KIT_OK) {
        rc = kit_fail(&err, KIT_IO, "HTTP %d, but no health in JSON: something else answers there", s->answer.status);
    }
    note_failure(s, rc, &err);
}

/* Any answer will do; the version is where each of them has it. */
static void probe_http(struct heimnetz_service *s, struct client *c, const char *path)
{
    struct kit_err err = {0};
    enum kit_status rc = client_call(c, "GET", path, (kit_str){0}, &s->answer, &err);
    s->latency_ms = (double)s->answer.total_ns / NS_PER_MS_REAL;
    if (s->answer.status >= 500) {
        rc = kit_fail(&err, KIT_IO, "it answers with HTTP %d", s->answer.status);
    }
    if (s->answer.status == 0 || s->answer.status >= 500) {
        note_failure(s, rc, &err);
        return;
    }
    kit_json root = s->answer.doc != NULL ? kit_json_root(s->answer.doc) : (kit_json){0};
    kit_json data = kit_json_get(root, "data");
    kit_json version = kit_json_get(kit_json_type(data) == KIT_JSON_OBJECT ? data : root, "version");
    kit_str_to_c(kit_json_str(version, (kit_str){0}), s->version, sizeof(s->version));
    s->answers = true;
    SET(s->state, "ok");
}

static void note_probe(struct heimnetz_service *s, const struct client_probe *p, enum kit_status rc,
                       const struct kit_err *err)
{
    s->latency_ms = (double)p->total_ns / NS_PER_MS_REAL;
    if (rc != KIT_OK) {
        note_failure(s, rc, err);
        return;
    }
    s->answers = true;
    SET(s->state, "ok");
    SET(s->version, p->version);
}

static void probe_redis(struct heimnetz_service *s, struct client *c, const char *path)
{
    struct client_probe p;
    struct kit_err err = {0};
    (void)path;
    enum kit_status rc = client_probe_redis(s->address, c->timeout_ms, &p, &err);
    note_probe(s, &p, rc, &err);
}

static void probe_postgres(struct heimnetz_service *s, struct client *c, const char *path)
{
    struct client_probe p;
    struct kit_err err = {0};
    (void)path;
    enum kit_status rc = client_probe_postgres(s->address, c->timeout_ms, &p, &err);
    note_probe(s, &p, rc, &err);
}

static const struct {
    void (*fn)(struct heimnetz_service *s, struct client *c, const char *path);
    const char *path;
} probes[HEIMNETZ_SERVICE_COUNT] = {
#define SERVICE(id_, name_, variable_, address_, probe_, path_, role_) {.fn = probe_, .path = path_},
#include "heimnetz/services.def"
#undef SERVICE
};

/* --- asking all --- */

struct asking {
    struct heimnetz_service *service;
    struct client client;
    struct kit_thread thread;
};

static void ask(void *arg)
{
    struct asking *a = arg;
    probes[a->service->id].fn(a->service, &a->client, probes[a->service->id].path);
}

/* Fills in what is known without asking; true: there is something to ask. */
static bool prepare(const struct heimnetz *h, struct heimnetz_service *s, struct client *c)
{
    char program[PLACES_BYTES];
    struct kit_err err = {0};
    const struct heimnetz_service_row *row = &heimnetz_service_rows[s->id];
    bool http = probes[s->id].fn == probe_suite || probes[s->id].fn == probe_http;
    heimnetz_service_address(h, s->id, s->address, &s->set_up);
    s->set_up = s->set_up || s->id == HEIMNETZ_SERVICE_AETHERCORE ||
                (row->address != NULL && heimnetz_places_program(row->name, program, NULL) == KIT_OK);
    SET(s->state, "not set up");
    if (s->address[0] == '\0') {
        return false;
    }
    bool suite = probes[s->id].fn == probe_suite;
    bool secret = !http || strchr(s->address, '@') != NULL;
    if (secret) {
        client_probe_show(s->address, s->shown, sizeof(s->shown));
    } else {
        SET(s->shown, s->address);
    }
    enum kit_status rc = http ? client_init(c, s->address, suite ? h->client.key : NULL, &err) : KIT_OK;
    c->timeout_ms = ASK_MS;
    if (rc != KIT_OK) {
        SET(s->state, "down");
        SET(s->reason, err.msg);
    }
    return rc == KIT_OK;
}

/* What to do about it; and one that nobody has set up and that does not answer is no news. */
static void conclude(const struct heimnetz *h, struct heimnetz_service *s)
{
    char start[SERVICE_START_BYTES];
    const struct heimnetz_service_row *row = &heimnetz_service_rows[s->id];
    bool well = s->answers && strcmp(s->state, "failing") != 0 && strcmp(s->state, "no access") != 0;
    if (!s->set_up && !well) {
        SET(s->state, "not set up");
        s->reason[0] = s->shown[0] = '\0';
        s->answers = false;
        return;
    }
    s->set_up = true;
    if (strcmp(s->state, "down") == 0 && heimnetz_service_start(s->id, s->address, start) != NULL) {
        snprintf(s->remedy, sizeof(s->remedy), "'%s %s' starts it", h->name, start);
    } else if (strcmp(s->state, "down") == 0) {
        snprintf(s->remedy, sizeof(s->remedy), "start it, or correct %s", row->variable);
    } else if (strcmp(s->state, "no access") == 0) {
        snprintf(s->remedy, sizeof(s->remedy), "%s", row->address != NULL ? "put the key into HEIMNETZ_API_KEY" : "");
    } else if (strcmp(s->state, "degraded") == 0 && s->id == HEIMNETZ_SERVICE_AETHERCORE) {
        snprintf(s->remedy, sizeof(s->remedy), "'%s aethercore models' says why", h->name);
    }
}

void heimnetz_services_ask(struct heimnetz *h, bool only_suite, struct heimnetz_services *ret)
{
    struct asking asking[HEIMNETZ_SERVICE_COUNT] = {0};
    memset(ret, 0, sizeof(*ret));
    for (int i = 0; i < HEIMNETZ_SERVICE_COUNT; i++) {
        struct asking *a = &asking[i];
        a->service = &ret->list[i];
        a->service->id = (enum heimnetz_service_id)i;
        bool wanted = !only_suite || heimnetz_service_rows[i].address != NULL;
        if (!wanted || !prepare(h, a->service, &a->client)) {
            continue;
        }
        if (kit_thread_start(&a->thread, "ask", ask, a, NULL) != KIT_OK) {
            a->thread.started = false;
            ask(a); /* one after the other is slower, and good all the same */
        }
    }
    for (int i = 0; i < HEIMNETZ_SERVICE_COUNT; i++) {
        kit_thread_join(&asking[i].thread);
        conclude(h, &ret->list[i]);
    }
}

void heimnetz_services_done(struct heimnetz_services *s)
{
    for (int i = 0; i < HEIMNETZ_SERVICE_COUNT; i++) {
        client_answer_done(&s->list[i].answer);
    }
}

/* --- all in all --- */

static bool any_is(const struct heimnetz_services *s, const char *state)
{
    bool any = false;
    for (int i = 0; i < HEIMNETZ_SERVICE_COUNT; i++) {
        any = any || (s->list[i].set_up && strcmp(s->list[i].state, state) == 0);
    }
    return any;
}

int heimnetz_services_code(const struct heimnetz_services *s)
{
    return any_is(s, "failing")     ? HEIMNETZ_FAILING
           : any_is(s, "down")      ? HEIMNETZ_NOBODY
           : any_is(s, "no access") ? HEIMNETZ_REFUSED
                                    : HEIMNETZ_GOOD;
}

const char *heimnetz_services_verdict(const struct heimnetz_services *s)
{
    static const char *const worst_first[] = {"failing", "down", "no access", "degraded", "starting"};
    for (size_t i = 0; i < KIT_COUNT(worst_first); i++) {
        if (any_is(s, worst_first[i])) {
            return worst_first[i];
        }
    }
    return "ok";
}
