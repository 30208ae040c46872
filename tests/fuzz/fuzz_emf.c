// rooms: collectors store redis net crypto model sketch base
// Embedded Metric Format of any content: a second pass answers the same, and series stay those of
// chosen labels.
#include "tests/collectors/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct harness *h;
    if (!h)
        h = harness_new(&ingest_emf);
    harness_scan(h, (const char *)data, size);
    struct ingest_answer first = h->answer;
    harness_scan(h, (const char *)data, size);
    const struct ingest_answer *a = &h->answer;
    BUG_ON(a->taken != first.taken || a->refused != first.refused || a->samples != first.samples);
    BUG_ON(a->unrouted != first.unrouted || a->n_refusals > REFUSALS_LISTED_MAX);
    BUG_ON(a->samples < a->taken);
    sums_set_release(&h->shard.open);
    sums_set_init(&h->shard.open, &h->budget);
    return 0;
}
