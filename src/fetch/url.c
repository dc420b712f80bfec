#include "fetch/url.h"

#include <string.h>
#include <strings.h>

#include <curl/curl.h>

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void fetch_url_escape(struct kit_buf *out, kit_str s, bool keep_slash)
{
    for (size_t i = 0; i < s.len; i++) {
        if (is_unreserved(s.ptr[i]) || (keep_slash && s.ptr[i] == '/')) {
            kit_buf_add_char(out, s.ptr[i]);
        } else {
            kit_buf_printf(out, "%%%02X", (unsigned char)s.ptr[i]);
        }
    }
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
    char *x = NULL, *y = NULL;
    bool same = curl_url_get(a, part, &x, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                curl_url_get(b, part, &y, CURLU_DEFAULT_PORT) == CURLUE_OK && strcasecmp(x, y) == 0;
    curl_free(x);
    curl_free(y);
    return same;
}

bool fetch_url_same_origin(const char *a, const char *b)
{
    CURLU *x = curl_url(), *y = curl_url();
    bool same = x != NULL && y != NULL && curl_url_set(x, CURLUPART_URL, a, 0) == CURLUE_OK &&
                curl_url_set(y, CURLUPART_URL, b, 0) == CURLUE_OK && same_part(x, y, CURLUPART_SCHEME) &&
                same_part(x, y, CURLUPART_HOST) && same_part(x, y, CURLUPART_PORT);
    curl_url_cleanup(x);
    curl_url_cleanup(y);
    return same;
}

bool fetch_url_is_http(const char *url)
{
    return strncasecmp(url, "http://", strlen("http://")) == 0;
}

bool fetch_url_is_https(const char *url)
{
    return strncasecmp(url, "https://", strlen("https://")) == 0;
}
