/*
 * Base64 (RFC 4648), the standard alphabet with padding and the url-safe one without.
 *
 * Decoding is strict: no white space, no foreign characters, unused trailing bits zero. The
 * standard form wants its padding, the url form takes none. So every byte string has exactly one
 * text.
 */
#ifndef LIB_CRYPTO_BASE64_H
#define LIB_CRYPTO_BASE64_H

#include <stddef.h>

/* Bytes to hold the text of len bytes, with the NUL (both alphabets). */
#define BASE64_TEXT_BYTES(len) (((len) + 2) / 3 * 4 + 1)

/* Writes NUL-terminated text and returns its length; out holds BASE64_TEXT_BYTES(len). */
size_t base64_encode(const void *bytes, size_t len, char *out);
size_t base64url_encode(const void *bytes, size_t len, char *out);

/* Writes the bytes (at most cap) and returns 0, or -1 when the text is malformed or does not fit.
 */
int base64_decode(const char *text, size_t len, void *out, size_t cap, size_t *out_len);
int base64url_decode(const char *text, size_t len, void *out, size_t cap, size_t *out_len);

#endif
