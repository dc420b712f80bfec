/* /health, /heartbeat, /metrics: is it there, is it well, what does it count. */
#include "api/handlers.h"

#include <stdio.h>
#include <string.h>

#include "kit/metric.h"

#define HEALTH_FRESH_NS (100 * KIT_NS_PER_MS) /* a health body is made at most ten times a second */
#define METRICS_BYTES_MAX (8 * KIT_MIB)

static uint64_t uptime_s(const struct api *a)
{
    return (kit_clock_ns() - a->started_ns) / KIT_NS_PER_S;
}

static bool is_ready(struct api *a)
{
    return kit_flag_get(&a->ready) && !kit_flag_get(&a->draining);
}

struct model_totals {
    uint32_t known, ready, loading, failed;
};

static void count_model(void *ctx, const struct model_info *info)
{
    struct model_totals *t = ctx;
    t->known++;
    t->ready += info->state == MODEL_READY;
    t->loading += info->state == MODEL_LOADING || info->state == MODEL_WARMING;
    t->failed += info->state == MODEL_FAILED && !info->absent; /* a download that failed is no fault of this server */
}

static void write_checks(struct kit_json_writer *w, struct api *a, const struct model_totals *t)
{
    uint64_t limit = 0, used = 0;
    kit_ledger_sum(a->ledger, &limit, &used);
    kit_json_key(w, "checks");
    kit_json_open(w, '{');
    kit_json_key(w, "models");
    kit_json_open(w, '{');
    const struct {
        const char *key;
        uint64_t n;
    } rows[] = {{"known", t->known}, {"ready", t->ready}, {"loading", t->loading}, {"failed", t->failed}};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        kit_json_member_u64(w, rows[i].key, rows[i].n);
    }
    kit_json_close(w, '}');
    kit_json_key(w, "memory");
    kit_json_open(w, '{');
    kit_json_member_u64(w, "limit_bytes", limit);
    kit_json_member_u64(w, "used_bytes", used);
    kit_json_close(w, '}');
    kit_json_close(w, '}');
}

/* "degraded": it answers, but a model that was wanted has failed. */
static int write_health(struct kit_buf *out, struct api *a)
{
    struct model_totals t = {0};
    struct kit_json_writer w;
    bool counted = model_info_each(a->catalog, count_model, &t) == KIT_OK;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "status", !counted ? "failing" : t.failed > 0 ? "degraded" : "ok");
    kit_json_member_bool(&w, "ready", is_ready(a));
    kit_json_member_c(&w, "version", a->options.version);
    kit_json_member_u64(&w, "uptime_s", uptime_s(a));
    write_checks(&w, a, &t);
    kit_json_close(&w, '}');
    return counted ? 200 : 503;
}

static void refresh_health(struct api_loop *al)
{
    struct kit_buf text;
    kit_buf_init(&text, sizeof(al->health));
    al->health_status = write_health(&text, al->api);
    if (text.failed == KIT_OK) {
        memcpy(al->health, text.ptr, text.len);
        al->health_len = (uint32_t)text.len;
    }
    kit_buf_done(&text);
}

void api_health(struct http_request *r, void *ctx)
{
    struct api_loop *al = api_loop_of(ctx, r->server);
    uint64_t now_ns = loop_now_ns(http_server_loop(r->server));
    if (now_ns >= al->health_until_ns) {
        refresh_health(al);
        al->health_until_ns = now_ns + HEALTH_FRESH_NS;
    }
    http_reply_send(r, al->health_status, "application/json", (kit_str){.ptr = al->health, .len = al->health_len});
}

void api_health_live(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_reply_send(r, 200, "application/json", kit_str_lit("{\"live\":true}"));
}

void api_health_ready(struct http_request *r, void *ctx)
{
    bool ready = is_ready(ctx);
    http_reply_send(r, ready ? 200 : 503, "application/json",
                    ready ? kit_str_lit("{\"ready\":true}") : kit_str_lit("{\"ready\":false}"));
}

void api_heartbeat(struct http_request *r, void *ctx)
{
    char time[KIT_CLOCK_TEXT_BYTES], body[128];
    int len = snprintf(body, sizeof(body), "{\"status\":\"alive\",\"time\":\"%s\",\"uptime_s\":%llu}",
                       kit_clock_text(kit_clock_wall_ns(), time), (unsigned long long)uptime_s(ctx));
    http_reply_send(r, 200, "application/json", (kit_str){.ptr = body, .len = (size_t)len});
}

void api_metrics(struct http_request *r, void *ctx)
{
    struct api *a = ctx;
    struct kit_buf text;
    struct kit_err err = {0};
    char prefix[64];
    snprintf(prefix, sizeof(prefix), "%s_", a->options.program);
    kit_buf_init(&text, METRICS_BYTES_MAX);
    enum kit_status rc = kit_metric_render(&text, prefix);
    if (rc != KIT_OK) {
        kit_fail(&err, rc, "the metrics do not fit into memory");
        api_error_send(r, &err);
        kit_buf_done(&text);
        return;
    }
    size_t len = 0;
    char *body = kit_buf_take(&text, &len);
    http_reply_send_owned(r, 200, "text/plain; version=0.0.4; charset=utf-8", body, len);
}
