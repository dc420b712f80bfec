#include "http/ids.h"

#include <string.h>
#include <sys/random.h>

#include "kit/clock.h"

#define SANE_BYTES_MAX 63
#define TRACEPARENT_BYTES 55

static const char hex_digits[] = "0123456789abcdef";

void http_ids_init(struct http_ids *ids)
{
    uint64_t bits = 0;
    if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits)) {
        bits = kit_clock_wall_ns() ^ (uint64_t)(uintptr_t)ids; /* early in a boot: unique enough, and not secret */
    }
    *ids = (struct http_ids){.next = 1};
    for (size_t i = 0; i < HTTP_IDS_PREFIX_BYTES; i++, bits >>= 4) {
        ids->prefix[i] = hex_digits[bits & 15];
    }
}

void http_ids_make(struct http_ids *ids, char to[HTTP_IDS_BYTES])
{
    char digits[16];
    size_t count = 0;
    uint64_t n = ids->next++;
    do {
        digits[count++] = hex_digits[n & 15];
        n >>= 4;
    } while (n > 0);
    memcpy(to, ids->prefix, HTTP_IDS_PREFIX_BYTES);
    to += HTTP_IDS_PREFIX_BYTES;
    *to++ = '-';
    while (count > 0) {
        *to++ = digits[--count];
    }
    *to = '\0';
}

static bool is_sane_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

bool http_ids_is_sane(kit_str id)
{
    if (id.len < 1 || id.len > SANE_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        if (!is_sane_char(id.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* Lower-case hex; *zero: all of it "0". */
static bool is_hex(kit_str s, bool *zero)
{
    *zero = true;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        *zero = *zero && c == '0';
    }
    return true;
}

bool http_ids_is_traceparent(kit_str s)
{
    if (s.len < TRACEPARENT_BYTES || s.ptr[2] != '-' || s.ptr[35] != '-' || s.ptr[52] != '-') {
        return false;
    }
    bool version_zero, trace_zero, parent_zero, flags_zero;
    kit_str version = kit_str_sub(s, 0, 2);
    bool well_formed = is_hex(version, &version_zero) && is_hex(kit_str_sub(s, 3, 32), &trace_zero) &&
                       is_hex(kit_str_sub(s, 36, 16), &parent_zero) && is_hex(kit_str_sub(s, 53, 2), &flags_zero);
    bool ends_well = s.len == TRACEPARENT_BYTES || (!version_zero && s.ptr[TRACEPARENT_BYTES] == '-');
    return well_formed && ends_well && !trace_zero && !parent_zero && !kit_str_eq(version, kit_str_lit("ff"));
}
