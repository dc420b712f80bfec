#include "guard/rules.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypt/hash.h"
#include "guard/host.h"
#include "kit/alloc.h"
#include "kit/ref.h"

#define NAME_BYTES 256
#define SALT "heimnetz principal "

struct guard_rules {
    struct kit_ref ref;
    struct guard_key key;
    char principal[GUARD_PRINCIPAL_BYTES];
    char *bind, *hosts, *origins; /* owned */
    char own[2 * NAME_BYTES + 8]; /* this machine's names, as a list; "" when only it can reach us */
};

static void set_own_names(struct guard_rules *r)
{
    char name[NAME_BYTES] = "";
    if (guard_rules_is_loopback(r->bind) || gethostname(name, sizeof(name) - 1) != 0) {
        return;
    }
    name[strcspn(name, ",*")] = '\0';
    snprintf(r->own, sizeof(r->own), "%s,%s.local", name, name);
}

static enum kit_status set_principal(struct guard_rules *r, struct kit_err *err)
{
    char text[sizeof(SALT) + GUARD_KEY_BYTES_MAX] = SALT;
    char hex[CRYPT_HEX_BYTES];
    memcpy(text + sizeof(SALT) - 1, r->key.bytes, r->key.len);
    enum kit_status rc = crypt_hash_of(CRYPT_SHA256, (kit_str){text, sizeof(SALT) - 1 + r->key.len}, hex, err);
    explicit_bzero(text, sizeof(text));
    if (rc == KIT_OK) {
        snprintf(r->principal, sizeof(r->principal), "key-%.8s", hex);
    }
    return rc;
}

static enum kit_status check_origins(const char *origins, struct kit_err *err)
{
    kit_str wrong;
    if (guard_host_check_origins(kit_str_c(origins), &wrong)) {
        return KIT_OK;
    }
    return kit_fail(err, KIT_INVALID,
                    "server.allowed_origins: '%.*s' is no origin; write it as a browser sends it, such as "
                    "https://app.example.org",
                    (int)KIT_MIN(wrong.len, 80), wrong.ptr);
}

enum kit_status guard_rules_new(const struct guard_options *o, struct guard_rules **ret, struct kit_err *err)
{
    enum kit_status rc = check_origins(o->origins, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct guard_rules *r = kit_alloc_zero(1, sizeof(*r));
    if (r == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the rules of access");
    }
    kit_ref_init(&r->ref);
    r->key = o->key;
    r->bind = kit_alloc_copy(o->bind, strlen(o->bind));
    r->hosts = kit_alloc_copy(o->hosts, strlen(o->hosts));
    r->origins = kit_alloc_copy(o->origins, strlen(o->origins));
    if (r->bind == NULL || r->hosts == NULL || r->origins == NULL) {
        rc = kit_fail(err, KIT_NOMEM, "out of memory for the rules of access");
    } else {
        set_own_names(r);
        rc = set_principal(r, err);
    }
    if (rc != KIT_OK) {
        guard_rules_unref(r);
        return rc;
    }
    *ret = r;
    return KIT_OK;
}

struct guard_rules *guard_rules_ref(struct guard_rules *r)
{
    kit_ref_up(&r->ref);
    return r;
}

void guard_rules_unref(struct guard_rules *r)
{
    if (r != NULL && kit_ref_down(&r->ref)) {
        guard_key_done(&r->key);
        kit_alloc_free(r->bind);
        kit_alloc_free(r->hosts);
        kit_alloc_free(r->origins);
        kit_alloc_free(r);
    }
}

bool guard_rules_have_key(const struct guard_rules *r)
{
    return r->key.len > 0;
}

bool guard_rules_key_is(const struct guard_rules *r, kit_str presented)
{
    return guard_key_is(&r->key, presented);
}

kit_str guard_rules_principal(const struct guard_rules *r)
{
    return kit_str_c(r->principal);
}

bool guard_rules_allow_host(const struct guard_rules *r, kit_str host)
{
    struct guard_host h;
    return guard_host_parse(host, &h) &&
           (guard_host_is_address(h.name) || guard_host_is_loopback(h.name) ||
            kit_str_eq_nocase(h.name, kit_str_c(r->bind)) || guard_host_is_listed(h.name, kit_str_c(r->own)) ||
            guard_host_is_listed(h.name, kit_str_c(r->hosts)));
}

bool guard_rules_allow_origin(const struct guard_rules *r, kit_str origin)
{
    return guard_host_is_listed_origin(origin, kit_str_c(r->origins));
}

bool guard_rules_is_loopback(const char *host)
{
    struct guard_host h;
    kit_str text = kit_str_c(host);
    bool bare_v6 = kit_str_eq(text, kit_str_lit("::1")); /* --host takes it without brackets */
    return bare_v6 || (guard_host_parse(text, &h) && guard_host_is_loopback(h.name));
}
