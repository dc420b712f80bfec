/* Settings as YAML: a file is read, a sample is written. The only place that sees libyaml. */
#include "kit/config_inner.h"

#include <stdio.h>
#include <yaml.h>

#include "kit/file.h"

#define FILE_BYTES_MAX KIT_MIB
#define DEPTH_MAX 8 /* nested maps of a file */

/* --- reading a file --- */

/* Where the reader stands: inside `depth` maps, whose keys joined by dots are in path. */
struct reader {
    struct kit_config *config;
    yaml_parser_t yaml;
    char path[KIT_CONFIG_KEY_BYTES_MAX + 1];
    size_t path_len;
    size_t key_starts[DEPTH_MAX + 1]; /* length of path before the key of each open map */
    unsigned depth;
    bool want_value; /* the key of the innermost map was read */
    unsigned line;
};

static enum kit_status fail_yaml(const struct reader *r, struct kit_err *err)
{
    if (r->yaml.error == YAML_MEMORY_ERROR) {
        return kit_fail(err, KIT_NOMEM, "no memory to read it");
    }
    unsigned line = (unsigned)(r->yaml.error == YAML_READER_ERROR ? 0 : r->yaml.problem_mark.line + 1);
    return kit_fail(err, KIT_PARSE, "line %u: not YAML: %s", line, r->yaml.problem == NULL ? "?" : r->yaml.problem);
}

/* path += ".key" */
static enum kit_status enter_key(struct reader *r, kit_str key, struct kit_err *err)
{
    size_t start = r->key_starts[r->depth];
    int len = snprintf(r->path + start, sizeof(r->path) - start, "%s%.*s", start == 0 ? "" : ".", KIT_STR_ARG(key));
    if (key.len == 0 || len < 0 || (size_t)len >= sizeof(r->path) - start) {
        r->path[start] = '\0';
        return kit_fail(err, KIT_INVALID, "line %u: a key has 1 to %d bytes", r->line, KIT_CONFIG_KEY_BYTES_MAX);
    }
    r->path_len = start + (size_t)len;
    r->want_value = true;
    return KIT_OK;
}

static enum kit_status set_from_file(struct reader *r, kit_str text, struct kit_err *err)
{
    struct kit_config *c = r->config;
    kit_str key = {.ptr = r->path, .len = r->path_len};
    const struct kit_config_value *before = kit_config_place(c, key);
    if (before != NULL && before->line != 0) {
        return kit_fail_param(err, KIT_INVALID, r->path, "line %u: '%s' stands here and in line %u; keep one", r->line,
                              r->path, before->line);
    }
    enum kit_status rc = kit_config_set(c, key, text, err);
    if (rc != KIT_OK) {
        return kit_err_prefix(err, rc, "line %u", r->line);
    }
    kit_config_place(c, key)->line = r->line;
    r->want_value = false;
    return KIT_OK;
}

static enum kit_status on_scalar(struct reader *r, kit_str text, struct kit_err *err)
{
    if (r->depth == 0) {
        bool empty = text.len == 0;
        return empty ? KIT_OK : kit_fail(err, KIT_INVALID, "line %u: 'key: value' must stand here", r->line);
    }
    return r->want_value ? set_from_file(r, text, err) : enter_key(r, text, err);
}

static enum kit_status on_map(struct reader *r, struct kit_err *err)
{
    if (r->depth == DEPTH_MAX || (r->depth > 0 && !r->want_value)) {
        return kit_fail(err, KIT_INVALID, "line %u: maps are nested deeper than %d levels, or used as a key", r->line,
                        DEPTH_MAX);
    }
    r->depth++;
    r->key_starts[r->depth] = r->path_len;
    r->want_value = false;
    return KIT_OK;
}

static void on_map_end(struct reader *r)
{
    r->path_len = r->key_starts[r->depth];
    r->path[r->path_len] = '\0';
    r->depth--;
    r->want_value = false;
}

static enum kit_status on_event(struct reader *r, const yaml_event_t *e, struct kit_err *err)
{
    r->line = (unsigned)e->start_mark.line + 1;
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(r, (kit_str){(const char *)e->data.scalar.value, e->data.scalar.length}, err);
    case YAML_MAPPING_START_EVENT:
        return on_map(r, err);
    case YAML_MAPPING_END_EVENT:
        on_map_end(r);
        return KIT_OK;
    case YAML_SEQUENCE_START_EVENT:
        return kit_fail_param(err, KIT_INVALID, r->path, "line %u: '%s' is a list, but takes one value", r->line,
                              r->path);
    case YAML_ALIAS_EVENT:
        return kit_fail_param(err, KIT_INVALID, r->path, "line %u: '%s' is an alias; write the value itself", r->line,
                              r->path);
    default:
        return KIT_OK;
    }
}

static enum kit_status read_events(struct reader *r, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (bool more = true; more && rc == KIT_OK;) {
        yaml_event_t e;
        if (!yaml_parser_parse(&r->yaml, &e)) {
            return fail_yaml(r, err);
        }
        more = e.type != YAML_STREAM_END_EVENT;
        rc = on_event(r, &e, err);
        yaml_event_delete(&e);
    }
    return rc;
}

static enum kit_status load_text(struct kit_config *c, kit_str text, struct kit_err *err)
{
    struct reader r = {.config = c};
    if (!yaml_parser_initialize(&r.yaml)) {
        return kit_fail(err, KIT_NOMEM, "no memory to read it");
    }
    for (size_t i = 0; i < c->count; i++) {
        c->values[i].line = 0;
    }
    for (struct kit_config_named *n = c->named; n != NULL; n = n->next) {
        n->value.line = 0;
    }
    yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.yaml, (const unsigned char *)(text.ptr == NULL ? "" : text.ptr), text.len);
    enum kit_status rc = read_events(&r, err);
    yaml_parser_delete(&r.yaml);
    return rc;
}

enum kit_status kit_config_load_file(struct kit_config *c, const char *path, struct kit_err *err)
{
    struct kit_buf text;
    kit_buf_init(&text, FILE_BYTES_MAX);
    enum kit_status rc = kit_file_read(path, &text, err);
    if (rc == KIT_OK) {
        rc = load_text(c, kit_buf_str(&text), err);
        rc = rc == KIT_OK ? KIT_OK : kit_err_prefix(err, rc, "%s", path);
    }
    kit_buf_done(&text);
    return rc;
}

/* --- writing the sample --- */

static void indent(struct kit_buf *out, size_t depth)
{
    kit_buf_printf(out, "%*s", (int)(2 * depth), "");
}

/* Opens the maps of `key` that were not open for `before`; returns how deep the key itself stands. */
static size_t open_maps(struct kit_buf *out, kit_str key, kit_str before, kit_str *ret_last)
{
    bool same = true;
    for (size_t depth = 0;; depth++) {
        kit_str part, other = {0};
        size_t dot = kit_str_find_char(key, '.');
        if (dot == key.len) {
            *ret_last = key;
            return depth;
        }
        kit_str_cut(&key, '.', &part);
        bool had = kit_str_find_char(before, '.') < before.len && kit_str_cut(&before, '.', &other);
        same = same && had && kit_str_eq(part, other);
        if (!same) {
            indent(out, depth);
            kit_buf_printf(out, "%.*s:\n", KIT_STR_ARG(part));
        }
    }
}

/* A single-quoted YAML text: a quote inside is doubled. */
static void put_text(struct kit_buf *out, const char *text)
{
    kit_buf_add_char(out, '\'');
    for (; *text != '\0'; text++) {
        kit_buf_add(out, *text == '\'' ? kit_str_lit("''") : (kit_str){text, 1});
    }
    kit_buf_add_char(out, '\'');
}

/* A key of names that nobody has chosen yet: all of it is a comment. */
static void put_named(struct kit_buf *out, const struct kit_config_row *row)
{
    char demand[160];
    kit_config_demand(row, demand, sizeof(demand));
    kit_buf_printf(out, "# %s: %s%s%s\n#   %s (%s)\n", row->key, row->type == KIT_CONFIG_STRING ? "'" : "",
                   row->initial, row->type == KIT_CONFIG_STRING ? "'" : "", row->help, demand);
}

enum kit_status kit_config_sample(const struct kit_config *c, struct kit_buf *out)
{
    kit_str before = {0}, name;
    for (size_t i = 0; i < c->count; i++) {
        const struct kit_config_row *row = &c->rows[i];
        char demand[160];
        if (row->key[kit_config_star(row)] != '\0') {
            put_named(out, row);
            continue;
        }
        size_t depth = open_maps(out, kit_str_c(row->key), before, &name);
        kit_config_demand(row, demand, sizeof(demand));
        indent(out, depth);
        kit_buf_printf(out, "# %s (%s%s)\n", row->help, demand, row->reloadable ? "; read again on reload" : "");
        indent(out, depth);
        kit_buf_printf(out, "%.*s: ", KIT_STR_ARG(name));
        if (row->type == KIT_CONFIG_STRING) {
            put_text(out, row->initial);
        } else {
            kit_buf_printf(out, "%s", row->initial);
        }
        kit_buf_add_char(out, '\n');
        before = kit_str_c(row->key);
    }
    return out->failed;
}
