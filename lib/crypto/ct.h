/*
 * Comparison in a time that does not depend on where the bytes differ.
 */
#ifndef LIB_CRYPTO_CT_H
#define LIB_CRYPTO_CT_H

#include <stdbool.h>
#include <stddef.h>

/* Equal bytes of equal length. The lengths themselves are no secret. */
bool ct_equal(const void *a, size_t a_len, const void *b, size_t b_len);

#endif
