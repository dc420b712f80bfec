#include "hub/name.h"

#define SEGMENT_BYTES_MAX 96 /* the hub's own limit */
#define FILE_SEGMENTS_MAX 4

static bool is_one_of(char c, const char *more)
{
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return plain || (c != '\0' && kit_str_find_char(kit_str_c(more), c) < kit_str_c(more).len);
}

static bool are_all_of(kit_str s, const char *more)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_one_of(s.ptr[i], more)) {
            return false;
        }
    }
    return s.len > 0;
}

static bool has(kit_str s, const char *what)
{
    return kit_str_find(s, kit_str_c(what)) < s.len;
}

/* --- repositories --- */

static bool is_id_segment(kit_str s)
{
    return are_all_of(s, "._-") && s.len <= SEGMENT_BYTES_MAX && s.ptr[0] != '.' && s.ptr[0] != '-' &&
           s.ptr[s.len - 1] != '.' && s.ptr[s.len - 1] != '-' && !has(s, "--") && !has(s, "..");
}

static bool is_id(kit_str id)
{
    size_t slash = kit_str_find_char(id, '/');
    kit_str organisation = kit_str_sub(id, 0, slash), name = kit_str_sub(id, slash + 1, id.len);
    return id.len < HUB_ID_BYTES && is_id_segment(organisation) && (slash == id.len || is_id_segment(name));
}

static bool is_revision(kit_str s)
{
    return are_all_of(s, "._-/+") && s.len < HUB_REVISION_BYTES && s.ptr[0] != '/' && s.ptr[0] != '-' &&
           s.ptr[0] != '.' && s.ptr[s.len - 1] != '/' && !has(s, "..") && !has(s, "//");
}

enum kit_status hub_name_parse(kit_str text, kit_str revision, struct hub_name *ret, struct kit_err *err)
{
    size_t at = kit_str_find_char(text, '@');
    kit_str id = kit_str_sub(text, 0, at);
    if (at < text.len && revision.len == 0) {
        revision = kit_str_sub(text, at + 1, text.len);
        revision = revision.len == 0 ? kit_str_lit("/") : revision; /* "name@" says a revision, and none */
    }
    int shown = (int)KIT_MIN(text.len, (size_t)HUB_ID_BYTES);
    if (!is_id(id)) {
        return kit_fail_param(
            err, KIT_INVALID, "id",
            "'%.*s' is no name on the hub: org/name is expected, each part up to %d of A-Z a-z 0-9 . _ -", shown,
            text.ptr, SEGMENT_BYTES_MAX);
    }
    revision = revision.len == 0 ? kit_str_lit("main") : revision;
    if (!is_revision(revision)) {
        return kit_fail_param(err, KIT_INVALID, "revision",
                              "'%.*s' is no revision: a branch, a tag or a commit is expected",
                              (int)KIT_MIN(revision.len, (size_t)HUB_REVISION_BYTES), revision.ptr);
    }
    kit_str_to_c(id, ret->id, sizeof(ret->id));
    kit_str_to_c(revision, ret->revision, sizeof(ret->revision));
    return KIT_OK;
}

bool hub_name_is_commit(kit_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))) {
            return false;
        }
    }
    return s.len == 40 || s.len == 64;
}

/* --- files --- */

bool hub_name_is_file(kit_str path)
{
    kit_str rest = path, segment;
    size_t count = 0;
    while (kit_str_cut(&rest, '/', &segment)) {
        if (!are_all_of(segment, "._+-") || segment.ptr[0] == '.') {
            return false;
        }
        count++;
    }
    return count > 0 && count <= FILE_SEGMENTS_MAX && path.len < HUB_FILE_BYTES && path.ptr[path.len - 1] != '/';
}

bool hub_name_is_hostile(kit_str path)
{
    kit_str rest = path, segment;
    while (kit_str_cut(&rest, '/', &segment)) {
        if (segment.len == 0 || kit_str_eq(segment, kit_str_lit(".")) || kit_str_eq(segment, kit_str_lit(".."))) {
            return true;
        }
    }
    for (size_t i = 0; i < path.len; i++) {
        if ((unsigned char)path.ptr[i] < 0x20 || path.ptr[i] == 0x7f || path.ptr[i] == '\\') {
            return true;
        }
    }
    return path.len == 0 || path.ptr[path.len - 1] == '/';
}
