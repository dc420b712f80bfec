#include "guard/host.h"

static bool all_of(kit_str s, bool (*fits)(char c))
{
    for (size_t i = 0; i < s.len; i++) {
        if (!fits(s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_of_v4(char c)
{
    return is_digit(c) || c == '.';
}

static bool is_of_v6(char c)
{
    return is_of_v4(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
}

static bool is_of_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' || c == '-' || c == '_';
}

static bool parse_port(kit_str text, kit_str *ret)
{
    *ret = kit_str_sub(text, 1, text.len);
    return text.len == 0 || (text.ptr[0] == ':' && (ret->len == 0 || all_of(*ret, is_digit)));
}

bool guard_host_parse(kit_str text, struct guard_host *ret)
{
    bool v6 = kit_str_starts(text, kit_str_lit("["));
    size_t end = kit_str_find_char(text, v6 ? ']' : ':');
    ret->name = kit_str_sub(text, v6, end - (v6 && end > 0));
    if (v6 && end == text.len) {
        return false;
    }
    if (!v6 && kit_str_ends(ret->name, kit_str_lit("."))) {
        ret->name.len--;
    }
    return all_of(ret->name, v6 ? is_of_v6 : is_of_name) &&
           parse_port(kit_str_sub(text, end + v6, text.len), &ret->port);
}

bool guard_host_is_address(kit_str name)
{
    bool v6 = kit_str_find_char(name, ':') < name.len; /* no name has one */
    return v6 || all_of(name, is_of_v4);
}

bool guard_host_is_loopback(kit_str name)
{
    return kit_str_eq_nocase(name, kit_str_lit("localhost")) || guard_host_is_listed(name, kit_str_lit(".localhost")) ||
           (kit_str_starts(name, kit_str_lit("127.")) && guard_host_is_address(name)) ||
           kit_str_eq(name, kit_str_lit("::1"));
}

static bool is_below(kit_str name, kit_str suffix)
{
    return name.len > suffix.len && kit_str_eq_nocase(kit_str_sub(name, name.len - suffix.len, suffix.len), suffix);
}

bool guard_host_is_listed(kit_str name, kit_str list)
{
    for (kit_str entry; kit_str_cut(&list, ',', &entry);) {
        entry = kit_str_trim(entry);
        bool below = kit_str_starts(entry, kit_str_lit(".")) && is_below(name, entry);
        if (below || kit_str_eq_nocase(entry, name) || kit_str_eq(entry, kit_str_lit("*"))) {
            return true;
        }
    }
    return false;
}

/* --- origins (RFC 6454, section 6.2) --- */

bool guard_host_parse_origin(kit_str origin, kit_str *scheme, struct guard_host *ret)
{
    kit_str mark = kit_str_lit("://");
    size_t at = kit_str_find(origin, mark);
    *scheme = kit_str_sub(origin, 0, at);
    return at > 0 && at < origin.len && guard_host_parse(kit_str_sub(origin, at + mark.len, origin.len), ret);
}

static kit_str port_of(kit_str scheme, kit_str port)
{
    bool https = kit_str_eq_nocase(scheme, kit_str_lit("https"));
    return port.len > 0 ? port : https ? kit_str_lit("443") : kit_str_lit("80");
}

bool guard_host_is_own_origin(kit_str origin, kit_str host)
{
    struct guard_host theirs, ours;
    kit_str scheme;
    if (!guard_host_parse_origin(origin, &scheme, &theirs) || !guard_host_parse(host, &ours)) {
        return false;
    }
    bool web = kit_str_eq_nocase(scheme, kit_str_lit("http")) || kit_str_eq_nocase(scheme, kit_str_lit("https"));
    return web && kit_str_eq_nocase(theirs.name, ours.name) &&
           kit_str_eq(port_of(scheme, theirs.port), port_of(scheme, ours.port));
}

bool guard_host_is_listed_origin(kit_str origin, kit_str list)
{
    for (kit_str entry; kit_str_cut(&list, ',', &entry);) {
        entry = kit_str_trim(entry);
        if (kit_str_eq_nocase(entry, origin) || kit_str_eq(entry, kit_str_lit("*"))) {
            return true;
        }
    }
    return false;
}

bool guard_host_check_origins(kit_str list, kit_str *wrong)
{
    while (kit_str_cut(&list, ',', wrong)) {
        struct guard_host host;
        kit_str scheme;
        *wrong = kit_str_trim(*wrong);
        if (wrong->len > 0 && !kit_str_eq(*wrong, kit_str_lit("*")) && !kit_str_eq(*wrong, kit_str_lit("null")) &&
            !guard_host_parse_origin(*wrong, &scheme, &host)) {
            return false;
        }
    }
    return true;
}
