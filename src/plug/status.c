#include "plug/status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kit/str.h"
#include "kit/utf8.h"

static const struct {
    enum kit_status opening, calling;
    const char *text; /* when the back end says nothing */
} codes[] = {
    [ACB_OK] = {KIT_OK, KIT_OK, ""},
    [ACB_INVALID] = {KIT_LOAD_FAILED, KIT_INVALID, "the back end does not take this"},
    [ACB_CORRUPT] = {KIT_LOAD_FAILED, KIT_INTERNAL, "a model file is broken"},
    [ACB_UNSUPPORTED] = {KIT_UNSUPPORTED, KIT_UNSUPPORTED, "the back end cannot do this"},
    [ACB_NOT_FOUND] = {KIT_LOAD_FAILED, KIT_INVALID, "no such file, tensor or output"},
    [ACB_NOMEM] = {KIT_NOMEM, KIT_NOMEM, "out of memory"},
    [ACB_FULL] = {KIT_LOAD_FAILED, KIT_FULL, "a limit of the back end is reached"},
    [ACB_CANCELLED] = {KIT_CANCELLED, KIT_CANCELLED, "cancelled"},
    [ACB_IO] = {KIT_LOAD_FAILED, KIT_INTERNAL, "reading a file failed"},
    [ACB_FAILED] = {KIT_LOAD_FAILED, KIT_INTERNAL, "the engine failed"},
    [ACB_FATAL] = {KIT_UNAVAILABLE, KIT_UNAVAILABLE, "the model is lost"},
};

/* Bytes of the UTF-8 character at text, or 0. */
static size_t character(const char *text, size_t bytes)
{
    for (size_t n = 1; n <= 4 && n <= bytes; n++) {
        if (kit_utf8_is_valid((kit_str){text, n})) {
            return n;
        }
    }
    return 0;
}

char *plug_status_clean(const char *text, size_t bytes, char *buf, size_t room)
{
    size_t at = 0;
    size_t len = strnlen(text, bytes);
    for (size_t i = 0; i < len;) {
        size_t n = character(text + i, len - i);
        if (at + KIT_MAX(n, 1) >= room) {
            break;
        }
        if (n <= 1) {
            unsigned char c = (unsigned char)text[i++];
            buf[at++] = n == 0 ? '?' : c < 0x20 || c == 0x7f ? ' ' : (char)c;
        } else {
            memcpy(buf + at, text + i, n);
            at += n;
            i += n;
        }
    }
    buf[at] = 0;
    return buf;
}

enum kit_status plug_status(enum plug_phase phase, int32_t code, const char text[ACB_ERR_BYTES], struct kit_err *err)
{
    char clean[ACB_ERR_BYTES] = "";
    if (text != NULL) {
        (void)plug_status_clean(text, ACB_ERR_BYTES, clean, sizeof(clean));
    }
    if (code < 0 || (size_t)code >= KIT_COUNT(codes)) {
        return kit_fail(err, KIT_INTERNAL, "the back end answered status %" PRId32 ", which the ABI does not know: %s",
                        code, clean);
    }
    enum kit_status ours = phase == PLUG_OPENING ? codes[code].opening : codes[code].calling;
    return ours == KIT_OK ? KIT_OK : kit_fail(err, ours, "%s", clean[0] != 0 ? clean : codes[code].text);
}

int32_t plug_status_fail(struct acb_err *err, int32_t code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return code;
}
