/* Host and Origin as a client may send them, and the lists that they are looked up in. */
#include "fuzz/fuzz.h"
#include "guard/host.h"

static bool lies_in(kit_str slice, kit_str all)
{
    return slice.len == 0 || (slice.ptr >= all.ptr && slice.ptr + slice.len <= all.ptr + all.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kit_str rest = {(const char *)data, size};
    kit_str host = fuzz_take_part(&rest);
    kit_str origin = fuzz_take_part(&rest);
    kit_str list = rest;
    struct guard_host h;
    kit_str scheme;
    kit_str wrong;
    if (guard_host_parse(host, &h)) {
        FUZZ_CHECK(h.name.len > 0 && lies_in(h.name, host) && lies_in(h.port, host));
        (void)guard_host_is_address(h.name);
        (void)guard_host_is_loopback(h.name);
        (void)guard_host_is_listed(h.name, list);
    }
    if (guard_host_parse_origin(origin, &scheme, &h)) {
        FUZZ_CHECK(lies_in(h.name, origin) && lies_in(scheme, origin));
    }
    (void)guard_host_is_own_origin(origin, host);
    (void)guard_host_is_listed_origin(origin, list);
    if (!guard_host_check_origins(list, &wrong)) {
        FUZZ_CHECK(lies_in(wrong, list));
    }
    return 0;
}
