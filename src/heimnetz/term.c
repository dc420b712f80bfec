#include "heimnetz/term.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "heimnetz/rich.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 20
#define WIDTH_MAX 1000
#define TEXT_BYTES_MAX (64 * KIT_MIB)

static const struct heimnetz_signs unicode_signs = {
    .across = "─",
    .down = "│",
    .top_left = "╭",
    .top_right = "╮",
    .bottom_left = "╰",
    .bottom_right = "╯",
    .full = "━",
    .empty = "─",
    .on = "●",
    .off = "○",
    .good = "✓",
    .bad = "✗",
    .ellipsis = "…",
    .spin = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"},
};
static const struct heimnetz_signs ascii_signs = {
    .across = "-",
    .down = "|",
    .top_left = "+",
    .top_right = "+",
    .bottom_left = "+",
    .bottom_right = "+",
    .full = "=",
    .empty = "-",
    .on = "*",
    .off = "o",
    .good = "+",
    .bad = "x",
    .ellipsis = "~",
    .spin = {"|", "/", "-", "\\", "|", "/", "-", "\\", "|", "/"},
};

/* The terminal's own word first, then COLUMNS: a pseudo-terminal may not know. */
static uint32_t ask_width(FILE *out)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    uint64_t n = 0;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        n = size.ws_col;
    } else if (columns == NULL || kit_str_to_u64(kit_str_c(columns), &n) != KIT_OK || n == 0) {
        n = WIDTH_DEFAULT;
    }
    return (uint32_t)KIT_MAX(KIT_MIN(n, WIDTH_MAX), WIDTH_MIN);
}

void heimnetz_term_make(struct heimnetz_term *t, FILE *out, uint32_t width, bool colour, bool unicode)
{
    *t = (struct heimnetz_term){.out = out,
                                .terminal = width > 0,
                                .colour = colour,
                                .unicode = unicode,
                                .width = width,
                                .signs = unicode ? &unicode_signs : &ascii_signs};
}

void heimnetz_term_init(struct heimnetz_term *t, FILE *out, bool no_color)
{
    const char *wish = getenv("NO_COLOR"), *kind = getenv("TERM");
    bool terminal = isatty(fileno(out)) == 1;
    bool clever = kind != NULL && kind[0] != '\0' && strcmp(kind, "dumb") != 0;
    bool colour = terminal && clever && !no_color && (wish == NULL || wish[0] == '\0');
    heimnetz_term_make(t, out, terminal ? ask_width(out) : 0, colour, strcmp(nl_langinfo(CODESET), "UTF-8") == 0);
    t->moves = terminal && clever;
}

void heimnetz_term_put(const struct heimnetz_term *t, enum heimnetz_style style, const char *format, ...)
{
    struct kit_buf text;
    va_list args;
    kit_buf_init(&text, TEXT_BYTES_MAX);
    va_start(args, format);
    heimnetz_rich_vadd(&text, style, format, args);
    va_end(args);
    heimnetz_rich_print(t, kit_buf_str(&text));
    kit_buf_done(&text);
}

enum heimnetz_style heimnetz_term_style_of_state(kit_str state)
{
    static const struct {
        const char *word;
        enum heimnetz_style style;
    } rows[] = {{"ready", TERM_GOOD},   {"ok", TERM_GOOD},       {"alive", TERM_GOOD},       {"loading", TERM_WARN},
                {"warming", TERM_WARN}, {"draining", TERM_WARN}, {"downloading", TERM_WARN}, {"degraded", TERM_WARN},
                {"failed", TERM_BAD},   {"failing", TERM_BAD},   {"down", TERM_BAD}};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        if (kit_str_eq(state, kit_str_c(rows[i].word))) {
            return rows[i].style;
        }
    }
    return TERM_DIM;
}

/* --- figures --- */

char *heimnetz_term_bytes(uint64_t bytes, char buf[TERM_FIGURE_BYTES])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double n = (double)bytes;
    size_t unit = 0;
    while (n >= 1000 && unit + 1 < KIT_COUNT(units)) {
        n /= 1000;
        unit++;
    }
    snprintf(buf, TERM_FIGURE_BYTES, unit == 0 ? "%.0f %s" : "%.1f %s", n, units[unit]);
    return buf;
}

char *heimnetz_term_duration(uint64_t seconds, char buf[TERM_FIGURE_BYTES])
{
    unsigned long long s = seconds;
    if (s >= 86400) {
        snprintf(buf, TERM_FIGURE_BYTES, "%llu d %llu h", s / 86400, s % 86400 / 3600);
    } else if (s >= 3600) {
        snprintf(buf, TERM_FIGURE_BYTES, "%llu h %llu min", s / 3600, s % 3600 / 60);
    } else if (s >= 60) {
        snprintf(buf, TERM_FIGURE_BYTES, "%llu min %llu s", s / 60, s % 60);
    } else {
        snprintf(buf, TERM_FIGURE_BYTES, "%llu s", s);
    }
    return buf;
}

char *heimnetz_term_ms(double ms, char buf[TERM_FIGURE_BYTES])
{
    if (ms >= 60000) {
        return heimnetz_term_duration((uint64_t)(ms / 1000), buf);
    }
    if (ms >= 1000) {
        snprintf(buf, TERM_FIGURE_BYTES, "%.1f s", ms / 1000);
    } else {
        snprintf(buf, TERM_FIGURE_BYTES, "%.*f ms", ms >= 100 ? 0 : 1, ms);
    }
    return buf;
}
