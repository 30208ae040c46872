/*
 * No table of the support is kept. Neighbouring probabilities have the ratio
 *
 *   P(u + 1)/P(u) = w (n1 - u)(k - u) / ((u + 1)(n2 - k + u + 1)),
 *
 * which falls with u: the law has one mode and sums are taken from a point outward, away from the
 * mode, until the terms no longer count. A tail is the density at its end times such a sum, so that
 * it keeps its digits; the tail that holds the mode is 1 minus the other one.
 */
#include "stats/fixed/fisher_exact.h"

#include <float.h>
#include <math.h>

#include "stats/numerics/brent.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/tails.h"

#define NEGLIGIBLE     1e-18
#define EQUALLY_LIKELY 1e-7
#define COUNT_MAX      1e12

struct margins {
    double n1, n2, k; /* k successes in all */
    double low, high; /* the support of x1 */
    double x;
};

/* P(u + 1)/P(u) without the odds ratio. */
static double ratio_up(const struct margins *m, double u)
{
    return (m->n1 - u) / (u + 1) * ((m->k - u) / (m->n2 - m->k + u + 1));
}

/* The largest u with P(u) >= P(u - 1): the positive root of a quadratic is near, steps do the
 * rest. */
static double mode(const struct margins *m, double w)
{
    double low = m->low, high = m->high;
    while (low < high) {
        double mid = floor(low + (high - low + 1) / 2);
        if (w * ratio_up(m, mid - 1) >= 1)
            low = mid;
        else
            high = mid - 1;
    }
    return low;
}

/* Sums over u = from, from +- 1, ..., relative to P(from): of P, and of (u - from) P. */
struct outward {
    double mass, moment;
};

static struct outward sum_up(const struct margins *m, double w, double from)
{
    struct outward s = {1, 0};
    double term = 1;
    for (double u = from; u < m->high && term > NEGLIGIBLE * s.mass; u++) {
        term *= w * ratio_up(m, u);
        s.mass += term;
        s.moment += (u + 1 - from) * term;
    }
    return s;
}

static struct outward sum_down(const struct margins *m, double w, double from)
{
    struct outward s = {1, 0};
    double term = 1;
    for (double u = from; u > m->low && term > NEGLIGIBLE * s.mass; u--) {
        term /= w * ratio_up(m, u - 1);
        s.mass += term;
        s.moment += (u - 1 - from) * term;
    }
    return s;
}

static double central(const struct margins *m, double u)
{
    return hypergeometric_log_density(u, m->n1, m->n2, m->k);
}

/* log of the sum of P(u) w^u over the support, where P is the central law: 0 for w = 1. */
static double log_total(const struct margins *m, double w)
{
    double top = mode(m, w);
    if (w == 1)
        return 0;
    return central(m, top) + top * log(w) +
           log(sum_up(m, w, top).mass + sum_down(m, w, top).mass - 1);
}

static double log_density(const struct margins *m, double w, double total, double u)
{
    return central(m, u) + (w == 1 ? 0 : u * log(w)) - total;
}

/* P(x1 <= u), or P(x1 >= u), for 0 < w < INFINITY. */
static double tail(const struct margins *m, double w, double u, bool upper)
{
    double top = mode(m, w), total;
    if (upper ? u <= m->low : u >= m->high)
        return 1;
    if (upper ? u > m->high : u < m->low)
        return 0;
    if (upper ? u < top : u > top)
        return 1 - tail(m, w, upper ? u - 1 : u + 1, !upper);
    total = log_total(m, w);
    return fmin(1, exp(log_density(m, w, total, u)) *
                       (upper ? sum_up(m, w, u) : sum_down(m, w, u)).mass);
}

static double mean(const struct margins *m, double w)
{
    double top = mode(m, w);
    struct outward up = sum_up(m, w, top), down = sum_down(m, w, top);
    return top + (up.moment + down.moment) / (up.mass + down.mass - 1);
}

/* ---- p ---- */

static double two_sided(const struct margins *m, double w)
{
    double total = log_total(m, w), top = mode(m, w), low, high, left, right;
    double limit = log_density(m, w, total, m->x) + log1p(EQUALLY_LIKELY);
    if (log_density(m, w, total, top) <= limit)
        return 1;
    /* the last one left of the mode and the first one right of it that are as unlikely */
    for (low = m->low - 1, high = top; low + 1 < high;) {
        double mid = floor(low + (high - low) / 2);
        if (log_density(m, w, total, mid) <= limit)
            low = mid;
        else
            high = mid;
    }
    left = low;
    for (low = top, high = m->high + 1; low + 1 < high;) {
        double mid = floor(low + (high - low) / 2);
        if (log_density(m, w, total, mid) <= limit)
            high = mid;
        else
            low = mid;
    }
    right = high;
    return fmin(1, tail(m, w, left, false) + tail(m, w, right, true));
}

static double p_value(const struct margins *m, double w, enum alternative alternative)
{
    if (w == 0 || isinf(w)) { /* all of the law is at one end */
        double end = w == 0 ? m->low : m->high;
        if (alternative == TWO_SIDED)
            return m->x == end;
        return alternative == LESS ? m->x >= end : m->x <= end;
    }
    if (alternative == TWO_SIDED)
        return two_sided(m, w);
    return tail(m, w, m->x, alternative == GREATER);
}

/* ---- estimate and limits ---- */

enum sought { MEAN, LOWER_TAIL, UPPER_TAIL };

struct odds_search {
    const struct margins *m;
    enum sought what;
    double target;
    bool inverse; /* the variable is 1/w */
};

static double off_target(double v, const void *data)
{
    const struct odds_search *s = data;
    const struct margins *m = s->m;
    double w = s->inverse ? 1 / v : v;
    if (w == 0)
        return (s->what == MEAN ? m->low : p_value(m, 0, s->what == LOWER_TAIL ? LESS : GREATER)) -
               s->target;
    if (s->what == MEAN)
        return mean(m, w) - s->target;
    return tail(m, w, m->x, s->what == UPPER_TAIL) - s->target;
}

/* The w where the sought thing is `target`; `rises` with w, or falls. */
static double odds_ratio_at(const struct margins *m, enum sought what, double target, double tol)
{
    struct odds_search s = {m, what, target, false};
    struct brent b = {.f = off_target, .data = &s, .tol = tol};
    double at_one = off_target(1, &s);
    bool below_one = what == LOWER_TAIL ? at_one < 0 : at_one > 0;
    if (at_one == 0)
        return 1;
    s.inverse = !below_one;
    brent_ends(&b, below_one ? 0 : DBL_EPSILON, 1);
    return below_one ? brent_find(&b) : 1 / brent_find(&b);
}

static double lower_limit(const struct margins *m, double alpha, double tol)
{
    return m->x == m->low ? 0 : odds_ratio_at(m, UPPER_TAIL, alpha, tol);
}

static double upper_limit(const struct margins *m, double alpha, double tol)
{
    return m->x == m->high ? INFINITY : odds_ratio_at(m, LOWER_TAIL, alpha, tol);
}

static int trials_ok(const struct trials *g, struct err *err)
{
    if (!(g->n >= 1 && g->n <= COUNT_MAX) || !(g->x >= 0 && g->x <= g->n) || g->x != floor(g->x) ||
        g->n != floor(g->n))
        return err_set(err, ERR_INPUT, "want whole numbers 0 <= x <= n, 1 <= n <= 1e12");
    return 0;
}

int fisher_exact(struct fisher_exact *out, const struct trials *one, const struct trials *two,
                 const struct fisher_question *question, struct err *err)
{
    struct margins m = {.n1 = one->n, .n2 = two->n, .k = one->x + two->x, .x = one->x};
    double alpha = 1 - question->confidence;
    if (trials_ok(one, err) != 0 || trials_ok(two, err) != 0)
        return -1;
    if (!(question->null >= 0) || !(question->confidence > 0 && question->confidence < 1) ||
        !(question->tol >= 0))
        return err_set(err, ERR_INPUT, "want an odds ratio >= 0, confidence in (0, 1), tol >= 0");
    m.low = fmax(0, m.k - m.n2);
    m.high = fmin(m.k, m.n1);
    out->p = p_value(&m, question->null, question->alternative);
    if (m.x == m.low || m.x == m.high)
        out->odds_ratio = m.x == m.low ? 0 : INFINITY;
    else
        out->odds_ratio = odds_ratio_at(&m, MEAN, m.x, question->tol);
    if (question->alternative == TWO_SIDED)
        alpha /= 2;
    out->limits.low = question->alternative == LESS ? 0 : lower_limit(&m, alpha, question->tol);
    out->limits.high =
        question->alternative == GREATER ? INFINITY : upper_limit(&m, alpha, question->tol);
    return 0;
}
