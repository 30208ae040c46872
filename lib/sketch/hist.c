/*
 * Bucket numbers from the bits of the double: for HIST_TINY <= v, the exponent and the top 7 bits
 * of the mantissa, counted from HIST_TINY's, are 1 + the bucket's place. Bucket 0 is [0,
 * HIST_TINY); the last one holds HIST_HUGE alone.
 *
 * Adding to a bucket that exists is a binary search; a new bucket moves the tail. A stream of
 * samples soon has its few hundred buckets, so the moves stop. A dense array was rejected: 12,800
 * counters for each block and cohort is a hundred times the data.
 *
 * Encoded: number of cells, then for each one byte with the distance of lo from the previous lo (0
 * to 14) and n (1 to 7); what is larger, and hi - lo of a span, follows as varints. A raw sample's
 * bucket costs a byte. What is kept is smaller: hist_pack.c.
 */
#include "lib/sketch/hist.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void hist_init(struct hist *h)
{
    *h = (struct hist){0};
}

void hist_release(struct hist *h)
{
    free(h->cells);
    *h = (struct hist){0};
}

void hist_clear(struct hist *h)
{
    h->len = 0;
    h->n = 0;
}

double hist_lower(uint32_t bucket)
{
    uint64_t bits;
    double value;
    BUG_ON(bucket > HIST_BUCKETS);
    if (bucket == 0)
        return 0;
    bits = ((uint64_t)(bucket - 1) + HIST_TINY_BITS) << HIST_MANTISSA_SHIFT;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

double hist_upper(uint32_t bucket)
{
    return hist_lower(bucket + 1);
}

/* First cell not before (lo, hi). */
static uint32_t find_cell(const struct hist *h, uint32_t lo, uint32_t hi)
{
    uint32_t low = 0, high = h->len;
    if (high && h->cells[high - 1].lo < lo) /* in rising order */
        return high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct hist_cell *c = &h->cells[middle];
        if (c->lo < lo || (c->lo == lo && c->hi < hi))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void make_room(struct hist *h, uint32_t cells)
{
    if (cells <= h->cap)
        return;
    h->cap = cells < 2 * h->cap ? 2 * h->cap : cells;
    h->cap = h->cap < 8 ? 8 : h->cap;
    h->cells = mem_grow(h->cells, h->cap, sizeof(h->cells[0]));
}

void hist_add_cell(struct hist *h, uint32_t lo, uint32_t hi, uint64_t count)
{
    uint32_t at;
    BUG_ON(lo > hi || hi >= HIST_BUCKETS);
    if (!count)
        return;
    at = find_cell(h, lo, hi);
    if (at == h->len || h->cells[at].lo != lo || h->cells[at].hi != hi) {
        make_room(h, h->len + 1);
        memmove(&h->cells[at + 1], &h->cells[at], (h->len - at) * sizeof(h->cells[0]));
        h->cells[at] = (struct hist_cell){.lo = lo, .hi = hi};
        h->len++;
    }
    h->cells[at].n += count;
    h->n += count;
}

void hist_add(struct hist *h, double value, uint64_t count)
{
    uint32_t b = hist_bucket(value);
    hist_add_cell(h, b, b, count);
}

void hist_add_span(struct hist *h, double lower, double upper, uint64_t count)
{
    uint32_t lo, hi;
    BUG_ON(!hist_takes(lower) || !(upper >= lower));
    lo = hist_bucket(lower);
    hi = upper <= HIST_HUGE ? hist_bucket(upper) : HIST_BUCKETS - 1;
    /* (lower, upper] with lower an edge's value still may hold values of lower's own bucket. */
    hist_add_cell(h, lo, hi, count);
}

static int compare(const struct hist_cell *a, const struct hist_cell *b)
{
    if (a->lo != b->lo)
        return a->lo < b->lo ? -1 : 1;
    return (a->hi > b->hi) - (a->hi < b->hi);
}

/* Cells of `other` that h has not. */
static uint32_t missing_cells(const struct hist *h, const struct hist *other)
{
    uint32_t i = 0, missing = 0;
    for (uint32_t j = 0; j < other->len; j++) {
        while (i < h->len && compare(&h->cells[i], &other->cells[j]) < 0)
            i++;
        missing += i == h->len || compare(&h->cells[i], &other->cells[j]) != 0;
    }
    return missing;
}

/* From the back, so that every cell is moved once and in place. */
void hist_merge(struct hist *h, const struct hist *other)
{
    BUG_ON(h == other);
    uint32_t missing = missing_cells(h, other), i = h->len, j = other->len, at = h->len + missing;
    if (at > h->cap) {
        h->cap = at + at / 4;
        h->cells = mem_grow(h->cells, h->cap, sizeof(*h->cells));
    }
    h->len = at;
    while (j > 0) {
        const struct hist_cell *b = &other->cells[j - 1];
        int order = i > 0 ? compare(&h->cells[i - 1], b) : -1;
        at--;
        if (order >= 0) {
            h->cells[at] = h->cells[--i];
            if (order == 0)
                h->cells[at].n += b->n;
        } else {
            h->cells[at] = *b;
        }
        j -= order <= 0;
    }
    h->n += other->n;
}

uint64_t hist_count_below(const struct hist *h, uint32_t b)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < h->len && h->cells[i].lo < b; i++)
        if (h->cells[i].hi < b)
            n += h->cells[i].n;
    return n;
}

uint64_t hist_count_reaching(const struct hist *h, uint32_t b)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < h->len && h->cells[i].lo < b; i++)
        n += h->cells[i].n;
    return n;
}

static double cell_middle(const struct hist_cell *c)
{
    return (hist_lower(c->lo) + hist_upper(c->hi)) / 2;
}

double hist_quantile(const struct hist *h, double p)
{
    uint64_t rank, seen = 0;
    BUG_ON(!(p >= 0) || !(p <= 1));
    if (!h->n)
        return NAN;
    rank = (uint64_t)ceil(p * (double)h->n);
    rank = rank ? rank : 1;
    for (uint32_t i = 0; i < h->len; i++) {
        seen += h->cells[i].n;
        if (seen >= rank)
            return cell_middle(&h->cells[i]);
    }
    return cell_middle(&h->cells[h->len - 1]);
}

double hist_mean(const struct hist *h)
{
    double sum = 0;
    for (uint32_t i = 0; i < h->len; i++)
        sum += cell_middle(&h->cells[i]) * (double)h->cells[i].n;
    return h->n ? sum / (double)h->n : NAN;
}

/* ---- encoding ---- */

#define GAP_BITS  4 /* distance of lo from the one before; all ones: 15 and a varint more */
#define GAP_LONG  15
#define N_SHIFT   4 /* three bits: 1..7 values; 0: 8 and a varint more */
#define N_SHORT   7
#define SPAN_FLAG 0x80 /* hi - lo follows */

void hist_encode(const struct hist *h, struct buf *out)
{
    uint32_t last = 0;
    buf_add_varint(out, h->len);
    for (uint32_t i = 0; i < h->len; i++) {
        const struct hist_cell *c = &h->cells[i];
        uint32_t gap = c->lo - last;
        unsigned head = gap < GAP_LONG ? gap : GAP_LONG;
        head |= c->n <= N_SHORT ? (unsigned)c->n << N_SHIFT : 0;
        head |= c->hi > c->lo ? SPAN_FLAG : 0;
        buf_add_u8(out, head);
        if (gap >= GAP_LONG)
            buf_add_varint(out, gap - GAP_LONG);
        if (c->n > N_SHORT)
            buf_add_varint(out, c->n - N_SHORT - 1);
        if (c->hi > c->lo)
            buf_add_varint(out, c->hi - c->lo);
        last = c->lo;
    }
}

/* One cell behind the one at (last_lo, last_hi); false: it cannot be. */
static bool decode_cell(struct bytes *in, const struct hist_cell *last, struct hist_cell *c)
{
    unsigned head = bytes_u8(in);
    unsigned long long gap = head & GAP_LONG, n = head >> N_SHIFT & N_SHORT, more = 0, width = 0;
    if (gap == GAP_LONG)
        gap = (more = bytes_varint(in)) < HIST_BUCKETS ? more + GAP_LONG : HIST_BUCKETS;
    if (n == 0)
        n = (more = bytes_varint(in)) < UINT64_MAX / 2 ? more + N_SHORT + 1 : UINT64_MAX;
    if (head & SPAN_FLAG)
        width = bytes_varint(in);
    if (in->bad || gap >= HIST_BUCKETS || width >= HIST_BUCKETS ||
        last->lo + gap + width >= HIST_BUCKETS || ((head & SPAN_FLAG) && width == 0))
        return false;
    *c = (struct hist_cell){(uint32_t)(last->lo + gap), (uint32_t)(last->lo + gap + width), n};
    return true;
}

int hist_decode(struct hist *h, struct bytes *in, struct err *err)
{
    unsigned long long len = bytes_varint(in);
    struct hist_cell last = {0}, c;
    hist_init(h);
    /* a cell takes at least one byte, so what is left bounds what is allocated */
    if (in->bad || len > in->left)
        return err_set(err, ERR_CORRUPT, "histogram: cut short");
    make_room(h, (uint32_t)len);
    for (unsigned long long i = 0; i < len; i++, last = c) {
        if (!decode_cell(in, &last, &c) || (i > 0 && compare(&last, &c) >= 0) ||
            c.n > UINT64_MAX / 2 - h->n) {
            hist_release(h);
            return err_set(err, ERR_CORRUPT, "histogram: cells unsorted, empty or out of range");
        }
        h->cells[h->len++] = c;
        h->n += c.n;
    }
    return 0;
}
