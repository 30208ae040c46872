#include "lib/crypto/digest.h"

#include <pthread.h>

#include "lib/base/err.h"

#include <openssl/evp.h>

/* Fetching an algorithm by name costs more than hashing a short text, so it is done once. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    BUG_ON(!sha256);
}

void digest_sha256(const void *bytes, size_t len, unsigned char out[DIGEST_BYTES])
{
    struct digest d;
    digest_init(&d);
    digest_add(&d, bytes, len);
    digest_take(&d, out);
    digest_release(&d);
}

const char *digest_hex(const void *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[at[i] >> 4];
        out[2 * i + 1] = digits[at[i] & 15];
    }
    out[2 * len] = '\0';
    return out;
}

const char *digest_sha256_hex(const void *bytes, size_t len, char out[DIGEST_HEX_BYTES])
{
    unsigned char sum[DIGEST_BYTES];
    digest_sha256(bytes, len, sum);
    return digest_hex(sum, sizeof(sum), out);
}

static void start(struct digest *d)
{
    BUG_ON(EVP_DigestInit_ex2(d->ctx, sha256, NULL) != 1);
}

void digest_init(struct digest *d)
{
    pthread_once(&sha256_once, fetch_sha256);
    d->ctx = EVP_MD_CTX_new();
    BUG_ON(!d->ctx);
    start(d);
}

void digest_release(struct digest *d)
{
    EVP_MD_CTX_free(d->ctx);
    d->ctx = NULL;
}

void digest_add(struct digest *d, const void *bytes, size_t len)
{
    BUG_ON(EVP_DigestUpdate(d->ctx, bytes, len) != 1);
}

void digest_take(struct digest *d, unsigned char out[DIGEST_BYTES])
{
    unsigned len = 0;
    BUG_ON(EVP_DigestFinal_ex(d->ctx, out, &len) != 1 || len != DIGEST_BYTES);
    start(d);
}
