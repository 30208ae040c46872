// rooms: collectors store redis net crypto model sketch base
/* A snappy block of a remote-write request, of any content (as it is, and packed by us): never more
 * taken than points, and a second pass answers the same. */
#include "tests/collectors/harness.h"

#include <snappy-c.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct harness *h;
    if (!h)
        h = harness_new(&ingest_remote_write);
    harness_scan_twice(h, (const char *)data, size);
    size_t len = snappy_max_compressed_length(size);
    char *packed = malloc(len);
    BUG_ON(snappy_compress((const char *)data, size, packed, &len) != SNAPPY_OK);
    harness_scan_twice(h, packed, len);
    free(packed);
    return 0;
}
