// rooms: sketch base
/*
 * Any bytes as points of cumulative series: refused, or points that read back as they are written,
 * merge into themselves unchanged, and grow by nothing from a block to the same.
 */
#include "lib/sketch/points.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct points p, again;
    struct err err;
    struct buf bytes;
    struct counts counts = {0};
    struct hist hist;
    struct bytes in = bytes_of(data, size);
    if (points_decode(&p, &in, &err) != 0) {
        BUG_ON(err.code != ERR_CORRUPT || p.len != 0);
        return 0;
    }
    buf_init(&bytes, (size_t)64 << 20);
    points_encode(&p, &bytes);
    in = bytes_of(bytes.data, bytes.len);
    BUG_ON(points_decode(&again, &in, &err) != 0 || in.left != 0 || again.len != p.len);
    points_merge(&again, &p);
    BUG_ON(again.len != p.len);
    hist_init(&hist);
    for (int64_t k = -1; k < 3; k++)
        points_increase(&p, &again, k, 1000000, &counts, &hist);
    BUG_ON(counts.events < 0 || counts.exposure < 0);
    points_advance(&again, &p, INT64_MAX);
    hist_release(&hist);
    points_release(&p);
    points_release(&again);
    buf_release(&bytes);
    return 0;
}
