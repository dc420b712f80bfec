/* src/chat/scan.h - values in text that is still being written: where they end, and what they are as JSON. For src/chat/
 * only.
 *
 * Each answer about a text holds for every longer text that begins with it, CHAT_SCAN_MORE apart: that is what makes a
 * reply mean the same however it is cut. Thread: any; pure. Memory: the caller's. */
#ifndef CHAT_SCAN_H
#define CHAT_SCAN_H

#include "kit/buf.h"

enum chat_scan { CHAT_SCAN_GOOD, CHAT_SCAN_MORE, CHAT_SCAN_BAD };

#define CHAT_SCAN_DEPTH_MAX 64

/* Moves *at over spaces. MORE: the text ends there. */
enum chat_scan chat_scan_space(kit_str s, size_t *at);
/* Moves *at over `text`. */
enum chat_scan chat_scan_text(kit_str s, size_t *at, kit_str text);
/* Moves *at over what stands before `end`, and over it. *ret: what stood there. */
enum chat_scan chat_scan_until(kit_str s, size_t *at, kit_str end, kit_str *ret);
/* Moves *at over a JSON value: its brackets and strings, not its grammar. A number at the end of the text is MORE. */
enum chat_scan chat_scan_json(kit_str s, size_t *at);
/* Moves *at over a Python literal and appends it as JSON. */
enum chat_scan chat_scan_python(kit_str s, size_t *at, struct kit_buf *json);
/* Letters, digits and "_.-"; BAD where there are none. */
enum chat_scan chat_scan_name(kit_str s, size_t *at, kit_str *ret);

bool chat_scan_is_json(kit_str s, bool object); /* all of s is valid JSON (an object) */

#endif
