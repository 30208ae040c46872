#include "lib/crypto/hmac.h"

#include <pthread.h>

#include "lib/base/err.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static EVP_MAC *mac;
static pthread_once_t mac_once = PTHREAD_ONCE_INIT;

static void fetch_mac(void)
{
    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    BUG_ON(!mac);
}

void hmac_init(struct hmac *h, const void *key, size_t key_len)
{
    char name[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    /* With a NULL key EVP_MAC_init means "keep the key", so an empty key still needs an address. */
    static const unsigned char empty[1];
    pthread_once(&mac_once, fetch_mac);
    h->ctx = EVP_MAC_CTX_new(mac);
    BUG_ON(!h->ctx);
    BUG_ON(EVP_MAC_init(h->ctx, key_len ? key : empty, key_len, params) != 1);
}

void hmac_release(struct hmac *h)
{
    EVP_MAC_CTX_free(h->ctx); /* OpenSSL wipes the key it holds */
    h->ctx = NULL;
}

void hmac_add(struct hmac *h, const void *bytes, size_t len)
{
    BUG_ON(len && EVP_MAC_update(h->ctx, bytes, len) != 1);
}

void hmac_take(struct hmac *h, unsigned char out[DIGEST_BYTES])
{
    size_t len = 0;
    BUG_ON(EVP_MAC_final(h->ctx, out, &len, DIGEST_BYTES) != 1 || len != DIGEST_BYTES);
    BUG_ON(EVP_MAC_init(h->ctx, NULL, 0, NULL) != 1);
}

void hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                 unsigned char out[DIGEST_BYTES])
{
    struct hmac h;
    hmac_init(&h, key, key_len);
    hmac_add(&h, bytes, len);
    hmac_take(&h, out);
    hmac_release(&h);
}
