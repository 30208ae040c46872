/*
 * Let p0, p1 have odds ratio psi. With S the sum of independent Bin(n0, p0) and Bin(n1, p1),
 *
 *   P(Y1 = y | total) = b(y; n1, p1) b(total - y; n0, p0) / P(S = total)
 *
 * for EVERY such pair; we take the one with n0 p0 + n1 p1 = total (a quadratic). Then the numerator
 * is, up to what does not depend on psi, exp(-D), D the sum of four deviances, each nonnegative and
 * small near the fit; and P(S = total) is a probability at its own mean:
 *
 *   V < 96    summed from the mean outwards until a term is below 1e-18 of the sum. V is the
 *             variance of S; Y1's own is v0 v1/V <= V/4, so this is at most about 100 terms.
 *   V >= 96   (2 pi V)^-1/2 (1 + a_1/V + ... + a_5/V^5), the Edgeworth series at the mean, whose
 * a_k are polynomials in the cumulants of S over V. P(S = s) is an integral of an entire function;
 * the part beyond |t| = pi, which the series adds, is below exp(-2 V).
 *
 * The series is asymptotic, so its error has to be bounded. All a_k lie between those of the
 * extreme laws: Poisson (both arms rare), where it is Stirling's series, a_6 = 0.0052; and Skellam
 * (successes rare in one arm, failures in the other), where it is that of exp(-V) I_0(V), a_6 =
 * 0.57. So at V = 96 the first term left out is at most 7.3e-13, and with 20 % or more of both in
 * an arm a hundredth of that. tests/stats/numerics holds it against the plain sum over both arms'
 * sizes, totals and psi.
 *
 * Rejected: the sum at every size, 17 standard deviations long; the saddle point formula alone,
 * wrong by 1/(8 V) a block, which adds up over a day of blocks.
 */
#include "stats/numerics/fisher_noncentral.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/deviance.h"

#define COUNT_MAX    1e12
#define SERIES_ABOVE 96.0
#define NEGLIGIBLE   1e-18
#define CHUNK        8
#define ORDER_MOST   10 /* powers of V^-1/2 in the series */

bool fisher_noncentral_init(struct fisher_noncentral *f, double y0, double n0, double y1, double n1)
{
    double total = y0 + y1;
    BUG_ON(!(y0 >= 0 && y0 <= n0 && n0 <= COUNT_MAX) || !(y1 >= 0 && y1 <= n1 && n1 <= COUNT_MAX));
    BUG_ON(y0 != floor(y0) || y1 != floor(y1) || n0 != floor(n0) || n1 != floor(n1));
    *f = (struct fisher_noncentral){n0, n1, total, y1, y0};
    return n0 > 0 && n1 > 0 && total > 0 && total < n0 + n1;
}

/* The pair of proportions with that odds ratio whose expected total is the total. */
struct fit {
    double p0, q0, p1, q1;
    double v0, v1, v; /* variances of the arms and of their sum */
};

static struct fit fit_at(const struct fisher_noncentral *f, double psi)
{
    struct fit r;
    /* odds w of arm 0: a w^2 + b w - total = 0 */
    double a = psi * (f->n0 + f->n1 - f->total), b = psi * (f->n1 - f->total) + f->n0 - f->total;
    double root = sqrt(b * b + 4 * a * f->total), w;
    w = b >= 0 ? 2 * f->total / (b + root) : (root - b) / (2 * a);
    r.q0 = 1 / (1 + w);
    r.p0 = w * r.q0;
    r.q1 = 1 / (1 + psi * w);
    r.p1 = psi * w * r.q1;
    r.v0 = f->n0 * r.p0 * r.q0;
    r.v1 = f->n1 * r.p1 * r.q1;
    r.v = r.v0 + r.v1;
    return r;
}

/* y of n about n p; the difference is formed on the rarer side, where it has most digits. */
static double arm_deviance(double y, double n, double p, double q)
{
    double off = p <= q ? y - n * p : n * q - (n - y);
    return deviance(y, n * p, off) + deviance(n - y, n * q, -off);
}

static double deviances(const struct fisher_noncentral *f, const struct fit *fit, double y1)
{
    return arm_deviance(y1, f->n1, fit->p1, fit->q1) +
           arm_deviance(f->total - y1, f->n0, fit->p0, fit->q0);
}

/* log(x!) less Stirling's x log x - x + log(2 pi x)/2; 0 at 0. */
static double stirling_error(double x)
{
    static const double small[] = {
        0,
        0.08106146679532725822,
        0.041340695955409294094,
        0.027677925684998339149,
        0.020790672103765093112,
        0.016644691189821192163,
        0.013876128823070747999,
        0.011896709945891770095,
        0.010411265261972096497,
        0.0092554621827127329177,
        0.0083305634333628712565,
        0.007573675487951840795,
        0.0069428401072095298657,
        0.0064089941880042070684,
        0.0059513701127588477356,
        0.005554733551962801371,
    };
    double r = 1 / (x * x);
    if (x < 16)
        return small[(int)x];
    return (1.0 / 12 -
            r * (1.0 / 360 -
                 r * (1.0 / 1260 - r * (1.0 / 1680 - r * (1.0 / 1188 - r * 691.0 / 360360))))) /
           x;
}

/* log of the binomial density at x of n, without its deviances. */
static double density_constant(double x, double n)
{
    if (!(x > 0) || !(x < n))
        return 0;
    return stirling_error(n) - stirling_error(x) - stirling_error(n - x) +
           0.5 * log(n / (2 * M_PI * x * (n - x)));
}

struct moments {
    double s0, s1, s2; /* sums of t, t d, t d^2 over d = y - start */
};

/*
 * Adds the terms above `start` (step 1) or below it (step -1), t(start) = 1. Going down is going up
 * in the failures of both arms with their roles changed: y -> n1 - y, total - y -> n0 - total + y.
 */
static void walk(const struct fisher_noncentral *f, double psi, double start, double step,
                 struct moments *m)
{
    double top = step > 0 ? f->n1 - start : start;
    double other_top = step > 0 ? f->total - start : f->n0 - f->total + start;
    double bottom = step > 0 ? start : f->n1 - start;
    double other_bottom = step > 0 ? f->n0 - f->total + start : f->total - start;
    double scale = step > 0 ? psi : 1 / psi, term = 1;
    double ratio[CHUNK];
    for (double d = 0;; d += CHUNK) {
        for (int i = 0; i < CHUNK; i++) {
            double e = d + i;
            ratio[i] =
                scale * ((top - e) * (other_top - e)) / ((bottom + e + 1) * (other_bottom + e + 1));
        }
        for (int i = 0; i < CHUNK; i++) {
            double e = d + i + 1;
            if (!(top - e >= 0) || !(other_top - e >= 0))
                return;
            term *= ratio[i];
            m->s0 += term;
            m->s1 += term * step * e;
            m->s2 += term * e * e;
        }
        if (term < NEGLIGIBLE * m->s0 && ratio[CHUNK - 1] < 1)
            return;
    }
}

static struct fisher_point by_sum(const struct fisher_noncentral *f, const struct fit *fit,
                                  double psi)
{
    double low = fmax(0, f->total - f->n0), high = fmin(f->n1, f->total);
    double start = fmin(fmax(floor(f->n1 * fit->p1 + 0.5), low), high), log_sum, shift;
    struct moments m = {1, 0, 0};
    struct fisher_point r;
    walk(f, psi, start, 1, &m);
    walk(f, psi, start, -1, &m);
    log_sum = density_constant(start, f->n1) + density_constant(f->total - start, f->n0) -
              deviances(f, fit, start) + log(m.s0);
    shift = m.s1 / m.s0;
    r.log_likelihood = -deviances(f, fit, f->y1) - log_sum;
    r.mean = start + shift;
    r.var = fmax(m.s2 / m.s0 - shift * shift, 1e-300);
    return r;
}

/* Cumulants 3..12 of Bernoulli(p) over its variance x = p q; d = q - p. */
static void add_cumulants(double weight, double x, double d, double k[13])
{
    k[3] += weight * d;
    k[4] += weight * (1 - 6 * x);
    k[5] += weight * d * (1 - 12 * x);
    k[6] += weight * (1 - x * (30 - 120 * x));
    k[7] += weight * d * (1 - x * (60 - 360 * x));
    k[8] += weight * (1 - x * (126 - x * (1680 - 5040 * x)));
    k[9] += weight * d * (1 - x * (252 - x * (5040 - 20160 * x)));
    k[10] += weight * (1 - x * (510 - x * (17640 - x * (151200 - 362880 * x))));
    k[11] += weight * d * (1 - x * (1020 - x * (52920 - x * (604800 - 1814400 * x))));
    k[12] +=
        weight * (1 - x * (2046 - x * (168960 - x * (3160080 - x * (19958400 - 39916800 * x)))));
}

/*
 * a_1/V + ... : P(S = mean) sqrt(2 pi V) is the mean of exp(sum_k k_k (iZ)^k V^(1-k/2)/k!) over
 * normal Z. Expanded in u = V^-1/2, the coefficient P_n of u^n is a polynomial in w = iZ with
 * powers n + 2j, j = 1..n, and n P_n = sum_k k g_k P_(n-k), g_k = k_(k+2) w^(k+2)/(k+2)!. The mean
 * of w^(2m) is (-1)^m (2m-1)!!.
 */
static double series(const double k[13], double v, int order)
{
    static const double factorial[13] = {1,    1,     2,      6,       24,       120,      720,
                                         5040, 40320, 362880, 3628800, 39916800, 479001600};
    double p[ORDER_MOST + 1][ORDER_MOST + 1], g[ORDER_MOST + 1], sum = 0, power = 1;
    for (int n = 1; n <= order; n++) {
        g[n] = n * k[n + 2] / factorial[n + 2];
        p[n][1] = g[n] / n;
        for (int j = 2; j <= n; j++) {
            double all = 0;
            for (int i = 1; i <= n - j + 1; i++)
                all += g[i] * p[n - i][j - 1];
            p[n][j] = all / n;
        }
        if (n % 2 == 0) {
            double moment = 1, a = 0;
            for (int m = 1; m <= n / 2; m++)
                moment *= -(2.0 * m - 1);
            for (int j = 1; j <= n; j++) { /* power n + 2j = 2m */
                moment *= -(n + 2.0 * j - 1);
                a += p[n][j] * moment;
            }
            power /= v;
            sum += a * power;
        }
    }
    return sum;
}

/* Enough terms for 1e-13: the first one left out is at most 0.57, 0.11 and 0.07 over V's power. */
static int order_for(double v)
{
    return v < 2000 ? 10 : v < 2e5 ? 6 : v < 1e8 ? 4 : 2;
}

static struct fisher_point by_series(const struct fisher_noncentral *f, const struct fit *fit)
{
    double k[13] = {0}, own = fit->v0 * fit->v1 / fit->v;
    struct fisher_point r;
    add_cumulants(fit->v0 / fit->v, fit->p0 * fit->q0, fit->q0 - fit->p0, k);
    add_cumulants(fit->v1 / fit->v, fit->p1 * fit->q1, fit->q1 - fit->p1, k);
    r.log_likelihood =
        -deviances(f, fit, f->y1) + 0.5 * log(fit->v) - log1p(series(k, fit->v, order_for(fit->v)));
    /* log Z(psi) = its main part - 1/2 log V + ...: derivatives by log psi */
    r.mean = f->n1 * fit->p1 - 0.5 * own / fit->v * ((fit->q1 - fit->p1) - (fit->q0 - fit->p0));
    r.var = own;
    /* the constant that the sum has and the series leaves out */
    r.log_likelihood += 0.5 * log(2 * M_PI);
    return r;
}

struct fisher_point fisher_noncentral_at(const struct fisher_noncentral *f, double psi)
{
    struct fit fit = fit_at(f, psi);
    return fit.v < SERIES_ABOVE ? by_sum(f, &fit, psi) : by_series(f, &fit);
}

struct fisher_point fisher_noncentral_by_sum(const struct fisher_noncentral *f, double psi)
{
    struct fit fit = fit_at(f, psi);
    return by_sum(f, &fit, psi);
}

struct fisher_point fisher_noncentral_by_series(const struct fisher_noncentral *f, double psi)
{
    struct fit fit = fit_at(f, psi);
    return by_series(f, &fit);
}
