/*
 * Theorem (after Howard & Ramdas, Bernoulli 2022, theorem 5, made one-sided with a margin m). Let
 * E+ and E- be the binomial e-processes of beta_binomial.h at null proportion p. If Q1(p) <= m
 * Q0(p) then at x = Q0(p) both #{X0 < x} (its probability is <= p) and #{X1 <= m x} (>= p) are
 * inside their nulls and the arms are independent, so
 *
 *   fail   E = min_x E+(#{X0 < x}, n0) E-(#{X1 <= m x}, n1)
 *
 * is at most an e-process. For the exposure rule let x* = m Q0(p), q = P(X >= x*) and H0:
 * (1-s) q0 + s q1 >= 1-p. For constants v, w in (0, 1] and tau <= n0 (1-w)/(1-s), tau <= n1
 * (1-v)/s,
 *
 *   w^c0 v^c1 exp((1-p) tau),   c = #{X >= x*},
 *
 * has mean <= 1, since a trial's mean 1 - q(1-v) is <= exp(-q (1-v)). Where Q0(p) is, the baseline
 * itself says:
 *
 *   pass   E = min_x 1/2 (E_pin(x) + E_tail(x)),   E_pin = 1/2 (E+(#{X0 < x}) + E-(#{X0 <= x}))
 *
 * an average, as both use the baseline. (The shortcut "q1 >= (1-p)/s" errs on the wrong side.)
 *
 * Our reading on buckets. x in bucket i: every count is replaced by its bound over the bucket, in
 * the direction that makes E smaller, so spans cost power and never validity. The minimum over i is
 * found by splitting: each factor is monotone in i, so the value of the increasing ones at the left
 * end and of the decreasing ones at the right end bounds a whole range. Ranges within SLACK of the
 * minimum found are not split; the smallest bound is returned.
 */
#include "stats/anytime/quantile_scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/numerics/log_beta.h"
#include "stats/anytime/rate_grid.h"

#define SLACK       0.01
#define STACK_DEPTH 64

static int by_hi(const void *a, const void *b)
{
    const struct hist_cell *x = a, *y = b;
    return (x->hi > y->hi) - (x->hi < y->hi);
}

static void sum_up(const struct hist_cell *cells, uint32_t len, double *upto)
{
    double n = 0;
    for (uint32_t i = 0; i < len; i++) {
        n += (double)cells[i].n;
        upto[i] = n;
    }
}

void running_init(struct running *r, const struct hist *h)
{
    bool spans = false;
    r->len = h->len;
    r->n = (double)h->n;
    r->lo = mem_alloc_array(2 * (size_t)h->len + 1, sizeof(*r->lo));
    r->hi = r->lo + h->len;
    r->upto_lo = mem_alloc_array(2 * (size_t)h->len + 1, sizeof(*r->upto_lo));
    r->upto_hi = r->upto_lo + h->len;
    for (uint32_t i = 0; i < h->len; i++) {
        r->lo[i] = h->cells[i].lo;
        r->hi[i] = h->cells[i].hi;
        spans = spans || (i && r->hi[i] < r->hi[i - 1]);
    }
    sum_up(h->cells, h->len, r->upto_lo);
    memcpy(r->upto_hi, r->upto_lo, h->len * sizeof(*r->upto_hi));
    if (spans) {
        struct hist_cell *cells = mem_alloc_array(h->len, sizeof(*cells));
        memcpy(cells, h->cells, h->len * sizeof(*cells));
        qsort(cells, h->len, sizeof(*cells), by_hi);
        for (uint32_t i = 0; i < h->len; i++)
            r->hi[i] = cells[i].hi;
        sum_up(cells, h->len, r->upto_hi);
        free(cells);
    }
}

void running_release(struct running *r)
{
    free(r->lo);
    free(r->upto_lo);
    *r = (struct running){0};
}

static double upto(const uint32_t *at, const double *sum, uint32_t len, uint32_t bucket)
{
    uint32_t low = 0, high = len;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (at[middle] < bucket)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? sum[low - 1] : 0;
}

double running_below(const struct running *r, uint32_t bucket)
{
    return upto(r->hi, r->upto_hi, r->len, bucket);
}

double running_reaching(const struct running *r, uint32_t bucket)
{
    return upto(r->lo, r->upto_lo, r->len, bucket);
}

/* What E is made of at bucket i: terms that grow with i and terms that shrink. */
struct place {
    uint32_t i;
    double grows[2];
    double shrinks;
};

struct scan {
    const struct quantile_scan *of;
    struct place (*at)(const struct scan *, uint32_t);
    double (*join)(const struct place *left, const struct place *right);
    double log_w[RATE_ABS], log_v[RATE_ABS], spent[RATE_ABS]; /* pass: nodes of E_tail */
};

static double above(const struct quantile_scan *s, uint32_t bucket)
{
    return beta_binomial_above(&s->prior, s->scale0 * running_below(&s->r0, bucket),
                               s->scale0 * s->r0.n);
}

/* Smallest bucket whose lower edge is >= value. */
static uint32_t edge_reaching(double value)
{
    uint32_t b;
    if (!(value <= HIST_HUGE))
        return HIST_BUCKETS;
    b = hist_bucket(value);
    return hist_lower(b) < value ? b + 1 : b;
}

static struct place fail_at(const struct scan *scan, uint32_t i)
{
    const struct quantile_scan *s = scan->of;
    double k1 = running_reaching(&s->r1, edge_reaching(s->factor * hist_upper(i)));
    struct place p = {.i = i, .grows = {above(s, i), 0}};
    p.shrinks = beta_binomial_below(&s->prior, s->scale1 * k1, s->scale1 * s->r1.n);
    return p;
}

static double fail_join(const struct place *left, const struct place *right)
{
    return left->grows[0] + right->shrinks;
}

static double tail_log_e(const struct scan *scan, uint32_t i)
{
    const struct quantile_scan *s = scan->of;
    double x = s->factor * hist_lower(i), v[RATE_ABS];
    uint32_t edge = x <= HIST_HUGE ? hist_bucket(x) : HIST_BUCKETS - 1;
    double c0 = s->scale0 * (s->r0.n - running_below(&s->r0, edge));
    double c1 = s->scale1 * (s->r1.n - running_below(&s->r1, edge));
    for (int j = 0; j < RATE_ABS; j++)
        v[j] = c0 * scan->log_w[j] + c1 * scan->log_v[j] + scan->spent[j];
    return log_sum_exp(v, RATE_ABS) - log(RATE_ABS);
}

static struct place pass_at(const struct scan *scan, uint32_t i)
{
    const struct quantile_scan *s = scan->of;
    struct place p = {.i = i, .grows = {above(s, i), tail_log_e(scan, i)}};
    p.shrinks = beta_binomial_below(&s->prior, s->scale0 * running_reaching(&s->r0, i + 1),
                                    s->scale0 * s->r0.n);
    return p;
}

static double pass_join(const struct place *left, const struct place *right)
{
    double pin = log_add(left->grows[0], right->shrinks) - M_LN2;
    return log_add(pin, left->grows[1]) - M_LN2;
}

struct range {
    struct place left, right;
    double bound;
};

/* The least E over all buckets, as at the top of the file. */
static double least(const struct scan *scan)
{
    struct range stack[STACK_DEPTH];
    struct place first = scan->at(scan, 0), last = scan->at(scan, HIST_BUCKETS - 1);
    double best = scan->join(&last, &last), lowest = INFINITY;
    int depth = 1;
    stack[0] = (struct range){first, last, scan->join(&first, &last)};
    while (depth) {
        struct range r = stack[--depth], a, b;
        struct place middle;
        if (r.bound >= best - SLACK || r.right.i - r.left.i <= 1) {
            double here = r.bound;
            if (r.right.i - r.left.i <= 1) {
                double left = scan->join(&r.left, &r.left), right = scan->join(&r.right, &r.right);
                here = left < right ? left : right;
                best = here < best ? here : best;
            }
            lowest = here < lowest ? here : lowest;
            continue;
        }
        middle = scan->at(scan, r.left.i + (r.right.i - r.left.i) / 2);
        {
            double here = scan->join(&middle, &middle);
            best = here < best ? here : best;
        }
        a = (struct range){r.left, middle, scan->join(&r.left, &middle)};
        b = (struct range){middle, r.right, scan->join(&middle, &r.right)};
        /* The more promising half is looked at first: it lowers `best` and spares the other. */
        stack[depth++] = a.bound < b.bound ? b : a;
        stack[depth++] = a.bound < b.bound ? a : b;
    }
    return lowest < best ? lowest : best;
}

double quantile_scan_fail(const struct quantile_scan *s)
{
    struct scan scan = {.of = s, .at = fail_at, .join = fail_join};
    return least(&scan);
}

double quantile_scan_fail_at(const struct quantile_scan *s, const struct hist *h0,
                             const struct hist *h1, uint32_t bucket)
{
    double k0 = (double)hist_count_below(h0, bucket), n0 = (double)h0->n, n1 = (double)h1->n;
    double k1 = (double)hist_count_reaching(h1, edge_reaching(s->factor * hist_upper(bucket)));
    return beta_binomial_above(&s->prior, s->scale0 * k0, s->scale0 * n0) +
           beta_binomial_below(&s->prior, s->scale1 * k1, s->scale1 * n1);
}

static void prepare_pass(struct scan *scan)
{
    const struct quantile_scan *s = scan->of;
    /* (1-w) = kappa (1-v) makes both bounds on tau equal at the frozen odds; neither exceeds 1. */
    double kappa = (1 - s->share) / s->share * s->odds, top = kappa > 1 ? kappa : 1;
    double n0 = s->scale0 * s->r0.n, n1 = s->scale1 * s->r1.n;
    for (int j = 0; j < RATE_ABS; j++) {
        double bet = 1 / (1 + exp(rate_grid_logit_v(j)));
        double not_v = bet / top, not_w = bet * kappa / top;
        double tau = n1 * not_v / s->share;
        if (s->share < 1 && n0 * not_w / (1 - s->share) < tau)
            tau = n0 * not_w / (1 - s->share);
        scan->log_v[j] = log1p(-not_v);
        scan->log_w[j] = log1p(-not_w);
        scan->spent[j] = s->tail * tau;
    }
}

double quantile_scan_pass(const struct quantile_scan *s)
{
    struct scan scan = {.of = s, .at = pass_at, .join = pass_join};
    prepare_pass(&scan);
    return least(&scan);
}

double quantile_scan_pass_at(const struct quantile_scan *s, uint32_t bucket)
{
    struct scan scan = {.of = s};
    prepare_pass(&scan);
    struct place p = pass_at(&scan, bucket);
    return pass_join(&p, &p);
}

void quantile_scan_limits(const struct running *r, const struct beta_binomial *prior, double scale,
                          double bound, struct ratio_interval *out)
{
    double n = scale * r->n;
    uint32_t low = 0, high = HIST_BUCKETS;
    /* upper: the first edge x with #{X < x} too many for Q >= x */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (beta_binomial_above(prior, scale * running_below(r, middle), n) >= bound)
            high = middle;
        else
            low = middle + 1;
    }
    out->upper = high < HIST_BUCKETS ? hist_lower(high) : INFINITY;
    /* lower: the last edge x with #{X < x} too few for Q < x */
    low = 0;
    high = HIST_BUCKETS;
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        if (beta_binomial_below(prior, scale * running_reaching(r, middle), n) >= bound)
            low = middle;
        else
            high = middle - 1;
    }
    out->lower = low < HIST_BUCKETS ? hist_lower(low) : HIST_HUGE;
}
