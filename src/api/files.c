#include "api/files.h"

#define POLICY                                                                                                         \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "                     \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const struct api_file *api_file_find(kit_str name)
{
    for (size_t i = 0; i < api_file_count; i++) {
        if (kit_str_eq(name, kit_str_c(api_files[i].name))) {
            return &api_files[i];
        }
    }
    return NULL;
}

bool api_etag_in(kit_str field, const char *etag)
{
    kit_str piece;
    while (kit_str_cut(&field, ',', &piece)) {
        piece = kit_str_trim(piece);
        if (kit_str_starts(piece, kit_str_lit("W/"))) {
            piece = kit_str_sub(piece, 2, piece.len);
        }
        if (kit_str_eq(piece, kit_str_lit("*")) || kit_str_eq(piece, kit_str_c(etag))) {
            return true;
        }
    }
    return false;
}

static void add_fields(struct http_request *r, const struct api_file *f, bool gzip)
{
    http_reply_field(r, "ETag", kit_str_c(gzip ? f->gzip_etag : f->etag));
    http_reply_field(r, "Cache-Control", kit_str_lit("no-cache")); /* keep it, but ask */
    http_reply_field(r, "Vary", kit_str_lit("Accept, Accept-Encoding"));
    http_reply_field(r, "X-Content-Type-Options", kit_str_lit("nosniff"));
    if (kit_str_starts(kit_str_c(f->type), kit_str_lit("text/html"))) {
        http_reply_field(r, "Content-Security-Policy", kit_str_lit(POLICY));
        http_reply_field(r, "Referrer-Policy", kit_str_lit("no-referrer"));
    }
}

void api_file_send(struct http_request *r, const struct api_file *f)
{
    bool gzip = http_request_weight(r, "Accept-Encoding", "gzip") > 0;
    add_fields(r, f, gzip);
    if (api_etag_in(http_request_field(r, "If-None-Match"), gzip ? f->gzip_etag : f->etag)) {
        http_reply_send(r, 304, NULL, (kit_str){0});
        return;
    }
    if (gzip) {
        http_reply_field(r, "Content-Encoding", kit_str_lit("gzip"));
    }
    http_reply_send(r, 200, f->type, gzip ? f->gzip : f->bytes);
}
