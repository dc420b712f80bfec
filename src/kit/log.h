/* src/kit/log.h - structured lines: an event name and key=value pairs.
 *
 *     LOG_INFO("sched.full", "model=%.*s waiting=%u", KIT_STR_ARG(id), n);
 * The text behind the event is key=value pairs; values with spaces are written by LOG_QUOTE. Strings from outside
 * are escaped (control bytes, newlines). Prompts, inputs and keys are never logged.
 * Thread: any; a line is written by one write(2). Memory: a line is at most KIT_LOG_LINE_BYTES, longer ones are cut. */
#ifndef KIT_LOG_H
#define KIT_LOG_H

#include "kit/str.h"

#define KIT_LOG_LINE_BYTES 4096

enum kit_log_level { KIT_LOG_DEBUG, KIT_LOG_INFO, KIT_LOG_WARN, KIT_LOG_ERROR, KIT_LOG_OFF };
enum kit_log_format { KIT_LOG_PRETTY, KIT_LOG_LOGFMT, KIT_LOG_JSON };

struct kit_log_options {
    enum kit_log_level level;
    enum kit_log_format format;
    bool colour; /* pretty only */
    int fd;      /* borrowed; 2 is usual */
};

void kit_log_setup(const struct kit_log_options *options); /* before threads start */
void kit_log_set_level(enum kit_log_level level);          /* any time */
bool kit_log_wants(enum kit_log_level level);
void kit_log_write(enum kit_log_level level, const char *event, const char *format, ...) KIT_PRINTF(3, 4);

/* A value in quotes, escaped, for "%s": LOG_WARN("x", "why=%s", LOG_QUOTE(err.msg)). Lives until the end of the
 * enclosing block; at most 512 bytes. */
#define KIT_LOG_QUOTE_BYTES 512
#define LOG_QUOTE(text) kit_log_quote(kit_str_c(text), (char[KIT_LOG_QUOTE_BYTES]){0})
#define LOG_QUOTE_STR(s) kit_log_quote((s), (char[KIT_LOG_QUOTE_BYTES]){0})
const char *kit_log_quote(kit_str s, char buf[KIT_LOG_QUOTE_BYTES]);

#define KIT_LOG_AT(level, ...) (kit_log_wants(level) ? kit_log_write((level), __VA_ARGS__) : (void)0)
#define LOG_DEBUG(...) KIT_LOG_AT(KIT_LOG_DEBUG, __VA_ARGS__)
#define LOG_INFO(...) KIT_LOG_AT(KIT_LOG_INFO, __VA_ARGS__)
#define LOG_WARN(...) KIT_LOG_AT(KIT_LOG_WARN, __VA_ARGS__)
#define LOG_ERROR(...) KIT_LOG_AT(KIT_LOG_ERROR, __VA_ARGS__)

#endif
