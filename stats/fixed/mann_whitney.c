/*
 * Selection without the matrix: the differences x_i - y_j ascend in i and descend in j, and doubles
 * are ordered like 64-bit integers. The k-th smallest is the least double v with at least k
 * differences <= v, found by halving the range of integers; how many are <= v is counted by walking
 * once along the staircase x_i - y_j = v. Rounding of x_i - y_j is monotone, so the answer is one
 * of the differences, to the bit.
 */
#include "stats/fixed/mann_whitney.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "stats/fixed/rank_sum.h"
#include "stats/numerics/brent.h"
#include "stats/numerics/student_t.h"

#define EXACT_BELOW 50

static int sample_ok(const double *v, size_t n, const char *arm, struct err *err)
{
    if (n == 0)
        return err_set(err, ERR_INPUT, "sample %s is empty", arm);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(v[i]))
            return err_set(err, ERR_INPUT, "sample %s holds a value that is not finite", arm);
        if (i > 0 && v[i] < v[i - 1])
            return err_set(err, ERR_INPUT, "sample %s is not in ascending order", arm);
    }
    return 0;
}

int mann_whitney_ok(const struct two_samples *s, const struct mann_whitney_question *q,
                    struct err *err)
{
    if (sample_ok(s->x, s->m, "x", err) != 0 || sample_ok(s->y, s->n, "y", err) != 0)
        return -1;
    if (!isfinite(q->mu) || !(q->confidence > 0 && q->confidence < 1) || !(q->tol >= 0))
        return err_set(err, ERR_INPUT, "mu must be finite, confidence in (0, 1) and tol >= 0");
    if (q->mode == MANN_WHITNEY_EXACT && s->m > RANK_SUM_PAIRS_MAX / s->n)
        return err_set(err, ERR_INPUT, "the exact law is for at most %d pairs", RANK_SUM_PAIRS_MAX);
    return 0;
}

static bool wants_exact(const struct two_samples *s, const struct mann_whitney_question *q,
                        double shift)
{
    struct rank_sum r = rank_sum(s->x, s->m, s->y, s->n, shift);
    if (q->mode == MANN_WHITNEY_AUTO)
        return s->m < EXACT_BELOW && s->n < EXACT_BELOW && r.ties == 0;
    return q->mode == MANN_WHITNEY_EXACT && r.ties == 0;
}

static double exact_p(const struct rank_sum_law *law, double w, enum alternative alternative)
{
    double lower = rank_sum_lower(law, w), upper = rank_sum_upper(law, w);
    if (alternative == TWO_SIDED)
        return fmin(1, 2 * fmin(lower, upper));
    return alternative == LESS ? lower : upper;
}

/* How far the continuity correction moves W - mn/2 toward 0. */
static double correction(double off, enum alternative alternative)
{
    if (alternative == TWO_SIDED)
        return off > 0 ? 0.5 : off < 0 ? -0.5 : 0;
    return alternative == GREATER ? 0.5 : -0.5;
}

static double z_at(const struct two_samples *s, double shift, enum alternative alternative,
                   bool correct)
{
    struct rank_sum r = rank_sum(s->x, s->m, s->y, s->n, shift);
    double m = (double)s->m, n = (double)s->n;
    return rank_sum_z(&r, m, n, correct ? correction(r.w - m * n / 2, alternative) : 0);
}

struct mann_whitney mann_whitney_test(const struct two_samples *s,
                                      const struct mann_whitney_question *q)
{
    struct mann_whitney out;
    struct rank_sum_law law;
    double z;
    BUG_ON(mann_whitney_ok(s, q, NULL) != 0);
    out.w = rank_sum(s->x, s->m, s->y, s->n, q->mu).w;
    out.exact = wants_exact(s, q, q->mu);
    if (out.exact) {
        rank_sum_law_init(&law, s->m, s->n);
        out.p = exact_p(&law, out.w, q->alternative);
        rank_sum_law_release(&law);
        return out;
    }
    z = z_at(s, q->mu, q->alternative, q->mode != MANN_WHITNEY_NORMAL_UNCORRECTED);
    if (isnan(z))
        out.p = NAN;
    else if (q->alternative == TWO_SIDED)
        out.p = fmin(1, 2 * normal_upper(fabs(z)));
    else
        out.p = normal_upper(q->alternative == LESS ? -z : z);
    return out;
}

/* ---- differences ---- */

/* Doubles as integers of the same order; no NAN. */
static int64_t order_of(double v)
{
    int64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits < 0 ? INT64_MIN - bits : bits;
}

static double of_order(int64_t order)
{
    int64_t bits = order < 0 ? INT64_MIN - order : order;
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

/* How many differences are <= v; *next is the smallest one above, INFINITY when there is none. */
static double count_up_to(const struct two_samples *s, double v, double *next)
{
    double count = 0;
    size_t j = 0; /* x_i - y_j > v for the first j of y, and more of them as x_i grows */
    *next = INFINITY;
    for (size_t i = 0; i < s->m; i++) {
        while (j < s->n && s->x[i] - s->y[j] > v)
            j++;
        count += (double)(s->n - j);
        if (j > 0)
            *next = fmin(*next, s->x[i] - s->y[j - 1]);
    }
    return count;
}

double shift_order(const struct two_samples *s, double k)
{
    int64_t low = order_of(s->x[0] - s->y[s->n - 1]), high = order_of(s->x[s->m - 1] - s->y[0]);
    double next;
    BUG_ON(!(k >= 1 && k <= (double)s->m * (double)s->n));
    while (low < high) {
        /* floor of the mean, without overflow */
        int64_t mid = (low & high) + ((low ^ high) >> 1);
        if (count_up_to(s, of_order(mid), &next) >= k)
            high = mid;
        else
            low = mid + 1;
    }
    return of_order(low);
}

double shift_median(const struct two_samples *s)
{
    double pairs = (double)s->m * (double)s->n, k = floor((pairs + 1) / 2), next;
    double low = shift_order(s, k);
    if (fmod(pairs, 2) != 0 || count_up_to(s, low, &next) > k)
        return low;
    return (low + next) / 2;
}

/* ---- intervals ---- */

static void exact_interval(struct hodges_lehmann *out, const struct two_samples *s,
                           const struct mann_whitney_question *q)
{
    double alpha = 1 - q->confidence, sides = q->alternative == TWO_SIDED ? 2 : 1;
    double pairs = (double)s->m * (double)s->n, rank, reached;
    struct rank_sum_law law;
    rank_sum_law_init(&law, s->m, s->n);
    rank = fmax(1, rank_sum_quantile(&law, alpha / sides));
    reached = sides * rank_sum_lower(&law, rank - 1);
    rank_sum_law_release(&law);
    out->limits.low = q->alternative == LESS ? -INFINITY : shift_order(s, rank);
    out->limits.high = q->alternative == GREATER ? INFINITY : shift_order(s, pairs - rank + 1);
    out->confidence = reached - alpha > alpha / 2 ? 1 - reached : q->confidence;
    out->estimate = shift_median(s);
}

struct z_search {
    const struct two_samples *s;
    const struct mann_whitney_question *q;
    bool correct;
    double target;
};

static double z_less_target(double shift, const void *data)
{
    const struct z_search *z = data;
    return z_at(z->s, shift, z->q->alternative, z->correct) - z->target;
}

static double shift_at(struct z_search *z, double target, double low, double high)
{
    struct brent b = {.f = z_less_target, .data = z, .tol = z->q->tol};
    z->target = target;
    brent_ends(&b, low, high);
    if (b.f_low <= 0)
        return low;
    return b.f_high >= 0 ? high : brent_find(&b);
}

static int normal_interval(struct hodges_lehmann *out, const struct two_samples *s,
                           const struct mann_whitney_question *q, struct err *err)
{
    double low = s->x[0] - s->y[s->n - 1], high = s->x[s->m - 1] - s->y[0];
    double alpha = 1 - q->confidence;
    double point = normal_upper_quantile(q->alternative == TWO_SIDED ? alpha / 2 : alpha);
    struct z_search z = {s, q, q->mode != MANN_WHITNEY_NORMAL_UNCORRECTED, 0};
    if (!(low < high) || isnan(z_less_target(low, &z)) || isnan(z_less_target(high, &z)))
        return err_set(err, ERR_INPUT, "all values are equal after a shift: no interval");
    out->limits.low = q->alternative == LESS ? -INFINITY : shift_at(&z, point, low, high);
    out->limits.high = q->alternative == GREATER ? INFINITY : shift_at(&z, -point, low, high);
    out->confidence = q->confidence;
    z.correct = false;
    out->estimate = shift_at(&z, 0, low, high);
    return 0;
}

int hodges_lehmann(struct hodges_lehmann *out, const struct two_samples *s,
                   const struct mann_whitney_question *q, struct err *err)
{
    struct hodges_lehmann r;
    if (mann_whitney_ok(s, q, err) != 0)
        return -1;
    if (wants_exact(s, q, q->mu))
        exact_interval(&r, s, q);
    else if (normal_interval(&r, s, q, err) != 0)
        return -1;
    *out = r;
    return 0;
}
