/*
 * A secret: bytes that are wiped when released and that no function formats.
 *
 * The struct has no `const char *` member on purpose: passing one to a printf-like function does
 * not compile silently. Who must hand the bytes to a library says so with secret_bytes().
 */
#ifndef LIB_CRYPTO_SECRET_H
#define LIB_CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

#define SECRET_MAX 8192

struct secret {
    unsigned char *hidden; /* NULL when empty; a NUL stands after the bytes */
    size_t len;
};

void secret_init(struct secret *s);
void secret_release(struct secret *s);
/* Copies len bytes (<= SECRET_MAX, a bug otherwise); what s held before is wiped. */
void secret_set(struct secret *s, const void *bytes, size_t len);
bool secret_is_set(const struct secret *s);
/* NUL-terminated, valid while s is unchanged; "" when empty. Never log it. */
const char *secret_bytes(const struct secret *s);
/* Compared in constant time. */
bool secret_equals(const struct secret *s, const void *bytes, size_t len);

/* Reads a file; one trailing newline is cut. Refused (ERR_FORBIDDEN) when others than its owner may
 * read or write it, or when it belongs to neither us nor root; ERR_INPUT when empty or too long. */
int secret_load_file(struct secret *s, const char *path, struct err *err) WARN_UNUSED;
/* From the environment; ERR_NOT_FOUND when unset or empty. */
int secret_load_env(struct secret *s, const char *name, struct err *err) WARN_UNUSED;
/* Writes a new file of mode 0600 beside `path` and renames it there; fsync'd. */
int secret_save_file(const struct secret *s, const char *path, struct err *err) WARN_UNUSED;

/* Overwrites memory in a way the compiler keeps. */
void secret_wipe(void *bytes, size_t len);

#endif
