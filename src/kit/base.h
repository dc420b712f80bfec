/* src/kit/base.h - the handful of macros that every file may use. No state, no thread, no memory. */
#ifndef KIT_BASE_H
#define KIT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIT_MUST_CHECK __attribute__((warn_unused_result))
#define KIT_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define KIT_NORETURN __attribute__((noreturn))

#define KIT_KIB ((size_t)1024)
#define KIT_MIB (KIT_KIB * 1024)
#define KIT_GIB (KIT_MIB * 1024)

#define KIT_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KIT_MIN(a, b) ((a) < (b) ? (a) : (b))
#define KIT_MAX(a, b) ((a) > (b) ? (a) : (b))

/* The struct that holds `member` at `pointer`. */
#define KIT_CONTAINER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
