#include "heimnetz/panel.h"

#include <string.h>

#include "heimnetz/rich.h"

#define FRAME_COLUMNS 4 /* "│ " and " │" */
#define FRAMED_MIN 40   /* a narrower terminal has no room for frames */
#define WIDTH_USUAL 80
#define PAGE_BYTES_MAX (512 * KIT_MIB)

static void add_across(struct kit_buf *out, const struct heimnetz_term *t, uint32_t columns)
{
    for (uint32_t i = 0; i < columns; i++) {
        kit_buf_printf(out, "%s", t->signs->across);
    }
}

/* "╭─ Title ────╮", `width` columns. */
static void add_top(struct kit_buf *out, const struct heimnetz_term *t, const char *title, uint32_t width)
{
    struct kit_buf shown;
    kit_buf_init(&shown, KIT_KIB);
    heimnetz_rich_fit(&shown, TERM_BOLD, kit_str_c(title), width - 6, t);
    heimnetz_rich_add(out, TERM_DIM, "%s%s ", t->signs->top_left, t->signs->across);
    kit_buf_add(out, kit_buf_str(&shown));
    struct kit_buf rest;
    kit_buf_init(&rest, KIT_MIB);
    add_across(&rest, t, width - 5 - heimnetz_rich_columns(kit_buf_str(&shown)));
    heimnetz_rich_add(out, TERM_DIM, " %.*s%s", KIT_STR_ARG(kit_buf_str(&rest)), t->signs->top_right);
    kit_buf_add_char(out, '\n');
    kit_buf_done(&rest);
    kit_buf_done(&shown);
}

static void add_bottom(struct kit_buf *out, const struct heimnetz_term *t, uint32_t width)
{
    struct kit_buf line;
    kit_buf_init(&line, KIT_MIB);
    add_across(&line, t, width - 2);
    heimnetz_rich_add(out, TERM_DIM, "%s%.*s%s", t->signs->bottom_left, KIT_STR_ARG(kit_buf_str(&line)),
                      t->signs->bottom_right);
    kit_buf_add_char(out, '\n');
    kit_buf_done(&line);
}

static void add_framed(struct kit_buf *out, const struct heimnetz_term *t, kit_str lines, uint32_t width)
{
    kit_str line;
    while (kit_str_cut(&lines, '\n', &line)) {
        uint32_t used = heimnetz_rich_columns(line);
        heimnetz_rich_add(out, TERM_DIM, "%s", t->signs->down);
        kit_buf_add_char(out, ' ');
        kit_buf_add(out, line);
        heimnetz_rich_pad(out, width - FRAME_COLUMNS > used ? width - FRAME_COLUMNS - used : 0);
        kit_buf_add_char(out, ' ');
        if (heimnetz_rich_is_uncertain(line)) {
            heimnetz_rich_place(out, width);
        }
        heimnetz_rich_add(out, TERM_DIM, "%s", t->signs->down);
        kit_buf_add_char(out, '\n');
    }
}

/* The title as a line of its own, or several. */
static void add_title(struct kit_buf *out, const struct heimnetz_term *t, const char *title)
{
    struct kit_buf bold;
    kit_buf_init(&bold, PAGE_BYTES_MAX);
    heimnetz_rich_add(&bold, TERM_BOLD, "%s", title);
    for (struct heimnetz_rich_lines l = heimnetz_rich_lines(kit_buf_str(&bold)); heimnetz_rich_next(&l, t->width);) {
        heimnetz_rich_line(out, &l);
        kit_buf_add_char(out, '\n');
    }
    kit_buf_done(&bold);
}

static bool is_framed(const struct heimnetz_term *t)
{
    return t->terminal && t->width >= FRAMED_MIN;
}

static enum kit_status add_panel(struct kit_buf *out, const struct heimnetz_term *t, const struct heimnetz_panel *p,
                                 bool titled, uint32_t width)
{
    struct kit_buf lines;
    kit_buf_init(&lines, PAGE_BYTES_MAX);
    bool framed = is_framed(t);
    enum kit_status rc = heimnetz_table_lines(p->table, framed ? width - FRAME_COLUMNS : t->width, &lines);
    if (rc == KIT_OK && framed) {
        add_top(out, t, p->title, width);
        add_framed(out, t, kit_buf_str(&lines), width);
        add_bottom(out, t, width);
    } else if (rc == KIT_OK) {
        if (titled || t->terminal) {
            add_title(out, t, p->title);
        }
        kit_buf_add(out, kit_buf_str(&lines));
    }
    kit_buf_done(&lines);
    return rc == KIT_OK ? out->failed : rc;
}

/* As it is shown: what a server calls itself may be cut within a character, or steer a terminal. */
static uint32_t title_width(const char *title)
{
    struct kit_buf shown;
    kit_buf_init(&shown, PAGE_BYTES_MAX);
    heimnetz_rich_add(&shown, TERM_PLAIN, "%s", title);
    uint32_t width = heimnetz_rich_columns(kit_buf_str(&shown));
    kit_buf_done(&shown);
    return width;
}

static uint32_t frame_width(const struct heimnetz_term *t, const struct heimnetz_panel *panels, uint32_t count)
{
    uint32_t width = WIDTH_USUAL;
    for (uint32_t i = 0; i < count; i++) {
        width = KIT_MAX(width, heimnetz_table_width(panels[i].table) + FRAME_COLUMNS);
        width = KIT_MAX(width, title_width(panels[i].title) + 6);
    }
    return KIT_MIN(width, t->width);
}

enum kit_status heimnetz_panels_print(const struct heimnetz_term *t, const struct heimnetz_panel *panels,
                                      uint32_t count)
{
    struct kit_buf out;
    enum kit_status rc = KIT_OK;
    uint32_t width = frame_width(t, panels, count);
    kit_buf_init(&out, PAGE_BYTES_MAX);
    for (uint32_t i = 0; rc == KIT_OK && i < count; i++) {
        if (i > 0 && !is_framed(t)) {
            kit_buf_add_char(&out, '\n');
        }
        rc = add_panel(&out, t, &panels[i], count > 1, width);
    }
    if (rc == KIT_OK) {
        heimnetz_rich_print(t, kit_buf_str(&out));
    }
    kit_buf_done(&out);
    return rc;
}
