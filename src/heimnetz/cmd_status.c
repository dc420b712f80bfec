/* heimnetz, heimnetz status, heimnetz system health | services: what runs, and how it is. */
#include <string.h>

#include "heimnetz/help.h"
#include "heimnetz/panel.h"
#include "heimnetz/record.h"
#include "heimnetz/rich.h"
#include "heimnetz/server.h"
#include "heimnetz/service.h"

#define JSON_BYTES_MAX (64 * KIT_MIB)
#define WIDE_COLUMNS 100 /* room for what is nice to know */

static bool is_set_up(const struct heimnetz_service *s)
{
    return s->set_up;
}

static enum heimnetz_style style_of(const struct heimnetz_service *s)
{
    return s->set_up ? heimnetz_term_style_of_state(kit_str_c(s->state)) : TERM_DIM;
}

static kit_json health_of(const struct heimnetz_service *s)
{
    return s->answer.doc != NULL ? kit_json_root(s->answer.doc) : (kit_json){0};
}

/* Prints the page, or says why it could not be made; *code stays when it was good. */
static int print_page(struct heimnetz *h, const struct heimnetz_panel *panels, uint32_t count, int code)
{
    struct kit_err err = {0};
    enum kit_status rc = heimnetz_panels_print(&h->out, panels, count);
    if (rc == KIT_OK) {
        return code;
    }
    kit_fail(&err, rc, "out of memory for the page");
    return heimnetz_fail(h, rc, &err, NULL);
}

/* --- cells --- */

static void add_name(struct heimnetz_table *t, const struct heimnetz *h, const struct heimnetz_service *s)
{
    const struct heimnetz_signs *signs = h->out.signs;
    heimnetz_table_add(t, TERM_PLAIN, "%s", "");
    if (h->out.terminal) {
        heimnetz_table_more(t, style_of(s), "%s ", s->answers ? signs->on : signs->off);
    }
    heimnetz_table_more(t, s->set_up ? TERM_BOLD : TERM_DIM, "%s", heimnetz_service_rows[s->id].name);
}

static void add_state(struct heimnetz_table *t, const struct heimnetz_service *s)
{
    heimnetz_table_add(t, style_of(s), "%s", s->state);
}

static void add_known(struct heimnetz_table *t, const char *text)
{
    heimnetz_table_add(t, text[0] != '\0' ? TERM_PLAIN : TERM_DIM, "%s", text[0] != '\0' ? text : "-");
}

static void add_latency(struct heimnetz_table *t, const struct heimnetz_service *s)
{
    char ms[TERM_FIGURE_BYTES];
    add_known(t, s->answers ? heimnetz_term_ms(s->latency_ms, ms) : "");
}

/* Why it is not well, and what to do, below its row. */
static void add_reason(struct heimnetz_table *t, const struct heimnetz_service *s)
{
    if (!s->set_up || s->reason[0] == '\0') {
        return;
    }
    heimnetz_table_note(t, style_of(s), "%s", s->reason);
    if (s->remedy[0] != '\0') {
        heimnetz_table_more(t, TERM_DIM, "; %s", s->remedy);
    }
}

/* --- JSON: one shape for all three --- */

static void write_service(struct kit_json_writer *w, const struct heimnetz_service *s)
{
    kit_json health = health_of(s);
    kit_json_open(w, '{');
    kit_json_member_c(w, "name", heimnetz_service_rows[s->id].name);
    kit_json_member_c(w, "state", s->state);
    kit_json_member_bool(w, "set_up", s->set_up);
    kit_json_member_c(w, "url", s->shown[0] != '\0' ? s->shown : NULL);
    kit_json_member_c(w, "version", s->version[0] != '\0' ? s->version : NULL);
    kit_json_key(w, "latency_ms");
    if (s->answers) {
        kit_json_put_ms(w, (uint64_t)(s->latency_ms * 1e6));
    } else {
        kit_json_put_null(w);
    }
    kit_json_member_c(w, "reason", s->set_up && s->reason[0] != '\0' ? s->reason : NULL);
    kit_json_member_c(w, "remedy", s->set_up && s->remedy[0] != '\0' ? s->remedy : NULL);
    kit_json_key(w, "health");
    bool own = s->answers && kit_json_type(kit_json_get(health, "status")) == KIT_JSON_STRING;
    kit_json_put_raw(w, own ? kit_str_c(s->answer.text) : kit_str_lit("null"));
    kit_json_close(w, '}');
}

static int print_json(struct heimnetz *h, const struct heimnetz_services *s)
{
    struct kit_buf text;
    struct kit_json_writer w;
    kit_buf_init(&text, JSON_BYTES_MAX);
    kit_json_writer_init(&w, &text);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "status", heimnetz_services_verdict(s));
    kit_json_key(&w, "services");
    kit_json_open(&w, '[');
    for (int i = 0; i < HEIMNETZ_SERVICE_COUNT; i++) {
        write_service(&w, &s->list[i]);
    }
    kit_json_close(&w, ']');
    kit_json_close(&w, '}');
    int code = heimnetz_print_buf(h, &text);
    kit_buf_done(&text);
    return code == HEIMNETZ_GOOD ? heimnetz_services_code(s) : code;
}

/* Asks all services; the page is made by `print`. */
static int run(struct heimnetz *h, int (*print)(struct heimnetz *h, const struct heimnetz_services *s))
{
    struct heimnetz_services s;
    heimnetz_services_ask(h, false, &s);
    int code = h->json ? print_json(h, &s) : print(h, &s);
    heimnetz_services_done(&s);
    return code;
}

/* --- status --- */

/* One line for all that nobody has set up. */
static void add_absent(struct heimnetz_table *t, const struct heimnetz *h, const struct heimnetz_services *s)
{
    bool first = true;
    for (int i = 0; i < HEIMNETZ_SERVICE_COUNT; i++) {
        if (is_set_up(&s->list[i])) {
            continue;
        }
        if (first) {
            heimnetz_table_span(t, TERM_DIM, "%s%snot set up:", h->out.terminal ? h->out.signs->off : "",
                                h->out.terminal ? " " : "");
        }
        heimnetz_table_more(t, TERM_DIM, " %s", heimnetz_service_rows[i].name);
        first = false;
    }
}

static void fill_services(struct heimnetz_table *t, const struct heimnetz *h, const struct heimnetz_services *s)
{
    static const char *const headings[] = {"SERVICE", "STATE", "ADDRESS", "VERSION", ">LATENCY"};
    heimnetz_table_init(t, KIT_COUNT(headings), headings);
    for (int i = 0; i < HEIMNETZ_SERVICE_COUNT; i++) {
        const struct heimnetz_service *one = &s->list[i];
        if (!is_set_up(one)) {
            continue;
        }
        add_name(t, h, one);
        add_state(t, one);
        add_known(t, one->shown);
        add_known(t, one->version);
        add_latency(t, one);
        add_reason(t, one);
    }
    add_absent(t, h, s);
}

static void fill_core(struct heimnetz_table *t, kit_json health)
{
    char text[SERVER_TEXT_BYTES], up[TERM_FIGURE_BYTES];
    kit_json checks = kit_json_get(health, "checks");
    heimnetz_table_init(t, 2, NULL);
    heimnetz_table_pair(t, "models", TERM_PLAIN, "%s", heimnetz_server_models(checks, text));
    heimnetz_table_pair(t, "memory", TERM_PLAIN, "%s", heimnetz_server_memory(checks, text));
    heimnetz_table_pair(t, "up", TERM_PLAIN, "%s",
                        heimnetz_term_duration(heimnetz_server_number(health, "uptime_s"), up));
}

static int print_status(struct heimnetz *h, const struct heimnetz_services *s)
{
    struct heimnetz_table services, core = {0};
    const struct heimnetz_service *aethercore = &s->list[HEIMNETZ_SERVICE_AETHERCORE];
    bool known = aethercore->answers && aethercore->version[0] != '\0';
    fill_services(&services, h, s);
    if (known) {
        fill_core(&core, health_of(aethercore));
    }
    struct heimnetz_panel panels[] = {{"Services", &services}, {"AetherCore", &core}};
    int code = print_page(h, panels, known ? 2 : 1, heimnetz_services_code(s));
    heimnetz_table_done(&services);
    heimnetz_table_done(&core);
    return code;
}

int heimnetz_cmd_status(struct heimnetz *h)
{
    return run(h, print_status);
}

/* --- system health --- */

static void add_check(struct heimnetz_table *t, const char *check, enum heimnetz_style style, const char *state,
                      const char *detail)
{
    heimnetz_table_add(t, TERM_PLAIN, "%s", check);
    heimnetz_table_add(t, style, "%s", state);
    heimnetz_table_add(t, TERM_PLAIN, "%s", detail);
}

/* The checks of a service of the suite, each a row below its first. */
static void add_checks(struct heimnetz_table *t, kit_json health)
{
    char text[SERVER_TEXT_BYTES];
    kit_json checks = kit_json_get(health, "checks"), memory = kit_json_get(checks, "memory");
    bool ready = kit_json_bool(kit_json_get(health, "ready"), true);
    uint64_t failed = heimnetz_server_number(kit_json_get(checks, "models"), "failed");
    uint64_t used = heimnetz_server_number(memory, "used_bytes"), limit = heimnetz_server_number(memory, "limit_bytes");
    bool full = limit > 0 && used > limit / 10 * 9;
    heimnetz_table_add(t, TERM_PLAIN, "%s", "");
    add_check(t, "ready", ready ? TERM_GOOD : TERM_WARN, ready ? "ok" : "no",
              ready ? "takes requests" : "starting or draining");
    if (kit_json_type(kit_json_get(checks, "models")) == KIT_JSON_OBJECT) {
        heimnetz_table_add(t, TERM_PLAIN, "%s", "");
        add_check(t, "models", failed > 0 ? TERM_WARN : TERM_GOOD, failed > 0 ? "degraded" : "ok",
                  heimnetz_server_models(checks, text));
    }
    if (kit_json_type(memory) == KIT_JSON_OBJECT) {
        heimnetz_table_add(t, TERM_PLAIN, "%s", "");
        add_check(t, "memory", full ? TERM_WARN : TERM_GOOD, full ? "nearly full" : "ok",
                  heimnetz_server_memory(checks, text));
    }
}

static void add_health(struct heimnetz_table *t, const struct heimnetz *h, const struct heimnetz_service *s)
{
    char ms[TERM_FIGURE_BYTES], detail[SERVICE_ADDRESS_BYTES + TERM_FIGURE_BYTES + 8];
    add_name(t, h, s);
    if (!s->answers) {
        add_check(t, "answers", style_of(s), s->state, s->shown);
    } else {
        snprintf(detail, sizeof(detail), "in %s at %s", heimnetz_term_ms(s->latency_ms, ms), s->shown);
        add_check(t, "answers", style_of(s), s->state, detail);
    }
    add_reason(t, s);
    if (kit_json_type(kit_json_get(health_of(s), "checks")) == KIT_JSON_OBJECT) {
        add_checks(t, health_of(s));
    }
}

static int print_health(struct heimnetz *h, const struct heimnetz_services *s)
{
    static const char *const headings[] = {"SERVICE", "CHECK", "STATE", "DETAIL"};
    struct heimnetz_table t;
    char title[64];
    heimnetz_table_init(&t, KIT_COUNT(headings), headings);
    for (int i = 0; i < HEIMNETZ_SERVICE_COUNT; i++) {
        if (is_set_up(&s->list[i])) {
            add_health(&t, h, &s->list[i]);
        }
    }
    add_absent(&t, h, s);
    snprintf(title, sizeof(title), "Health: %s", heimnetz_services_verdict(s));
    int code = print_page(h, &(struct heimnetz_panel){title, &t}, 1, heimnetz_services_code(s));
    heimnetz_table_done(&t);
    return code;
}

int heimnetz_cmd_system_health(struct heimnetz *h)
{
    return run(h, print_health);
}

/* --- system services --- */

/* Who runs it: the process, where heimnetz started it. */
static void add_process(struct heimnetz_table *t, const struct heimnetz_service *s)
{
    struct heimnetz_record record = {0};
    if (heimnetz_record_read(heimnetz_service_rows[s->id].name, &record, NULL) == KIT_OK) {
        heimnetz_table_add(t, TERM_PLAIN, "%d", (int)record.process.pid);
    } else {
        heimnetz_table_add(t, TERM_DIM, "-");
    }
    heimnetz_record_done(&record);
}

static int print_services(struct heimnetz *h, const struct heimnetz_services *s)
{
    static const char *const headings[] = {"SERVICE", "STATE", "ADDRESS", "VERSION", ">LATENCY", "FOR", ">PROCESS"};
    bool wide = h->out.width == 0 || h->out.width >= WIDE_COLUMNS;
    struct heimnetz_table t;
    heimnetz_table_init(&t, wide ? 7 : 5, headings);
    for (int i = 0; i < HEIMNETZ_SERVICE_COUNT; i++) {
        const struct heimnetz_service *one = &s->list[i];
        add_name(&t, h, one);
        add_state(&t, one);
        heimnetz_table_add(&t, one->set_up ? TERM_PLAIN : TERM_DIM, "%s%s", one->set_up ? one->shown : "set ",
                           one->set_up ? "" : heimnetz_service_rows[i].variable);
        add_known(&t, one->version);
        add_latency(&t, one);
        if (wide) {
            heimnetz_table_add(&t, one->set_up ? TERM_PLAIN : TERM_DIM, "%s", heimnetz_service_rows[i].role);
            add_process(&t, one);
        }
        add_reason(&t, one);
    }
    int code = print_page(h, &(struct heimnetz_panel){"Services", &t}, 1, heimnetz_services_code(s));
    heimnetz_table_done(&t);
    return code;
}

int heimnetz_cmd_system_services(struct heimnetz *h)
{
    return run(h, print_services);
}

/* --- heimnetz alone --- */

static void add_overview(struct heimnetz_table *t, const struct heimnetz *h, const struct heimnetz_service *s)
{
    char models[SERVER_TEXT_BYTES];
    add_name(t, h, s);
    add_state(t, s);
    heimnetz_table_add(t, TERM_PLAIN, "%s", s->shown);
    kit_json checks = kit_json_get(health_of(s), "checks");
    bool counts = kit_json_type(kit_json_get(checks, "models")) == KIT_JSON_OBJECT;
    heimnetz_table_add(t, TERM_PLAIN, "%s%s", counts ? "models: " : "",
                       counts ? heimnetz_server_models(checks, models) : "");
    add_reason(t, s);
}

/* What to type next, when something runs. */
static int print_hints(struct heimnetz *h, int code)
{
    static const char *const hints[][2] = {{"aethercore models", "which models there are"},
                                           {"aethercore serve MODEL \"a text\"", "ask one"},
                                           {"help", "all commands"}};
    struct heimnetz_table t;
    struct kit_buf lines;
    heimnetz_table_init(&t, 2, NULL);
    kit_buf_init(&lines, KIT_MIB);
    for (size_t i = 0; i < KIT_COUNT(hints); i++) {
        heimnetz_table_add(&t, TERM_ACCENT, "  %s %s", h->name, hints[i][0]);
        heimnetz_table_add(&t, TERM_DIM, "%s", hints[i][1]);
    }
    if (heimnetz_table_lines(&t, h->out.width, &lines) == KIT_OK) {
        heimnetz_rich_print(&h->out, kit_buf_str(&lines));
    }
    kit_buf_done(&lines);
    heimnetz_table_done(&t);
    return code;
}

/* The one command that starts it. */
static int print_nothing(const struct heimnetz *h, const struct heimnetz_service *aethercore)
{
    char start[SERVICE_START_BYTES];
    if (heimnetz_service_start(HEIMNETZ_SERVICE_AETHERCORE, aethercore->address, start) != NULL) {
        heimnetz_term_put(&h->out, TERM_PLAIN, "Nothing runs yet. This starts the model server:\n\n  ");
        heimnetz_term_put(&h->out, TERM_ACCENT, "%s %s\n", h->name, start);
    } else {
        heimnetz_term_put(&h->out, TERM_PLAIN, "Nothing answers at %s.\n", aethercore->shown);
    }
    return HEIMNETZ_GOOD;
}

static int print_overview(struct heimnetz *h, const struct heimnetz_services *s)
{
    struct heimnetz_table t;
    bool running = false;
    heimnetz_table_init(&t, 4, NULL);
    for (int i = 0; i < HEIMNETZ_SERVICE_COUNT; i++) {
        if (s->list[i].answers) {
            add_overview(&t, h, &s->list[i]);
            running = true;
        }
    }
    int code = running ? print_hints(h, print_page(h, &(struct heimnetz_panel){"Heimnetz " HEIMNETZ_VERSION, &t}, 1, 0))
                       : print_nothing(h, &s->list[HEIMNETZ_SERVICE_AETHERCORE]);
    heimnetz_table_done(&t);
    return code;
}

int heimnetz_cmd_overview(struct heimnetz *h)
{
    struct heimnetz_services s;
    heimnetz_services_ask(h, true, &s);
    int code = h->json ? print_json(h, &s) : print_overview(h, &s);
    heimnetz_services_done(&s);
    return code == HEIMNETZ_NOBODY ? HEIMNETZ_GOOD : code; /* that nothing runs is an answer, too */
}
