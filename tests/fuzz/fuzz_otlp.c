// rooms: collectors store redis net crypto model sketch base
/* OTLP metrics in protobuf, of any content: never more taken than points, and a second pass answers
 * the same. */
#include "tests/collectors/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct harness *h;
    if (!h)
        h = harness_new(&ingest_otlp);
    harness_scan_twice(h, (const char *)data, size);
    return 0;
}
