/*
 * With D = a log(a/x) + x - a (the deviance) the terms of
 *
 *   x^a e^-x / Gamma(a + 1) = e^-D / (sqrt(2 pi a) Gamma*(a))
 *
 * are all of the size of the result. Then
 *   P = that times 1 + x/(a+1) + x^2/((a+1)(a+2)) + ...                  (DLMF 8.7.1)  x < a + 1
 *   Q = that times a/(x + 1 - a - 1(1-a)/(x + 3 - a - ...))              (DLMF 8.9.2)  otherwise
 * and for large a near x Temme's uniform expansion (DLMF 8.12.3), eta^2/2 = D/a, mu = x/a - 1:
 *
 *   Q = erfc(eta sqrt(a/2))/2 + R,  P = erfc(-eta sqrt(a/2))/2 - R,
 *   R = e^-D / sqrt(2 pi a) (c0 + c1/a + c2/a^2 + c3/a^3)
 *
 * with power series in eta for the c: 1/mu = 1/eta + c0, c_k = c_{k-1}'/eta + (-1)^k g_k/mu, g_k
 * Stirling's coefficients (DLMF 5.11.3); the powers eta^-1 cancel. The smaller of the two tails is
 * computed, the other is its complement.
 */
#include "stats/numerics/log_gamma.h"

#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdbool.h>

#include "lib/base/err.h"
#include "stats/numerics/deviance.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/setup.h"

#define TINY       1e-300
#define STEPS      100000
#define UNIFORM_A  200  /* Temme's expansion from this shape on ... */
#define UNIFORM_MU 0.25 /* ... this near */
#define TERMS      36   /* powers of eta: (0.25/3.5)^30 is nothing */
#define STIRLING   25   /* where its series is good to 1e-17 */

double log_gamma_star(double x)
{
    gsl_sf_result r;
    BUG_ON(!(x > 0));
    stats_setup();
    return gsl_sf_gammastar_e(x, &r) == 0 ? log(r.val) : 0;
}

/* lgamma(x) less (x - 1/2) log x - x + log(2 pi)/2, x >= STIRLING. */
static double stirling_rest(double x)
{
    double y = 1 / (x * x);
    return (1.0 / 12 -
            y * (1.0 / 360 -
                 y * (1.0 / 1260 -
                      y * (1.0 / 1680 - y * (1.0 / 1188 - y * (691.0 / 360360 - y / 156)))))) /
           x;
}

double log_gamma_difference(double x, double d)
{
    double down = 0, low;
    BUG_ON(!(x > 0) || !(x + d > 0));
    low = d < 0 ? x + d : x;
    /* Gamma(x) = Gamma(x + 1)/x: up to where Stirling's series holds for both */
    while (low < STIRLING) {
        down += fabs(d) < 0.5 * x ? log1p(d / x) : log((x + d) / x);
        x += 1;
        low += 1;
    }
    return (x + d - 0.5) * (fabs(d) < 0.5 * x ? log1p(d / x) : log((x + d) / x)) + d * log(x) - d +
           (stirling_rest(x + d) - stirling_rest(x)) - down;
}

/* log P for x < a + 1; front is the log of x^a e^-x/Gamma(a+1). */
static double lower_series(double a, double x, double front)
{
    double sum = 1, term = 1;
    for (int k = 1; k < STEPS && term > 1e-17 * sum; k++) {
        term *= x / (a + k);
        sum += term;
    }
    return front + log(sum);
}

/* log Q for x >= a + 1, by Lentz's method. */
static double upper_fraction(double a, double x, double front)
{
    double b = x + 1 - a, c = 1 / TINY, d = 1 / b, f = d;
    for (int k = 1; k < STEPS; k++) {
        double step, term = -k * (k - a);
        b += 2;
        d = term * d + b;
        d = 1 / (fabs(d) < TINY ? TINY : d);
        c = b + term / c;
        c = fabs(c) < TINY ? TINY : c;
        step = c * d;
        f *= step;
        if (fabs(step - 1) < 1e-15)
            break;
    }
    return front + log(a) + log(f);
}

/* Coefficients of mu as a power series in eta, mu = eta + eta^2/3 + ... (from mu' mu = eta (1 +
 * mu)), and of c0 = 1/mu - 1/eta. */
static void temme_series(double c0[TERMS])
{
    double mu[TERMS + 2] = {0, 1}, inverse[TERMS + 1] = {1};
    for (int n = 2; n < TERMS + 2; n++) {
        double sum = mu[n - 1];
        for (int j = 2; j < n; j++)
            sum -= j * mu[j] * mu[n + 1 - j];
        mu[n] = sum / (n + 1);
    }
    /* eta/mu = 1/(1 + mu2 eta + ...) */
    for (int n = 1; n <= TERMS; n++) {
        inverse[n] = 0;
        for (int j = 1; j <= n; j++)
            inverse[n] -= mu[j + 1] * inverse[n - j];
        c0[n - 1] = inverse[n];
    }
}

static double polynomial(const double *c, int n, double x)
{
    double sum = 0;
    for (int i = n - 1; i >= 0; i--)
        sum = sum * x + c[i];
    return sum;
}

/* c0 + c1/a + c2/a^2 + c3/a^3 */
static double temme_sum(double a, double eta)
{
    static const double stirling[] = {1.0 / 12, 1.0 / 288, -139.0 / 51840};
    double c0[TERMS], c[TERMS], sum, power = 1;
    int n = TERMS;
    temme_series(c0);
    for (int i = 0; i < n; i++)
        c[i] = c0[i];
    sum = polynomial(c, n, eta);
    for (int k = 1; k <= 3; k++) {
        double g = (k % 2 ? -1 : 1) * stirling[k - 1];
        n -= 2;
        for (int i = 0; i < n; i++)
            c[i] = (i + 2) * c[i + 2] + g * c0[i];
        power /= a;
        sum += power * polynomial(c, n, eta);
    }
    return sum;
}

static struct log_tails uniform(double a, double off, double dev)
{
    double eta = copysign(sqrt(2 * dev / a), off), z = copysign(sqrt(2 * dev), off);
    double rest = temme_sum(a, eta), log_front = -dev - 0.5 * log(2 * M_PI * a), main;
    struct log_tails t;
    if (off >= 0) {
        main = log_normal_cdf(-z);
        t.upper = main + log1p(rest * exp(log_front - main));
        t.lower = log_complement(t.upper);
    } else {
        main = log_normal_cdf(z);
        t.lower = main + log1p(-rest * exp(log_front - main));
        t.upper = log_complement(t.lower);
    }
    return t;
}

struct log_tails log_gamma_tails(double a, double x, double off)
{
    struct log_tails t;
    double dev, front;
    BUG_ON(!(a > 0) || !(x >= 0) || isnan(off));
    if (x == 0)
        return (struct log_tails){-INFINITY, 0};
    if (isinf(x))
        return (struct log_tails){0, -INFINITY};
    dev = deviance(a, x, -off);
    if (a >= UNIFORM_A && fabs(off) < UNIFORM_MU * a)
        return uniform(a, off, dev);
    front = -dev - 0.5 * log(2 * M_PI * a) - log_gamma_star(a);
    if (x < a + 1) {
        t.lower = fmin(lower_series(a, x, front), 0);
        t.upper = log_complement(t.lower);
    } else {
        t.upper = fmin(upper_fraction(a, x, front), 0);
        t.lower = log_complement(t.upper);
    }
    return t;
}

struct log_tails log_gamma_pq(double a, double x)
{
    return log_gamma_tails(a, x, x - a);
}
