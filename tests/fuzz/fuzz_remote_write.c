// rooms: collectors store redis net crypto model sketch base
/* A snappy block of a remote-write request, of any content (as it is, and packed by us): never more
 * taken than points, and a second pass answers the same. */
#include "tests/collectors/harness.h"

#include <snappy-c.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void twice(struct harness *h, const char *bytes, size_t len)
{
    harness_scan(h, bytes, len);
    const struct ingest_answer first = h->answer;
    const int rc = h->rc;
    harness_scan(h, bytes, len);
    const struct ingest_answer *a = &h->answer;
    BUG_ON(a->taken + a->unrouted + a->late + a->refused > a->lines);
    BUG_ON(h->rc != rc || a->taken != first.taken || a->refused != first.refused ||
           a->samples != first.samples || a->lines != first.lines);
    BUG_ON(a->n_refusals > REFUSALS_LISTED_MAX);
    sums_set_release(&h->shard.open);
    BUG_ON(h->budget.bytes != 0);
    sums_set_init(&h->shard.open, &h->budget);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct harness *h;
    if (!h)
        h = harness_new(&ingest_remote_write);
    twice(h, (const char *)data, size);
    size_t len = snappy_max_compressed_length(size);
    char *packed = malloc(len);
    BUG_ON(snappy_compress((const char *)data, size, packed, &len) != SNAPPY_OK);
    twice(h, packed, len);
    free(packed);
    return 0;
}
