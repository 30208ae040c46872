// rooms: collectors store redis net crypto model sketch base
/* OTLP metrics as JSON, of any content: never more taken than points, and a second pass answers the
 * same. */
#include "tests/collectors/harness.h"

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
        h = harness_new(&ingest_otlp_json);
    twice(h, (const char *)data, size);
    return 0;
}
