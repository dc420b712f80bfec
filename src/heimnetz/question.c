#include "heimnetz/question.h"

#include <string.h>
#include <unistd.h>

#include "heimnetz/args.h"
#include "kit/alloc.h"
#include "kit/file.h"
#include "kit/utf8.h"

#define TEXT_BYTES_MAX (64 * KIT_MIB) /* of all files */
#define READ_BYTES (64 * KIT_KIB)
#define TOP_K_MAX 100000
#define TIMEOUT_S_MAX 86400

/* --- items --- */

static enum kit_status add(struct heimnetz_question *q, kit_str text, struct kit_err *err)
{
    if (q->count == q->room) {
        uint32_t room = q->room == 0 ? 16 : q->room * 2;
        struct heimnetz_item *items = kit_alloc_resize(q->items, room * sizeof(*items));
        if (items == NULL) {
            return kit_fail(err, KIT_NOMEM, "out of memory for %u texts", q->count + 1);
        }
        q->items = items;
        q->room = room;
    }
    q->items[q->count++] = (struct heimnetz_item){.text = text};
    return KIT_OK;
}

/* Gives the last item its second text. */
static enum kit_status add_second(struct heimnetz_question *q, enum heimnetz_option option, const char *text,
                                  struct kit_err *err)
{
    bool context = option == HEIMNETZ_OPT_CONTEXT;
    if (q->count == 0 || q->items[q->count - 1].second.ptr != NULL) {
        return kit_fail(err, KIT_INVALID, "%s belongs behind a %s", context ? "--context" : "--pair",
                        context ? "--question" : "--text");
    }
    q->items[q->count - 1].second = kit_str_c(text);
    return KIT_OK;
}

/* --- files --- */

static enum kit_status read_input(struct kit_buf *out, struct kit_err *err)
{
    ssize_t n;
    do {
        char *to = kit_buf_reserve(out, READ_BYTES);
        if (to == NULL) {
            return kit_fail(err, out->failed == KIT_FULL ? KIT_TOO_LARGE : KIT_NOMEM,
                            "standard input is longer than %zu bytes", out->max);
        }
        n = read(STDIN_FILENO, to, READ_BYTES);
        kit_buf_grew(out, n > 0 ? (size_t)n : 0);
    } while (n > 0);
    return n == 0 ? KIT_OK : kit_fail(err, KIT_IO, "standard input cannot be read");
}

/* The whole of a file, "-" is standard input, in the arena. */
static enum kit_status read_whole(struct heimnetz_question *q, const char *path, kit_str *ret, struct kit_err *err)
{
    struct kit_buf text;
    kit_buf_init(&text, TEXT_BYTES_MAX);
    bool input = strcmp(path, "-") == 0;
    enum kit_status rc = input ? read_input(&text, err) : kit_file_read(path, &text, err);
    if (rc == KIT_OK && kit_arena_str(&q->arena, kit_buf_str(&text), ret) != KIT_OK) {
        rc = kit_fail(err, KIT_NOMEM, "out of memory for %s", path);
    }
    kit_buf_done(&text);
    return rc == KIT_OK && !kit_utf8_is_valid(*ret)
               ? kit_fail(err, KIT_INVALID, "%s is no text: it must be UTF-8", input ? "standard input" : path)
               : rc;
}

static enum kit_status add_file(struct heimnetz_question *q, const char *path, struct kit_err *err)
{
    kit_str text = {0};
    enum kit_status rc = read_whole(q, path, &text, err);
    kit_str trimmed = kit_str_trim(text); /* the newline at a file's end is not part of what it says */
    if (rc == KIT_OK && trimmed.len == 0) {
        rc = kit_fail(err, KIT_INVALID, "%s is empty", strcmp(path, "-") == 0 ? "standard input" : path);
    }
    return rc == KIT_OK ? add(q, trimmed, err) : rc;
}

static enum kit_status add_lines(struct heimnetz_question *q, const char *path, struct kit_err *err)
{
    kit_str text = {0}, line;
    enum kit_status rc = read_whole(q, path, &text, err);
    while (rc == KIT_OK && kit_str_cut(&text, '\n', &line)) {
        line = kit_str_trim(line);
        rc = line.len > 0 ? add(q, line, err) : KIT_OK;
    }
    return rc;
}

/* --- reading --- */

static enum kit_status take_option(struct heimnetz_question *q, const struct heimnetz_given *g, struct kit_err *err)
{
    switch (g->option) {
    case HEIMNETZ_OPT_QUESTION:
        q->answers = true;
        return add(q, kit_str_c(g->value), err);
    case HEIMNETZ_OPT_TEXT:
        return strcmp(g->value, "-") == 0 ? add_file(q, "-", err) : add(q, kit_str_c(g->value), err);
    case HEIMNETZ_OPT_PAIR:
    case HEIMNETZ_OPT_CONTEXT:
        return add_second(q, g->option, g->value, err);
    case HEIMNETZ_OPT_FILE:
        return add_file(q, g->value, err);
    case HEIMNETZ_OPT_LINES:
        return add_lines(q, g->value, err);
    case HEIMNETZ_OPT_QUERY:
        q->query = kit_str_c(g->value);
        return KIT_OK;
    case HEIMNETZ_OPT_TASK:
        q->task = g->value;
        q->similarity = strcmp(g->value, "similarity") == 0;
        return KIT_OK;
    default:
        return KIT_OK;
    }
}

/* The words before `end` that were not taken yet are texts. */
static enum kit_status take_words(const struct heimnetz *h, struct heimnetz_question *q, uint32_t *word, uint32_t end,
                                  struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    while (rc == KIT_OK && *word < end) {
        const char *text = h->words[(*word)++];
        rc = strcmp(text, "-") == 0 ? add_file(q, "-", err) : add(q, kit_str_c(text), err);
    }
    return rc;
}

static enum kit_status check(const struct heimnetz_question *q, struct kit_err *err)
{
    if (q->query.ptr != NULL && q->answers) {
        return kit_fail(err, KIT_INVALID, "--query and --question do not go together");
    }
    if (q->count == 0) {
        return kit_fail(err, KIT_INVALID, "say what to ask: --text TEXT, --file FILE, or a text through a pipe");
    }
    for (uint32_t i = 0; q->answers && i < q->count; i++) {
        if (q->items[i].second.ptr == NULL) {
            return kit_fail(err, KIT_INVALID,
                            "--question needs a --context behind it: where the answer is to be found");
        }
    }
    return KIT_OK;
}

enum kit_status heimnetz_question_read(const struct heimnetz *h, struct heimnetz_question *ret, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    uint32_t word = 1;
    *ret = (struct heimnetz_question){.model = h->words[0]};
    kit_arena_init(&ret->arena, 2 * TEXT_BYTES_MAX);
    for (uint32_t i = 0; rc == KIT_OK && i < h->given_count; i++) {
        rc = take_words(h, ret, &word, h->given[i].words_before, err);
        rc = rc == KIT_OK ? take_option(ret, &h->given[i], err) : rc;
    }
    rc = rc == KIT_OK ? take_words(h, ret, &word, h->word_count, err) : rc;
    if (rc == KIT_OK && ret->count == 0 && isatty(STDIN_FILENO) == 0) {
        rc = add_file(ret, "-", err);
    }
    return rc == KIT_OK ? check(ret, err) : rc;
}

void heimnetz_question_done(struct heimnetz_question *q)
{
    kit_alloc_free(q->items);
    kit_arena_done(&q->arena);
    *q = (struct heimnetz_question){0};
}

/* --- writing --- */

static void write_item(struct kit_json_writer *w, const struct heimnetz_question *q, const struct heimnetz_item *item)
{
    if (item->second.ptr == NULL) {
        kit_json_put_str(w, item->text);
        return;
    }
    kit_json_open(w, '{');
    kit_json_member_str(w, q->answers ? "question" : "text", item->text);
    kit_json_member_str(w, q->answers ? "context" : "pair", item->second);
    kit_json_close(w, '}');
}

static void write_inputs(struct kit_json_writer *w, const struct heimnetz_question *q)
{
    kit_json_key(w, "inputs");
    if (q->query.ptr != NULL) {
        kit_json_open(w, '{');
        kit_json_member_str(w, q->similarity ? "source" : "query", q->query);
        kit_json_key(w, "texts");
    }
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < q->count; i++) {
        write_item(w, q, &q->items[i]);
    }
    kit_json_close(w, ']');
    if (q->query.ptr != NULL) {
        kit_json_close(w, '}');
    }
}

/* "key=value": a value that is JSON goes as it is, any other as a string. */
static enum kit_status write_parameter(struct kit_json_writer *w, const char *pair, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    kit_str s = kit_str_c(pair);
    size_t equals = kit_str_find_char(s, '=');
    if (equals == 0 || equals == s.len) {
        return kit_fail(err, KIT_INVALID, "--parameter takes KEY=VALUE, not '%s'", pair);
    }
    kit_str value = kit_str_sub(s, equals + 1, s.len);
    kit_json_key_str(w, kit_str_sub(s, 0, equals));
    if (kit_json_parse(value, KIT_JSON_DEPTH_MAX, &doc, NULL) == KIT_OK) {
        kit_json_put_raw(w, value);
    } else {
        kit_json_put_str(w, value);
    }
    kit_json_free(doc);
    return KIT_OK;
}

static enum kit_status write_parameters(struct kit_json_writer *w, const struct heimnetz *h, struct kit_err *err)
{
    uint64_t top_k = 0;
    enum kit_status rc = heimnetz_args_number(h, HEIMNETZ_OPT_TOP_K, 1, TOP_K_MAX, 0, &top_k, err);
    if (rc != KIT_OK || (top_k == 0 && !heimnetz_args_has(h, HEIMNETZ_OPT_PARAMETER))) {
        return rc;
    }
    kit_json_key(w, "parameters");
    kit_json_open(w, '{');
    if (top_k > 0) {
        kit_json_member_u64(w, "top_k", top_k);
    }
    for (uint32_t i = 0; rc == KIT_OK && i < h->given_count; i++) {
        if (h->given[i].option == HEIMNETZ_OPT_PARAMETER) {
            rc = write_parameter(w, h->given[i].value, err);
        }
    }
    kit_json_close(w, '}');
    return rc;
}

enum kit_status heimnetz_question_write(const struct heimnetz *h, const struct heimnetz_question *q,
                                        struct kit_buf *out, struct kit_err *err)
{
    struct kit_json_writer w;
    uint64_t timeout_s = 0;
    enum kit_status rc = heimnetz_args_number(h, HEIMNETZ_OPT_TIMEOUT, 1, TIMEOUT_S_MAX, 0, &timeout_s, err);
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "model", q->model);
    if (q->task != NULL) {
        kit_json_member_c(&w, "task", q->task);
    }
    write_inputs(&w, q);
    rc = rc == KIT_OK ? write_parameters(&w, h, err) : rc;
    if (timeout_s > 0) {
        kit_json_member_u64(&w, "timeout_ms", timeout_s * 1000);
    }
    kit_json_close(&w, '}');
    return rc;
}
