#include "lib/sketch/hdr.h"

#include <math.h>

#include "lib/base/gzip.h"

#define COOKIE_PLAIN             0x1c849303u
#define COOKIE_COMPRESSED        0x1c849304u
#define COOKIE_DOUBLE            0x0c72124eu
#define COOKIE_DOUBLE_COMPRESSED 0x0c72124fu
#define COOKIE_WORD_BITS         0xf0u /* how wide counts were in memory: always 1 in V2 */
#define COMPRESSED_HEADER_BYTES  8
#define PLAIN_HEADER_BYTES       40
#define DIGITS_MAX               5

static uint64_t be(const unsigned char *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

/* How indices map to values: HdrHistogram's own names. */
struct layout {
    unsigned unit_magnitude;
    unsigned half_magnitude; /* of half a bucket's sub-buckets */
    uint64_t n;              /* counts from 0 to the highest trackable value */
};

static unsigned log2_floor(uint64_t v)
{
    return 63 - (unsigned)__builtin_clzll(v);
}

/* -1 when such a histogram cannot be. */
static int layout_init(struct layout *l, uint64_t digits, uint64_t lowest, uint64_t highest)
{
    static const uint64_t single_unit[] = {2, 20, 200, 2000, 20000, 200000}; /* 2 * 10^digits */
    if (digits > DIGITS_MAX || lowest < 1 || highest > INT64_MAX || highest / 2 < lowest)
        return -1;
    l->unit_magnitude = log2_floor(lowest);
    l->half_magnitude = log2_floor(single_unit[digits] - 1); /* ceil of its log2, less 1 */
    const unsigned sub_bits = l->half_magnitude + 1;
    if (l->unit_magnitude + sub_bits > 62)
        return -1;
    /* the first bucket reaches 2^(sub_bits + unit_magnitude), each further one twice as far */
    const unsigned reach = l->unit_magnitude + sub_bits, top = log2_floor(highest);
    const uint64_t buckets = top >= reach ? top - reach + 2 : 1;
    l->n = (buckets + 1) << l->half_magnitude;
    return 0;
}

/* The bucket's lowest value, and how many whole numbers are equivalent to it. */
static uint64_t layout_value(const struct layout *l, uint64_t index, uint64_t *width)
{
    const uint64_t half = UINT64_C(1) << l->half_magnitude;
    uint64_t bucket = index >> l->half_magnitude, sub = index & (half - 1);
    if (bucket) {
        bucket--;
        sub += half;
    }
    *width = UINT64_C(1) << (bucket + l->unit_magnitude);
    return sub << (bucket + l->unit_magnitude);
}

/* ZigZag LEB128-64b9B. false when it is cut short. */
static bool count_read(const unsigned char **p, const unsigned char *end, int64_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; *p < end; shift += 7) {
        const uint64_t byte = *(*p)++;
        if (shift == 56) { /* the ninth, whole */
            v |= byte << shift;
        } else {
            v |= (byte & 0x7f) << shift;
            if (byte & 0x80)
                continue;
        }
        *out = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
        return true;
    }
    return false;
}

static int counts_read(struct hist *h, const struct layout *l, const unsigned char *p,
                       const unsigned char *end, double scale, struct err *err)
{
    uint64_t index = 0, total = 0;
    int64_t count;
    while (p < end) {
        if (!count_read(&p, end, &count) || count == INT64_MIN)
            return err_set(err, ERR_INPUT, "HdrHistogram: the counts are cut short");
        if (count <= 0) { /* so many empty buckets; 0 is one */
            const uint64_t run = count ? (uint64_t)-count : 1;
            if (run > l->n - index)
                return err_set(err, ERR_INPUT,
                               "HdrHistogram: more counts than its range has buckets");
            index += run;
            continue;
        }
        if (index >= l->n)
            return err_set(err, ERR_INPUT, "HdrHistogram: more counts than its range has buckets");
        uint64_t width;
        const uint64_t low = layout_value(l, index++, &width);
        const double upper = (double)(low + width - 1) * scale;
        if ((uint64_t)count > HDR_TOTAL_MAX - total)
            return err_set(err, ERR_INPUT, "HdrHistogram: more than %llu values",
                           (unsigned long long)HDR_TOTAL_MAX);
        if (!hist_takes(upper))
            return err_set(err, ERR_INPUT, "HdrHistogram: value %g is too large", upper);
        total += (uint64_t)count;
        hist_add_cell(h, hist_bucket((double)low * scale), hist_bucket(upper), (uint64_t)count);
    }
    return 0;
}

/*
 * The factor between recorded whole numbers and values, -1 when they are shifted besides (what a
 * DoubleHistogram does inside). hdr-histogram-js writes 1 for the offset, which means nothing to
 * it, and the ratio as a whole number 1: those of its are taken for 0 and 1.0.
 */
static int ratio_read(const unsigned char *p, double *ratio, struct err *err)
{
    const uint64_t offset = be(p + 8, 4), bits = be(p + 32, 8);
    *ratio = 1;
    if (offset == 1 && bits == 1)
        return 0;
    memcpy(ratio, &bits, sizeof(*ratio));
    if (offset != 0)
        return err_set(err, ERR_INPUT,
                       "HdrHistogram: its values are shifted (normalizing index offset %llu); "
                       "encode one that is not",
                       (unsigned long long)offset);
    if (!isfinite(*ratio) || *ratio <= 0)
        return err_set(err, ERR_INPUT, "HdrHistogram: its conversion ratio is %g", *ratio);
    return 0;
}

static int plain_read(struct hist *h, const unsigned char *p, size_t len, double scale,
                      struct err *err)
{
    struct layout l;
    double ratio;
    if (len < PLAIN_HEADER_BYTES || be(p + 4, 4) > len - PLAIN_HEADER_BYTES)
        return err_set(err, ERR_INPUT, "HdrHistogram: cut short");
    if ((be(p, 4) & ~COOKIE_WORD_BITS) != COOKIE_PLAIN)
        return err_set(err, ERR_INPUT, "HdrHistogram: what was compressed is no V2 encoding");
    if (layout_init(&l, be(p + 12, 4), be(p + 16, 8), be(p + 24, 8)) != 0)
        return err_set(err, ERR_INPUT,
                       "HdrHistogram: no histogram has %llu digits and a range from %llu to %llu",
                       (unsigned long long)be(p + 12, 4), (unsigned long long)be(p + 16, 8),
                       (unsigned long long)be(p + 24, 8));
    if (ratio_read(p, &ratio, err) != 0)
        return -1;
    const unsigned char *counts = p + PLAIN_HEADER_BYTES;
    return counts_read(h, &l, counts, counts + be(p + 4, 4), scale * ratio, err);
}

static int compressed_read(struct hist *h, const unsigned char *p, size_t len, double scale,
                           struct err *err)
{
    struct buf plain;
    if (len < COMPRESSED_HEADER_BYTES || be(p + 4, 4) > len - COMPRESSED_HEADER_BYTES)
        return err_set(err, ERR_INPUT, "HdrHistogram: cut short");
    buf_init(&plain, HDR_BYTES_MAX);
    int rc = zlib_inflate(p + COMPRESSED_HEADER_BYTES, be(p + 4, 4), &plain, err);
    if (rc == 0)
        rc = plain_read(h, (const unsigned char *)plain.data, plain.len, scale, err);
    else
        err_context(err, "HdrHistogram");
    buf_release(&plain);
    return rc;
}

int hdr_decode(struct hist *h, const void *bytes, size_t len, double scale, struct err *err)
{
    const unsigned char *p = bytes;
    BUG_ON(!(scale > 0));
    if (len < COMPRESSED_HEADER_BYTES)
        return err_set(err, ERR_INPUT, "HdrHistogram: cut short");
    const uint64_t cookie = be(p, 4);
    switch (cookie & ~(uint64_t)COOKIE_WORD_BITS) {
    case COOKIE_COMPRESSED:
        return compressed_read(h, p, len, scale, err);
    case COOKIE_PLAIN:
        if (len > HDR_BYTES_MAX)
            return err_set(err, ERR_INPUT, "HdrHistogram: larger than %zu bytes", HDR_BYTES_MAX);
        return plain_read(h, p, len, scale, err);
    default:
        break;
    }
    if (cookie == COOKIE_DOUBLE || cookie == COOKIE_DOUBLE_COMPRESSED)
        return err_set(err, ERR_INPUT,
                       "HdrHistogram: a DoubleHistogram is not taken; record whole numbers of a "
                       "small unit and give its `scale`");
    return err_set(err, ERR_INPUT, "HdrHistogram: no V2 encoding (it would begin HISTE or HISTF)");
}
