#include "heimnetz/progress.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "heimnetz/rich.h"
#include "kit/clock.h"

#define FIRST_MS 120 /* what is quicker than this is not shown */
#define FRAME_MS 80
#define LINE_BYTES_MAX (16 * KIT_KIB)
#define BAR_COLUMNS_MAX 40
#define BAR_COLUMNS_MIN 8
#define RATE_AFTER_NS (500 * KIT_NS_PER_MS)
#define WIPE "\r\033[K"

/* --- the line --- */

static void add_bar(const struct heimnetz_progress *p, uint32_t columns, struct kit_buf *out)
{
    uint32_t full = (uint32_t)((double)p->done / (double)p->total * columns);
    const struct heimnetz_signs *signs = p->term->signs;
    struct kit_buf text;
    for (int part = 0; part < 2; part++) {
        kit_buf_init(&text, LINE_BYTES_MAX);
        for (uint32_t i = 0; i < (part == 0 ? full : columns - full); i++) {
            kit_buf_printf(&text, "%s", part == 0 ? signs->full : signs->empty);
        }
        heimnetz_rich_add(out, part == 0 ? TERM_ACCENT : TERM_DIM, "%.*s", KIT_STR_ARG(kit_buf_str(&text)));
        kit_buf_done(&text);
    }
}

/* " 43 %  39.1 of 90.9 MB  120.0 MB/s", from the left as much as fits `columns`. */
static void add_figures(const struct heimnetz_progress *p, uint32_t columns, uint64_t bytes_s, struct kit_buf *out)
{
    char have[TERM_FIGURE_BYTES], all[TERM_FIGURE_BYTES], rate[TERM_FIGURE_BYTES];
    char pieces[3][3 * TERM_FIGURE_BYTES];
    snprintf(pieces[0], sizeof(pieces[0]), " %3u %%", (unsigned)(100 * (double)p->done / (double)p->total));
    snprintf(pieces[1], sizeof(pieces[1]), "  %s of %s", heimnetz_term_bytes(p->done, have),
             heimnetz_term_bytes(p->total, all));
    snprintf(pieces[2], sizeof(pieces[2]), bytes_s > 0 ? "  %s/s" : "%.0s", heimnetz_term_bytes(bytes_s, rate));
    for (size_t i = 0, used = 0; i < KIT_COUNT(pieces); i++) {
        used += strlen(pieces[i]);
        if (used > columns) {
            return;
        }
        heimnetz_rich_add(out, i == 0 ? TERM_PLAIN : TERM_DIM, "%s", pieces[i]);
    }
}

void heimnetz_progress_line(const struct heimnetz_progress *p, uint32_t columns, uint64_t bytes_s, struct kit_buf *out)
{
    const uint32_t percent = 6, figures = 40; /* columns that " 100 %" and all figures take */
    bool bar = p->total > 0;
    uint32_t label_max = columns > 4 ? (bar ? columns / 3 : columns - 4) : 1;
    heimnetz_rich_add(out, TERM_ACCENT, "%s", p->term->signs->spin[p->frame % TERM_SPIN_FRAMES]);
    heimnetz_rich_pad(out, 1);
    heimnetz_rich_fit(out, TERM_BOLD, kit_str_c(p->label), label_max, p->term);
    uint32_t used = heimnetz_rich_columns(kit_buf_str(out));
    if (used + 4 < columns && p->stage[0] != '\0') {
        heimnetz_rich_pad(out, 2);
        heimnetz_rich_fit(out, TERM_DIM, kit_str_c(p->stage), columns - used - 2, p->term);
    }
    used = heimnetz_rich_columns(kit_buf_str(out));
    if (bar && used + 2 + BAR_COLUMNS_MIN + percent <= columns) {
        uint32_t room = columns - used - 2;
        uint32_t length = room > figures + BAR_COLUMNS_MIN ? KIT_MIN(room - figures, BAR_COLUMNS_MAX) : BAR_COLUMNS_MIN;
        heimnetz_rich_pad(out, 2);
        add_bar(p, length, out);
        add_figures(p, room - length, bytes_s, out);
    }
}

/* --- drawing --- */

static uint64_t speed(const struct heimnetz_progress *p, uint64_t now_ns)
{
    uint64_t took_ns = now_ns - p->rate_from_ns;
    bool known = p->total > 0 && p->done > p->rate_from && took_ns > RATE_AFTER_NS;
    return known ? (uint64_t)((double)(p->done - p->rate_from) * (double)KIT_NS_PER_S / (double)took_ns) : 0;
}

static void draw(struct heimnetz_progress *p)
{
    struct kit_buf line;
    kit_buf_init(&line, LINE_BYTES_MAX);
    heimnetz_progress_line(p, p->term->width - 1, speed(p, kit_clock_ns()), &line);
    fputs(WIPE, p->term->out);
    heimnetz_rich_print(p->term, kit_buf_str(&line));
    fflush(p->term->out);
    kit_buf_done(&line);
    p->drawn = true;
    p->frame++;
}

static void run(void *arg)
{
    struct heimnetz_progress *p = arg;
    uint64_t until_ns = kit_clock_ns() + FIRST_MS * KIT_NS_PER_MS;
    kit_mutex_lock(&p->lock);
    while (!p->stop) {
        if (!kit_cond_wait_until(&p->stop_said, &p->lock, until_ns) && !p->stop) {
            draw(p);
            until_ns = kit_clock_ns() + FRAME_MS * KIT_NS_PER_MS;
        }
    }
    kit_mutex_unlock(&p->lock);
}

/* --- an interrupt meanwhile --- */

static char last_words[512]; /* what the handler writes; set before it is installed */
static int last_words_fd;
static struct sigaction before[2];
static const int watched[2] = {SIGINT, SIGTERM};

static void interrupted(int number)
{
    ssize_t written = write(last_words_fd, last_words, strlen(last_words));
    (void)written;
    signal(number, SIG_DFL);
    raise(number);
}

static void watch_signals(const struct heimnetz_term *t, const char *farewell)
{
    struct sigaction action = {.sa_handler = interrupted, .sa_flags = SA_NODEFER};
    snprintf(last_words, sizeof(last_words), "%s%s%s", t->moves ? WIPE : "", farewell != NULL ? farewell : "",
             farewell != NULL ? "\n" : "");
    last_words_fd = fileno(t->out);
    for (size_t i = 0; i < KIT_COUNT(watched); i++) {
        sigaction(watched[i], NULL, &before[i]);
        if (before[i].sa_handler == SIG_DFL) { /* nohup stays nohup, and who handles it goes on to (interrupt.h) */
            sigaction(watched[i], &action, NULL);
        }
    }
}

static void unwatch_signals(void)
{
    for (size_t i = 0; i < KIT_COUNT(watched); i++) {
        sigaction(watched[i], &before[i], NULL);
    }
}

/* --- life --- */

void heimnetz_progress_start(struct heimnetz_progress *p, const struct heimnetz_term *t, const char *label,
                             const char *farewell)
{
    *p = (struct heimnetz_progress){.term = t};
    kit_str_to_c(kit_str_c(label), p->label, sizeof(p->label));
    kit_mutex_init(&p->lock);
    kit_cond_init(&p->stop_said);
    watch_signals(t, farewell);
    if (t->moves && kit_thread_start(&p->thread, "progress", run, p, NULL) != KIT_OK) {
        p->thread.started = false; /* nothing is drawn; the work goes on */
    }
}

void heimnetz_progress_set(struct heimnetz_progress *p, const char *stage, uint64_t done_bytes, uint64_t total_bytes)
{
    kit_mutex_lock(&p->lock);
    kit_str_to_c(kit_str_c(stage), p->stage, sizeof(p->stage));
    if (p->total != total_bytes || done_bytes < p->rate_from) { /* another thing is measured from here on */
        p->rate_from = done_bytes;
        p->rate_from_ns = kit_clock_ns();
    }
    p->done = KIT_MIN(done_bytes, total_bytes);
    p->total = total_bytes;
    kit_mutex_unlock(&p->lock);
}

void heimnetz_progress_stop(struct heimnetz_progress *p)
{
    kit_mutex_lock(&p->lock);
    p->stop = true;
    kit_cond_signal(&p->stop_said);
    kit_mutex_unlock(&p->lock);
    kit_thread_join(&p->thread);
    unwatch_signals();
    if (p->drawn) {
        fputs(WIPE, p->term->out);
        fflush(p->term->out);
    }
    kit_cond_done(&p->stop_said);
    kit_mutex_done(&p->lock);
}
