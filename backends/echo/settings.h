/* backends/echo/settings.h - what can be set of an echo model: in its echo.json, and in the options of the host, which win.
 *
 * Thread: any; no state. Memory: the struct belongs to the caller. */
#ifndef ECHO_SETTINGS_H
#define ECHO_SETTINGS_H

#include <stdint.h>

struct echo_settings {
    uint64_t delay_ms;   /* each call takes this long */
    uint64_t load_ms;    /* loading takes this long */
    uint64_t work_bytes; /* scratch that each instance holds */
    uint64_t dimensions; /* > 0: it embeds texts, too: "pooled" is the first token ids of each row of "input_ids" */
    uint64_t row_us;     /* each row of input_ids takes this long, beside delay_ms */
    uint64_t generate;   /* 1: it generates text, see generate.h */
    uint64_t plain;      /* 1: it has no chat template */
    uint64_t token_us;   /* each token of a step takes this long, beside delay_ms */
};

#define ECHO_MS_MAX UINT64_C(600000)
#define ECHO_WORK_BYTES_MAX (UINT64_C(1) << 40)
#define ECHO_DIMENSIONS_MAX UINT64_C(4096)

/* Reads a flat JSON object such as {"delay_ms": 20} into *ret; keys that it does not name keep their value. NULL, or what
 * is wrong, for a person; it lives for ever. */
const char *echo_settings_read(const char *json, struct echo_settings *ret);

#endif
