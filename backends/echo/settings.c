#include "settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Just enough of JSON for one flat object of whole numbers: no plug-in should need a library for that. */

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* The place of one setting and the most that it may be. */
static uint64_t *find(struct echo_settings *s, const char *key, size_t len, uint64_t *max)
{
    const struct {
        const char *key;
        uint64_t *value;
        uint64_t max;
    } table[] = {
        {"delay_ms", &s->delay_ms, ECHO_MS_MAX},
        {"load_ms", &s->load_ms, ECHO_MS_MAX},
        {"work_bytes", &s->work_bytes, ECHO_WORK_BYTES_MAX},
        {"dimensions", &s->dimensions, ECHO_DIMENSIONS_MAX},
        {"row_us", &s->row_us, ECHO_MS_MAX * 1000},
        {"generate", &s->generate, 1},
        {"plain", &s->plain, 1},
        {"token_us", &s->token_us, ECHO_MS_MAX * 1000},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strlen(table[i].key) == len && memcmp(table[i].key, key, len) == 0) {
            *max = table[i].max;
            return table[i].value;
        }
    }
    return NULL;
}

/* Digits, at most 15 of them, so that nothing can overflow. */
static const char *read_number(const char *at, uint64_t *ret)
{
    size_t digits = strspn(at, "0123456789");
    if (digits == 0 || digits > 15) {
        return NULL;
    }
    *ret = strtoull(at, NULL, 10);
    return at + digits;
}

/* "key": number. Answers where it ends, or NULL with *wrong. */
static const char *read_pair(const char *at, struct echo_settings *s, const char **wrong)
{
    *wrong = "expected \"key\": number";
    if (*at != '"') {
        return NULL;
    }
    const char *key = at + 1;
    size_t len = strcspn(key, "\"\\");
    if (key[len] != '"') {
        return NULL;
    }
    at = skip_space(key + len + 1);
    uint64_t n = 0;
    at = *at == ':' ? read_number(skip_space(at + 1), &n) : NULL;
    if (at == NULL) {
        return NULL;
    }
    uint64_t max = 0;
    uint64_t *value = find(s, key, len, &max);
    if (value == NULL || n > max) {
        *wrong = value == NULL ? "there is no such key; see settings.h" : "a number is too large";
        return NULL;
    }
    *value = n;
    return skip_space(at);
}

const char *echo_settings_read(const char *json, struct echo_settings *ret)
{
    struct echo_settings s = *ret;
    const char *wrong = NULL;
    const char *at = skip_space(json);
    if (*at != '{') {
        return "expected an object: {…}";
    }
    at = skip_space(at + 1);
    for (bool first = true; *at != '}'; first = false) {
        if (!first && *at++ != ',') {
            return "expected , or }";
        }
        at = read_pair(skip_space(at), &s, &wrong);
        if (at == NULL) {
            return wrong;
        }
    }
    if (*skip_space(at + 1) != 0) {
        return "something stands behind the object";
    }
    *ret = s;
    return NULL;
}
