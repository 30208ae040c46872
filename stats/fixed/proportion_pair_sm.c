#include "stats/fixed/proportion_pair_sm.h"

#include <gsl/gsl_poly.h>
#include <gsl/gsl_sort.h>
#include <math.h>

#include "stats/numerics/student_t.h"

#define SEARCH_STEPS    100
#define SEARCH_ABSOLUTE 2e-12
#define SEARCH_RELATIVE 8.881784197001252e-16
#define DIFFERENCE_MAX  0.99999

double proportion_pair_sm_z(const struct proportion_pair *t, double d)
{
    double n = t->n1 + t->n2, x = t->x1 + t->x2, q2 = x / n, q1 = q2, variance;
    if (d != 0) {
        /* In the tool's order of operations: where it has no number, rounding decides. */
        double l2 = (t->n1 + 2 * t->n2) * d - n - x, l1 = (t->x2 * d - n - 2 * t->x2) * d + x;
        double mean = l2 / (3 * n), l0 = t->x2 * d * (1 - d), q, p;
        q = pow(mean, 3) - l1 * l2 / (6 * (n * n)) + l0 / (2 * n);
        p = (q > 0 ? 1 : q < 0 ? -1 : 0) * sqrt(mean * mean - l1 / (3 * n));
        q2 = 2 * p * cos((M_PI + acos(q / pow(p, 3))) / 3) - mean;
        q1 = q2 + d;
    }
    variance = (q1 * (1 - q1) / t->n1 + q2 * (1 - q2) / t->n2) * (n / (n - 1));
    return (t->x1 / t->n1 - t->x2 / t->n2 - d) / sqrt(variance);
}

/* ---- its search ---- */

struct search {
    const struct proportion_pair *t;
    double alpha;
};

static double excess(const struct search *s, double d)
{
    return 2 * normal_upper(fabs(proportion_pair_sm_z(s->t, d))) - s->alpha;
}

/* A point with its value. */
struct at {
    double x, f;
};

/* The step Brent's method would try from `now`, last point `last`, opposite end `block`. */
static double trial(struct at last, struct at now, struct at block)
{
    double to_last, to_block;
    if (last.x == block.x)
        return -now.f * (now.x - last.x) / (now.f - last.f);
    to_last = (last.f - now.f) / (last.x - now.x);
    to_block = (block.f - now.f) / (block.x - now.x);
    return -now.f * (block.f * to_block - last.f * to_last) /
           (to_block * to_last * (block.f - last.f));
}

/*
 * Brent's method, in the variant whose opposite end is 0 until a change of sign is seen: a start
 * without a value (NAN) makes it end there at once. False: the ends have one sign.
 */
static bool search(const struct search *s, double from, double to, double *root)
{
    struct at last = {from, excess(s, from)}, now = {to, excess(s, to)}, block = {0, 0};
    double step = 0, earlier = 0;
    if (last.f * now.f > 0)
        return false;
    *root = last.f == 0 ? from : to;
    if (last.f == 0 || now.f == 0)
        return true;
    for (int i = 0; i < SEARCH_STEPS; i++) {
        double within, half, next = 0;
        if (last.f * now.f < 0) {
            block = last;
            step = earlier = now.x - last.x;
        }
        if (fabs(block.f) < fabs(now.f)) {
            last = now;
            now = block;
            block = last;
        }
        within = (SEARCH_ABSOLUTE + SEARCH_RELATIVE * fabs(now.x)) / 2;
        half = (block.x - now.x) / 2;
        if (now.f == 0 || fabs(half) < within)
            break;
        if (fabs(earlier) > within && fabs(now.f) < fabs(last.f))
            next = trial(last, now, block);
        if (next != 0 && 2 * fabs(next) < fmin(fabs(earlier), 3 * fabs(half) - within)) {
            earlier = step;
            step = next;
        } else {
            earlier = step = half;
        }
        last = now;
        now.x += fabs(step) > within ? step : half > 0 ? within : -within;
        now.f = excess(s, now.x);
    }
    *root = now.x;
    return true;
}

static bool difference(const struct proportion_pair *t, double alpha, double *low, double *high)
{
    struct search s = {t, alpha};
    double wald_low, wald_high, at = t->x1 / t->n1 - t->x2 / t->n2, l, h;
    proportion_pair_interval(t, PAIR_DIFFERENCE, PAIR_WALD, alpha, &wald_low, &wald_high);
    if (!search(&s, at, fmin(wald_high + fabs(wald_high) * 0.5, DIFFERENCE_MAX), &h) ||
        !search(&s, wald_low - fabs(wald_low) * 0.25, at, &l))
        return false;
    *low = l;
    *high = h;
    return true;
}

/*
 * Koopman's closed form with all of group 1 successes: the limits are 1/p at the two smaller roots
 * of a cubic, of which one is (x2 + n1)/N.
 */
static void all_successes(const struct proportion_pair *t, double alpha, double *low, double *high)
{
    double n = t->n1 + t->n2, x = t->x1 + t->x2, z = normal_upper_quantile(alpha / 2), p[3];
    double chi = z * z * (n / (n - 1)), b, c;
    double a1 = t->n2 * (t->n2 * n * t->x1 + t->n1 * (t->n2 + t->x1) * chi);
    double a2 = -t->n2 * (t->n2 * t->n1 * x + 2 * n * t->x2 * t->x1 +
                          t->n1 * (t->n2 + t->x2 + 2 * t->x1) * chi);
    double a3 = 2 * t->n2 * t->n1 * t->x2 * x + n * t->x2 * t->x2 * t->x1 + t->n2 * t->n1 * x * chi;
    p[0] = p[1] = p[2] = (t->x2 + t->n1) / n;
    b = a2 + a1 * p[0];
    c = a3 + b * p[0];
    gsl_poly_solve_quadratic(a1, b, c, &p[1], &p[2]);
    gsl_sort(p, 1, 3);
    *low = 1 / p[1];
    *high = p[0] > 1e-15 ? 1 / p[0] : INFINITY;
}

void proportion_pair_sm_score(const struct proportion_pair *t, enum pair_comparison comparison,
                              double alpha, double *low, double *high)
{
    proportion_pair_interval(t, comparison, PAIR_SCORE, alpha, low, high);
    if (comparison == PAIR_DIFFERENCE)
        (void)difference(t, alpha, low, high);
    else if (comparison == PAIR_RATIO && t->x1 == 0 && t->x2 == 0)
        *low = *high = NAN;
    else if (comparison == PAIR_RATIO && t->x1 == t->n1)
        all_successes(t, alpha, low, high);
}

struct pair_equivalence proportion_pair_sm_equivalence(const struct proportion_pair *t,
                                                       enum pair_comparison comparison,
                                                       enum pair_method method, double low,
                                                       double high)
{
    struct pair_equivalence e = proportion_pair_equivalence(t, comparison, method, low, high);
    if (comparison == PAIR_DIFFERENCE && method == PAIR_SCORE) {
        double z_low = proportion_pair_sm_z(t, low), z_high = proportion_pair_sm_z(t, high);
        e.p_above_low = normal_upper(z_low);
        e.p_below_high = normal_upper(-z_high);
    }
    e.p = e.p_above_low < e.p_below_high ? e.p_above_low : e.p_below_high;
    return e;
}
