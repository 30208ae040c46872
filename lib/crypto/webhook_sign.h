/*
 * Standard Webhooks 1.0.0, scheme v1: signing what we send, verifying what we are sent.
 *
 * The signed text is `id.timestamp.body`; the signature is "v1," and the base64 of its HMAC-SHA256.
 * The key is the base64-decoded tail of "whsec_...". The header may list several signatures (key
 * rotation): one right one is enough, unknown versions are skipped. The timestamp is that of the
 * attempt, and more than WEBHOOK_TOLERANCE_S from `now` in either direction is refused.
 */
#ifndef LIB_CRYPTO_WEBHOOK_SIGN_H
#define LIB_CRYPTO_WEBHOOK_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/crypto/secret.h"

#define WEBHOOK_TOLERANCE_S     300
#define WEBHOOK_SIGNATURE_BYTES 48 /* "v1," + 44 + NUL */
#define WEBHOOK_SIGNATURES_MAX  16 /* signatures looked at in one header */

/* secret is the text "whsec_<base64>" (the prefix may be missing); ERR_INPUT when it cannot be
 * read, or id is empty or holds a '.'. */
int webhook_sign(const struct secret *secret, const char *id, int64_t timestamp_s, const void *body,
                 size_t len, char out[WEBHOOK_SIGNATURE_BYTES], struct err *err) WARN_UNUSED;

/* The three headers as received (NULL when missing). 0 when genuine; ERR_AUTH (headers missing,
 * stale, no signature matches) or ERR_INPUT (our own secret unreadable) otherwise. */
int webhook_verify(const struct secret *secret, const char *id, const char *timestamp,
                   const char *signatures, const void *body, size_t len, int64_t now_s,
                   struct err *err) WARN_UNUSED;

#endif
