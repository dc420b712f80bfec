/* src/kit/file.h - whole small files and paths. Blocking: call it from a work pool or at start.
 *
 * Thread: any. Memory: results are owned by the caller unless said. */
#ifndef KIT_FILE_H
#define KIT_FILE_H

#include "kit/buf.h"

/* Appends the whole of a regular file (anything else is IO: a pipe would block).
 * TOO_LARGE when it does not fit out's maximum (message names file and limit), NOT_FOUND,
 * IO, NOMEM. */
KIT_MUST_CHECK enum kit_status kit_file_read(const char *path, struct kit_buf *out, struct kit_err *err);
bool kit_file_exists(const char *path); /* of any kind; false also where it cannot be looked at */
/* Bytes of a file. NOT_FOUND, IO. */
KIT_MUST_CHECK enum kit_status kit_file_size(const char *path, uint64_t *ret, struct kit_err *err);
/* "a" + "b" = "a/b" into buf; INVALID when it does not fit. */
KIT_MUST_CHECK enum kit_status kit_file_join(char *buf, size_t size, kit_str folder, kit_str name, struct kit_err *err);

/* Calls fn for each entry (not "." and "..") in byte order of names; stops when fn returns false. A link counts as
 * what it points at. NOT_FOUND, IO, NOMEM; FULL when the names together pass KIT_FILE_LIST_NAMES_MAX bytes. */
#define KIT_FILE_LIST_NAMES_MAX (16 * KIT_MIB)
KIT_MUST_CHECK enum kit_status kit_file_list(const char *folder,
                                             bool (*fn)(void *ctx, const char *name, bool is_folder), void *ctx,
                                             struct kit_err *err);

/* Writes a file anew: beside it, then renamed, so that readers see the old one or the whole new one. Mode 0644. IO,
 * NO_SPACE. */
KIT_MUST_CHECK enum kit_status kit_file_write(const char *path, kit_str bytes, struct kit_err *err);

/* Removes a file, or a folder with all that is in it; links are removed, not followed. What is not there is removed
 * already. IO: something stayed. */
KIT_MUST_CHECK enum kit_status kit_file_remove(const char *path, struct kit_err *err);

/* Bytes that somebody without special rights may still write where `path` lies. NOT_FOUND, IO. */
KIT_MUST_CHECK enum kit_status kit_file_free_bytes(const char *path, uint64_t *ret, struct kit_err *err);

/* mkdir -p, mode 0755. */
KIT_MUST_CHECK enum kit_status kit_file_make_folder(const char *path, struct kit_err *err);

#endif
