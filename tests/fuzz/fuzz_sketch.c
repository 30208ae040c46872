// rooms: base sketch
/* Decoders of sketches: no crash; what decodes is sound and encodes to what decodes to the same. */
#include "lib/sketch/counts.h"
#include "lib/sketch/hist.h"
#include "lib/sketch/moments.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

static void round_trip(const struct hist *h)
{
    struct buf b;
    struct hist again;
    struct bytes in;
    buf_init(&b, 1 << 24);
    hist_encode(h, &b);
    in = bytes_of(b.data, b.len);
    if (hist_decode(&again, &in, NULL) != 0 || again.n != h->n || again.len != h->len)
        abort();
    if (h->len && memcmp(again.cells, h->cells, h->len * sizeof(h->cells[0])) != 0)
        abort();
    buf_clear(&b);
    if (hist_pack(h, &b)) {
        hist_release(&again);
        in = bytes_of(b.data, b.len);
        if (hist_unpack(&again, &in, NULL) != 0 || in.left != 0 || again.len != h->len ||
            memcmp(again.cells, h->cells, h->len * sizeof(h->cells[0])) != 0)
            abort();
    }
    hist_merge(&again, h);
    if (again.n != 2 * h->n || hist_count_reaching(&again, HIST_BUCKETS) != again.n)
        abort();
    if (h->n && !(hist_quantile(h, 0.95) >= 0))
        abort();
    hist_release(&again);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    struct moments m;
    struct counts c;
    struct hist h;
    if (hist_decode(&h, &in, NULL) == 0)
        round_trip(&h);
    hist_release(&h);
    in = bytes_of(data, len);
    if (hist_unpack(&h, &in, NULL) == 0)
        round_trip(&h);
    hist_release(&h);
    in = bytes_of(data, len);
    if (moments_decode(&m, &in, NULL) == 0 && m.n && !(moments_variance(&m) >= 0))
        abort();
    in = bytes_of(data, len);
    if (counts_decode(&c, &in, NULL) == 0 && !isfinite(c.events))
        abort();
    return 0;
}
