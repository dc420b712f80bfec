#include "http/compress.h"

#include <limits.h>
#include <stdint.h>

#include <zlib.h>
#include <zstd.h>

#include "kit/alloc.h"

/* Levels for answers that are made once and sent once: twice the time for 5 % less would be a bad trade. */
#define GZIP_LEVEL 1
#define ZSTD_LEVEL 3
#define GZIP_WINDOW (15 + 16) /* 32 KiB, with gzip's head */
#define GZIP_MEMORY 8

static void *zlib_alloc(void *ctx, unsigned count, unsigned bytes)
{
    (void)ctx;
    return kit_alloc_array(count, bytes);
}

static void zlib_free(void *ctx, void *p)
{
    (void)ctx;
    kit_alloc_free(p);
}

static z_stream *gzip_of(struct http_compressor *c)
{
    z_stream *z = c->gzip;
    if (z != NULL) {
        deflateReset(z);
        return z;
    }
    z = kit_alloc_zero(1, sizeof(*z));
    if (z == NULL) {
        return NULL;
    }
    z->zalloc = zlib_alloc;
    z->zfree = zlib_free;
    if (deflateInit2(z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        kit_alloc_free(z);
        return NULL;
    }
    c->gzip = z;
    return z;
}

static enum kit_status gzip(struct http_compressor *c, kit_str bytes, char *to, size_t room, size_t *len)
{
    z_stream *z = gzip_of(c);
    if (z == NULL) {
        return KIT_NOMEM;
    }
    if (bytes.len > UINT_MAX) {
        return KIT_FULL;
    }
    z->next_in = (Bytef *)(uintptr_t)bytes.ptr;
    z->avail_in = (uInt)bytes.len;
    z->next_out = (Bytef *)to;
    z->avail_out = (uInt)room;
    bool whole = deflate(z, Z_FINISH) == Z_STREAM_END;
    *len = room - z->avail_out;
    return whole ? KIT_OK : KIT_FULL;
}

static enum kit_status zstd(struct http_compressor *c, kit_str bytes, char *to, size_t room, size_t *len)
{
    if (c->zstd == NULL) {
        c->zstd = ZSTD_createCCtx();
    }
    if (c->zstd == NULL) {
        return KIT_NOMEM;
    }
    *len = ZSTD_compressCCtx(c->zstd, to, room, bytes.ptr, bytes.len, ZSTD_LEVEL);
    return ZSTD_isError(*len) ? KIT_FULL : KIT_OK;
}

void http_compressor_done(struct http_compressor *c)
{
    if (c->gzip != NULL) {
        deflateEnd(c->gzip);
        kit_alloc_free(c->gzip);
    }
    ZSTD_freeCCtx(c->zstd);
    *c = (struct http_compressor){0};
}

enum kit_status http_compress(struct http_compressor *c, enum http_coding coding, kit_str bytes, char **ret,
                              size_t *len)
{
    size_t room = bytes.len - bytes.len / 16, used = 0;
    char *to = kit_alloc(room);
    if (to == NULL) {
        return KIT_NOMEM;
    }
    enum kit_status rc = coding == HTTP_CODING_GZIP ? gzip(c, bytes, to, room, &used) : zstd(c, bytes, to, room, &used);
    if (rc != KIT_OK) {
        kit_alloc_free(to);
        return rc;
    }
    char *less = kit_alloc_resize(to, used);
    *ret = less != NULL ? less : to;
    *len = used;
    return KIT_OK;
}

kit_str http_coding_name(enum http_coding coding)
{
    return coding == HTTP_CODING_GZIP   ? kit_str_lit("gzip")
           : coding == HTTP_CODING_ZSTD ? kit_str_lit("zstd")
                                        : kit_str_lit("identity");
}
