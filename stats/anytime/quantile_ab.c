/*
 * The mixture of one arm as a function of the share a of values below is convex, least at some a*
 * near p. So M(x), the least over [#{X < x}/n, #{X <= x}/n], falls up to the order statistics about
 * a* and rises beyond them, in steps, and is least at the data themselves. Between the two arms'
 * valleys one rises and the other falls; the smallest sum is at a value of the falling one.
 */
#include "stats/anytime/quantile_ab.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/anytime/anytime_p.h"
#include "stats/numerics/valley.h"

struct arm {
    const struct quantile_ab *t;
    const double *x;
    size_t n;
    double bottom;    /* a* n */
    double least;     /* log M there */
    double low, high; /* the values about it: M is `least` from low to high */
};

/* log M with `count` of the arm's values below. */
static double log_m(const struct arm *arm, double count)
{
    double p = arm->t->p, n = (double)arm->n;
    return bernoulli_mixture_log_e(&arm->t->mixture, count - p * n, p * (1 - p) * n);
}

static double log_m_at(double count, void *of)
{
    return log_m(of, count);
}

static struct arm arm_of(const struct quantile_ab *t, const double *sorted, size_t n)
{
    struct arm arm = {.t = t, .x = sorted, .n = n};
    size_t up, down;
    BUG_ON(n == 0);
    arm.bottom = valley_between(log_m_at, &arm, 0, (double)n);
    arm.least = log_m(&arm, arm.bottom);
    up = (size_t)ceil(arm.bottom);
    down = (size_t)floor(arm.bottom) + 1;
    arm.low = sorted[up > 0 ? up - 1 : 0];
    arm.high = sorted[down <= n ? down - 1 : n - 1];
    return arm;
}

/* Values < x, or <= x. */
static size_t count_upto(const struct arm *arm, double x, bool with_equal)
{
    size_t low = 0, high = arm->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (with_equal ? arm->x[middle] <= x : arm->x[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static double log_m_of_x(const struct arm *arm, double x)
{
    double below = (double)count_upto(arm, x, false), upto = (double)count_upto(arm, x, true);
    if (upto < arm->bottom)
        return log_m(arm, upto);
    return below > arm->bottom ? log_m(arm, below) : arm->least;
}

void quantile_ab_init(struct quantile_ab *t, double p, const struct bernoulli_tuning *tuning)
{
    BUG_ON(!bernoulli_tuning_ok(p, tuning));
    t->p = p;
    bernoulli_mixture_init(&t->mixture, p * (1 - p) * tuning->t_opt, tuning->alpha_opt, p, 1 - p,
                           false);
}

double quantile_ab_log_e(const struct quantile_ab *t, const double *sorted0, size_t n0,
                         const double *sorted1, size_t n1)
{
    struct arm left = arm_of(t, sorted0, n0), right = arm_of(t, sorted1, n1);
    double least;
    if (left.high > right.high) {
        struct arm swap = left;
        left = right;
        right = swap;
    }
    least = fmin(log_m_of_x(&left, left.high) + log_m_of_x(&right, left.high),
                 log_m_of_x(&left, right.low) + log_m_of_x(&right, right.low));
    for (size_t i = count_upto(&right, left.high, true); i < right.n && right.x[i] <= right.low;) {
        double x = right.x[i];
        least = fmin(least, log_m_of_x(&left, x) + log_m_of_x(&right, x));
        i = count_upto(&right, x, true);
    }
    return least;
}

double quantile_ab_p(const struct quantile_ab *t, const double *sorted0, size_t n0,
                     const double *sorted1, size_t n1)
{
    return p_of_log_e(quantile_ab_log_e(t, sorted0, n0, sorted1, n1));
}

/*
 * The largest y - x with log M(x) of `from` and log M(y) of `to` adding to less than `threshold`.
 * For each step of the falling side of `from` its leftmost x; for what that leaves over, the
 * rightmost y on the rising side of `to`. As x moves right more is left over: y moves right, too.
 */
static double farthest(const struct arm *from, const struct arm *to, double threshold)
{
    size_t j = (size_t)floor(to->bottom), last = (size_t)ceil(from->bottom);
    double best = -INFINITY;
    for (size_t i = 0; i <= last && i <= from->n; i++) {
        double m = (double)i < from->bottom ? log_m(from, (double)i) : from->least;
        double x = i ? from->x[i - 1] : -INFINITY, left_over = threshold - m;
        if (i && i < from->n && from->x[i] == x && i < last)
            continue; /* a tie: the step ends at its last value */
        if (!(to->least < left_over))
            continue;
        while (j < to->n && log_m(to, (double)(j + 1)) < left_over)
            j++;
        best = fmax(best, (j < to->n ? to->x[j] : INFINITY) - x);
    }
    return best;
}

struct quantile_shift quantile_ab_limits(const struct quantile_ab *t, const double *sorted0,
                                         size_t n0, const double *sorted1, size_t n1, double alpha)
{
    struct arm base = arm_of(t, sorted0, n0), candidate = arm_of(t, sorted1, n1);
    struct quantile_shift out;
    BUG_ON(!(alpha > 0 && alpha < 1));
    out.high = farthest(&base, &candidate, -log(alpha));
    out.low = -farthest(&candidate, &base, -log(alpha));
    return out;
}
