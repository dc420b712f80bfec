#include "heimnetz/term.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 20
#define BAR_COLUMNS_MAX 40

static uint32_t ask_width(FILE *out)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    uint64_t n = 0;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_MIN) {
        return size.ws_col;
    }
    return columns != NULL && kit_str_to_u64(kit_str_c(columns), &n) == KIT_OK && n >= WIDTH_MIN && n < 10000
               ? (uint32_t)n
               : WIDTH_DEFAULT;
}

void heimnetz_term_init(struct heimnetz_term *t, FILE *out, bool no_color)
{
    const char *wish = getenv("NO_COLOR"), *kind = getenv("TERM");
    t->out = out;
    t->terminal = isatty(fileno(out)) == 1;
    t->colour =
        t->terminal && !no_color && (wish == NULL || wish[0] == '\0') && (kind == NULL || strcmp(kind, "dumb") != 0);
    t->unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    t->width = ask_width(out);
}

void heimnetz_term_put(const struct heimnetz_term *t, enum heimnetz_style style, const char *format, ...)
{
    static const char *const codes[] = {"", "1", "2", "32", "33", "31", "36"};
    va_list args;
    bool styled = t->colour && style != TERM_PLAIN;
    if (styled) {
        fprintf(t->out, "\033[%sm", codes[style]);
    }
    va_start(args, format);
    vfprintf(t->out, format, args);
    va_end(args);
    if (styled) {
        fputs("\033[0m", t->out);
    }
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

/* --- columns --- */

static uint32_t code_point(kit_str s, size_t *at)
{
    unsigned char lead = (unsigned char)s.ptr[(*at)++];
    int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    uint32_t c = more == 0 ? lead : lead & (0x3Fu >> more);
    while (more-- > 0 && *at < s.len && ((unsigned char)s.ptr[*at] & 0xC0) == 0x80) {
        c = (c << 6) | ((unsigned char)s.ptr[(*at)++] & 0x3Fu);
    }
    return c;
}

static bool is_wide(uint32_t c)
{
    return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
           (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
}

static bool is_zero(uint32_t c)
{
    return (c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200D) || (c >= 0xFE00 && c <= 0xFE0F);
}

uint32_t heimnetz_term_columns(kit_str text)
{
    uint32_t columns = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t c = code_point(text, &at);
        columns += is_zero(c) ? 0 : is_wide(c) ? 2 : 1;
    }
    return columns;
}

/* --- the bar --- */

void heimnetz_term_bar(const struct heimnetz_term *t, const char *label, uint64_t done, uint64_t total)
{
    char have[32], all[32];
    if (!t->terminal || total == 0) {
        return;
    }
    done = KIT_MIN(done, total);
    heimnetz_term_bytes(done, have, sizeof(have));
    heimnetz_term_bytes(total, all, sizeof(all));
    size_t taken = strlen(label) + strlen(have) + strlen(all) + 14;
    uint32_t room = t->width > taken + 4 ? KIT_MIN((uint32_t)(t->width - taken), BAR_COLUMNS_MAX) : 0;
    uint32_t full = (uint32_t)((double)done / (double)total * room);
    fprintf(t->out, "\r\033[K%s ", label);
    for (uint32_t i = 0; i < room; i++) {
        heimnetz_term_put(t, i < full ? TERM_ACCENT : TERM_DIM, "%s",
                          i < full ? (t->unicode ? "━" : "=") : (t->unicode ? "─" : "-"));
    }
    fprintf(t->out, " %3u %%  %s of %s", (unsigned)(100 * (double)done / (double)total), have, all);
    fflush(t->out);
}

void heimnetz_term_bar_end(const struct heimnetz_term *t)
{
    if (t->terminal) {
        fputs("\r\033[K", t->out);
    }
}

/* --- figures --- */

char *heimnetz_term_bytes(uint64_t bytes, char *buf, size_t size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double n = (double)bytes;
    size_t unit = 0;
    while (n >= 1000 && unit + 1 < KIT_COUNT(units)) {
        n /= 1000;
        unit++;
    }
    snprintf(buf, size, unit == 0 ? "%.0f %s" : "%.1f %s", n, units[unit]);
    return buf;
}

char *heimnetz_term_duration(uint64_t seconds, char *buf, size_t size)
{
    unsigned long long s = seconds;
    if (s >= 86400) {
        snprintf(buf, size, "%llu d %llu h", s / 86400, s % 86400 / 3600);
    } else if (s >= 3600) {
        snprintf(buf, size, "%llu h %llu min", s / 3600, s % 3600 / 60);
    } else if (s >= 60) {
        snprintf(buf, size, "%llu min %llu s", s / 60, s % 60);
    } else {
        snprintf(buf, size, "%llu s", s);
    }
    return buf;
}
