/*
 * Ed25519 (RFC 8032): a signature that whoever holds the public key can check and only the holder
 * of the seed can make. For what is kept outside and must be believed later, such as the head of
 * the audit trail in a log.
 *
 * Keys and signatures travel as standard base64.
 */
#ifndef LIB_CRYPTO_SIGN_H
#define LIB_CRYPTO_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/crypto/base64.h"
#include "lib/crypto/secret.h"

#define SIGN_SEED_BYTES      32
#define SIGN_PUBLIC_BYTES    32
#define SIGN_SIGNATURE_BYTES 64

/* A seed as text: what the file of a key holds. */
#define SIGN_SEED_TEXT   BASE64_TEXT_BYTES(SIGN_SEED_BYTES)
#define SIGN_PUBLIC_TEXT BASE64_TEXT_BYTES(SIGN_PUBLIC_BYTES)
#define SIGN_TEXT        BASE64_TEXT_BYTES(SIGN_SIGNATURE_BYTES)

/* Makes a seed. */
void sign_make(struct secret *seed);
/* ERR_INPUT when the seed is not 32 bytes of base64. */
int sign_public(const struct secret *seed, char out[SIGN_PUBLIC_TEXT], struct err *err) WARN_UNUSED;
int sign_text(const struct secret *seed, const void *bytes, size_t len, char out[SIGN_TEXT],
              struct err *err) WARN_UNUSED;
/* false also when key or signature cannot be read. */
bool sign_is_genuine(const char *public_text, const void *bytes, size_t len,
                     const char *signature_text);

#endif
