#include "heimnetz/bench_report.h"

#include "heimnetz/panel.h"
#include "kit/json.h"

static const struct {
    const char *name, *key;
    size_t at; /* of the spread in the result */
} rows[] = {
    {"to the first token", "first_ms", offsetof(struct heimnetz_bench_result, first)},
    {"from token to token", "between_ms", offsetof(struct heimnetz_bench_result, between)},
    {"the whole answer", "whole_ms", offsetof(struct heimnetz_bench_result, whole)},
};
static const struct {
    const char *key;
    double part;
} parts[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1}};

static const struct heimnetz_spread *spread_of(const struct heimnetz_bench_result *r, size_t row)
{
    return (const struct heimnetz_spread *)(const void *)((const char *)r + rows[row].at);
}

static double per_second(const struct heimnetz_bench_result *r, uint64_t n)
{
    return r->wall_ns > 0 ? (double)n * 1e9 / (double)r->wall_ns : 0;
}

/* Of one core. */
static double own_share(const struct heimnetz_bench_result *r)
{
    return r->wall_ns > 0 ? (double)r->own_cpu_ns / (double)r->wall_ns : 0;
}

/* --- a page --- */

static void fill_sums(struct heimnetz_table *t, const struct heimnetz_bench_plan *plan,
                      const struct heimnetz_bench_result *r)
{
    char took[TERM_FIGURE_BYTES];
    heimnetz_table_init(t, 2, NULL);
    heimnetz_table_pair(t, "server", TERM_PLAIN, "%s", plan->url);
    heimnetz_table_pair(t, "requests", TERM_PLAIN, "%llu done", (unsigned long long)r->done);
    heimnetz_table_more(t, r->failed > 0 ? TERM_BAD : TERM_PLAIN, ", %llu failed", (unsigned long long)r->failed);
    heimnetz_table_more(t, r->interrupted ? TERM_WARN : TERM_DIM, "%s in %s",
                        r->interrupted ? ", then interrupted," : "", heimnetz_term_ms((double)r->wall_ns / 1e6, took));
    if (plan->rate > 0) {
        heimnetz_table_pair(t, "load", TERM_PLAIN, "%.6g a second, at most %u under way", plan->rate, r->running_max);
    } else {
        heimnetz_table_pair(t, "load", TERM_PLAIN, "%u at a time", plan->concurrency);
    }
    heimnetz_table_pair(t, "tokens", TERM_PLAIN, "%llu read", (unsigned long long)r->prompt_tokens);
    if (r->cached_tokens > 0) {
        heimnetz_table_more(t, TERM_DIM, " (%llu of them known already)", (unsigned long long)r->cached_tokens);
    }
    heimnetz_table_more(t, TERM_PLAIN, ", %llu made", (unsigned long long)r->tokens);
    heimnetz_table_pair(t, "a second", TERM_BOLD, "%.1f tokens", per_second(r, r->tokens));
    heimnetz_table_more(t, TERM_PLAIN, ", %.2f requests", per_second(r, r->done));
    heimnetz_table_pair(t, "heimnetz", TERM_DIM, "took %.1f %% of a core itself", 100 * own_share(r));
}

static void fill_times(struct heimnetz_table *t, const struct heimnetz_bench_result *r)
{
    static const char *const headings[] = {"", ">MEAN", ">P50", ">P90", ">P99", ">MAX"};
    char figure[TERM_FIGURE_BYTES];
    heimnetz_table_init(t, KIT_COUNT(headings), headings);
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        const struct heimnetz_spread *s = spread_of(r, i);
        heimnetz_table_add(t, TERM_DIM, "%s", rows[i].name);
        heimnetz_table_add(t, TERM_PLAIN, "%s", s->count > 0 ? heimnetz_term_ms(heimnetz_spread_mean(s), figure) : "-");
        for (size_t k = 0; k < KIT_COUNT(parts); k++) {
            double value = heimnetz_spread_at(s, parts[k].part);
            heimnetz_table_add(t, TERM_PLAIN, "%s", s->count > 0 ? heimnetz_term_ms(value, figure) : "-");
        }
    }
}

static void fill_faults(struct heimnetz_table *t, const struct heimnetz_bench_result *r)
{
    heimnetz_table_init(t, 2, NULL);
    t->right[0] = true;
    for (uint32_t i = 0; i < r->fault_count; i++) {
        heimnetz_table_add(t, TERM_BAD, "%llu", (unsigned long long)r->faults[i].count);
        heimnetz_table_add(t, TERM_PLAIN, "%s", r->faults[i].text);
    }
}

enum kit_status heimnetz_bench_print(const struct heimnetz_term *t, const struct heimnetz_bench_plan *plan,
                                     const struct heimnetz_bench_result *r)
{
    struct heimnetz_table sums, times, faults;
    fill_sums(&sums, plan, r);
    fill_times(&times, r);
    fill_faults(&faults, r);
    const struct heimnetz_panel panels[] = {{plan->model, &sums}, {"times", &times}, {"failed", &faults}};
    enum kit_status rc = heimnetz_panels_print(t, panels, r->fault_count > 0 ? 3 : 2);
    heimnetz_table_done(&sums);
    heimnetz_table_done(&times);
    heimnetz_table_done(&faults);
    return rc;
}

/* --- JSON --- */

static void member_f64(struct kit_json_writer *w, const char *key, double x)
{
    kit_json_key(w, key);
    kit_json_put_f64(w, x);
}

static void write_spread(struct kit_json_writer *w, const char *key, const struct heimnetz_spread *s)
{
    kit_json_key(w, key);
    if (s->count == 0) {
        kit_json_put_null(w);
        return;
    }
    kit_json_open(w, '{');
    member_f64(w, "mean", heimnetz_spread_mean(s));
    for (size_t i = 0; i < KIT_COUNT(parts); i++) {
        member_f64(w, parts[i].key, heimnetz_spread_at(s, parts[i].part));
    }
    kit_json_close(w, '}');
}

static void write_load(struct kit_json_writer *w, const struct heimnetz_bench_plan *plan,
                       const struct heimnetz_bench_result *r)
{
    kit_json_member_c(w, "server", plan->url);
    kit_json_member_c(w, "model", plan->model);
    if (plan->rate > 0) {
        member_f64(w, "rate", plan->rate);
    } else {
        kit_json_member_u64(w, "concurrency", plan->concurrency);
    }
    kit_json_member_u64(w, "running_max", r->running_max);
    kit_json_member_u64(w, "done", r->done);
    kit_json_member_u64(w, "failed", r->failed);
    kit_json_member_bool(w, "interrupted", r->interrupted);
    kit_json_member_ms(w, "total_ms", r->wall_ns);
}

static void write_tokens(struct kit_json_writer *w, const struct heimnetz_bench_result *r)
{
    kit_json_key(w, "tokens");
    kit_json_open(w, '{');
    kit_json_member_u64(w, "prompt", r->prompt_tokens);
    kit_json_member_u64(w, "cached", r->cached_tokens);
    kit_json_member_u64(w, "made", r->tokens);
    kit_json_close(w, '}');
    member_f64(w, "tokens_s", per_second(r, r->tokens));
    member_f64(w, "requests_s", per_second(r, r->done));
}

static void write_faults(struct kit_json_writer *w, const struct heimnetz_bench_result *r)
{
    kit_json_key(w, "errors");
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < r->fault_count; i++) {
        kit_json_open(w, '{');
        kit_json_member_u64(w, "count", r->faults[i].count);
        kit_json_member_c(w, "message", r->faults[i].text);
        kit_json_close(w, '}');
    }
    kit_json_close(w, ']');
}

void heimnetz_bench_write(const struct heimnetz_bench_plan *plan, const struct heimnetz_bench_result *r,
                          struct kit_buf *out)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    write_load(&w, plan, r);
    write_tokens(&w, r);
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        write_spread(&w, rows[i].key, spread_of(r, i));
    }
    write_faults(&w, r);
    member_f64(&w, "own_cpu", own_share(r));
    kit_json_close(&w, '}');
}
