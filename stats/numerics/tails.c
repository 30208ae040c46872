/*
 * Inverses are Newton's method on the log of the tail, in u = logit x (beta) or log x (gamma). In
 * these u both tails of both families are log-concave, so that every step after the first comes
 * from the same side and none passes the answer.
 */
#include "stats/numerics/tails.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/deviance.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/log_gamma.h"

#define NEWTON_STEPS 200
#define LOG_LEAST    -708.0 /* e^this is about the smallest double: a point below it is 0 */

/* log of x^a e^-x / Gamma(a + 1) */
static double gamma_log_front(double a, double x)
{
    if (a > 8)
        return -0.5 * log(2 * M_PI * a) - log_gamma_star(a) - deviance(a, x, a - x);
    return a * log(x) - x - lgamma(a + 1);
}

double gamma_log_lower(double a, double x)
{
    BUG_ON(!(a > 0) || !(x >= 0));
    return x == INFINITY ? 0 : log_gamma_pq(a, x).lower;
}

double gamma_log_upper(double a, double x)
{
    BUG_ON(!(a > 0) || !(x >= 0));
    return x == INFINITY ? -INFINITY : log_gamma_pq(a, x).upper;
}

/* sign 1: lower tail, -1: upper tail */
static double gamma_point(double p, double a, int sign)
{
    double u = log(a), want = log(p);
    BUG_ON(!(p > 0 && p <= 1) || !(a > 0));
    if (p == 1)
        return sign > 0 ? INFINITY : 0;
    if (sign <
        0) /* right of the answer (Chernoff), or a first step could pass the largest double */
        u = log(a + sqrt(-2 * a * want) - want);
    for (int i = 0; i < NEWTON_STEPS; i++) {
        double x = exp(u), v = sign > 0 ? gamma_log_lower(a, x) : gamma_log_upper(a, x);
        double slope = sign * exp(gamma_log_front(a, x) + log(a) - v), step = (want - v) / slope;
        if (u + step < LOG_LEAST && u == LOG_LEAST)
            return 0;
        u = fmax(u + step, LOG_LEAST);
        if (!(fabs(step) > 4e-16 * fmax(1, fabs(u))))
            break;
    }
    return exp(u);
}

double gamma_lower_point(double p, double a)
{
    return gamma_point(p, a, 1);
}

double gamma_upper_point(double p, double a)
{
    return gamma_point(p, a, -1);
}

double chi_squared_tail(double x, double df)
{
    if (isnan(x) || isnan(df))
        return NAN;
    BUG_ON(!(df >= 0));
    if (x <= 0 || df == 0)
        return x <= 0 ? 1 : 0;
    return df == 1 ? erfc(sqrt(x / 2)) : exp(gamma_log_upper(df / 2, x / 2));
}

struct beta_point beta_lower_point(double p, double a, double b)
{
    double u = log(a) - log(b), want = log(p);
    BUG_ON(!(p > 0 && p <= 1) || !(a > 0) || !(b > 0));
    if (p == 1)
        return (struct beta_point){1, 0};
    for (int i = 0; i < NEWTON_STEPS; i++) {
        double x = 1 / (1 + exp(-u)), y = 1 / (1 + exp(u)), v = log_beta_inc(a, b, x, y);
        double slope = exp(log_beta_front(a, b, x, y) + log(a) - v), step = (want - v) / slope;
        if (u + step < LOG_LEAST && u == LOG_LEAST)
            return (struct beta_point){0, 1};
        u = fmax(u + step, LOG_LEAST);
        if (!(fabs(step) > 4e-16 * fmax(1, fabs(u))))
            break;
    }
    return (struct beta_point){1 / (1 + exp(-u)), 1 / (1 + exp(u))};
}

struct beta_point beta_upper_point(double p, double a, double b)
{
    struct beta_point other = beta_lower_point(p, b, a);
    return (struct beta_point){other.y, other.x};
}

double binomial_log_density(double k, double n, double p)
{
    BUG_ON(!(n >= 0) || !(p >= 0 && p <= 1));
    if (k < 0 || k > n)
        return -INFINITY;
    if (p == 0 || p == 1)
        return k == (p == 0 ? 0 : n) ? 0 : -INFINITY;
    if (k == 0)
        return n * log1p(-p);
    if (k == n)
        return n * log(p);
    return log_beta_front(k, n - k, p, 1 - p) - log((n - k) / n);
}

double binomial_log_lower(double k, double n, double p)
{
    BUG_ON(!(n >= 0) || !(p >= 0 && p <= 1));
    if (k < 0 || k >= n)
        return k < 0 ? -INFINITY : 0;
    return log_beta_inc(n - k, k + 1, 1 - p, p);
}

double binomial_log_upper(double k, double n, double p)
{
    BUG_ON(!(n >= 0) || !(p >= 0 && p <= 1));
    if (k <= 0 || k > n)
        return k <= 0 ? 0 : -INFINITY;
    return log_beta_inc(k, n - k + 1, p, 1 - p);
}

double poisson_log_density(double k, double mean)
{
    BUG_ON(!(mean >= 0));
    if (k < 0)
        return -INFINITY;
    if (k == 0 || mean == 0)
        return k == 0 ? -mean : -INFINITY;
    return gamma_log_front(k, mean);
}

double poisson_log_lower(double k, double mean)
{
    return k < 0 ? -INFINITY : gamma_log_upper(k + 1, mean);
}

double poisson_log_upper(double k, double mean)
{
    return k <= 0 ? 0 : gamma_log_lower(k, mean);
}

double hypergeometric_log_density(double k, double marked, double plain, double drawn)
{
    double share = drawn / (marked + plain);
    if (k < 0 || k > drawn || k > marked || drawn - k > plain)
        return -INFINITY;
    if (drawn == 0 || drawn == marked + plain)
        return 0;
    return binomial_log_density(k, marked, share) + binomial_log_density(drawn - k, plain, share) -
           binomial_log_density(drawn, marked + plain, share);
}
