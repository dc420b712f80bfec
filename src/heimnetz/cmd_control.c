/* heimnetz up | down | restart: the services of the suite on this machine. */
#include <stdlib.h>
#include <string.h>

#include "heimnetz/args.h"
#include "heimnetz/control.h"
#include "heimnetz/launch.h"
#include "heimnetz/load.h"
#include "heimnetz/server.h"
#include "heimnetz/service.h"
#include "heimnetz/up.h"
#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/file.h"

#define START_S 60
#define STOP_S 30
#define TIMEOUT_S_MAX 86400
#define JSON_BYTES_MAX KIT_MIB
#define MODELS_MAX 256 /* that restart brings back */
#define KEY_BYTES 4096

/* --- which services --- */

struct order {
    enum heimnetz_service_id ids[HEIMNETZ_SERVICE_COUNT];
    uint32_t count;
    uint32_t timeout_ms; /* 0: the usual */
};

static bool is_ours(enum heimnetz_service_id id)
{
    return id != HEIMNETZ_SERVICE_COUNT && heimnetz_service_rows[id].address != NULL;
}

/* Those named; without a name those whose program lies beside heimnetz. */
static enum kit_status read_order(const struct heimnetz *h, struct order *ret, struct kit_err *err)
{
    char program[PLACES_BYTES];
    uint64_t timeout_s = 0;
    *ret = (struct order){0};
    for (uint32_t i = 0; i < h->word_count; i++) {
        enum heimnetz_service_id id = heimnetz_service_find(h->words[i]);
        if (!is_ours(id) || ret->count == HEIMNETZ_SERVICE_COUNT) {
            return kit_fail(err, KIT_INVALID, "'%s' is not started from here: aethercore and contextforge are",
                            h->words[i]);
        }
        ret->ids[ret->count++] = id;
    }
    for (int i = 0; h->word_count == 0 && i < HEIMNETZ_SERVICE_COUNT; i++) {
        if (is_ours((enum heimnetz_service_id)i) &&
            heimnetz_places_program(heimnetz_service_rows[i].name, program, NULL) == KIT_OK) {
            ret->ids[ret->count++] = (enum heimnetz_service_id)i;
        }
    }
    enum kit_status rc = heimnetz_args_number(h, HEIMNETZ_OPT_TIMEOUT, 1, TIMEOUT_S_MAX, 0, &timeout_s, err);
    ret->timeout_ms = (uint32_t)timeout_s * 1000;
    if (rc == KIT_OK && ret->count == 0) {
        return kit_fail(err, KIT_INVALID, "neither aethercore nor contextforge lies beside heimnetz: is it installed?");
    }
    return rc;
}

/* --- telling --- */

struct told {
    enum heimnetz_service_id id;
    enum heimnetz_control_outcome outcome;
    pid_t pid;
    uint64_t age_ms, took_ms;
    char url[RECORD_URL_BYTES];
};

static const char *outcome_word(enum heimnetz_control_outcome outcome)
{
    static const char *const words[] = {"started", "running", "running", "stopped", "killed", "not running"};
    return words[outcome];
}

static void write_told(struct kit_json_writer *w, const struct told *t)
{
    char log[PLACES_BYTES];
    kit_json_open(w, '{');
    kit_json_member_c(w, "name", heimnetz_service_rows[t->id].name);
    kit_json_member_c(w, "state", outcome_word(t->outcome));
    if (t->outcome <= CONTROL_FOREIGN) {
        bool kept = heimnetz_places_of(heimnetz_service_rows[t->id].name, ".log", log, NULL) == KIT_OK;
        kit_json_member_c(w, "url", t->url);
        kit_json_member_u64(w, "pid", (uint64_t)t->pid);
        kit_json_member_c(w, "log", kept && t->outcome != CONTROL_FOREIGN ? log : NULL);
    }
    kit_json_close(w, '}');
}

static int print_told_json(struct heimnetz *h, const struct told *told, uint32_t count)
{
    struct kit_buf text;
    struct kit_json_writer w;
    kit_buf_init(&text, JSON_BYTES_MAX);
    kit_json_writer_init(&w, &text);
    kit_json_open(&w, '{');
    kit_json_key(&w, "services");
    kit_json_open(&w, '[');
    for (uint32_t i = 0; i < count; i++) {
        write_told(&w, &told[i]);
    }
    kit_json_close(&w, ']');
    kit_json_close(&w, '}');
    int code = heimnetz_print_buf(h, &text);
    kit_buf_done(&text);
    return code;
}

static void print_sign(const struct heimnetz_term *t, enum heimnetz_style style, const char *sign)
{
    if (t->terminal) {
        heimnetz_term_put(t, style, "%s", sign);
        heimnetz_term_put(t, TERM_PLAIN, " ");
    }
}

static void print_up(const struct heimnetz *h, const struct told *t)
{
    char figure[TERM_FIGURE_BYTES];
    const struct heimnetz_term *term = &h->out;
    print_sign(term, TERM_GOOD, term->signs->good);
    heimnetz_term_put(term, TERM_BOLD, "%s", heimnetz_service_rows[t->id].name);
    heimnetz_term_put(term, TERM_PLAIN, "%s %s", t->outcome == CONTROL_STARTED ? " is up:" : " runs already:", t->url);
    if (t->pid != 0) {
        heimnetz_term_put(term, TERM_DIM, "  process %d", (int)t->pid);
    }
    if (t->outcome == CONTROL_STARTED) {
        heimnetz_term_put(term, TERM_DIM, ", ready in %s", heimnetz_term_ms((double)t->took_ms, figure));
    } else if (t->pid != 0) {
        heimnetz_term_put(term, TERM_DIM, ", for %s%s", heimnetz_term_duration(t->age_ms / 1000, figure),
                          t->outcome == CONTROL_FOREIGN ? ", started by somebody else" : "");
    }
    heimnetz_term_put(term, TERM_PLAIN, "\n");
}

static void print_down(const struct heimnetz *h, const struct told *t)
{
    char figure[TERM_FIGURE_BYTES];
    const struct heimnetz_term *term = &h->out;
    const char *name = heimnetz_service_rows[t->id].name;
    heimnetz_term_ms((double)t->took_ms, figure);
    if (t->outcome == CONTROL_ABSENT) {
        print_sign(term, TERM_DIM, term->signs->off);
        heimnetz_term_put(term, TERM_PLAIN, "%s does not run\n", name);
    } else if (t->outcome == CONTROL_KILLED) {
        print_sign(term, TERM_WARN, term->signs->bad);
        heimnetz_term_put(term, TERM_PLAIN, "%s did not finish within %s and was killed\n", name, figure);
    } else {
        print_sign(term, TERM_GOOD, term->signs->good);
        heimnetz_term_put(term, TERM_PLAIN, "%s is down", name);
        heimnetz_term_put(term, TERM_DIM, "  it finished what was under way, in %s\n", figure);
    }
}

/* --- doing --- */

static void tell_start(struct told *t, const struct heimnetz_record *r, uint64_t started_ns)
{
    t->pid = r->process.pid;
    t->age_ms = r->process.pid != 0 ? heimnetz_process_age_ms(&r->process) : 0;
    t->took_ms = (kit_clock_ns() - started_ns) / KIT_NS_PER_MS;
    kit_str_to_c(kit_str_c(r->url), t->url, sizeof(t->url));
}

/* What runs already must have what is asked for. */
static enum kit_status check_running(const struct heimnetz *h, const struct heimnetz_record *running,
                                     struct kit_err *err)
{
    struct heimnetz_record wanted = {0};
    enum kit_status rc = heimnetz_launch_given(h, &wanted, err);
    if (rc == KIT_OK && !heimnetz_launch_has(running, &wanted)) {
        rc = kit_fail(err, KIT_CONFLICT, "it runs already, at %s, with other options: '%s restart' takes new ones",
                      running->url, h->name);
    }
    heimnetz_record_done(&wanted);
    return rc;
}

/* Options are the one service's that was named, or the model server's. */
static struct heimnetz options_of(const struct heimnetz *h, enum heimnetz_service_id id)
{
    struct heimnetz ret = *h;
    ret.given_count = h->word_count == 1 || id == HEIMNETZ_SERVICE_AETHERCORE ? h->given_count : 0;
    return ret;
}

/* Starts it with r's arguments and tells of it. */
static enum kit_status start_one(struct heimnetz *h, struct heimnetz_control *c, struct heimnetz_record *r,
                                 struct told *t, struct kit_err *err)
{
    struct heimnetz own = options_of(h, t->id);
    uint64_t started_ns = kit_clock_ns();
    enum kit_status rc = heimnetz_control_start(c, r, &t->outcome, err);
    if (rc == KIT_OK && t->outcome == CONTROL_RUNNING) {
        rc = check_running(&own, r, err);
    }
    if (rc == KIT_OK) {
        tell_start(t, r, started_ns);
    }
    if (rc == KIT_OK && !h->json) {
        print_up(h, t);
    }
    return rc;
}

static enum kit_status stop_one(struct heimnetz_control *c, struct told *t, struct kit_err *err)
{
    uint64_t started_ns = kit_clock_ns();
    enum kit_status rc = heimnetz_control_stop(c, &t->outcome, err);
    t->took_ms = (kit_clock_ns() - started_ns) / KIT_NS_PER_MS;
    return rc;
}

/* --- restart --- */

struct loaded {
    char *ids[MODELS_MAX]; /* owned */
    uint32_t count;
};

static void free_loaded(struct loaded *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        kit_alloc_free(l->ids[i]);
    }
    l->count = 0;
}

static bool is_loaded(kit_json model)
{
    kit_str state = heimnetz_server_text(model, "state");
    return kit_str_eq(state, kit_str_lit("ready")) || kit_str_eq(state, kit_str_lit("loading")) ||
           kit_str_eq(state, kit_str_lit("warming"));
}

/* The key of what runs: ours, that of its environment, or that in the file it was given; "" when there is none. */
static void find_key(const struct heimnetz *h, const struct heimnetz_record *r, const struct heimnetz_environment *e,
                     char *buf, size_t size)
{
    struct kit_buf text;
    const char *file = heimnetz_launch_value(r, "--api-key-file");
    const char *key = h->client.key != NULL ? h->client.key : heimnetz_environment_get(e, "HEIMNETZ_API_KEY");
    kit_buf_init(&text, KEY_BYTES);
    if (key != NULL) {
        kit_buf_add(&text, kit_str_c(key));
    } else if (file != NULL && kit_file_read(file, &text, NULL) != KIT_OK) {
        kit_buf_clear(&text); /* then the server says that it wants one */
    }
    kit_str_to_c(kit_str_trim(kit_buf_str(&text)), buf, size);
    kit_buf_done(&text);
}

static void take_loaded(kit_json models, struct loaded *ret)
{
    for (struct kit_json_iter i = kit_json_iter(models); ret->count < MODELS_MAX && kit_json_next(&i);) {
        kit_str id = heimnetz_server_text(i.value, "id");
        char *copy = is_loaded(i.value) ? kit_alloc_copy(id.ptr, id.len) : NULL;
        if (copy != NULL) {
            ret->ids[ret->count++] = copy;
        }
    }
}

/* Which models are loaded now; h's client is the server's from here on. A server that is too ill to say has none to bring
 * back; UNAUTHORIZED: it would say it to somebody else. */
static enum kit_status ask_loaded(struct heimnetz *h, const char *url, const char *key, struct loaded *ret,
                                  struct kit_err *err)
{
    struct client_answer a = {0};
    enum kit_status rc = client_init(&h->client, url, key[0] != '\0' ? key : NULL, err);
    if (rc != KIT_OK) {
        return rc;
    }
    h->client.timeout_ms = HEIMNETZ_CALL_MS;
    rc = client_call(&h->client, "GET", "/models", (kit_str){0}, &a, err);
    if (rc == KIT_OK && a.doc != NULL) {
        take_loaded(kit_json_get(kit_json_root(a.doc), "models"), ret);
    }
    client_answer_done(&a);
    return rc == KIT_UNAUTHORIZED
               ? kit_fail(err, rc,
                          "which models to bring back is told only to who has the key: put it into HEIMNETZ_API_KEY")
               : KIT_OK;
}

/* Loads them again, one after the other; the first error is told and the others go on. */
static enum kit_status load_again(struct heimnetz *h, const char *url, const struct loaded *l, struct kit_err *err)
{
    enum kit_status rc = client_init(&h->client, url, h->client.key, err);
    h->client.timeout_ms = HEIMNETZ_CALL_MS;
    enum kit_status first = rc;
    for (uint32_t i = 0; rc == KIT_OK && i < l->count; i++) {
        struct client_answer a;
        struct kit_err one = {0};
        enum kit_status loaded = heimnetz_load(h, l->ids[i], &a, &one);
        client_answer_done(&a);
        if (loaded != KIT_OK && first == KIT_OK) {
            first = kit_fail(err, loaded, "%s is up, but '%s' is not loaded again: %s", url, l->ids[i], one.msg);
        } else if (loaded == KIT_OK && !h->json) {
            print_sign(&h->out, TERM_GOOD, h->out.signs->good);
            heimnetz_term_put(&h->out, TERM_PLAIN, "%s is loaded again\n", l->ids[i]);
        }
    }
    return first;
}

static enum kit_status up_one(struct heimnetz *h, struct heimnetz_control *c, struct told *t, struct kit_err *err)
{
    struct heimnetz_record r = {0};
    struct heimnetz own = options_of(h, t->id);
    enum kit_status rc = heimnetz_launch_given(&own, &r, err);
    rc = rc == KIT_OK ? start_one(h, c, &r, t, err) : rc;
    heimnetz_record_done(&r);
    return rc;
}

static enum kit_status down_one(struct heimnetz *h, struct heimnetz_control *c, struct told *t, struct kit_err *err)
{
    enum kit_status rc = stop_one(c, t, err);
    if (rc == KIT_OK && !h->json) {
        print_down(h, t);
    }
    return rc;
}

/* It does not start with the new options: as it was, then, rather than not at all. */
static enum kit_status start_as_before(struct heimnetz *h, struct heimnetz_control *c,
                                       const struct heimnetz_record *before, struct told *t, struct kit_err *err)
{
    struct kit_err why = *err;
    struct heimnetz_record r = {0};
    struct heimnetz nothing_new = *h;
    nothing_new.given_count = 0;
    enum kit_status rc = heimnetz_launch_again(&nothing_new, before, &r, NULL);
    rc = rc == KIT_OK ? start_one(&nothing_new, c, &r, t, NULL) : rc;
    heimnetz_record_done(&r);
    return rc == KIT_OK ? kit_fail(err, why.code, "it runs as before: with the new options %s", why.msg) : why.code;
}

/* Down and up again, with what it had and what is said anew. One that runs but is not ready in time is left to it. */
static enum kit_status cycle(struct heimnetz *h, struct heimnetz_control *c, const struct heimnetz_record *before,
                             struct told *t, struct kit_err *err)
{
    struct heimnetz_record r = {0};
    struct heimnetz own = options_of(h, t->id);
    enum kit_status rc = heimnetz_launch_again(&own, before, &r, err); /* what is wrong in it ends nothing */
    rc = rc == KIT_OK ? down_one(h, c, t, err) : rc;
    if (rc == KIT_OK) {
        bool ran = t->outcome != CONTROL_ABSENT;
        rc = start_one(h, c, &r, t, err);
        if (rc != KIT_OK && rc != KIT_TIMEOUT && ran && own.given_count > 0) {
            rc = start_as_before(h, c, before, t, err);
        }
    }
    heimnetz_record_done(&r);
    return rc;
}

static enum kit_status restart_one(struct heimnetz *h, struct heimnetz_control *c, struct told *t, struct kit_err *err)
{
    struct heimnetz_record before;
    struct heimnetz_environment environment = {0};
    struct loaded loaded = {0};
    char key[KEY_BYTES] = "";
    enum kit_status rc = KIT_OK;
    bool ran = heimnetz_record_read(c->service, &before, NULL) == KIT_OK;
    if (ran) {
        rc = heimnetz_environment_of(&before.process, &environment, err);
    }
    if (ran && rc == KIT_OK && t->id == HEIMNETZ_SERVICE_AETHERCORE) {
        find_key(h, &before, &environment, key, sizeof(key));
        rc = ask_loaded(h, before.url, key, &loaded, err);
    }
    c->environment = environment.list;
    rc = rc == KIT_OK ? cycle(h, c, &before, t, err) : rc;
    if (loaded.count > 0 && t->outcome == CONTROL_STARTED && t->pid != 0) {
        enum kit_status back = load_again(h, t->url, &loaded, rc == KIT_OK ? err : NULL);
        rc = rc == KIT_OK ? back : rc;
    }
    heimnetz_record_done(&before);
    heimnetz_environment_done(&environment);
    free_loaded(&loaded);
    c->environment = NULL;
    h->client.key = NULL; /* it lay in `key` */
    return rc;
}

/* --- the three commands --- */

/* The port at the end of an address as an option of the service, which wins over what it would take by itself. */
static void take_port(struct heimnetz *h, const char *address, struct heimnetz_given *given)
{
    const char *colon = strrchr(address, ':');
    *given = (struct heimnetz_given){.option = HEIMNETZ_OPT_PORT, .value = colon != NULL ? colon + 1 : NULL};
    h->given = given;
    h->given_count = colon != NULL ? 1 : 0;
}

static struct heimnetz_control control_of(const struct heimnetz *h, enum heimnetz_service_id id, uint32_t timeout_ms)
{
    bool said;
    struct heimnetz_control c = {.service = heimnetz_service_rows[id].name,
                                 .home = heimnetz_service_rows[id].address,
                                 .name = h->name,
                                 .term = &h->err,
                                 .start_ms = timeout_ms > 0 ? timeout_ms : START_S * 1000,
                                 .stop_ms = timeout_ms > 0 ? timeout_ms : STOP_S * 1000,
                                 .lock = -1};
    heimnetz_service_address(h, id, c.url, &said);
    return c;
}

/* Does it for each service, with `last_first` for those that need others before these; ends at the first error. */
static int run(struct heimnetz *h, bool last_first,
               enum kit_status (*one)(struct heimnetz *h, struct heimnetz_control *c, struct told *t,
                                      struct kit_err *err))
{
    struct order order;
    struct told told[HEIMNETZ_SERVICE_COUNT] = {0};
    struct kit_err err = {0};
    enum kit_status rc = read_order(h, &order, &err);
    if (rc != KIT_OK) {
        return heimnetz_usage(h, "%s", err.msg);
    }
    for (uint32_t i = 0; rc == KIT_OK && i < order.count; i++) {
        enum heimnetz_service_id id = order.ids[last_first ? order.count - 1 - i : i];
        struct heimnetz_control c = control_of(h, id, order.timeout_ms);
        told[i].id = id;
        rc = heimnetz_control_open(&c, &err);
        rc = rc == KIT_OK ? one(h, &c, &told[i], &err) : rc;
        heimnetz_control_close(&c);
    }
    if (rc != KIT_OK) {
        heimnetz_error(h, rc, &err, rc == KIT_UNAVAILABLE ? "logs' shows all of its last words" : NULL);
        return HEIMNETZ_REFUSED;
    }
    return h->json ? print_told_json(h, told, order.count) : HEIMNETZ_GOOD;
}

enum kit_status heimnetz_up(struct heimnetz *h, struct kit_err *err)
{
    struct heimnetz own = *h;
    struct heimnetz_given given;
    struct told told = {.id = HEIMNETZ_SERVICE_AETHERCORE};
    struct heimnetz_control c = control_of(h, told.id, 0);
    own.out = h->err;
    take_port(&own, h->client.url, &given);
    enum kit_status rc = heimnetz_control_open(&c, err);
    rc = rc == KIT_OK ? up_one(&own, &c, &told, err) : rc;
    heimnetz_control_close(&c);
    return rc == KIT_OK ? client_init(&h->client, told.url, h->client.key, err) : rc;
}

int heimnetz_cmd_up(struct heimnetz *h)
{
    return run(h, false, up_one);
}

int heimnetz_cmd_down(struct heimnetz *h)
{
    return run(h, true, down_one);
}

int heimnetz_cmd_restart(struct heimnetz *h)
{
    return run(h, false, restart_one);
}
