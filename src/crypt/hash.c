#include "crypt/hash.h"

#include <assert.h>
#include <string.h>

#include <openssl/evp.h>

#include "kit/alloc.h"

struct crypt_hash {
    EVP_MD_CTX *ctx; /* owned */
    const EVP_MD *md;
};

static void start(struct crypt_hash *h)
{
    int good = EVP_DigestInit_ex(h->ctx, h->md, NULL);
    assert(good == 1); /* it worked when h was made */
    (void)good;
}

static const EVP_MD *md_of(enum crypt_hash_kind kind)
{
    return kind == CRYPT_SHA1 ? EVP_sha1() : EVP_sha256();
}

static enum kit_status not_offered(enum crypt_hash_kind kind, struct kit_err *err)
{
    return kit_fail(err, KIT_UNSUPPORTED, "this system's OpenSSL does not offer %s",
                    kind == CRYPT_SHA1 ? "SHA-1" : "SHA-256");
}

enum kit_status crypt_hash_new(enum crypt_hash_kind kind, struct crypt_hash **ret, struct kit_err *err)
{
    struct crypt_hash *h = kit_alloc_zero(1, sizeof(*h));
    if (h == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for a digest");
    }
    h->md = md_of(kind);
    h->ctx = EVP_MD_CTX_new();
    if (h->ctx == NULL) {
        crypt_hash_free(h);
        return kit_fail(err, KIT_NOMEM, "no memory for a digest");
    }
    if (EVP_DigestInit_ex(h->ctx, h->md, NULL) != 1) {
        crypt_hash_free(h);
        return not_offered(kind, err);
    }
    *ret = h;
    return KIT_OK;
}

void crypt_hash_free(struct crypt_hash *h)
{
    if (h != NULL) {
        EVP_MD_CTX_free(h->ctx);
        kit_alloc_free(h);
    }
}

void crypt_hash_add(struct crypt_hash *h, kit_str bytes)
{
    int good = EVP_DigestUpdate(h->ctx, bytes.ptr, bytes.len);
    assert(good == 1);
    (void)good;
}

const char *crypt_hash_end(struct crypt_hash *h, char buf[CRYPT_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    int good = EVP_DigestFinal_ex(h->ctx, digest, &len);
    assert(good == 1 && len * 2 < CRYPT_HEX_BYTES);
    (void)good;
    for (unsigned int i = 0; i < len; i++) {
        buf[i * 2] = digits[digest[i] >> 4];
        buf[i * 2 + 1] = digits[digest[i] & 15];
    }
    buf[len * 2] = '\0';
    start(h);
    return buf;
}

enum kit_status crypt_hash_of(enum crypt_hash_kind kind, kit_str bytes, char buf[CRYPT_HEX_BYTES], struct kit_err *err)
{
    struct crypt_hash *h = NULL;
    enum kit_status rc = crypt_hash_new(kind, &h, err);
    if (rc == KIT_OK) {
        crypt_hash_add(h, bytes);
        crypt_hash_end(h, buf);
    }
    crypt_hash_free(h);
    return rc;
}

enum kit_status crypt_hash_bytes(enum crypt_hash_kind kind, kit_str bytes, uint8_t to[CRYPT_HASH_BYTES], size_t *len,
                                 struct kit_err *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int count = 0;
    if (EVP_Digest(bytes.ptr, bytes.len, digest, &count, md_of(kind), NULL) != 1) {
        return not_offered(kind, err);
    }
    assert(count <= CRYPT_HASH_BYTES);
    memcpy(to, digest, count);
    *len = count;
    return KIT_OK;
}
