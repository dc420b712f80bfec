#include "aethercore/hub.h"

#include <stdlib.h>
#include <string.h>

#include "guard/rules.h"
#include "kit/file.h"

#define ENDPOINT "https://huggingface.co"

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

static enum kit_status take(char *to, size_t size, kit_str value, const char *what, struct kit_err *err)
{
    if (value.len >= size) {
        return kit_fail(err, KIT_INVALID, "%s is longer than %zu bytes", what, size - 1);
    }
    kit_str_to_c(value, to, size);
    return KIT_OK;
}

/* --- where --- */

static enum kit_status read_endpoint(const struct kit_config *c, struct aethercore_hub *h, struct kit_err *err)
{
    const char *setting = kit_config_str(c, "hub.endpoint"), *variable = from_environment("HF_ENDPOINT");
    kit_str url = kit_str_c(setting[0] != '\0' ? setting : variable[0] != '\0' ? variable : ENDPOINT);
    while (url.len > 0 && url.ptr[url.len - 1] == '/') {
        url.len--;
    }
    if (!kit_str_starts(url, kit_str_lit("http://")) && !kit_str_starts(url, kit_str_lit("https://"))) {
        return kit_fail(err, KIT_INVALID,
                        "hub.endpoint (HF_ENDPOINT) must begin with http:// or https://, but is '%.*s'",
                        (int)KIT_MIN(url.len, (size_t)80), url.ptr);
    }
    return take(h->endpoint, sizeof(h->endpoint), url, "hub.endpoint (HF_ENDPOINT)", err);
}

/* --- with which token --- */

static bool is_token(kit_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static enum kit_status take_token(struct aethercore_hub *h, kit_str token, const char *where, struct kit_err *err)
{
    token = kit_str_trim(token);
    if (!is_token(token)) {
        return kit_fail(err, KIT_INVALID, "the token for the hub in %s holds characters that none has", where);
    }
    return take(h->token, sizeof(h->token), token, "the token for the hub", err);
}

static enum kit_status read_token_file(struct aethercore_hub *h, const char *path, struct kit_err *err)
{
    struct kit_buf text;
    kit_buf_init(&text, AETHERCORE_TOKEN_BYTES);
    enum kit_status rc = kit_file_read(path, &text, err);
    rc = rc == KIT_OK ? take_token(h, kit_buf_str(&text), path, err) : rc;
    kit_buf_done(&text);
    return rc;
}

static enum kit_status read_token(const struct kit_config *c, struct aethercore_hub *h, struct kit_err *err)
{
    const char *file = kit_config_str(c, "hub.token_file"), *token = from_environment("HF_TOKEN");
    char path[AETHERCORE_PATH_BYTES];
    if (file[0] != '\0') {
        return read_token_file(h, file, err);
    }
    if (token[0] != '\0') {
        return take_token(h, kit_str_c(token), "HF_TOKEN", err);
    }
    enum kit_status rc = aethercore_paths_hf_token(path, err);
    return rc == KIT_OK && kit_file_exists(path) ? read_token_file(h, path, err) : rc;
}

/* --- the whole --- */

/* "1", "on", "yes", "true" in any case, as Hugging Face's tools take it. */
static bool is_true(const char *text)
{
    static const char *const words[] = {"1", "on", "yes", "true"};
    for (size_t i = 0; i < KIT_COUNT(words); i++) {
        if (kit_str_eq_nocase(kit_str_c(text), kit_str_c(words[i]))) {
            return true;
        }
    }
    return false;
}

enum { AUTOPULL_AUTO, AUTOPULL_ON, AUTOPULL_OFF }; /* the words of hub.autopull */

enum kit_status aethercore_hub_read(const struct kit_config *c, struct aethercore_hub *ret, struct kit_err *err)
{
    int64_t autopull = kit_config_int(c, "hub.autopull");
    *ret = (struct aethercore_hub){0};
    ret->autopull = autopull == AUTOPULL_ON ||
                    (autopull == AUTOPULL_AUTO && guard_rules_is_loopback(kit_config_str(c, "server.host")));
    ret->options = (struct hub_options){
        .endpoint = ret->endpoint,
        .token = ret->token,
        .ca_file = ret->ca_file,
        .offline = kit_config_bool(c, "hub.offline") || is_true(from_environment("HF_HUB_OFFLINE")),
        .connections = (uint32_t)kit_config_int(c, "hub.connections"),
        .files_bytes_max = (uint64_t)kit_config_int(c, "hub.files_bytes_max"),
        .stall_ms = (uint32_t)kit_config_int(c, "hub.stall_timeout"),
    };
    enum kit_status rc = read_endpoint(c, ret, err);
    if (rc == KIT_OK) {
        rc = read_token(c, ret, err);
    }
    return rc == KIT_OK ? take(ret->ca_file, sizeof(ret->ca_file), kit_str_c(from_environment("SSL_CERT_FILE")),
                               "SSL_CERT_FILE", err)
                        : rc;
}
