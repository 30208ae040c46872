/*
 * A histogram of raw samples in few bytes: what sealed blocks keep for as long as their release.
 *
 * Theory. In a block of n values the count of a bucket is about Poisson with n times the bucket's
 * probability, so what must be stored are some bits a bucket, however they are written: 173 bytes
 * for 2,000 log-normal latencies (sigma 0.5), where hist_encode() takes 521. Neighbouring buckets
 * have much the same rate. Let the rate have a gamma distribution that the counts before have
 * shown: shape m, the sum of the counts with weights falling by 1/8 a bucket, over 8 buckets. The
 * next count is then negative binomial,
 *
 *     P(k + 1) / P(k) = (k + m) / (9 (k + 1)),
 *
 * and an arithmetic coder (G. N. N. Martin, "Range encoding", 1979) spends -log2 P(k) bits on it:
 * 185 bytes. Nothing is learned but m, so small histograms cost little, too. Golomb codes by a
 * running mean took 226, deflate over the plain form 302.
 *
 * Counts are taken in order over all buckets from the first in use to the last. m has 64ths and a
 * quarter to begin with, so that nothing is impossible; there is a table of cumulative frequencies
 * for each quarter of an octave of m. Where m would be beyond the tables the lowest bits of the
 * count are written as they are. All is in integers, and the same on every machine.
 */
#include <pthread.h>
#include <stdlib.h>

#include "lib/sketch/hist.h"

#define RATE_UNIT   64 /* of m */
#define RATE_FIRST  (RATE_UNIT / 4)
#define RATE_MEMORY 3                   /* m loses 2^-3 of itself a bucket */
#define RATE_BITS   14                  /* of m, in its unit: mean 32 */
#define COUNT_SEEN  (UINT64_C(1) << 32) /* what a larger count adds to m */
#define CLASSES     ((RATE_BITS - 4) * 4)
#define SYMBOLS     80 /* counts 0 to 78, and 79: so many or more */
#define ESCAPE      (SYMBOLS - 1)
#define TOTAL_BITS  16 /* frequencies add to 2^16 */
#define PLACE_BITS  8
#define RAW_BITS    16 /* at once */
#define LENGTH_BITS 6  /* of how long an escaped count is */

#define PLAIN_BYTES_MAX ((size_t)16 * HIST_BUCKETS) /* a cell takes at most 13 */

/* Where each symbol begins in 0 to 2^TOTAL_BITS, and for the first bits of a place there the last
 * symbol that begins at or before it. */
struct table {
    uint32_t starts[SYMBOLS + 1];
    uint8_t first[1 << PLACE_BITS];
};
static struct table tables[CLASSES];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

/* From the middle outwards, so that no term is too small; each symbol can be said. */
static void table_fill(struct table *t, uint64_t rate)
{
    uint64_t f[SYMBOLS], sum = 0, below = 0;
    const uint64_t middle = rate / (RATE_UNIT << RATE_MEMORY);
    f[middle] = UINT64_C(1) << 40;
    for (uint64_t k = middle; k + 1 < SYMBOLS; k++)
        f[k + 1] = f[k] * (RATE_UNIT * k + rate) / (9 * RATE_UNIT * (k + 1));
    for (uint64_t k = middle; k > 0; k--)
        f[k - 1] = f[k] * (9 * RATE_UNIT * k) / (RATE_UNIT * (k - 1) + rate);
    for (size_t k = 0; k < SYMBOLS; k++)
        sum += f[k];
    for (size_t k = 0; k < SYMBOLS; k++) {
        t->starts[k] = (uint32_t)(below * ((1 << TOTAL_BITS) - SYMBOLS) / sum + k);
        below += f[k];
    }
    t->starts[SYMBOLS] = 1 << TOTAL_BITS;
    for (uint32_t place = 0, k = 0; place < 1 << PLACE_BITS; place++) {
        while (t->starts[k + 1] <= place << (TOTAL_BITS - PLACE_BITS))
            k++;
        t->first[place] = (uint8_t)k;
    }
}

static void tables_fill(void)
{
    for (unsigned c = 0; c < CLASSES; c++)
        table_fill(&tables[c], (uint64_t)(9 + 2 * (c & 3))
                                   << (c >> 2) << 1); /* middle of 4 + c&3 */
}

/* The table for m, and how many bits of a count are beyond it. */
static const struct table *table_of(uint64_t m, unsigned *shift)
{
    uint64_t rate = m + RATE_FIRST;
    unsigned octave = 63 - (unsigned)__builtin_clzll(rate);
    *shift = octave < RATE_BITS ? 0 : octave - RATE_BITS + 1;
    rate >>= *shift;
    octave -= *shift;
    return &tables[(octave - 4) * 4 + (rate >> (octave - 2) & 3)];
}

static uint64_t rate_next(uint64_t m, uint64_t count)
{
    return m - (m >> RATE_MEMORY) + RATE_UNIT * (count < COUNT_SEEN ? count : COUNT_SEEN);
}

/* ---- the coder: [low, low + range) narrows; its leading bytes are written as they settle ---- */

#define RANGE_LEAST (UINT32_C(1) << 24)

struct encoder {
    unsigned char *bytes;
    size_t len, most;
    bool is_full; /* longer than `most`: of no use */
    uint32_t low, range;
};

/* Goes up through what is written: there is always one to take it. */
static void carry(struct encoder *e)
{
    for (size_t i = e->len; i > 0 && ++e->bytes[i - 1] == 0; i--)
        ;
}

static void put(struct encoder *e, unsigned byte)
{
    if (e->len < e->most)
        e->bytes[e->len++] = (unsigned char)byte;
    else
        e->is_full = true;
}

static void narrow(struct encoder *e, uint32_t from, uint32_t width, unsigned bits)
{
    const uint32_t part = e->range >> bits, low = e->low + part * from;
    if (low < e->low && !e->is_full)
        carry(e);
    e->low = low;
    e->range = part * width;
    while (e->range < RANGE_LEAST) {
        put(e, e->low >> 24);
        e->low <<= 8;
        e->range <<= 8;
    }
}

/* The number in the interval with the fewest bytes; those that are 0 at the end need not be there.
 */
static void finish(struct encoder *e)
{
    for (unsigned left = 24; left <= 24; left -= 8) {
        const uint32_t mask = (UINT32_C(1) << left) - 1;
        const uint64_t v = ((uint64_t)e->low + mask) & ~(uint64_t)mask;
        if (v - e->low >= e->range)
            continue;
        if (v >> 32 && !e->is_full)
            carry(e);
        for (unsigned shift = 32; shift > left; shift -= 8)
            put(e, (unsigned)(v >> (shift - 8)) & 0xff);
        break;
    }
    while (e->len > 0 && e->bytes[e->len - 1] == 0)
        e->len--;
}

struct decoder {
    const unsigned char *at, *end;
    uint32_t code, range; /* code: how far into the interval */
    bool is_bad;
};

static unsigned take(struct decoder *d)
{
    return d->at < d->end ? *d->at++ : 0;
}

static struct decoder decoder_of(const unsigned char *bytes, size_t len)
{
    struct decoder d = {.at = bytes, .end = bytes + len, .range = UINT32_MAX};
    for (int i = 0; i < 4; i++)
        d.code = d.code << 8 | take(&d);
    return d;
}

static uint32_t peek(struct decoder *d, unsigned bits)
{
    const uint32_t at = d->code / (d->range >> bits);
    d->is_bad = d->is_bad || at >> bits;
    return at >> bits ? 0 : at;
}

static void drop(struct decoder *d, uint32_t from, uint32_t width, unsigned bits)
{
    const uint32_t part = d->range >> bits;
    d->code -= part * from;
    d->range = part * width;
    while (d->range < RANGE_LEAST) {
        d->code = d->code << 8 | take(d);
        d->range <<= 8;
    }
}

/* Bits as they are, the highest first. */
static void raw_put(struct encoder *e, uint64_t v, unsigned bits)
{
    while (bits > 0) {
        const unsigned n = bits < RAW_BITS ? bits : RAW_BITS;
        bits -= n;
        narrow(e, (uint32_t)(v >> bits) & ((1 << n) - 1), 1, n);
    }
}

static uint64_t raw_take(struct decoder *d, unsigned bits)
{
    uint64_t v = 0;
    while (bits > 0) {
        const unsigned n = bits < RAW_BITS ? bits : RAW_BITS;
        const uint32_t part = peek(d, n);
        drop(d, part, 1, n);
        v = v << n | part;
        bits -= n;
    }
    return v;
}

/* ---- counts ---- */

static void count_put(struct encoder *e, uint64_t m, uint64_t count)
{
    unsigned shift;
    const uint32_t *starts = table_of(m, &shift)->starts;
    const uint64_t high = count >> shift;
    const uint32_t symbol = high < ESCAPE ? (uint32_t)high : ESCAPE;
    narrow(e, starts[symbol], starts[symbol + 1] - starts[symbol], TOTAL_BITS);
    if (symbol == ESCAPE) {
        const uint64_t more = high - ESCAPE + 1; /* of which the leading 1 is not written */
        const unsigned length = 63 - (unsigned)__builtin_clzll(more);
        raw_put(e, length, LENGTH_BITS);
        raw_put(e, more, length);
    }
    raw_put(e, count, shift);
}

static uint64_t count_take(struct decoder *d, uint64_t m)
{
    unsigned shift;
    const struct table *t = table_of(m, &shift);
    const uint32_t at = peek(d, TOTAL_BITS);
    uint32_t symbol = t->first[at >> (TOTAL_BITS - PLACE_BITS)];
    while (t->starts[symbol + 1] <= at)
        symbol++;
    drop(d, t->starts[symbol], t->starts[symbol + 1] - t->starts[symbol], TOTAL_BITS);
    uint64_t high = symbol;
    if (symbol == ESCAPE) {
        const unsigned length = (unsigned)raw_take(d, LENGTH_BITS);
        high = (UINT64_C(1) << length | raw_take(d, length)) + ESCAPE - 1;
        d->is_bad = d->is_bad || length == 63;
    }
    d->is_bad = d->is_bad || high > UINT64_MAX / 2 >> shift;
    return high << shift | raw_take(d, shift);
}

static bool is_raw(const struct hist *h)
{
    for (uint32_t i = 0; i < h->len; i++)
        if (h->cells[i].hi > h->cells[i].lo)
            return false;
    return h->len > 0;
}

/* Bytes that the packed form must stay below. */
static size_t plain_bytes(const struct hist *h)
{
    struct buf plain;
    buf_init(&plain, PLAIN_BYTES_MAX);
    hist_encode(h, &plain);
    const size_t len = plain.len;
    buf_release(&plain);
    return len;
}

bool hist_pack(const struct hist *h, struct buf *out)
{
    if (!is_raw(h))
        return false;
    const uint32_t first = h->cells[0].lo, last = h->cells[h->len - 1].lo;
    const size_t most = plain_bytes(h);
    struct encoder e = {.bytes = mem_alloc(most), .most = most, .range = UINT32_MAX};
    uint64_t m = 0;
    pthread_once(&tables_once, tables_fill);
    for (uint32_t bucket = first, i = 0; bucket <= last && !e.is_full; bucket++) {
        const uint64_t count = h->cells[i].lo == bucket ? h->cells[i++].n : 0;
        count_put(&e, m, count);
        m = rate_next(m, count);
    }
    finish(&e);
    struct buf packed;
    buf_init(&packed, PLAIN_BYTES_MAX);
    buf_add_varint(&packed, first);
    buf_add_varint(&packed, last - first);
    buf_add_lstring(&packed, e.bytes, e.len);
    const bool is_shorter = !e.is_full && packed.len < most;
    if (is_shorter)
        buf_add(out, packed.data, packed.len);
    buf_release(&packed);
    free(e.bytes);
    return is_shorter;
}

int hist_unpack(struct hist *h, struct bytes *in, struct err *err)
{
    const unsigned long long first = bytes_varint(in), width = bytes_varint(in);
    size_t len;
    const unsigned char *bytes = bytes_lstring(in, &len);
    hist_init(h);
    if (in->bad || first >= HIST_BUCKETS || width >= HIST_BUCKETS - first)
        return err_set(err, ERR_CORRUPT, "packed histogram: cut short or out of range");
    struct decoder d = decoder_of(bytes, len);
    uint64_t m = 0, count = 0;
    pthread_once(&tables_once, tables_fill);
    for (uint32_t i = 0; i <= width && !d.is_bad; i++) {
        count = count_take(&d, m);
        m = rate_next(m, count);
        if (count > UINT64_MAX / 2 - h->n || (i == 0 && count == 0))
            d.is_bad = true;
        else
            hist_add_cell(h, (uint32_t)first + i, (uint32_t)first + i, count);
    }
    if (d.is_bad || count == 0) { /* it ends where its last value is */
        hist_release(h);
        return err_set(err, ERR_CORRUPT, "packed histogram: no histogram");
    }
    return 0;
}
