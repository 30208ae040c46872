/*
 * SHA-256, at once or piece by piece. Any thread; a `struct digest` belongs to one thread at a
 * time.
 */
#ifndef LIB_CRYPTO_DIGEST_H
#define LIB_CRYPTO_DIGEST_H

#include <stddef.h>

#define DIGEST_BYTES     32
#define DIGEST_HEX_BYTES 65 /* with the NUL */

void digest_sha256(const void *bytes, size_t len, unsigned char out[DIGEST_BYTES]);
/* Lower-case hex, NUL-terminated; returns out. */
const char *digest_sha256_hex(const void *bytes, size_t len, char out[DIGEST_HEX_BYTES]);
/* hex of any bytes: out must hold 2 * len + 1. Returns out. */
const char *digest_hex(const void *bytes, size_t len, char *out);

struct digest {
    void *ctx;
};
void digest_init(struct digest *d);
void digest_release(struct digest *d);
void digest_add(struct digest *d, const void *bytes, size_t len);
/* The digest of all that was added; d starts afresh. */
void digest_take(struct digest *d, unsigned char out[DIGEST_BYTES]);

#endif
