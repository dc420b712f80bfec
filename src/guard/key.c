#include "guard/key.h"

#include <string.h>

#include "kit/file.h"

#define FILE_BYTES_MAX (4 * KIT_KIB)

static bool is_sendable(kit_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~') {
            return false;
        }
    }
    return true;
}

enum kit_status guard_key_set(struct guard_key *k, kit_str text, const char *from, struct kit_err *err)
{
    text = kit_str_trim(text);
    if (text.len > 0 && text.len < GUARD_KEY_BYTES_MIN) {
        return kit_fail(err, KIT_INVALID, "the key in %s has %zu characters, at least %d are needed; make one with: %s",
                        from, text.len, GUARD_KEY_BYTES_MIN, GUARD_KEY_COMMAND);
    }
    if (text.len > GUARD_KEY_BYTES_MAX || !is_sendable(text)) {
        return kit_fail(err, KIT_INVALID,
                        "the key in %s must be at most %d printable ASCII characters without spaces; make one with: %s",
                        from, GUARD_KEY_BYTES_MAX, GUARD_KEY_COMMAND);
    }
    *k = (struct guard_key){.len = text.len};
    if (text.len > 0) {
        memcpy(k->bytes, text.ptr, text.len);
    }
    return KIT_OK;
}

enum kit_status guard_key_read(struct guard_key *k, const char *path, struct kit_err *err)
{
    struct kit_buf text;
    kit_buf_init(&text, FILE_BYTES_MAX);
    enum kit_status rc = kit_file_read(path, &text, err);
    if (rc == KIT_OK && kit_str_trim(kit_buf_str(&text)).len == 0) {
        rc = kit_fail(err, KIT_INVALID, "the key file '%s' is empty; make one with: %s", path, GUARD_KEY_COMMAND);
    }
    if (rc == KIT_OK) {
        rc = guard_key_set(k, kit_buf_str(&text), path, err);
    }
    if (text.len > 0) {
        explicit_bzero(text.ptr, text.len);
    }
    kit_buf_done(&text);
    return rc;
}

void guard_key_done(struct guard_key *k)
{
    explicit_bzero(k, sizeof(*k));
}

bool guard_key_is(const struct guard_key *k, kit_str presented)
{
    size_t differs = k->len ^ presented.len;
    for (size_t i = 0; i < presented.len && i < GUARD_KEY_BYTES_MAX; i++) {
        differs |= (size_t)(unsigned char)(k->bytes[i] ^ presented.ptr[i]);
    }
    return differs == 0 && k->len > 0;
}
