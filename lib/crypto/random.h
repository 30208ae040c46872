/*
 * Random bytes from the system, for secrets and for names that must not be guessed. Aborts when the
 * system has none: there is no safe way on. Any thread.
 */
#ifndef LIB_CRYPTO_RANDOM_H
#define LIB_CRYPTO_RANDOM_H

#include <stddef.h>

#define RANDOM_ID_BYTES    33 /* 128 bits as hex, with the NUL */
#define RANDOM_TOKEN_BYTES 48 /* "jt_" and 256 bits as url-safe base64, with the NUL */

void random_bytes(void *out, size_t len);
/* 32 lower-case hex digits. Returns out. */
const char *random_id(char out[RANDOM_ID_BYTES]);
/* A bearer token, "jt_" and 43 url-safe characters. Returns out. */
const char *random_token(char out[RANDOM_TOKEN_BYTES]);

#endif
