// rooms: base
/* Any bytes as gzip: never past the ceiling. */
#include "lib/base/gzip.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf b;
    struct err err;
    buf_init(&b, 100000);
    const int rc = gzip_inflate(data, size, &b, &err);
    BUG_ON(b.len > 100000 || (rc != 0 && err.code != ERR_INPUT && err.code != ERR_TOO_LARGE));
    buf_release(&b);
    return 0;
}
