/* heimnetz logs [-f] [-n N] [SERVICE]: what a service that `up` started has logged. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heimnetz/args.h"
#include "heimnetz/logline.h"
#include "heimnetz/places.h"
#include "heimnetz/rich.h"
#include "heimnetz/service.h"

#define LINES_USUAL 50
#define LINES_MAX 1000000
#define BLOCK_BYTES (64 * KIT_KIB)
#define LINE_BYTES_MAX (1 * KIT_MIB)
#define LOOK_US 100000 /* between two looks at a file that is followed */

struct tail {
    struct heimnetz *h;
    char path[PLACES_BYTES];
    FILE *file;
    struct kit_buf line; /* one that has not ended yet */
};

static void print_line(struct tail *t, kit_str line)
{
    struct kit_buf out;
    const struct heimnetz_term *term = &t->h->out;
    kit_buf_init(&out, 4 * LINE_BYTES_MAX);
    if (t->h->json) {
        heimnetz_logline_json(&out, line);
        fwrite(out.ptr, 1, out.len, term->out);
    } else if (term->terminal) {
        heimnetz_logline_show(&out, line);
        heimnetz_rich_print(term, kit_buf_str(&out));
    } else {
        fprintf(term->out, "%.*s\n", KIT_STR_ARG(line));
    }
    kit_buf_done(&out);
}

/* Prints the lines that are whole; a line that is too long comes in pieces. */
static void take(struct tail *t, kit_str bytes)
{
    while (bytes.len > 0) {
        size_t end = kit_str_find_char(bytes, '\n');
        bool whole = end < bytes.len;
        kit_str piece = kit_str_sub(bytes, 0, end);
        if (t->line.len + piece.len > LINE_BYTES_MAX) {
            print_line(t, kit_buf_str(&t->line));
            kit_buf_clear(&t->line);
        }
        kit_buf_add(&t->line, piece);
        if (whole) {
            print_line(t, kit_buf_str(&t->line));
            kit_buf_clear(&t->line);
        }
        bytes = kit_str_sub(bytes, end + (whole ? 1 : 0), bytes.len);
    }
}

static void print_rest(struct tail *t)
{
    static char block[BLOCK_BYTES];
    size_t n;
    while ((n = fread(block, 1, sizeof(block), t->file)) > 0) {
        take(t, (kit_str){.ptr = block, .len = n});
    }
    clearerr(t->file); /* it may grow */
}

/* Where the last `lines` lines begin. */
static off_t find_start(FILE *f, uint64_t lines)
{
    static char block[BLOCK_BYTES];
    (void)fseeko(f, 0, SEEK_END);
    off_t at = ftello(f), end = at;
    while (at > 0) {
        off_t from = at > (off_t)sizeof(block) ? at - (off_t)sizeof(block) : 0;
        (void)fseeko(f, from, SEEK_SET);
        size_t n = fread(block, 1, (size_t)(at - from), f);
        for (size_t i = n; i > 0; i--) {
            off_t place = from + (off_t)i;
            if (block[i - 1] == '\n' && place < end && lines-- == 1) {
                return place;
            }
        }
        at = n > 0 ? from : 0;
    }
    return 0;
}

/* A log that was put aside, or cut: the new one is read from its beginning. */
static void reopen_when_new(struct tail *t)
{
    struct stat open_one, named;
    if (stat(t->path, &named) != 0 || fstat(fileno(t->file), &open_one) != 0) {
        return;
    }
    bool other = named.st_ino != open_one.st_ino || named.st_dev != open_one.st_dev;
    if (!other && named.st_size >= ftello(t->file)) {
        return;
    }
    FILE *f = fopen(t->path, "re");
    if (f != NULL) {
        (void)fclose(t->file);
        t->file = f;
    }
}

static int follow(struct tail *t)
{
    for (;;) {
        print_rest(t);
        if (fflush(t->h->out.out) != 0) {
            return HEIMNETZ_REFUSED; /* who read it has gone */
        }
        usleep(LOOK_US);
        reopen_when_new(t);
    }
}

static int print_log(struct heimnetz *h, const char *service, uint64_t lines)
{
    struct tail t = {.h = h};
    struct kit_err err = {0};
    enum kit_status rc = heimnetz_places_of(service, ".log", t.path, &err);
    t.file = rc == KIT_OK ? fopen(t.path, "re") : NULL;
    if (rc == KIT_OK && t.file == NULL) {
        rc = kit_fail(&err, KIT_NOT_FOUND, "%s has no log yet: only what '%s up' starts writes one (%s)", service,
                      h->name, t.path);
    }
    if (rc != KIT_OK) {
        return heimnetz_fail(h, rc, &err, NULL);
    }
    kit_buf_init(&t.line, LINE_BYTES_MAX);
    (void)fseeko(t.file, lines == 0 ? 0 : find_start(t.file, lines), lines == 0 ? SEEK_END : SEEK_SET);
    print_rest(&t);
    int code = heimnetz_args_has(h, HEIMNETZ_OPT_FOLLOW) ? follow(&t) : HEIMNETZ_GOOD;
    if (t.line.len > 0) {
        print_line(&t, kit_buf_str(&t.line));
    }
    kit_buf_done(&t.line);
    (void)fclose(t.file);
    return code;
}

int heimnetz_cmd_logs(struct heimnetz *h)
{
    uint64_t lines = 0;
    struct kit_err err = {0};
    const char *service = h->word_count > 0 ? h->words[0] : "aethercore";
    enum heimnetz_service_id id = heimnetz_service_find(service);
    if (id == HEIMNETZ_SERVICE_COUNT || heimnetz_service_rows[id].address == NULL) {
        return heimnetz_usage(h, "'%s' has no log here: aethercore and contextforge have", service);
    }
    if (heimnetz_args_number(h, HEIMNETZ_OPT_TAIL, 0, LINES_MAX, LINES_USUAL, &lines, &err) != KIT_OK) {
        return heimnetz_usage(h, "%s", err.msg);
    }
    return print_log(h, service, lines);
}
