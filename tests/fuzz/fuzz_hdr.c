// rooms: sketch base
// HdrHistogram encodings of any content: what is taken is a histogram of ours, scaled or not, of as
// many values.
#include "lib/sketch/hdr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hist h, scaled;
    struct err err = {0};
    hist_init(&h);
    hist_init(&scaled);
    int rc = hdr_decode(&h, data, size, 1, &err);
    if (hdr_decode(&scaled, data, size, 0.001, &err) == 0 && rc == 0)
        BUG_ON(h.n != scaled.n);
    uint64_t n = 0;
    for (uint32_t i = 0; i < h.len; i++) {
        BUG_ON(h.cells[i].lo > h.cells[i].hi || h.cells[i].hi >= HIST_BUCKETS || !h.cells[i].n);
        n += h.cells[i].n;
    }
    BUG_ON(n != h.n || h.n > HDR_TOTAL_MAX);
    hist_release(&h);
    hist_release(&scaled);
    return 0;
}
