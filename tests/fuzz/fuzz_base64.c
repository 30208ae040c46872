// rooms: crypto base
/*
 * Any bytes as base64: what decodes has exactly this spelling; any bytes encode and come back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/crypto/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    char *text = malloc(BASE64_TEXT_BYTES(size));
    size_t n, len;
    if (base64_decode((const char *)data, size, bytes, size, &n) == 0) {
        len = base64_encode(bytes, n, text);
        BUG_ON(len != size || memcmp(text, data, size) != 0);
    }
    if (base64url_decode((const char *)data, size, bytes, size, &n) == 0) {
        len = base64url_encode(bytes, n, text);
        BUG_ON(len != size || memcmp(text, data, size) != 0);
    }
    len = base64_encode(data, size, text);
    BUG_ON(base64_decode(text, len, bytes, size, &n) < 0 || n != size ||
           memcmp(bytes, data, n) != 0);
    len = base64url_encode(data, size, text);
    BUG_ON(base64url_decode(text, len, bytes, size, &n) < 0 || n != size ||
           memcmp(bytes, data, n) != 0);
    free(bytes);
    free(text);
    return 0;
}
