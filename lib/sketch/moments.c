/*
 * With d = mean_b - mean_a and n = n_a + n_b (Chan, Golub, LeVeque):
 *
 *   mean = mean_a + d n_b/n        m2 = m2_a + m2_b + d^2 n_a n_b/n
 *   m3 = m3_a + m3_b + d^3 n_a n_b (n_a - n_b)/n^2 + 3 d (n_a m2_b - n_b m2_a)/n
 *
 * Sum of squares minus square of the sum was rejected: it loses every digit on values with a large
 * mean. So that merging gives the same in either order, the part with more samples is the one built
 * upon.
 */
#include "lib/sketch/moments.h"

#include <math.h>

void moments_init(struct moments *m)
{
    *m = (struct moments){.min = INFINITY, .max = -INFINITY};
}

void moments_add(struct moments *m, double value, uint64_t count)
{
    struct moments other = {.n = count, .mean = value, .min = value, .max = value};
    BUG_ON(!isfinite(value));
    moments_merge(m, &other);
}

void moments_merge(struct moments *m, const struct moments *other)
{
    const struct moments *big = m->n >= other->n ? m : other;
    const struct moments *small = big == m ? other : m;
    double n, d, big_part, small_part;
    struct moments r;
    if (!other->n)
        return;
    if (!m->n) {
        *m = *other;
        return;
    }
    n = (double)m->n + (double)other->n;
    d = small->mean - big->mean;
    r.n = m->n + other->n;
    big_part = (double)big->n / n;
    small_part = (double)small->n / n;
    r.mean = big->mean + d * small_part;
    r.m2 = m->m2 + other->m2 + d * d * ((double)big->n * small_part);
    r.m3 = m->m3 + other->m3 + d * d * d * ((double)big->n * small_part) * (big_part - small_part) +
           3 * d * (big_part * small->m2 - small_part * big->m2);
    r.min = m->min < other->min ? m->min : other->min;
    r.max = m->max > other->max ? m->max : other->max;
    *m = r;
}

double moments_variance(const struct moments *m)
{
    return m->n < 2 ? 0 : m->m2 / ((double)m->n - 1);
}

double moments_skewness(const struct moments *m)
{
    double n = (double)m->n, variance = n > 0 ? m->m2 / n : 0;
    return variance > 0 ? m->m3 / n / variance / sqrt(variance) : 0;
}

void moments_encode(const struct moments *m, struct buf *out)
{
    buf_add_varint(out, m->n);
    if (!m->n)
        return;
    buf_add_double(out, m->mean);
    buf_add_double(out, m->m2);
    buf_add_double(out, m->m3);
    buf_add_double(out, m->min);
    buf_add_double(out, m->max);
}

int moments_decode(struct moments *m, struct bytes *in, struct err *err)
{
    struct moments r;
    moments_init(m);
    moments_init(&r);
    r.n = bytes_varint(in);
    if (r.n) {
        r.mean = bytes_double(in);
        r.m2 = bytes_double(in);
        r.m3 = bytes_double(in);
        r.min = bytes_double(in);
        r.max = bytes_double(in);
        if (!isfinite(r.mean) || !(r.m2 >= 0) || isinf(r.m2) || !isfinite(r.m3) ||
            !isfinite(r.min) || !isfinite(r.max) || r.min > r.max)
            return err_set(err, ERR_CORRUPT, "moments: values that no sample gives");
    }
    if (in->bad)
        return err_set(err, ERR_CORRUPT, "moments: cut short");
    *m = r;
    return 0;
}
