// rooms: collectors store redis net crypto model sketch base
// Deliveries of metric streams: a whole body behind the letter b, else one record's data, of any
// content.
#include "lib/crypto/base64.h"
#include "tests/collectors/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void scan(struct harness *h, const uint8_t *data, size_t size)
{
    struct buf body;
    if (size && data[0] == 'b') {
        harness_scan(h, (const char *)data + 1, size - 1);
        return;
    }
    buf_init(&body, (size_t)1 << 20);
    buf_add_str(&body, "{\"requestId\":\"r\",\"records\":[{\"data\":\"");
    base64_encode(data, size, buf_reserve(&body, BASE64_TEXT_BYTES(size)));
    buf_commit(&body, BASE64_TEXT_BYTES(size) - 1);
    buf_add_str(&body, "\"}]}");
    harness_scan(h, body.data, body.len);
    BUG_ON(h->rc != 0); /* a record that is none is refused, not the delivery */
    buf_release(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct harness *h;
    if (!h)
        h = harness_new(&ingest_firehose);
    scan(h, data, size);
    struct ingest_answer first = h->answer;
    const size_t kept = h->n_kept;
    scan(h, data, size);
    const struct ingest_answer *a = &h->answer;
    BUG_ON(a->taken != first.taken || a->refused != first.refused || a->unrouted != first.unrouted);
    BUG_ON(h->n_kept != 2 * kept || kept < a->taken);
    if (h->rc == 0)
        BUG_ON(a->taken + a->unrouted + a->late + a->refused < a->lines);
    harness_forget(h);
    return 0;
}
