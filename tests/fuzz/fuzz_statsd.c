// rooms: collectors store redis net crypto model sketch base
// DogStatsD lines of any content: never more taken than lines, and a second pass answers the same.
#include "tests/collectors/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct harness *h;
    if (!h)
        h = harness_new(&ingest_text);
    harness_scan(h, (const char *)data, size);
    struct ingest_answer first = h->answer;
    harness_scan(h, (const char *)data, size);
    const struct ingest_answer *a = &h->answer;
    BUG_ON(a->taken + a->unrouted + a->late + a->refused != a->lines);
    BUG_ON(a->taken != first.taken || a->refused != first.refused || a->samples != first.samples);
    BUG_ON(a->n_refusals > REFUSALS_LISTED_MAX);
    sums_set_release(&h->shard.open);
    sums_set_init(&h->shard.open, &h->budget);
    return 0;
}
