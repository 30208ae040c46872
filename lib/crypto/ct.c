#include "lib/crypto/ct.h"

#include <openssl/crypto.h>

bool ct_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || CRYPTO_memcmp(a, b, a_len) == 0);
}
